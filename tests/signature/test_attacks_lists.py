"""Revocation lists of every scope, and answers kept in a PDF: what is partial or another's must reassure nobody."""

from functools import partial
from typing import Any

import pytest
from cryptography import x509

from api.sandbox import certificates, pki
from api.sandbox.certificates import Authority
from signature.facts import Embedded
from signature.making.pades import sign_pades
from signature.trust import Trust
from signature.verify import verify_pdf
from tests.signature.authorities import GOOD, REVOKED, Case, case_of, crl_of, der, held, judged, made
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY
from tests.signature.test_attacks_revocation import INDIRECT, PASSED, REVOKED_NOW, listed

HOLD, LIFT = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl


@pytest.fixture(scope="module")
def case(bench: Bench) -> Case:
    return case_of(bench)


def said(case: Case, *lists: bytes, more: tuple[bytes, ...] = ()) -> tuple[str, str | None]:
    return judged(case.token, case.trust().with_more(Trust(crls=lists, intermediates=more)))


def delta(base: int) -> Any:
    return [(x509.DeltaCRLIndicator(base), True), (x509.CRLNumber(base + 1), False)]


BASE = [(x509.CRLNumber(5), False)]


def test_a_delta_alone_reassures_nobody(case: Case) -> None:
    assert said(case, listed(case.issuing, extensions=delta(5)))[0] != "TOTAL-PASSED"
    assert said(case, listed(case.issuing, extensions=BASE)) == PASSED


def test_a_delta_that_revokes_since_its_base(case: Case) -> None:
    base = listed(case.issuing, at=NOW - DAY / 2, extensions=BASE)
    assert said(case, base, listed(case.issuing, case.own, extensions=delta(5))) == REVOKED_NOW


def test_a_delta_lifts_a_suspension_and_nothing_else(case: Case) -> None:
    lifted = listed(case.issuing, case.own, reason=LIFT, extensions=delta(5))
    for reason in (HOLD, x509.ReasonFlags.key_compromise):
        base = listed(case.issuing, case.own, at=NOW - DAY / 2, reason=reason, extensions=BASE)
        assert said(case, base, lifted)[0] != "TOTAL-PASSED"
        assert said(case, base, lifted, crl_of(case.issuing)) == (PASSED if reason == HOLD else REVOKED_NOW)


def scope(**how: Any) -> Any:
    nothing = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False,
    }  # fmt: skip
    return [(x509.IssuingDistributionPoint(**{**nothing, **how}), True)]


HERE = x509.UniformResourceIdentifier("http://127.0.0.1:9/issuing.crl")
ELSEWHERE = x509.UniformResourceIdentifier("http://127.0.0.1:9/part-2.crl")


@pytest.mark.parametrize(
    ("extensions", "reassures"),
    [
        (scope(full_name=[HERE]), True),
        (scope(full_name=[ELSEWHERE]), False),
        (scope(only_contains_user_certs=True), True),
        (scope(only_contains_ca_certs=True), False),
        (scope(only_contains_attribute_certs=True), False),
        (scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), False),
        ([(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00"), True)], False),
    ],
)
def test_the_scope_of_a_list(case: Case, extensions: Any, reassures: bool) -> None:
    """Silence counts within the scope only; a revocation counts wherever the authority tells it."""
    assert (said(case, listed(case.issuing, extensions=extensions)) == PASSED) == reassures
    assert said(case, crl_of(case.issuing), listed(case.issuing, case.own, extensions=extensions)) == REVOKED_NOW


def indirect_case(case: Case, names: bool) -> tuple[Case, Any]:
    """A signer whose certificate names (or not) another authority as the issuer of its list."""
    root = pki.authority(case.bench.folder, "root")
    teller = made("Listes pour d’autres", root, certificates.for_authority(0))
    who = [x509.DirectoryName(teller.certificate.subject)]
    point = x509.DistributionPoint([HERE], relative_name=None, reasons=None, crl_issuer=who if names else None)
    usual = certificates.for_signer(seal=False, device=False)
    own = made("Jeanne Martin", case.issuing, [*usual, (x509.CRLDistributionPoints([point]), False)])
    return Case(case.bench, case.issuing, own), teller


@pytest.mark.parametrize("named", [True, False])
def test_an_indirect_list(case: Case, named: bool) -> None:
    subject, teller = indirect_case(case, named)
    issuer, more = case.issuing.certificate.subject, der(teller)
    assert (said(subject, listed(teller, extensions=[(INDIRECT, True)]), more=more) == PASSED) == named
    assert said(subject, listed(teller), more=more)[0] != "TOTAL-PASSED"
    revoked = listed(teller, subject.own, entry=lambda owner: issuer, extensions=[(INDIRECT, True)])
    assert said(subject, revoked, more=more) == (REVOKED_NOW if named else said(subject))


def _named(names: dict[int, x509.Name], owner: Authority) -> x509.Name:
    return names[id(owner)]


def test_a_number_of_another_issuer_in_an_indirect_list(case: Case) -> None:
    """Entries belong to the issuer named last; the same number of somebody else revokes nobody here."""
    subject, teller = indirect_case(case, names=True)
    issuer, stranger = case.issuing.certificate.subject, teller.certificate.subject
    other = made("Ali Benali", case.issuing, [])
    for first, second, expected in ((issuer, stranger, PASSED), (stranger, issuer, REVOKED_NOW)):
        names = {id(other): first, id(subject.own): second}
        rows = listed(teller, other, subject.own, entry=partial(_named, names), extensions=[(INDIRECT, True)])
        assert said(subject, rows, more=der(teller)) == expected
    carried = listed(
        teller, other, subject.own, entry=lambda o: issuer if o is other else None, extensions=[(INDIRECT, True)]
    )  # fmt: skip
    assert said(subject, carried, more=der(teller)) == REVOKED_NOW


def test_the_authoritys_own_list_where_another_is_named(case: Case) -> None:
    """The certificate says that its revocation is told elsewhere: the silence of its own authority is none."""
    subject, _ = indirect_case(case, names=True)
    assert said(subject, crl_of(case.issuing))[0] != "TOTAL-PASSED"
    assert said(subject, crl_of(case.issuing, subject.own)) == REVOKED_NOW


@pytest.mark.parametrize(
    ("how", "expected"),
    [("good", PASSED), ("revoked", REVOKED_NOW), ("replayed", None), ("unauthorised", None), ("another", None)],
)
def test_an_answer_kept_in_a_pdf(case: Case, how: str, expected: Any) -> None:
    answers = {
        "good": lambda: case.answer(GOOD),
        "revoked": lambda: case.answer(REVOKED),
        "replayed": lambda: case.answer(GOOD, at=NOW - 30 * DAY),
        "unauthorised": lambda: case.answer(GOOD, by=made("R", case.issuing, certificates.for_tsa()[:1])),
        "another": lambda: case.answer(GOOD, about=made("Ali Benali", case.issuing, [])),
    }
    material = Embedded(der(case.issuing), (), (answers[how](),))
    stamp = case.bench.stamp(NOW - DAY / 48)
    pdf = sign_pades(case.bench.pdf, held(case.own, case.issuing), "LT", stamp, NOW, material=material).content
    (verdict,) = verify_pdf(pdf, case.trust(), NOW).signatures
    found = (verdict.indication, verdict.sub_indication)
    if expected is None:
        assert found[0] != "TOTAL-PASSED"
    else:
        assert (found, verdict.level) == (expected, "LT")
