"""Timestamps that must prove nothing: weak digests, bits changed, another's, an authority not made for that."""

from typing import Any

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from api.sandbox import certificates
from signature.errors import Unreadable
from signature.verdict import SignatureVerdict
from signature.verify import examine
from tests.signature.authorities import CONTENT, Case, case_of, crl_of
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY
from tests.signature.tokens import Stamper, carrying, stamping, value_of

EARLIER = NOW - DAY / 24


@pytest.fixture(scope="module")
def case(bench: Bench) -> Case:
    return case_of(bench)


@pytest.fixture(scope="module")
def stamper(case: Case) -> Stamper:
    return stamping(case.issuing)


def verdict(case: Case, token: bytes) -> SignatureVerdict:
    trust = case.trust(crl=crl_of(case.issuing))
    (found,) = examine(token, trust, NOW, None, {"acte": CONTENT}).signatures
    return found


def refused(case: Case, token: bytes) -> None:
    """No proven time, no pass, and a sentence on the timestamp."""
    found = verdict(case, token)
    assert found.indication != "TOTAL-PASSED"
    assert not found.timestamped
    assert found.best_time == NOW
    assert "horodatage" in found.reason


def test_a_token_arranged_by_hand_proves_its_time(case: Case, stamper: Stamper) -> None:
    signed = case.token
    found = verdict(case, carrying(signed, stamper.token(value_of(signed), EARLIER)))
    assert (found.indication, found.timestamped, found.best_time) == ("TOTAL-PASSED", True, EARLIER)


@pytest.mark.parametrize("weak", ["sha1", "md5"])
@pytest.mark.parametrize("where", ["imprint", "signature", "digest of the signature"])
def test_a_weak_digest_in_the_timestamp_only(case: Case, stamper: Stamper, weak: str, where: str) -> None:
    signed = case.token
    how = {
        "imprint": {"imprint": weak},
        "signature": {"digest": weak},
        "digest of the signature": {"sid": weak},
    }[where]
    refused(case, carrying(signed, stamper.token(value_of(signed), EARLIER, **how)))


def test_a_good_token_beside_a_weak_one(case: Case, stamper: Stamper) -> None:
    signed = case.token
    weak = stamper.token(value_of(signed), NOW - DAY / 2, imprint="sha1")
    found = verdict(case, carrying(signed, weak, stamper.token(value_of(signed), EARLIER)))
    assert (found.indication, found.best_time) == ("TOTAL-PASSED", EARLIER)


@pytest.mark.parametrize("other", [b"", CONTENT, b"another signature value"])
def test_a_token_over_something_else(case: Case, stamper: Stamper, other: bytes) -> None:
    refused(case, carrying(case.token, stamper.token(other, EARLIER)))


def _usage(*usages: x509.ObjectIdentifier, critical: bool = True) -> Any:
    return [certificates.for_tsa()[0], (x509.ExtendedKeyUsage(list(usages)), critical)]


STAMPING, SIGNING = ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING


@pytest.mark.parametrize(
    "extensions",
    [
        _usage(STAMPING, critical=False),
        _usage(STAMPING, SIGNING),
        _usage(STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
        _usage(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
        _usage(SIGNING),
        certificates.for_tsa()[:1],
    ],
)
def test_an_authority_not_made_for_timestamps_alone(case: Case, extensions: Any) -> None:
    """RFC 3161, 2.3: the extended key usage is critical, and only id-kp-timeStamping."""
    signed, own = case.token, stamping(case.issuing, extensions)
    refused(case, carrying(signed, own.token(value_of(signed), EARLIER)))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_flipped_bit_of_a_token_gives_a_time(case: Case, stamper: Stamper, good: bytes, data: st.DataObject) -> None:
    """In TSTInfo, the signed attributes or the value: the time it then tells is proven by nobody."""
    (attribute,) = cms.ContentInfo.load(good)["content"]["signer_infos"][0]["unsigned_attrs"]
    inner = attribute["values"][0]["content"]
    signer = inner["signer_infos"][0]
    parts = [
        inner["encap_content_info"]["content"].contents,
        signer["signed_attrs"].contents,
        signer["signature"].contents,
    ]
    part = data.draw(st.sampled_from(parts))
    bit = data.draw(st.integers(0, 8 * len(part) - 1))
    at = good.index(part) + bit // 8
    flipped = good[:at] + bytes([good[at] ^ (1 << bit % 8)]) + good[at + 1 :]
    try:
        found = verdict(case, flipped)
    except Unreadable:
        return
    assert (found.indication, found.timestamped) != ("TOTAL-PASSED", True)
    assert not found.timestamped
    assert found.reason


@pytest.fixture(scope="module")
def good(case: Case, stamper: Stamper) -> bytes:
    signed = case.token
    return carrying(signed, stamper.token(value_of(signed), EARLIER))
