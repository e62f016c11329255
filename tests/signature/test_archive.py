"""Archive timestamps of CAdES: what was made elsewhere keeps its proof; left out or pasted, it proves nothing."""

from dataclasses import replace
from datetime import datetime

import pytest
from asn1crypto import cms

from api.sandbox import pki
from signature.verdict import SignatureVerdict
from signature.verify import examine
from tests.signature.authorities import CONTENT, Case, case_of, crl_of, signer_extensions
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY
from tests.signature.tokens import Stamper, archived, carrying, stamping, value_of, with_attribute, with_lists

LATER = NOW + 400 * DAY  # the signer's certificate and the timestamps' have ended


@pytest.fixture(scope="module")
def case(bench: Bench) -> Case:
    return case_of(bench)


@pytest.fixture(scope="module")
def stamper(case: Case) -> Stamper:
    return stamping(case.issuing)


def long_term(case: Case, stamper: Stamper) -> bytes:
    """CAdES-LT: stamped, with the lists of that day."""
    signed = case.token
    lists = pki.crl(case.bench.folder, "root", NOW), crl_of(case.issuing)
    return with_lists(carrying(signed, stamper.token(value_of(signed), NOW)), *lists)


def verdict(case: Case, token: bytes, now: datetime = LATER) -> SignatureVerdict:
    lists = pki.crl(case.bench.folder, "root", now), crl_of(case.issuing, at=now)
    trust = replace(case.bench.trust(), crls=lists)
    (found,) = examine(token, trust, now, None, {"acte": CONTENT}).signatures
    return found


@pytest.fixture(scope="module")
def lasting(case: Case) -> Stamper:
    """Who stamps archives, alive when the others have ended."""
    return stamping(case.issuing, until=LATER + 30 * DAY)


def test_a_long_term_signature_keeps_its_proof(case: Case, stamper: Stamper, lasting: Stamper) -> None:
    plain = long_term(case, stamper)
    token = archived(plain, lasting, CONTENT, NOW + DAY / 24)
    for moment in (NOW + DAY / 12, LATER):
        found = verdict(case, token, moment)
        assert (found.indication, found.sub_indication, found.level) == ("TOTAL-PASSED", None, "LTA")
        assert found.best_time == NOW
    assert verdict(case, plain, NOW + DAY / 12).level == "LT"
    assert verdict(case, plain).indication != "TOTAL-PASSED"


@pytest.mark.parametrize("omit", ["certificate", "list", "timestamp"])
def test_an_index_that_leaves_something_out(case: Case, stamper: Stamper, lasting: Stamper, omit: str) -> None:
    found = verdict(case, archived(long_term(case, stamper), lasting, CONTENT, NOW + DAY / 24, omit=omit))
    assert (found.level, found.timestamped) == ("LT", False)
    assert found.indication != "TOTAL-PASSED"


def test_a_list_added_after_the_archive_timestamp(case: Case, stamper: Stamper, lasting: Stamper) -> None:
    token = archived(long_term(case, stamper), lasting, CONTENT, NOW + DAY / 24)
    more = crl_of(case.issuing, at=NOW + DAY)
    lists = pki.crl(case.bench.folder, "root", NOW), crl_of(case.issuing)
    assert verdict(case, with_lists(token, *lists, more)).indication != "TOTAL-PASSED"


@pytest.mark.parametrize("how", ["wrong imprint", "other content", "pasted", "by a signer"])
def test_an_archive_timestamp_of_something_else(case: Case, stamper: Stamper, lasting: Stamper, how: str) -> None:
    plain = long_term(case, stamper)
    if how == "wrong imprint":
        token = archived(plain, lasting, CONTENT, NOW + DAY / 24, over="less")
    elif how == "other content":
        token = archived(plain, lasting, b"Montant : 99 999 EUR", NOW + DAY / 24)
    elif how == "by a signer":
        usual = stamping(case.issuing, signer_extensions(), LATER + 30 * DAY)
        token = archived(plain, usual, CONTENT, NOW + DAY / 24)
    else:
        donor = archived(long_term(case, stamper), lasting, CONTENT, NOW + DAY / 24)
        attribute = cms.ContentInfo.load(donor)["content"]["signer_infos"][0]["unsigned_attrs"][-1]
        token = with_attribute(plain, attribute.dump())
    found = verdict(case, token)
    assert found.indication != "TOTAL-PASSED"
    assert not found.timestamped
