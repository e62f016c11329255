"""What the standard library of signing accepts too easily, and the long-term levels made by others."""

from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfWriter

from signature.making.stamps import FunctionTimeStamper
from signature.verify import verify_pdf
from tests.signature.conftest import NOW, Bench

YEAR = timedelta(days=365)


def name(text: str) -> generic.NameObject:
    return generic.pdf_name(text)


def with_form(pdf: bytes) -> bytes:
    """The same PDF with one text field, « montant », of value 100."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    page = writer.root["/Pages"]["/Kids"][0]
    box = generic.ArrayObject(map(generic.NumberObject, (50, 700, 250, 730)))
    entries = {"/Type": name("/Annot"), "/Subtype": name("/Widget"), "/FT": name("/Tx"), "/Rect": box}
    entries |= {"/T": generic.pdf_string("montant"), "/V": generic.pdf_string("100")}
    field = generic.DictionaryObject({name(k): v for k, v in entries.items()})  # type: ignore[no-untyped-call]
    reference = writer.add_object(field)
    page["/Annots"] = generic.ArrayObject([reference])
    form = {name("/Fields"): generic.ArrayObject([reference])}
    writer.root["/AcroForm"] = writer.add_object(generic.DictionaryObject(form))  # type: ignore[no-untyped-call]
    writer.update_container(page)
    writer.update_root()  # type: ignore[no-untyped-call]
    return written(writer)


def written(writer: IncrementalPdfFileWriter) -> bytes:
    output = BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    return output.getvalue()


def test_a_form_value_changed_after_signing(bench: Bench) -> None:
    signed = bench.sign(pdf=with_form(bench.pdf))
    assert verify_pdf(signed, bench.trust(), NOW).holds
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    field = writer.root["/AcroForm"]["/Fields"][0]
    field["/V"] = generic.pdf_string("900000")
    writer.update_container(field)
    (verdict,) = verify_pdf(written(writer), bench.trust(), NOW).signatures
    assert (verdict.indication, verdict.sub_indication) == ("TOTAL-FAILED", "FORMAT_FAILURE")


def long_term(bench: Bench, *, lta: bool, moment: datetime = NOW) -> bytes:
    """A file as another tool would make it: PAdES B-LT or B-LTA."""
    key, trust = bench.signer(), bench.trust()
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(der) for der in trust.anchors],
        other_certs=[asn1_x509.Certificate.load(der) for der in trust.intermediates],
        crls=[asn1_crl.CertificateList.load(der) for der in trust.crls],
        allow_fetching=False,
        revocation_mode="require",
        moment=moment,
    )
    metadata = PdfSignatureMetadata(
        field_name="Ailleurs",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=True,
        use_pades_lta=lta,
        validation_context=context,
    )
    signer = SimpleSigner.load_pkcs12_data(key.content, (), key.password.encode())
    stamper = FunctionTimeStamper(bench.stamp(moment))
    output = sign_pdf(IncrementalPdfFileWriter(BytesIO(bench.pdf)), metadata, signer, timestamper=stamper)
    return bytes(output.getvalue())


@pytest.mark.parametrize("lta", [False, True])
def test_long_term_levels_need_nothing_more_than_the_root(bench: Bench, lta: bool) -> None:
    root_only = replace(bench.trust(), intermediates=(), crls=())
    (verdict,) = verify_pdf(long_term(bench, lta=lta), root_only, NOW).signatures
    assert (verdict.indication, verdict.sub_indication) == ("TOTAL-PASSED", None)
    assert verdict.level == ("LTA" if lta else "LT")
    assert verdict.best_time == NOW
    assert verdict.arrete_2019.receivable is True


def test_a_long_term_file_still_holds_after_the_certificate_expired(bench: Bench) -> None:
    later = NOW + 3 * YEAR
    (verdict,) = verify_pdf(long_term(bench, lta=True), bench.trust(later), later).signatures
    assert (verdict.indication, verdict.sub_indication, verdict.best_time) == ("TOTAL-PASSED", None, NOW)


def test_a_plain_signature_after_a_long_term_one(bench: Bench) -> None:
    pdf = bench.sign(pdf=long_term(bench, lta=True))
    first, second = verify_pdf(pdf, bench.trust(), NOW).signatures
    assert (first.indication, first.level) == ("TOTAL-PASSED", "LTA")
    assert (second.indication, second.level) == ("TOTAL-PASSED", "B")


def test_a_timestamp_added_later_to_a_signature_is_allowed(bench: Bench) -> None:
    (verdict,) = verify_pdf(long_term(bench, lta=True), bench.trust(), NOW).signatures
    assert verdict.changes_after == ("des éléments de preuve (horodatage, révocation) ont été ajoutés après celle-ci",)
    assert not verdict.covers_whole_document


def test_a_pdf_closed_only_to_changes_can_be_examined(bench: Bench) -> None:
    writer = PdfWriter(BytesIO(bench.pdf))
    writer.encrypt("", "owner", algorithm="AES-256")
    output = BytesIO()
    writer.write(output)
    assert verify_pdf(output.getvalue(), bench.trust(), NOW).signatures == ()
