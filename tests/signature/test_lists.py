"""Trusted lists: what is read of them, what is refused, and what they say of a certificate at a moment."""

import pickle
from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signature.errors import Unreadable
from signature.lists import ReadList, read_list, trust_from_list
from signature.periods import EIDAS, STATUSES, Period, period_at
from signature.qualify import Qualified, qualify
from tests.signature.list_maker import (
    ALWAYS,
    COMPLIANCE,
    ESEAL,
    ESIGN,
    ISSUED,
    NEXT,
    SSCD,
    Pair,
    at,
    criteria,
    key_usage,
    pair,
    period,
    pointer,
    policy_set,
    qualified,
    service,
    signed,
    tsl,
)

NOW = at("2025-11-23")
OPERATOR = pair("Opérateur de la liste", usage="digital_signature")
OTHER = pair("Autre opérateur", usage="digital_signature")
CA = pair("AC qualifiée", usage="key_cert_sign")
TSA = pair("Horodatage", usage="digital_signature")


def read(*services: str, now: datetime = NOW) -> ReadList:
    return read_list(signed(tsl(*services), OPERATOR), [OPERATOR.der], now)


def signer(statements: bytes = COMPLIANCE + ESIGN, start: str = "2025-01-01", policies: tuple[str, ...] = ()) -> Pair:
    return pair("Jeanne Martin", CA, start=at(start), end=at("2030-01-01"), statements=statements, policies=policies)


def asked(certificate: Pair, *services: str, moment: datetime = NOW) -> Qualified:
    return qualify(certificate.der, [CA.der], [read(*services).trust_list], moment)


def test_a_list_is_read_with_its_history() -> None:
    xml = signed(
        tsl(
            service([CA.der], period(), period("undersupervision", "2012-01-01", uses=())),
            service([TSA.der], period(kind="TSA/QTST", uses=()), name="Horodatage"),
            service([OTHER.der], period(kind="CA/PKC", uses=()), name="Autre"),
            pointers=[pointer("EU", "https://exemple.eu/lotl.xml", [OPERATOR.der])],
        ),
        OPERATOR,
    )
    found = read_list(xml, [OTHER.der, OPERATOR.der], NOW)
    assert (found.territory, found.sequence, found.issued, found.next_update) == ("FR", 7, ISSUED, NEXT)
    ca, tsa = found.services
    assert (ca.name, ca.territory, ca.kind, tsa.kind) == ("AC qualifiée", "FR", "CA/QC", "TSA/QTST")
    assert [(p.status, p.start) for p in ca.history] == [
        ("granted", at("2016-07-01")),
        ("undersupervision", at("2012-01-01")),
    ]
    assert ca.history[0].uses == ("ForeSignatures",)
    assert (found.unread, found.others, found.stale) == ((), (("CA/PKC", 1),), False)
    (to,) = found.pointers
    assert (to.territory, to.url, to.signers) == ("EU", "https://exemple.eu/lotl.xml", (OPERATOR.der,))
    assert pickle.loads(pickle.dumps(found)) == found


def test_a_list_is_stale_after_its_next_update() -> None:
    assert not read(now=NEXT).stale
    assert read(now=NEXT + timedelta(seconds=1)).stale


def test_a_closed_list_has_no_next_update() -> None:
    found = read_list(signed(tsl(next_update=None), OPERATOR), [OPERATOR.der], NOW)
    assert (found.next_update, found.stale) == (None, False)


def refused(xml: bytes, *signers: Pair) -> str:
    with pytest.raises(Unreadable) as caught:
        read_list(xml, [one.der for one in signers or (OPERATOR,)], NOW)
    return caught.value.sentence


def test_another_signer_is_refused() -> None:
    assert "par un autre certificat" in refused(signed(tsl(), OTHER))
    same_name = pair("Opérateur de la liste", usage="digital_signature")
    assert "par un autre certificat" in refused(signed(tsl(), same_name))


def test_the_certificate_shown_is_not_enough() -> None:
    forged = signed(tsl(), OTHER)
    shown = b64encode(OTHER.der), b64encode(OPERATOR.der)
    xml = b"".join(forged.split())  # base64 may be folded
    assert shown[0] in xml
    start = forged.index(b"X509Certificate>") + len(b"X509Certificate>")
    end = forged.index(b"</", start)
    assert "modifiée" in refused(forged[:start] + shown[1] + forged[end:])


def test_a_list_changed_after_signing_is_refused() -> None:
    xml = signed(tsl(service([CA.der], period("withdrawn"))), OPERATOR)
    assert "modifiée" in refused(xml.replace(b"/withdrawn<", b"/granted<"))


def test_an_unsigned_list_is_refused() -> None:
    assert refused(tsl()) == "La liste de confiance n’est pas signée."


def test_a_signed_list_wrapped_in_another_does_not_make_the_other_one_signed() -> None:
    inner = signed(tsl(), OPERATOR).split(b"?>", 1)[1]
    outer = tsl(service([CA.der], period())).replace(b"</TrustServiceStatusList>", inner + b"</TrustServiceStatusList>")
    assert "n’est pas signée" in refused(outer)


def test_a_signer_that_was_not_valid_at_the_date_of_the_list() -> None:
    early = pair("Opérateur", usage="digital_signature", end=ISSUED - timedelta(days=1))
    assert "n’était pas valable" in refused(signed(tsl(), early), early)


@pytest.mark.parametrize(
    ("xml", "word"),
    [
        (b"", "XML lisible"),
        (b"<a/>", "pas une liste de confiance"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DTD"),
        (
            b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
            b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a x="&c;">&c;</a>',
            "DTD",
        ),
        (b" " * (30 * 1024 * 1024 + 1), "30 Mo"),
    ],
    ids=["empty", "other xml", "external entity", "billion laughs", "too large"],
)
def test_what_is_no_list_gets_a_sentence(xml: bytes, word: str) -> None:
    assert word in refused(xml)


def test_an_entity_inside_a_signed_list_is_refused() -> None:
    xml = signed(tsl(), OPERATOR)
    head, rest = xml.split(b"?>", 1)
    doctype = b'?><!DOCTYPE TrustServiceStatusList [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    assert "DTD" in refused(head + doctype + rest)


def test_an_unknown_version_is_refused() -> None:
    assert "version" in refused(signed(tsl(version=4), OPERATOR))


def test_what_is_not_understood_is_named() -> None:
    taken = '<Extension Critical="true"><tslx:TakenOverBy/></Extension>'
    found = read(
        service([CA.der], period(extra=taken), name="Repris"),
        service([], period(), name="Sans certificat"),
        service([TSA.der], period("inventé"), name="Statut inventé"),
    )
    assert [service.name for service in found.services] == ["Repris", "Statut inventé"]
    assert found.unread == (
        "FR, « Repris » : l’extension critique TakenOverBy n’est pas connue.",
        "FR, « Sans certificat » : aucun certificat n’y est donné.",
        "FR, « Statut inventé » : le statut « inventé » n’est pas connu.",
    )
    answer = qualify(signer().der, [CA.der], [found.trust_list], NOW)
    assert not answer.listed
    assert "TakenOverBy" in answer.conflict


def test_an_extension_that_is_not_critical_changes_nothing() -> None:
    noted = '<Extension Critical="false"><tslx:Note/></Extension>'
    assert asked(signer(), service([CA.der], period(extra=noted))).for_signatures


def test_a_qualified_certificate_of_signature() -> None:
    assert asked(signer(), service([CA.der], period(start="2020-01-01"))) == Qualified(
        listed=True,
        for_signatures=True,
        since=at("2020-01-01"),
        service_name="AC qualifiée",
        territory="FR",
    )


def test_a_service_is_known_by_its_key_not_by_its_name() -> None:
    renewed = pair("AC renouvelée", usage="key_cert_sign", key=CA.key)
    homonym = pair("AC qualifiée", usage="key_cert_sign")
    assert asked(signer(), service([TSA.der, renewed.der], period())).for_signatures
    assert asked(signer(), service([homonym.der], period())) == Qualified()


@pytest.mark.parametrize(
    ("periods", "issued", "used", "expected"),
    [
        ([period("granted", "2020-01-01")], "2021-01-01", "2022-01-01", True),
        ([period("granted", "2020-01-01")], "2019-01-01", "2022-01-01", False),
        ([period("withdrawn", "2022-01-01"), period("granted", "2020-01-01")], "2021-01-01", "2021-06-01", True),
        ([period("withdrawn", "2022-01-01"), period("granted", "2020-01-01")], "2021-01-01", "2022-01-01", False),
        (
            [period("granted", "2023-01-01"), period("withdrawn", "2022-01-01"), period("granted", "2020-01-01")],
            "2021-01-01", "2024-01-01", True,
        ),
        (
            [period("granted", "2023-01-01"), period("withdrawn", "2022-01-01"), period("granted", "2020-01-01")],
            "2022-06-01", "2024-01-01", False,
        ),
        ([period("granted", "2016-07-01"), period("accredited", "2012-01-01")], "2015-01-01", "2018-01-01", True),
        ([period("undersupervision", "2012-01-01")], "2015-01-01", "2016-01-01", True),
        ([period("undersupervision", "2012-01-01")], "2015-01-01", "2017-01-01", False),
        ([period("supervisionincessation", "2012-01-01")], "2015-01-01", "2016-01-01", True),
        ([period("supervisionrevoked", "2012-01-01")], "2015-01-01", "2016-01-01", False),
        ([period("recognisedatnationallevel", "2020-01-01")], "2021-01-01", "2022-01-01", False),
    ],
)  # fmt: skip
def test_the_status_counts_when_issued_and_when_used(
    periods: list[dict[str, object]], issued: str, used: str, expected: bool
) -> None:
    answer = asked(signer(start=issued), service([CA.der], *periods), moment=at(used))
    assert (answer.listed, answer.for_signatures, answer.conflict) == (expected, expected, "")


@pytest.mark.parametrize(
    ("statements", "qualifiers", "expected"),
    [
        (COMPLIANCE + ESIGN, ["QCWithSSCD"], (True, False, True)),
        (COMPLIANCE + ESIGN, ["QCWithQSCD"], (True, False, True)),
        (COMPLIANCE + ESIGN, ["QCQSCDManagedOnBehalf"], (True, False, True)),
        (COMPLIANCE + ESIGN + SSCD, [], (True, False, True)),
        (COMPLIANCE + ESIGN + SSCD, ["QCSSCDStatusAsInCert"], (True, False, True)),
        (COMPLIANCE + ESIGN, ["QCQSCDStatusAsInCert"], (True, False, False)),
        (COMPLIANCE + ESIGN + SSCD, ["QCNoSSCD"], (True, False, False)),
        (COMPLIANCE + ESIGN + SSCD, ["QCNoQSCD"], (True, False, False)),
        (COMPLIANCE + ESIGN, ["NotQualified"], (False, False, False)),
        (b"", [], (False, False, False)),
        (b"", ["QCStatement"], (True, False, False)),
        (b"", ["QCStatement", "QCWithQSCD"], (True, False, True)),
        (b"", ["QCWithQSCD"], (False, False, False)),
        (COMPLIANCE + ESEAL, [], (False, True, False)),
        (COMPLIANCE + ESIGN, ["QCForESeal"], (False, True, False)),
        (COMPLIANCE + ESEAL, ["QCForESig"], (True, False, False)),
        (COMPLIANCE, [], (True, False, False)),
        (COMPLIANCE, ["QCForLegalPerson"], (False, False, False)),
    ],
)
def test_the_qualifiers_overrule_the_certificate(
    statements: bytes, qualifiers: list[str], expected: tuple[bool, bool, bool]
) -> None:
    extra = qualified(qualifiers, ALWAYS) if qualifiers else ""
    told = service([CA.der], period(uses=("ForeSignatures", "ForeSeals"), extra=extra))
    answer = asked(signer(statements), told)
    assert (answer.for_signatures, answer.for_seals, answer.device, answer.conflict) == (*expected, "")


@pytest.mark.parametrize(
    ("uses", "expected"),
    [(("ForeSignatures",), False), (("ForeSeals",), True), ((), True), (("ForWebSiteAuthentication",), False)],
)
def test_a_service_counts_for_what_it_is_listed(uses: tuple[str, ...], expected: bool) -> None:
    assert asked(signer(COMPLIANCE + ESEAL), service([CA.der], period(uses=uses))).for_seals is expected


@pytest.mark.parametrize(
    ("policy", "start", "listed", "device"),
    [
        ("0.4.0.1456.1.1", "2016-06-01", True, True),
        ("0.4.0.1456.1.2", "2016-06-01", True, False),
        ("0.4.0.1456.1.1", "2016-08-01", False, False),
        ("1.2.3", "2016-06-01", False, False),
    ],
)
def test_policies_of_before_eidas(policy: str, start: str, listed: bool, device: bool) -> None:
    told = service([CA.der], period("granted", EIDAS), period("undersupervision", "2012-01-01", uses=()))
    answer = asked(signer(b"", start=start, policies=(policy,)), told, moment=at("2017-01-01"))
    assert (answer.listed, answer.device) == (listed, device)


@pytest.mark.parametrize(
    ("given", "device"),
    [
        (criteria(policy_set("1.2.3")), True),
        (criteria(policy_set("urn:oid:1.2.3")), True),
        (criteria(policy_set("1.2.3", "9.9")), False),
        (criteria(policy_set("1.2.3"), policy_set("1.2.9")), False),
        (criteria(policy_set("1.2.3"), policy_set("1.2.9"), joined="atLeastOne"), True),
        (criteria(policy_set("1.2.9"), joined="none"), True),
        (criteria(policy_set("1.2.3"), joined="none"), False),
        (criteria(key_usage(nonRepudiation=True)), True),
        (criteria(key_usage(nonRepudiation=True, digitalSignature=True)), False),
        (criteria(key_usage(nonRepudiation=True, digitalSignature=False)), True),
        (criteria(policy_set("1.2.3"), criteria(policy_set("1.2.9"), joined="none")), True),
        (criteria(policy_set("1.2.3"), criteria(policy_set("1.2.4"), joined="none")), False),
    ],
)
def test_criteria_choose_the_certificates(given: str, device: bool) -> None:
    certificate = signer(policies=("1.2.3", "1.2.4"))
    answer = asked(certificate, service([CA.der], period(extra=qualified(["QCWithQSCD"], given))))
    assert (answer.device, answer.conflict) == (device, "")


def other_criteria(inside: str) -> str:
    return f"<sie:otherCriteriaList>{inside}</sie:otherCriteriaList>"


def test_criteria_on_the_subject() -> None:
    def attribute(oid: str) -> str:
        told = f"<xades:Identifier>{oid}</xades:Identifier>"
        return other_criteria(
            f"<tslx:CertSubjectDNAttribute><tslx:AttributeOID>{told}</tslx:AttributeOID></tslx:CertSubjectDNAttribute>"
        )

    for oid, device in (("2.5.4.3", True), ("2.5.4.97", False)):
        extra = qualified(["QCWithQSCD"], criteria(attribute(oid)))
        assert asked(signer(), service([CA.der], period(extra=extra))).device is device


def test_a_criterion_that_cannot_be_evaluated_is_named_where_it_matters() -> None:
    unknown = criteria(other_criteria("<tslx:CritereInconnu/>"))
    told = service([CA.der], period(extra=qualified(["QCWithQSCD"], unknown)))
    assert "CritereInconnu" in asked(signer(), told).conflict
    assert asked(signer(COMPLIANCE + ESIGN + SSCD), told).device
    decided = criteria(other_criteria("<tslx:CritereInconnu/>"), policy_set("9.9"))
    told = service([CA.der], period(extra=qualified(["QCWithQSCD"], decided)))
    assert asked(signer(), told).conflict == ""


@pytest.mark.parametrize(
    "names", [["NotQualified", "QCStatement"], ["QCWithQSCD", "QCNoQSCD"], ["QCForESig", "QCForESeal"], ["QCInvente"]]
)
def test_a_list_that_contradicts_itself(names: list[str]) -> None:
    answer = asked(signer(), service([CA.der], period(extra=qualified(names, ALWAYS))))
    assert not answer.listed
    assert answer.conflict.startswith("La liste de confiance ne permet pas de conclure")


def test_two_services_that_disagree() -> None:
    plain = service([CA.der], period(), name="Un")
    other = service([CA.der], period(extra=qualified(["NotQualified"], ALWAYS)), name="Deux")
    assert "« Un », « Deux »" in asked(signer(), plain, other).conflict
    assert asked(signer(), plain, plain).for_signatures


statuses = st.sampled_from(sorted(STATUSES))
moments = st.integers(0, 16 * 365 * 24).map(lambda hours: at("2010-01-01") + timedelta(hours=hours))


@given(st.lists(st.tuples(statuses, moments), max_size=8, unique_by=lambda pair: pair[1]), moments)
def test_the_status_at_a_moment_is_the_naive_scan(told: list[tuple[str, datetime]], moment: datetime) -> None:
    expected = None
    for status, start in sorted(told, key=lambda pair: pair[1]):
        if start <= moment:
            expected = status
    found = period_at((Period(status, start) for status, start in told), moment)
    assert (found.status if found else None) == expected


def test_trust_of_a_list_for_the_command_line() -> None:
    xml = signed(
        tsl(service([CA.der, TSA.der], period()), service([TSA.der], period(kind="TSA/QTST", uses=()))), OPERATOR
    )
    trust = trust_from_list(xml, OTHER.pem + OPERATOR.pem, NOW)
    assert trust.anchors == (CA.der, TSA.der)
    assert trust.trust_list is not None
    assert qualify(signer().der, [CA.der], [trust.trust_list], NOW).for_signatures
    with pytest.raises(Unreadable, match="fichier PEM"):
        trust_from_list(xml, b"rien", NOW)
    with pytest.raises(Unreadable, match="autre certificat"):
        trust_from_list(xml, OTHER.pem, NOW)


def test_a_service_without_history_keeps_its_two_dates() -> None:
    (one,) = read(service([CA.der], period())).services
    plain = replace(one, history=(), granted_from=at("2020-01-01"), granted_until=at("2022-01-01"))
    assert [plain.granted_at(at(day)) for day in ("2019-12-31", "2020-01-01", "2021-12-31", "2022-01-01")] == [
        False, True, True, False,
    ]  # fmt: skip
