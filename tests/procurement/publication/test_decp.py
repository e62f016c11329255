"""DECP records: JSON and XML say the same, both hold by our schemas, and each rule has its break."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.publication.check import DecpReport, DecpUnreadable, check_document, check_record
from procurement.publication.decp import Change, DecpContract, Operator, Subcontract, record, to_json, to_text, to_xml
from tests.factories import make_siret

TODAY = date(2026, 12, 1)
HOLDER = Operator("90000001900019")
GROUP = tuple(Operator(make_siret(number)) for number in range(4))
CONTRACT = DecpContract(
    id="2026-0042",
    buyer_siret="90000002700012",
    subject="Entretien de la voirie",
    cpv="45233141-9",
    procedure="Procédure adaptée",
    ccag="Travaux",
    months=12,
    notified_on=date(2026, 3, 1),
    published_on=date(2026, 3, 20),
    amount=Decimal("123456.78"),
    offers=3,
    place_code="75056",
    place_kind="Code commune",
    holders=(HOLDER,),
)
FULL = replace(
    CONTRACT,
    advance=True,
    advance_rate=Decimal("0.3"),
    framework_id="2025-0001",
    from_europe=Decimal("0.8"),
    from_france=Decimal("0.5"),
    social=("Clause sociale", "Critère social"),
    subcontracts=(Subcontract(1, Operator("90000003500015"), 3, date(2026, 4, 1), date(2026, 4, 2), Decimal("1000")),),
    changes=(
        Change(
            1, date(2026, 6, 1), date(2026, 6, 2), 14, Decimal("130000"), (HOLDER, Operator("FR12345678901", "TVA"))
        ),
    ),
)
CONCESSION = {
    "id": "C-1",
    "autoriteConcedante": {"id": "90000002700012"},
    "nature": "Concession de service",
    "objet": "Parking du centre",
    "procedure": "Procédure négociée ouverte",
    "dureeMois": 240,
    "dateSignature": "2026-01-10",
    "datePublicationDonnees": "2026-02-01",
    "dateDebutExecution": "2026-03-01",
    "valeurGlobale": 4000000,
    "montantSubventionPublique": 0,
    "concessionnaires": [{"concessionnaire": {"id": "90000001900019", "typeIdentifiant": "SIRET"}}],
    "considerationsSociales": {"considerationSociale": ["Concession réservée"]},
    "considerationsEnvironnementales": {"considerationEnvironnementale": ["Clause environnementale"]},
}
Writer = Callable[[list[dict[str, Any]]], bytes]


def codes(report: DecpReport) -> set[str]:
    return {finding.rule for finding in report.findings}


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize("contract", [CONTRACT, FULL])
def test_what_we_publish_holds(write: Writer, contract: DecpContract) -> None:
    report = check_document(write([record(contract)]), TODAY)
    assert (report.records, report.schema_valid, report.exploitable, report.findings) == (1, True, True, ())


def test_amounts_are_json_numbers_and_absent_values_are_left_out() -> None:
    written = json.loads(to_json([record(CONTRACT)]), parse_float=Decimal)["marches"]["marche"][0]
    assert written["montant"] == Decimal("123456.78")
    assert None not in written.values()
    assert not {"idAccordCadre", "origineUE", "modifications", "actesSousTraitance"} & set(written)


def test_a_change_never_edits_what_was_published() -> None:
    before, after = record(CONTRACT), record(replace(CONTRACT, changes=FULL.changes))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"modifications"}


@given(st.text(min_size=5, max_size=300))
def test_any_subject_can_be_published(subject: str) -> None:
    made = record(replace(CONTRACT, subject=f"Objet {subject}"))
    for write in (to_json, to_xml):
        assert check_document(write([made]), TODAY).findings == ()


@given(st.decimals(min_value=1, max_value=90_000_000, places=2).filter(lambda d: not str(d).startswith("12345678")))
def test_any_amount_reads_back_to_the_cent(amount: Decimal) -> None:
    written = json.loads(to_json([record(replace(CONTRACT, amount=amount))]), parse_float=Decimal)
    assert Decimal(written["marches"]["marche"][0]["montant"]) == amount


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("id", "a,b", "DECP-ID"),
        ("id", "  ", "DECP-ID"),
        ("acheteur", {"id": "90000002700013"}, "DECP-SIRET-ACHETEUR"),
        ("montant", Decimal("0.5"), "DECP-MONTANT-MIN"),
        ("montant", Decimal(4_000_000_000), "DECP-MONTANT-MAX"),
        ("montant", Decimal("123456789"), "DECP-MONTANT-FACTICE"),
        ("montant", Decimal("999999999"), "DECP-MONTANT-FACTICE"),
        ("titulaires", [{"titulaire": {"id": "1", "typeIdentifiant": "FREE"}}], "DECP-TYPE-TITULAIRE"),
        ("titulaires", [{"titulaire": {"id": "123", "typeIdentifiant": "SIRET"}}], "DECP-ID-TITULAIRE"),
        ("titulaires", [{"titulaire": {"id": "12", "typeIdentifiant": "RIDET"}}], "DECP-ID-TITULAIRE"),
        ("titulaires", [{"titulaire": {"id": "", "typeIdentifiant": "SIRET"}}], "DECP-TITULAIRE"),
        ("dureeMois", 181, "DECP-DUREE-MAX"),
        ("dureeMois", 0, "DECP-DUREE"),
        ("dateNotification", "0002-11-30", "DECP-DATE-NOTIFICATION"),
        ("datePublicationDonnees", "2026-13-01", "DECP-DATE-PUBLICATION"),
        ("dateNotification", "2027-01-01", "DECP-DATE-FUTURE"),
        (
            "considerationsSociales",
            {"considerationSociale": ["Clause sociale", "Pas de considération sociale"]},
            "DECP-CONSIDERATIONS",
        ),
    ],
)
def test_what_the_consolidation_drops(write: Writer, field: str, value: object, code: str) -> None:
    report = check_document(write([record(CONTRACT) | {field: value}]), TODAY)
    assert code in codes(report)
    assert not report.exploitable


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"origineFrance": Decimal("0.9"), "origineUE": Decimal("0.1")}, "DECP-Q-ORIGINE"),
        ({"codeCPV": "15110000"}, "DECP-Q-ORIGINE-CPV"),
        ({"datePublicationDonnees": "2026-02-01"}, "DECP-Q-PUBLICATION"),
        ({"attributionAvance": True}, "DECP-Q-AVANCE"),
        ({"codeCPV": "99999999"}, "DECP-Q-CPV"),
        (
            {"titulaires": [{"titulaire": {"id": each.id, "typeIdentifiant": "SIRET"}} for each in GROUP]},
            "DECP-Q-TITULAIRES",
        ),
    ],
)
def test_what_is_kept_but_poor_is_told(write: Writer, changed: dict[str, Any], code: str) -> None:
    report = check_document(write([record(CONTRACT) | changed]), TODAY)
    assert codes(report) == {code}
    assert (report.schema_valid, report.exploitable) == (True, True)


@pytest.mark.parametrize("field", sorted(record(CONTRACT)))
def test_each_mandatory_field_is_missed_in_both_forms(field: str) -> None:
    short = {name: value for name, value in record(CONTRACT).items() if name != field}
    for write in (to_json, to_xml):
        report = check_document(write([short]), TODAY)
        assert not report.schema_valid
        assert any(field in finding.message for finding in report.findings if finding.rule == "SCHEMA")


def test_without_subject_and_cpv_nothing_is_said() -> None:
    poor = {name: value for name, value in record(CONTRACT).items() if name != "codeCPV"} | {"objet": "x"}
    assert "DECP-OBJET" in codes(check_document(to_json([poor]), TODAY))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origineUE", None),
        ("idAccordCadre", ""),
        ("modifications", []),
        ("actesSousTraitance", []),
        ("offresRecues", 0),
        ("offresRecues", "NC"),
        ("marcheInnovant", "oui"),
        ("dateNotification", "2024-99-99"),
        ("dateNotification", "xx2024-01-01zz"),
        ("nature", "Marche"),
        ("couleur", "bleu"),
        ("montant", None),
        ("marcheInnovant", 0),
        ("objet", True),
        ("objet", "x" * 1001),
    ],
)
def test_what_the_json_schema_refuses(field: str, value: object) -> None:
    report = check_document(to_json([record(CONTRACT) | {field: value}]), TODAY)
    assert not report.schema_valid
    assert all(finding.message.endswith(".") for finding in report.findings)
    assert not [f for f in report.findings if re.search("None|True|False|integer|number|string", f.message)]


def test_xml_booleans_in_french_are_accepted() -> None:
    xml = to_xml([record(CONTRACT)]).replace(b"<marcheInnovant>false", b"<marcheInnovant>non")
    assert check_document(xml, TODAY).schema_valid


def test_the_same_contract_twice_is_a_duplicate() -> None:
    report = check_document(to_json([record(CONTRACT), record(CONTRACT)]), TODAY)
    assert (codes(report), report.exploitable, report.findings[0].path) == (
        {"DECP-DOUBLON"},
        False,
        "/marches/marche/1",
    )


def test_a_concession_is_checked_too() -> None:
    document = {"marches": {"contrat-concession": [CONCESSION]}}
    report = check_document(json.dumps(document).encode(), TODAY)
    assert (report.records, report.schema_valid, report.exploitable, report.findings) == (1, True, True, ())
    document["marches"]["contrat-concession"] = [CONCESSION | {"dureeMois": 400}]
    assert codes(check_document(json.dumps(document).encode(), TODAY)) == {"DECP-DUREE-MAX"}


@pytest.mark.parametrize("write", [to_json, to_xml])
def test_an_empty_document_keeps_the_schema_and_is_of_no_use(write: Writer) -> None:
    report = check_document(write([]), TODAY)
    assert (report.schema_valid, report.exploitable, codes(report)) == (True, False, {"DECP-VIDE"})


@pytest.mark.parametrize(
    ("kind", "identifier", "holds"),
    [
        ("SIRET", "35600000000048", True),
        ("SIRET", "00000000000000", False),
        ("TAHITI", "A12345678", True),
        ("RIDET", "0123456789", True),
        ("FRWF", "FRWF12345678901234", True),
        ("IREP", "12345AB", True),
        ("HORS-UE", "CH12345", True),
        ("HORS-UE", "ch12345", False),
        ("TVA", "BE0123456749", True),
        ("TVA", "", False),
    ],
)
def test_holders_of_every_kind(kind: str, identifier: str, holds: bool) -> None:
    report = check_document(to_json([record(replace(CONTRACT, holders=(Operator(identifier, kind),)))]), TODAY)
    assert (report.exploitable, report.findings == ()) == (holds, holds)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"3",
        b"null",
        b'{"marches": 3}',
        b'{"marches": {"marche": {}}}',
        b'{"marches": {"marche": [3, null, {"titulaires": 3, "montant": {}, "acheteur": []}]}}',
        b'{"marches": {"marche": [{"titulaires": [3, {"titulaire": []}], "dureeMois": 1e400}]}}',
        b"<marches><marche/></marches>",
        b"<autre/>",
    ],
)
def test_any_odd_shape_is_a_finding_never_a_crash(content: bytes) -> None:
    report = check_document(content, TODAY)
    assert (report.schema_valid, report.exploitable) == (False, False)
    assert report.findings


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "vide"),
        (b"{", "ni un JSON"),
        (b'{"marches": NaN}', "ni un JSON"),
        (b"[" * 100_000, "ni un JSON"),
        (b"\xff\xfe\x00", "ni un JSON"),
        (b"<marches>", "bien formé"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><marches>&e;</marches>', "DOCTYPE"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(DecpUnreadable, match=sentence):
        check_document(content, TODAY)


def test_a_bom_is_no_obstacle() -> None:
    for write in (to_json, to_xml):
        assert check_document(b"\xef\xbb\xbf" + write([record(CONTRACT)]), TODAY).exploitable


def test_the_format_of_2019_is_recognised_and_still_judged() -> None:
    old = {"marches": [record(CONTRACT) | {"_type": "Marché", "montant": 0}, 3]}
    report = check_document(json.dumps(old, default=str).encode(), TODAY)
    assert (report.records, report.schema_valid, report.exploitable) == (1, False, False)
    assert {"DECP-ANCIEN-FORMAT", "DECP-MONTANT-MIN"} <= codes(report)
    assert any("ancien format de 2019" in finding.message for finding in report.findings)


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"dateNotificationModification": "0002-11-30"}, "DECP-ACTE-DATE"),
        ({"datePublicationDonneesModification": "5021-02-18"}, "DECP-Q-ACTE-DATE"),
        ({"montant": 0}, "DECP-Q-ACTE-MONTANT"),
        ({"montant": Decimal("1E17")}, "DECP-Q-ACTE-MONTANT"),
        ({"montant": "NC"}, "DECP-Q-ACTE-MONTANT"),
        ({"dureeMois": 181}, "DECP-Q-ACTE-DUREE"),
        ({"dureeMois": "NC"}, "DECP-Q-ACTE-DUREE"),
        ({"titulaires": [{"titulaire": {"id": "123", "typeIdentifiant": "SIRET"}}]}, "DECP-Q-ACTE-IDENTIFIANT"),
    ],
)
def test_modifications_are_judged_too(write: Writer, changed: dict[str, Any], code: str) -> None:
    made = record(FULL)
    assert check_document(write([made]), TODAY).findings == ()
    made["modifications"] = [{"modification": made["modifications"][0]["modification"] | changed}]
    report = check_document(write([made]), TODAY)
    assert code in codes(report)
    assert report.exploitable == ("-Q-" in code)
    assert any(finding.path.endswith("/modifications/0") for finding in report.findings)


def test_subcontracts_are_judged_too() -> None:
    made = record(FULL)
    made["actesSousTraitance"][0]["acteSousTraitance"]["sousTraitant"]["id"] = "214356"
    assert codes(check_document(to_json([made]), TODAY)) == {"DECP-Q-ACTE-IDENTIFIANT"}


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [("FRW", "FRWF12345678901234"), ("HORS_UE", "CH12345"), ("TVA-intracommunautaire", "BE0123456749")],
)
def test_what_the_consolidation_mends_is_only_told(kind: str, identifier: str) -> None:
    report = check_document(to_json([record(replace(CONTRACT, holders=(Operator(identifier, kind),)))]), TODAY)
    assert (report.schema_valid, report.exploitable) == (False, True)
    assert "DECP-Q-TYPE-IDENTIFIANT" in codes(report)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("dateDebutExecution", "2025-01-01", "DECP-Q-DEBUT"),
        ("procedure", "Procédure adaptée", "SCHEMA"),
        ("valeurGlobale", Decimal(16_000_000_000), "DECP-MONTANT-MAX"),
        ("concessionnaires", [{"concessionnaire": {"id": "1", "typeIdentifiant": "SIRET"}}], "DECP-ID-TITULAIRE"),
        ("dateSignature", "September, 16 2021 00:00:00", "DECP-Q-SIGNATURE"),
        ("datePublicationDonnees", "5021-02-18", "DECP-Q-DATE-PUBLICATION"),
        ("objet", " ", "DECP-OBJET"),
        ("autoriteConcedante", {"id": "12345678901234"}, "DECP-SIRET-ACHETEUR"),
    ],
)
def test_each_rule_holds_for_concessions(field: str, value: object, code: str) -> None:
    for write in (to_json, to_xml):
        assert check_document(write([CONCESSION]), TODAY).findings == ()
        assert code in codes(check_document(write([CONCESSION | {field: value}]), TODAY))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dateNotification", "2021-09-16+01:00"), ("dateNotification", "5021-02-18"), ("montant", "NC"),
        ("montant", Decimal("1.0E17")), ("montant", Decimal("1E+999999")), ("id", ""), ("dureeMois", "NC"),
        ("titulaires", "NC"), ("objet", ["NC"]), ("titulaires", [[{"titulaire": {}}]]), ("dureeMois", [1]),
    ],
)  # fmt: skip
def test_faults_seen_in_the_wild_are_findings(field: str, value: object) -> None:
    document = {"marches": {"marche": [record(CONTRACT) | {field: value}]}}
    text = json.dumps(document, default=lambda number: f"@{number}@").replace('"@', "").replace('@"', "")
    report = check_document(text.encode(), TODAY)
    assert not report.schema_valid or not report.exploitable
    assert report.findings


def test_a_control_character_is_named() -> None:
    with pytest.raises(DecpUnreadable, match="caractère de contrôle"):
        check_document(b'{"marches": {"marche": [{"objet": "a\x01b"}]}}', TODAY)


def test_a_record_of_ours_is_checked_in_both_forms() -> None:
    assert check_record(to_text(record(FULL)), TODAY) == []
    assert check_record(to_text(record(replace(CONTRACT, holders=GROUP))), TODAY) == []
    found = check_record(to_text(record(replace(CONTRACT, cpv="15110000", months=200))), TODAY)
    assert {rule for rule, _ in found} == {"DECP-Q-ORIGINE-CPV", "DECP-DUREE-MAX"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(record(FULL))), value=json_values)
def test_no_value_anywhere_makes_it_crash(field: str, value: object) -> None:
    document = {"marches": {"marche": [record(FULL) | {field: value}]}}
    report = check_document(json.dumps(document, default=float).encode(), TODAY)
    assert report.records == 1
