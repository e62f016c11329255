"""The same signature asked about at several moments: what EN 319 102-1 answers for each level and each revocation.

The certificate lives from the day before the signature to a month after it. What the moments are:
`before the certificate` and `before the timestamp`: the past; `alive`: 20 days later; `expired`: 60 days later.
A fresh list is at hand at each of them. Why each answer is the one expected:
- B proves no date. Revoked by the moment asked: REVOKED_NO_POE (5.2.6.4). Outside the certificate's life, whatever its
  revocation: OUT_OF_BOUNDS_NO_POE (5.2.6.4), because the path is refused before its status is asked.
- T, LT, LTA prove the date of their timestamp (5.5.4): a revocation or an end that comes later changes nothing, a
  revocation that came before it stays without a proof of existence before it, REVOKED_NO_POE.
- A timestamp later than the moment asked is impossible: TIMESTAMP_ORDER_FAILURE (5.5.4). B says nothing of its date.
- Long-term material (LT, LTA) was taken at the signature: it does not know of a later revocation, nor may it hide one.
"""

from datetime import datetime

import pytest

from api.sandbox import pki
from api.sandbox.certificates import Authority
from signature.facts import Embedded
from signature.making.pades import sign_pades
from signature.trust import Trust
from signature.verify import verify_pdf
from tests.signature.authorities import Case, crl_of, der, held, made, signer_extensions
from tests.signature.conftest import NOW, Bench, blank_pdf
from tests.signature.keys import DAY

LEVELS = ("B", "T", "LT", "LTA")
MOMENTS = {
    "before the certificate": NOW - 2 * DAY,
    "before the timestamp": NOW - DAY / 2,
    "alive": NOW + 20 * DAY,
    "expired": NOW + 60 * DAY,
}
REVOCATIONS = {"never": None, "before": NOW - DAY / 24, "after": NOW + 10 * DAY}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Authorities older than every moment asked."""
    folder = pki.ensure(tmp_path_factory.mktemp("old") / "pki", NOW - 100 * DAY)
    issuing = pki.authority(folder, "issuing")
    own = made("Jeanne Martin", issuing, signer_extensions(), (NOW - DAY, NOW + 30 * DAY))
    return Case(Bench(folder, blank_pdf()), issuing, own)


@pytest.fixture(scope="module")
def files(case: Case) -> dict[str, bytes]:
    """Signed and stamped at NOW, with the lists of that day."""
    lists = pki.crl(case.bench.folder, "root", NOW), crl_of(case.issuing)
    material = Embedded(der(case.issuing), lists)
    key, stamp = held(case.own, case.issuing), case.bench.stamp(NOW)
    return {
        level: sign_pades(
            case.bench.pdf, key, level, stamp if level != "B" else None, NOW,
            material=material if level in ("LT", "LTA") else None,
        ).content
        for level in LEVELS
    }  # fmt: skip


def trust_at(case: Case, moment: datetime, revoked: datetime | None) -> Trust:
    told: tuple[Authority, ...] = (case.own,) if revoked is not None and revoked <= moment else ()
    fresh = crl_of(case.issuing, *told, at=moment, since=revoked or moment)
    root = pki.certificate(case.bench.folder, "root")
    return Trust(
        anchors=der(Authority(root, case.issuing.key)),
        intermediates=der(case.issuing),
        crls=(pki.crl(case.bench.folder, "root", moment), fresh),
    )


def expected(level: str, revocation: str, when: str) -> str | None:
    """The reasons are in the head of this file."""
    if when == "before the certificate":
        return "OUT_OF_BOUNDS_NO_POE" if level == "B" else "TIMESTAMP_ORDER_FAILURE"
    if when == "before the timestamp":
        return None if level == "B" else "TIMESTAMP_ORDER_FAILURE"
    if level == "B":
        if when == "expired":
            return "OUT_OF_BOUNDS_NO_POE"
        return None if revocation == "never" else "REVOKED_NO_POE"
    return "REVOKED_NO_POE" if revocation == "before" else None


@pytest.mark.parametrize("when", MOMENTS)
@pytest.mark.parametrize("revocation", REVOCATIONS)
@pytest.mark.parametrize("level", LEVELS)
def test_asked_at(case: Case, files: dict[str, bytes], level: str, revocation: str, when: str) -> None:
    moment = MOMENTS[when]
    (verdict,) = verify_pdf(files[level], trust_at(case, moment, REVOCATIONS[revocation]), moment).signatures
    sub = expected(level, revocation, when)
    assert (verdict.level, verdict.sub_indication) == (level, sub)
    assert verdict.indication == ("TOTAL-PASSED" if sub is None else "INDETERMINATE")
    if sub is None:
        assert verdict.best_time == (moment if level == "B" else NOW)


@pytest.mark.parametrize("level", LEVELS)
def test_known_not_to_have_existed_before_the_revocation(case: Case, files: dict[str, bytes], level: str) -> None:
    """What was put online after the revocation was signed after it: revoked for good (5.2.6.4)."""
    trust = trust_at(case, MOMENTS["alive"], REVOCATIONS["before"])
    since = NOW - DAY / 48
    (verdict,) = verify_pdf(files[level], trust, MOMENTS["alive"], since).signatures
    assert (verdict.indication, verdict.sub_indication) == ("TOTAL-FAILED", "REVOKED")
