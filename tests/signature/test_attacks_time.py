"""Attacks on certificates, revocation answers and timestamps: none may pass, and what is honest must."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from asn1crypto import cms
from asn1crypto.ocsp import OCSPResponse
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from api.sandbox import certificates, pki
from api.sandbox.certificates import Authority
from signature.errors import Unreadable
from signature.making.cades import sign_cades
from signature.trust import Trust
from signature.verify import examine
from tests.signature.authorities import (
    CONTENT,
    REVOKED,
    SPAN,
    UNKNOWN,
    Case,
    case_of,
    crl_of,
    der,
    held,
    judged,
    made,
    rogue,
    signer_extensions,
    stamper,
)
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY, key_of


@pytest.fixture(scope="module")
def case(bench: Bench) -> Case:
    return case_of(bench)


def test_a_good_answer_is_enough(case: Case) -> None:
    assert judged(case.token, case.trust(case.answer())) == ("TOTAL-PASSED", None)


def test_an_answer_signed_by_the_authority_itself(case: Case) -> None:
    assert judged(case.token, case.trust(case.answer(by=case.issuing))) == ("TOTAL-PASSED", None)


def test_a_revoked_answer(case: Case) -> None:
    assert judged(case.token, case.trust(case.answer(REVOKED))) == ("INDETERMINATE", "REVOKED_NO_POE")


def _tampered(answer: bytes) -> bytes:
    response = OCSPResponse.load(answer)
    basic = response["response_bytes"]["response"].parsed
    value = bytearray(basic["signature"].native)
    at = answer.index(bytes(value))
    return answer[: at + 20] + bytes([answer[at + 20] ^ 1]) + answer[at + 21 :]


@pytest.mark.parametrize(
    "how",
    ["unknown", "not delegated", "signer as responder", "another authority", "rogue responder", "other certificate",
     "tampered", "stale", "from the future"],
)  # fmt: skip
def test_a_bad_answer_proves_nothing(case: Case, tmp_path: Path, how: str) -> None:
    usage = certificates.for_tsa()[:1]
    stranger = rogue(tmp_path, "issuing")
    root = pki.authority(case.bench.folder, "root")
    answer = {
        "unknown": lambda: case.answer(UNKNOWN),
        "not delegated": lambda: case.answer(by=made("R", case.issuing, usage)),
        "signer as responder": lambda: case.answer(by=case.own),
        "another authority": lambda: case.answer(by=made("R", root, certificates.for_ocsp())),
        "rogue responder": lambda: case.answer(by=made("R", stranger, certificates.for_ocsp())),
        "other certificate": lambda: case.answer(about=made("Ali", case.issuing, signer_extensions())),
        "tampered": lambda: _tampered(case.answer()),
        "stale": lambda: case.answer(at=NOW - 300 * DAY),
        "from the future": lambda: case.answer(at=NOW + 30 * DAY),
    }[how]()
    assert judged(case.token, case.trust(answer))[0] != "TOTAL-PASSED"


def test_a_replayed_good_answer_against_a_fresh_list(case: Case) -> None:
    stale = case.answer(at=NOW - DAY / 2)
    assert judged(case.token, case.trust(stale, crl=crl_of(case.issuing, case.own)))[0] != "TOTAL-PASSED"


@pytest.mark.parametrize("how", ["stale", "rogue", "by another name", "by the root"])
def test_a_bad_list_proves_nothing(case: Case, tmp_path: Path, how: str) -> None:
    root = pki.authority(case.bench.folder, "root")
    listed = {
        "stale": lambda: crl_of(case.issuing, at=NOW - 300 * DAY),
        "rogue": lambda: crl_of(rogue(tmp_path, "issuing")),
        "by another name": lambda: crl_of(made("Autre", root, certificates.for_authority(0))),
        "by the root": lambda: crl_of(Authority(case.issuing.certificate, root.key)),
    }[how]()
    assert judged(case.token, case.trust(crl=crl_of(case.issuing))) == ("TOTAL-PASSED", None)
    assert judged(case.token, case.trust(crl=listed))[0] != "TOTAL-PASSED"


def test_a_revoked_authority(case: Case) -> None:
    root = pki.authority(case.bench.folder, "root")
    revoked = crl_of(root, case.issuing, since=NOW - 9 * DAY)
    trust = replace(case.bench.trust(), crls=(revoked, crl_of(case.issuing)))
    assert judged(case.token, trust)[0] != "TOTAL-PASSED"


def test_an_issuing_authority_as_the_anchor(case: Case) -> None:
    """As trusted lists name them: with its own list, its signers pass; another authority's do not."""
    trust = Trust(anchors=der(case.issuing), crls=(crl_of(case.issuing),))
    assert judged(case.token, trust) == ("TOTAL-PASSED", None)
    assert judged(case.token, replace(trust, crls=(crl_of(case.issuing, case.own),)))[0] != "TOTAL-PASSED"


CRITICAL = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")


@pytest.mark.parametrize(
    "how", ["leaf as authority", "CA:false", "path too long", "critical extension", "self-signed", "rogue", "old CA"]
)
def test_a_bad_chain(case: Case, tmp_path: Path, how: str) -> None:
    root = pki.authority(case.bench.folder, "root")
    not_ca = [(x509.BasicConstraints(ca=False, path_length=None), True), certificates.for_authority(0)[1]]
    above = {
        "leaf as authority": lambda: case.own,
        "CA:false": lambda: made("Fausse AC", root, not_ca),
        "path too long": lambda: made("AC de trop", case.issuing, certificates.for_authority(0)),
        "critical extension": lambda: case.issuing,
        "self-signed": lambda: case.issuing,
        "rogue": lambda: rogue(tmp_path, "issuing"),
        "old CA": lambda: made("AC finie", root, certificates.for_authority(0), (NOW - 9 * DAY, NOW - DAY)),
    }[how]()
    more = [(CRITICAL, True)] if how == "critical extension" else []
    own = made("Jeanne Martin", above, signer_extensions() + more)
    if how == "self-signed":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = certificates.name_of("Jeanne Martin", "Menuiserie Essai", "00000000100019")
        own = Authority(certificates.build(subject, key.public_key(), key, SPAN, signer_extensions()), key)
    lists = (*case.bench.trust().crls, crl_of(above), crl_of(case.issuing))
    trust = replace(case.bench.trust(), crls=lists)
    assert judged(sign_cades(CONTENT, held(own, above, case.issuing), None, NOW), trust)[0] != "TOTAL-PASSED"


@pytest.mark.parametrize("how", ["good", "no usage", "a signer", "rogue", "expired"])
def test_who_stamps(case: Case, tmp_path: Path, how: str) -> None:
    usage = certificates.for_tsa()
    own = {
        "good": lambda: made("H", case.issuing, usage),
        "no usage": lambda: made("H", case.issuing, usage[:1]),
        "a signer": lambda: case.own,
        "rogue": lambda: rogue(tmp_path, "tsa"),
        "expired": lambda: made("H", case.issuing, usage, (NOW - 9 * DAY, NOW - 8 * DAY)),
    }[how]()
    token = sign_cades(CONTENT, held(case.own, case.issuing), stamper(own, NOW, case.issuing), NOW)
    answer = judged(token, case.trust(crl=crl_of(case.issuing)))
    assert (answer[0] == "TOTAL-PASSED") == (how == "good")


@pytest.mark.parametrize(("since", "passes"), [(NOW - DAY / 24, True), (NOW - DAY / 4, False)])
def test_revoked_around_the_timestamp(case: Case, since: datetime, passes: bool) -> None:
    token = sign_cades(CONTENT, held(case.own, case.issuing), case.bench.stamp(NOW - DAY / 8), NOW)
    answer = judged(token, case.trust(crl=crl_of(case.issuing, case.own, since=since)))
    assert (answer[0] == "TOTAL-PASSED") == passes


@pytest.fixture(scope="module")
def stamped(bench: Bench) -> bytes:
    return sign_cades(CONTENT, key_of(bench, "p256"), bench.stamp(), NOW)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_bit_passes_with_another_meaning(bench: Bench, stamped: bytes, data: st.DataObject) -> None:
    """In the signed attributes, the value or the certificate; a bit that passes must have changed nothing signed."""
    info = cms.ContentInfo.load(stamped)["content"]
    signer = info["signer_infos"][0]
    number = signer["sid"].chosen["serial_number"].native
    (own,) = (c.chosen for c in info["certificates"] if c.chosen.serial_number == number)
    parts = [signer["signed_attrs"].contents, signer["signature"].contents, own.contents]
    part = data.draw(st.sampled_from(parts))
    bit = data.draw(st.integers(0, 8 * len(part) - 1))
    at = stamped.index(part) + bit // 8
    flipped = stamped[:at] + bytes([stamped[at] ^ (1 << bit % 8)]) + stamped[at + 1 :]
    try:
        (verdict,) = examine(flipped, bench.trust(), NOW, None, {"acte": CONTENT}).signatures
    except Unreadable:
        return
    assert verdict.indication != "TOTAL-PASSED"
