"""The corpus: each way a signed PDF can be good or bad, with the indication it must get."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pypdf import PdfWriter

from api.sandbox import pki
from signature.errors import Unreadable
from signature.kinds import kind_of
from signature.trust import Trust, TrustedService, TrustList, trust_from_files
from signature.verdict import SignatureVerdict
from signature.verify import verify, verify_pdf
from tests.signature.conftest import NOW, Bench

DAY = timedelta(days=1)


def one(pdf: bytes, trust: Trust, now: datetime = NOW, not_before: datetime | None = None) -> SignatureVerdict:
    (verdict,) = verify_pdf(pdf, trust, now, not_before).signatures
    return verdict


def outcome(verdict: SignatureVerdict) -> tuple[str, str | None]:
    return verdict.indication, verdict.sub_indication


def points(verdict: SignatureVerdict) -> list[bool | None]:
    return [point.holds for point in verdict.arrete_2019.points]


def test_good_b(bench: Bench) -> None:
    report = verify_pdf(bench.sign(), bench.trust(), NOW)
    (verdict,) = report.signatures
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert (verdict.level, verdict.qualification, verdict.scope) == ("B", "AdESig-QC", "FULL")
    assert verdict.signer == "Jeanne Martin (Menuiserie Essai, NTRFR-000000001)"
    assert points(verdict) == [True] * 5
    assert verdict.arrete_2019.receivable is True
    assert (report.format, report.unsigned, report.holds) == ("PAdES", (), True)


def test_good_t(bench: Bench) -> None:
    verdict = one(bench.sign_t(stamped=NOW - DAY / 24), bench.trust())
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert (verdict.level, verdict.best_time, verdict.timestamped) == ("T", NOW - DAY / 24, True)


def test_the_report_has_the_keys_scripts_rely_on(bench: Bench) -> None:
    shape = verify_pdf(bench.sign(), bench.trust(), NOW).as_dict()
    assert {"format", "signatures", "unsigned"} <= shape.keys()
    (signature,) = shape["signatures"]
    assert {
        "indication", "sub_indication", "qualification", "level", "signer", "best_time", "scope",
        "covers_whole_document", "changes_after", "arrete_2019",
    } <= signature.keys()  # fmt: skip
    assert [p["number"] for p in signature["arrete_2019"]["points"]] == [1, 2, 3, 4, 5]
    assert datetime.fromisoformat(signature["best_time"]) == NOW
    assert signature["arrete_2019"]["receivable"] is True


def test_without_a_trust_list_nothing_is_said_of_receivability(bench: Bench) -> None:
    verdict = one(bench.sign(), replace(bench.trust(), trust_list=None))
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert verdict.qualification == "Indeterminate AdESig-QC"
    assert verdict.arrete_2019.receivable is None
    assert points(verdict) == [True, None, True, True, True]


@pytest.mark.parametrize(
    "service",
    [
        {"kind": "TSA/QTST"},
        {"granted_from": NOW + DAY},
        {"granted_until": NOW - DAY},
        {"for_signatures": False},
    ],
)
def test_the_list_counts_at_the_time_and_for_the_service(bench: Bench, service: dict[str, object]) -> None:
    trust = bench.trust()
    assert trust.trust_list is not None
    changed = TrustedService(**(vars(trust.trust_list.services[0]) | service))
    verdict = one(bench.sign(), replace(trust, trust_list=TrustList((changed,))))
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert points(verdict)[1] is False
    assert verdict.arrete_2019.receivable is False


def test_a_flipped_byte(bench: Bench) -> None:
    pdf = bench.sign()
    at = pdf.index(b"595")
    verdict = one(pdf[:at] + b"596" + pdf[at + 3 :], bench.trust())
    assert outcome(verdict) == ("TOTAL-FAILED", "HASH_FAILURE")
    assert points(verdict)[4] is False
    assert verdict.arrete_2019.receivable is False


def test_a_flipped_nibble_of_the_signature(bench: Bench) -> None:
    pdf = bench.sign()
    value = PdfFileReader(BytesIO(pdf)).embedded_signatures[0].signer_info["signature"].native.hex().encode()
    at = pdf.lower().index(value) + len(value) - 1
    flipped = b"0" if pdf[at : at + 1] != b"0" else b"1"
    verdict = one(pdf[:at] + flipped + pdf[at + 1 :], bench.trust())
    assert outcome(verdict) == ("TOTAL-FAILED", "SIG_CRYPTO_FAILURE")


def test_an_annotation_added_after(bench: Bench) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(bench.sign()))
    page = writer.root["/Pages"]["/Kids"][0]
    note = generic.DictionaryObject(  # type: ignore[no-untyped-call]
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (100, 100, 300, 150))),
            generic.pdf_name("/Contents"): generic.pdf_string("Montant : 900 000 EUR"),
        }
    )
    page["/Annots"] = generic.ArrayObject([*page.get("/Annots", []), writer.add_object(note)])
    writer.update_container(page)
    output = BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    report = verify_pdf(output.getvalue(), bench.trust(), NOW)
    (verdict,) = report.signatures
    assert outcome(verdict) == ("TOTAL-FAILED", "FORMAT_FAILURE")
    assert "modifié après la signature" in verdict.reason
    assert not verdict.covers_whole_document
    assert report.unsigned


def test_a_page_changed_after(bench: Bench) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(bench.sign()))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/MediaBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 100, 100)))
    writer.update_container(page)
    output = BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    assert outcome(one(output.getvalue(), bench.trust())) == ("TOTAL-FAILED", "FORMAT_FAILURE")


def test_bytes_without_effect_at_the_end_are_told(bench: Bench) -> None:
    report = verify_pdf(bench.sign() + b"\n% rien\n", bench.trust(), NOW)
    (verdict,) = report.signatures
    assert not verdict.covers_whole_document
    assert report.unsigned


def test_the_byte_range_erased(bench: Bench) -> None:
    pdf = bench.sign()
    start = pdf.index(b"/ByteRange")
    end = pdf.index(b"]", start) + 1
    assert outcome(one(pdf[:start] + b" " * (end - start) + pdf[end:], bench.trust())) == (
        "TOTAL-FAILED",
        "FORMAT_FAILURE",
    )


def test_revoked_without_proof_of_the_date(bench: Bench) -> None:
    verdict = one(bench.sign(bench.signer(revoked=True)), bench.trust())
    assert outcome(verdict) == ("INDETERMINATE", "REVOKED_NO_POE")
    assert points(verdict)[3] is False
    assert verdict.arrete_2019.receivable is False


def test_revoked_before_the_document_existed(bench: Bench) -> None:
    verdict = one(bench.sign(bench.signer(revoked=True)), bench.trust(), not_before=NOW)
    assert outcome(verdict) == ("TOTAL-FAILED", "REVOKED")


def test_revoked_after_the_timestamp(bench: Bench) -> None:
    verdict = one(bench.sign_t(bench.signer(revoked=True), stamped=NOW - DAY / 8), bench.trust())
    assert outcome(verdict) == ("TOTAL-PASSED", None)


def test_expired_without_proof_of_the_date(bench: Bench) -> None:
    pdf = bench.sign(bench.signer(expired=True), at=NOW - 2 * DAY)
    assert outcome(one(pdf, bench.trust())) == ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE")


def test_expired_before_the_document_existed(bench: Bench) -> None:
    pdf = bench.sign(bench.signer(expired=True), at=NOW - 2 * DAY)
    assert outcome(one(pdf, bench.trust(), not_before=NOW)) == ("TOTAL-FAILED", "EXPIRED")


def test_timestamp_after_the_certificate_expired(bench: Bench) -> None:
    pdf = bench.sign_t(bench.signer(expired=True), at=NOW - 2 * DAY, stamped=NOW)
    verdict = one(pdf, bench.trust())
    assert outcome(verdict) == ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE")
    assert points(verdict)[3] is False


def test_timestamp_before_the_certificate_expired(bench: Bench) -> None:
    pdf = bench.sign_t(bench.signer(expired=True), at=NOW - 2 * DAY, stamped=NOW - 2 * DAY)
    assert outcome(one(pdf, bench.trust())) == ("TOTAL-PASSED", None)


def test_stamped_then_revoked_then_expired(bench: Bench) -> None:
    key = bench.signer(expired=True, revoked=True)
    pdf = bench.sign_t(key, at=NOW - 2 * DAY, stamped=NOW - DAY - timedelta(seconds=1))
    assert outcome(one(pdf, bench.trust())) == ("TOTAL-PASSED", None)


def test_timestamp_in_the_future(bench: Bench) -> None:
    verdict = one(bench.sign_t(stamped=NOW + 300 * DAY), bench.trust())
    assert outcome(verdict) == ("INDETERMINATE", "TIMESTAMP_ORDER_FAILURE")


def test_timestamp_before_the_certificate_began(bench: Bench) -> None:
    verdict = one(bench.sign_t(stamped=NOW - 5 * DAY), bench.trust())
    assert outcome(verdict) == ("TOTAL-FAILED", "NOT_YET_VALID")


def test_timestamp_before_the_document_existed(bench: Bench) -> None:
    verdict = one(bench.sign_t(stamped=NOW - DAY / 2), bench.trust(), not_before=NOW)
    assert outcome(verdict) == ("INDETERMINATE", "TIMESTAMP_ORDER_FAILURE")


def test_a_timestamp_in_whole_seconds_may_read_a_little_before_the_document(bench: Bench) -> None:
    made = NOW + timedelta(milliseconds=700)
    verdict = one(bench.sign_t(stamped=NOW), bench.trust(), made + DAY, not_before=made)
    assert outcome(verdict) == ("TOTAL-PASSED", None)


def test_timestamp_of_an_authority_nobody_trusts(bench: Bench, tmp_path: Path) -> None:
    stranger = Bench(pki.ensure(tmp_path / "pki", NOW), bench.pdf)
    own = bench.signer()
    pdf = Bench.sign_t(Bench(stranger.folder, bench.pdf), own)
    verdict = one(pdf, bench.trust())
    assert verdict.indication == "INDETERMINATE"
    assert "horodatage" in verdict.reason
    assert points(verdict)[0] is True
    assert verdict.arrete_2019.receivable is None


def test_another_authority_of_the_same_name(bench: Bench, tmp_path: Path) -> None:
    rogue = Bench(pki.ensure(tmp_path / "pki", NOW), bench.pdf)
    verdict = one(rogue.sign(), bench.trust())
    assert outcome(verdict) == ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")
    assert points(verdict)[0] is False
    assert verdict.arrete_2019.receivable is False


def test_a_key_that_is_not_for_signing(bench: Bench) -> None:
    verdict = one(bench.sign(bench.signer(key_usage_ok=False)), bench.trust())
    assert outcome(verdict) == ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE")


def test_a_seal_is_not_a_signature(bench: Bench) -> None:
    verdict = one(bench.sign(bench.signer(seal=True)), bench.trust())
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert verdict.qualification == "AdESeal-QC"
    assert points(verdict)[1] is False
    assert verdict.arrete_2019.receivable is False


def test_no_revocation_list(bench: Bench) -> None:
    verdict = one(bench.sign(), replace(bench.trust(), crls=()))
    assert outcome(verdict) == ("INDETERMINATE", "CERTIFICATE_CHAIN_GENERAL_FAILURE")
    assert points(verdict)[3] is None
    assert verdict.arrete_2019.receivable is None


def test_an_old_revocation_list(bench: Bench) -> None:
    verdict = one(bench.sign(), bench.trust(), NOW + 10 * DAY)
    assert outcome(verdict) == ("INDETERMINATE", "TRY_LATER")


def test_an_unsigned_pdf(bench: Bench) -> None:
    report = verify_pdf(bench.pdf, bench.trust(), NOW)
    assert (report.format, report.signatures, report.holds) == ("PDF", (), False)
    assert report.unsigned


def test_two_signatures(bench: Bench) -> None:
    pdf = bench.sign(bench.signer("Ali Benali"), pdf=bench.sign())
    first, second = verify_pdf(pdf, bench.trust(), NOW).signatures
    assert outcome(first) == outcome(second) == ("TOTAL-PASSED", None)
    assert (first.covers_whole_document, second.covers_whole_document) == (False, True)
    assert first.changes_after == ("une autre signature a été ajoutée après celle-ci",)
    assert second.signer.startswith("Ali Benali")
    assert first.arrete_2019.receivable is True


def _sign_otherwise(bench: Bench, md: str, subfilter: SigSeedSubFilter) -> bytes:
    key = bench.signer()
    signer = SimpleSigner.load_pkcs12_data(key.content, (), key.password.encode())
    metadata = PdfSignatureMetadata(field_name="Autre", md_algorithm=md, subfilter=subfilter)
    output = sign_pdf(IncrementalPdfFileWriter(BytesIO(bench.pdf)), metadata, signer)
    return bytes(output.getvalue())


def test_sha1(bench: Bench) -> None:
    verdict = one(_sign_otherwise(bench, "sha1", SigSeedSubFilter.PADES), bench.trust())
    assert outcome(verdict) == ("INDETERMINATE", "CRYPTO_CONSTRAINTS_FAILURE")


def test_a_pdf_signature_that_is_not_pades(bench: Bench) -> None:
    verdict = one(_sign_otherwise(bench, "sha256", SigSeedSubFilter.ADOBE_PKCS7_DETACHED), bench.trust())
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert verdict.level == "PKCS7-B"
    assert points(verdict)[2] is False
    assert verdict.arrete_2019.receivable is False


def _encrypted(pdf: bytes) -> bytes:
    writer = PdfWriter(BytesIO(pdf))
    writer.encrypt("secret", algorithm="AES-256")
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


@pytest.mark.parametrize(
    "how", ["truncated", "cut in the signature", "cut early", "garbage", "empty", "encrypted", "header only"]
)
def test_an_unreadable_file_gets_a_sentence(bench: Bench, how: str) -> None:
    content = {
        "truncated": bench.sign()[:900],
        "cut in the signature": bench.sign()[: bench.sign().index(b"/Contents") + 500],
        "cut early": bench.sign()[:300],
        "garbage": b"%PDF-1.7\n" + bytes(range(256)) * 40 + b"\n%%EOF",
        "empty": b"",
        "encrypted": _encrypted(bench.pdf),
        "header only": b"%PDF-1.7\n%%EOF",
    }[how]
    with pytest.raises(Unreadable) as caught:
        verify(content, bench.trust(), NOW.isoformat())
    assert caught.value.sentence.endswith(".")
    assert pickle.loads(pickle.dumps(caught.value)).sentence == caught.value.sentence


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"<?xml version='1.0'?><ds:Signature/>", "XAdES", "XML abîmé"),
        (b"PK\x03\x04rest", "ASiC", "conteneur"),
        (b"\x30\x82\x01\x00", "CAdES", "CMS abîmé"),
        (b"-----BEGIN PKCS7-----", "CAdES", "CMS abîmé"),
        (b"bonjour", "", "ni un PDF"),
    ],
)
def test_a_broken_file_of_each_format_gets_a_sentence(content: bytes, kind: str, sentence: str) -> None:
    assert kind_of(content) == kind
    with pytest.raises(Unreadable, match=sentence):
        verify(content, Trust(), NOW.isoformat())


def test_the_result_travels_between_processes(bench: Bench) -> None:
    report = verify(bench.sign(), pickle.loads(pickle.dumps(bench.trust())), NOW.isoformat())
    assert pickle.loads(pickle.dumps(report)) == report


def test_trust_from_files(bench: Bench) -> None:
    root, issuing = (pki.certificate(bench.folder, n).public_bytes(Encoding.PEM) for n in ("root", "issuing"))
    crls = [pki.crl(bench.folder, name, NOW) for name in ("root", "issuing")]
    assert outcome(one(bench.sign(), trust_from_files([root], [issuing], crls))) == ("TOTAL-PASSED", None)


@pytest.mark.parametrize("files", [([b"x"], [], []), ([], [b"-----BEGIN CERTIFICATE-----"], []), ([], [], [b"x"])])
def test_unreadable_trust_gets_a_sentence(files: tuple[list[bytes], list[bytes], list[bytes]]) -> None:
    with pytest.raises(Unreadable, match="illisible"):
        trust_from_files(*files)


def test_a_moment_without_offset_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="offset"):
        verify(bench.pdf, Trust(), datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None).isoformat())
