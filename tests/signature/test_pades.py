"""Signing: what comes out verifies, and each thing a person can get wrong gets one sentence."""

import hashlib
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from api.sandbox import pki
from procurement.errors import Unavailable
from signature.errors import SignatureError
from signature.facts import Embedded
from signature.making import desk
from signature.making.keys import Pkcs12
from signature.making.pades import sign_pades
from signature.trust import Trust
from signature.verify import verify_pdf
from tests.signature.conftest import NOW, PASSWORD, Bench


def test_the_signed_file_keeps_the_document_and_says_when_and_why(bench: Bench) -> None:
    signed = sign_pades(bench.pdf, bench.signer(), "B", None, NOW, "Pour accord", "Lyon")
    assert signed.content.startswith(bench.pdf)
    assert signed.sha256 == hashlib.sha256(signed.content).hexdigest()
    assert signed.level == "B"
    value = PdfReader(BytesIO(signed.content)).get_fields()["Signature1"]["/V"]  # type: ignore[index]
    assert (value["/Reason"], value["/Location"]) == ("Pour accord", "Lyon")
    assert "20251123" in value["/M"]


def test_signing_again_takes_another_field(bench: Bench) -> None:
    twice = bench.sign(pdf=bench.sign())
    assert [s.field for s in verify_pdf(twice, bench.trust(), NOW).signatures] == ["Signature1", "Signature2"]


def test_the_plain_call_for_a_worker(bench: Bench) -> None:
    key = bench.signer()
    signed = desk.pades(bench.pdf, key, "T", bench.stamp(), NOW.isoformat(), Embedded())
    (verdict,) = verify_pdf(signed.content, bench.trust(), NOW).signatures
    assert (verdict.indication, verdict.level) == ("TOTAL-PASSED", "T")


def test_the_password_is_not_shown(bench: Bench) -> None:
    assert PASSWORD not in repr(Pkcs12(b"", PASSWORD))


def _no_key(bench: Bench) -> bytes:
    root = pki.certificate(bench.folder, "root")
    return pkcs12.serialize_key_and_certificates(b"x", None, None, [root], BestAvailableEncryption(PASSWORD.encode()))


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("wrong password", "mot de passe"),
        ("broken key", "illisible"),
        ("no key", "ne contient pas"),
        ("expired", "a expiré"),
        ("not yet", "pas encore valable"),
    ],
)
def test_a_bad_key_gets_a_sentence(bench: Bench, case: str, sentence: str) -> None:
    good = bench.signer()
    key, now = {
        "wrong password": (Pkcs12(good.content, "autre"), NOW),
        "broken key": (Pkcs12(good.content[:200], PASSWORD), NOW),
        "no key": (Pkcs12(_no_key(bench), PASSWORD), NOW),
        "expired": (bench.signer(expired=True), NOW),
        "not yet": (good, NOW.replace(year=2020)),
    }[case]
    with pytest.raises(SignatureError, match=sentence):
        sign_pades(bench.pdf, key, "B", None, now)


def _encrypted(pdf: bytes) -> bytes:
    writer = PdfWriter(BytesIO(pdf))
    writer.encrypt("", "owner", algorithm="AES-256")
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


@pytest.mark.parametrize("case", ["encrypted", "broken", "empty", "not a pdf"])
def test_a_bad_document_gets_a_sentence(bench: Bench, case: str) -> None:
    content = {"encrypted": _encrypted(bench.pdf), "broken": bench.pdf[:200], "empty": b"", "not a pdf": b"PK\x03\x04"}
    with pytest.raises(SignatureError, match="protégé" if case == "encrypted" else "pas un PDF lisible"):
        sign_pades(content[case], bench.signer(), "B", None, NOW)


@pytest.mark.parametrize(("level", "sentence"), [("LT", "révocation"), ("LTA", "révocation"), ("Z", "n’existe pas")])
def test_levels_that_are_not_made(bench: Bench, level: str, sentence: str) -> None:
    with pytest.raises(SignatureError, match=sentence):
        sign_pades(bench.pdf, bench.signer(), level, bench.stamp(), NOW)


def test_the_long_term_levels_carry_their_proofs(bench: Bench) -> None:
    trust = bench.trust()
    proofs = Embedded(trust.intermediates, trust.crls)
    years = NOW.replace(year=NOW.year + 3)
    alone = Trust(trust.anchors, trust_list=trust.trust_list)
    for level, later, known in (("LT", NOW, alone), ("LTA", NOW, alone), ("LTA", years, bench.trust(years))):
        signed = sign_pades(bench.pdf, bench.signer(), level, bench.stamp(), NOW, material=proofs)
        (verdict,) = verify_pdf(signed.content, known, later).signatures
        assert (verdict.indication, verdict.level, verdict.best_time) == ("TOTAL-PASSED", level, NOW)


def test_level_t_needs_a_timestamp(bench: Bench) -> None:
    with pytest.raises(SignatureError, match="horodatage"):
        sign_pades(bench.pdf, bench.signer(), "T", None, NOW)


def test_a_failing_service_says_its_own_sentence(bench: Bench) -> None:
    def down(request: bytes) -> bytes:
        raise Unavailable("Le service d’horodatage ne répond pas.")

    with pytest.raises(Unavailable, match="ne répond pas"):
        sign_pades(bench.pdf, bench.signer(), "T", down, NOW)


def test_a_token_for_another_request_is_refused(bench: Bench) -> None:
    stamp, seen = bench.stamp(), []

    def replay(request: bytes) -> bytes:
        seen.append(request)
        return stamp(seen[0])

    sign_pades(bench.pdf, bench.signer(), "T", replay, NOW)
    with pytest.raises(SignatureError, match="ne correspond pas"):
        sign_pades(bench.pdf, bench.signer(), "T", replay, NOW)


def test_a_refusing_service_is_told(bench: Bench) -> None:
    stamp = bench.stamp()
    with pytest.raises(SignatureError, match="a refusé"):
        sign_pades(bench.pdf, bench.signer(), "T", lambda request: stamp(b"\x30\x00"), NOW)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200))
def test_any_answer_of_the_service_gets_a_sentence(bench: Bench, answer: bytes) -> None:
    with pytest.raises(SignatureError):
        sign_pades(bench.pdf, bench.signer(), "T", lambda request: answer, NOW)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_flipped_byte_of_the_signed_part_passes(bench: Bench, data: st.DataObject) -> None:
    pdf = bytearray(bench.sign())
    begin = pdf.index(b"/Contents <") + len(b"/Contents ") if b"/Contents <" in pdf else pdf.index(b"/Contents")
    at = data.draw(st.integers(0, min(begin, len(bench.pdf)) - 1))
    pdf[at] ^= data.draw(st.integers(1, 255))
    try:
        report = verify_pdf(bytes(pdf), bench.trust(), NOW)
    except Exception as error:
        assert type(error).__name__ == "Unreadable"  # noqa: PT017
        return
    assert not report.holds
