"""The kind of a signature as the trusted list decides it, and what the arrêté makes of it."""

from dataclasses import replace

import pytest

from signature.periods import Criteria, Period, Qualification
from signature.trust import TrustList
from tests.signature.conftest import NOW, Bench
from tests.signature.test_verify import DAY, one

ANY = Criteria("all", key_usages=((("keyCertSign", False),),))


def told(*qualifiers: str, status: str = "granted") -> Period:
    """A period since a year; `qualifiers` are for every signer."""
    found = (Qualification(qualifiers, ANY),) if qualifiers else ()
    unread = "inconnu." if status == "unread" else ""
    return Period(status, NOW - 400 * DAY, qualifications=found, unread=unread)


@pytest.mark.parametrize(
    ("period", "qualification", "receivable"),
    [
        (told(), "AdESig-QC", True),
        (told("QCWithQSCD"), "QESig", True),
        (told("NotQualified"), "AdESig", False),
        (told("QCForESeal"), "AdESeal-QC", False),
        (told(status="withdrawn"), "AdESig", False),
        (told(status="unread"), "Unknown-QC", None),
        (told("NotQualified", "QCStatement"), "Unknown-QC", None),
    ],
)
def test_the_list_decides_the_qualification(
    bench: Bench, period: Period, qualification: str, receivable: bool | None
) -> None:
    trust = bench.trust()
    assert trust.trust_list is not None
    changed = replace(trust.trust_list.services[0], history=(period,))
    verdict = one(bench.sign(), replace(trust, trust_list=TrustList((changed,))))
    assert (verdict.qualification, verdict.arrete_2019.receivable) == (qualification, receivable)


def test_a_qualified_seal_with_a_device(bench: Bench) -> None:
    trust = bench.trust()
    assert trust.trust_list is not None
    changed = replace(trust.trust_list.services[0], history=(told("QCWithQSCD"),))
    verdict = one(bench.sign(bench.signer(seal=True)), replace(trust, trust_list=TrustList((changed,))))
    assert (verdict.qualification, verdict.arrete_2019.receivable) == ("QESeal", False)
