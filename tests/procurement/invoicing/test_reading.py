"""The door: what is not an invoice gets one French sentence, whatever it is."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from api.sandbox import invoices
from api.sandbox.invoices import Draft, cii, facturx_pdf, page, ubl
from procurement.invoicing.invoice import MAX_FILE, InvoiceUnreadable
from procurement.invoicing.parsing import read_invoice, to_decimal
from procurement.invoicing.reading import MAX_XML, open_invoice, probe
from tests.procurement.invoicing.samples import BUYER, DRAFT, IBAN, SELLER, draft

Make = Callable[[Draft], bytes]


@pytest.mark.parametrize("make", [cii, ubl, facturx_pdf])
def test_the_three_forms_say_the_same(make: Make) -> None:
    invoice = read_invoice(make(DRAFT))
    assert (invoice.number, invoice.issued_on, invoice.type_code) == ("F-2026-001", date(2026, 10, 5), "380")
    assert (invoice.contract, invoice.engagement, invoice.process) == ("2026-0042", "EJ-77", "S1")
    assert (invoice.seller.sirets, invoice.seller.siren, invoice.seller.vat) == (
        (SELLER.siret,),
        "900000019",
        SELLER.vat,
    )
    assert (invoice.buyer.siret, invoice.buyer.services) == (BUYER.siret, ("VOIRIE",))
    assert (invoice.currency, invoice.ibans, invoice.is_b2g, invoice.is_credit) == ("EUR", (IBAN,), True, False)
    assert (invoice.totals.net, invoice.totals.vat, invoice.totals.gross) == (
        Decimal("961.38"),
        Decimal("186.24"),
        Decimal("1147.62"),
    )
    assert invoice.period == (date(2026, 9, 1), date(2026, 9, 30))
    assert [(line.code, line.unit_price, line.vat_rate) for line in invoice.lines] == [
        ("P1", Decimal("450.50"), Decimal("20")),
        ("P2", Decimal("20.125"), Decimal("10")),
    ]


@pytest.mark.parametrize("make", [cii, ubl])
def test_the_service_code_is_read_where_the_profile_leaves_it(make: Make) -> None:
    buyer = read_invoice(make(draft(profile=invoices.PROFILE_EN16931))).buyer
    assert (buyer.services, buyer.routed_services) == (("VOIRIE",), ())
    assert read_invoice(make(DRAFT)).buyer.routed_services == ("VOIRIE",)


def test_a_bom_and_blank_lines_are_no_obstacle() -> None:
    assert read_invoice(invoices.BREAKS["bom"](ubl(DRAFT))).number == "F-2026-001"
    assert probe(b"\n\n" + cii(DRAFT)) == "CII"


@pytest.mark.parametrize("name", ["doctype", "xxe", "laughs"])
@pytest.mark.parametrize("make", [cii, ubl])
def test_any_doctype_is_refused(make: Make, name: str) -> None:
    with pytest.raises(InvoiceUnreadable, match="DOCTYPE"):
        open_invoice(invoices.BREAKS[name](make(DRAFT)))


def test_a_doctype_in_another_encoding_is_refused() -> None:
    text = invoices.BREAKS["doctype"](ubl(DRAFT)).decode().replace("UTF-8", "UTF-16").replace("utf-8", "utf-16")
    with pytest.raises(InvoiceUnreadable, match=r"DOCTYPE|bien formé"):
        open_invoice(text.encode("utf-16"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "vide"),
        (b"  \n", "vide"),
        (b"bonjour", "document lisible"),
        (b"\x00\x01\x02", "document lisible"),
        (b"<a><b></a>", "ligne 1"),
        (b"<facture/>", "pas une facture CII ou UBL"),
        (b"%PDF-1.7 rien", "abîmé"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 40, "abîmé"),
        (b" " * (MAX_FILE + 1) + b"x", "trop gros"),
        (b"<a>" + b"x" * MAX_XML + b"</a>", "trop gros"),
        (b"<a>" * 5000, "bien formé"),
    ],
)
def test_what_is_not_an_invoice_is_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(InvoiceUnreadable, match=sentence) as error:
        open_invoice(content)
    assert error.value.sentence.endswith(".")


def test_half_an_invoice_is_refused() -> None:
    with pytest.raises(InvoiceUnreadable, match="bien formé"):
        open_invoice(invoices.BREAKS["truncated"](ubl(DRAFT)))


def test_a_pdf_without_xml_is_told_apart() -> None:
    with pytest.raises(InvoiceUnreadable, match="pas un Factur-X"):
        open_invoice(page(DRAFT))


def test_half_a_pdf_is_refused() -> None:
    with pytest.raises(InvoiceUnreadable, match=r"abîmé|Factur-X"):
        open_invoice(facturx_pdf(DRAFT)[:2000])


def _pdf(attachments: dict[str, bytes], password: str = "") -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(page(DRAFT))))
    for name, data in attachments.items():
        writer.add_attachment(name, data)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_the_invoice_is_found_among_other_attachments() -> None:
    pdf = _pdf({"annexe.xml": b"<annexe/>", "photo.png": b"x", "factur-x.xml": cii(DRAFT)})
    assert open_invoice(pdf).syntax == "CII"


def test_a_pdf_whose_xml_is_hostile_is_refused() -> None:
    with pytest.raises(InvoiceUnreadable, match="DOCTYPE"):
        open_invoice(_pdf({"factur-x.xml": invoices.BREAKS["xxe"](cii(DRAFT))}))


def test_a_pdf_that_unfolds_too_big_is_refused() -> None:
    with pytest.raises(InvoiceUnreadable, match="trop gros"):
        open_invoice(_pdf({"factur-x.xml": b"<a>" + b"x" * MAX_XML + b"</a>"}))


def test_a_crowded_pdf_is_refused() -> None:
    with pytest.raises(InvoiceUnreadable, match="trop de pièces"):
        open_invoice(_pdf({f"{n}.txt": b"x" for n in range(102)}))


def test_a_locked_pdf_is_refused() -> None:
    with pytest.raises(InvoiceUnreadable, match="mot de passe"):
        open_invoice(_pdf({"factur-x.xml": cii(DRAFT)}, password="secret"))


def test_a_pdf_that_opens_without_its_owners_password_is_read() -> None:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(_pdf({"factur-x.xml": cii(DRAFT)}))))
    writer.encrypt("", "owner", algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    assert open_invoice(out.getvalue()).syntax == "CII"


def test_a_number_without_end_is_refused_before_any_rule_counts_with_it() -> None:
    with pytest.raises(InvoiceUnreadable, match=r"plus de 10000 chiffres \(élément « TaxableAmount »\)"):
        open_invoice(ubl(DRAFT).replace(b"901.00", b"9" * 1_000_000))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"961.38", b"NaN", "BT-1"),
        (b"961.38", b"1e9", "pas un montant"),
        (b"2026-10-05", b"2026-13-45", r"pas une date \(BT-2\)"),
        (b"<cbc:IssueDate>2026-10-05</cbc:IssueDate>", b"", "la date de la facture"),
        (b"<cbc:ID>F-2026-001</cbc:ID>", b"", "le numéro de la facture"),
    ],
)
def test_an_impossible_value_is_named(old: bytes, new: bytes, sentence: str) -> None:
    with pytest.raises(InvoiceUnreadable, match=sentence):
        read_invoice(ubl(DRAFT).replace(old, new, 1) if old != b"961.38" else ubl(DRAFT).replace(old, new))


def test_a_legacy_invoice_with_bare_identifiers_still_reads() -> None:
    bare = ubl(DRAFT).replace(b' schemeID="0009"', b"").replace(b' schemeID="0002"', b"")
    invoice = read_invoice(bare)
    assert (invoice.seller.sirets, invoice.seller.siren, invoice.buyer.siret) == (
        (SELLER.siret,),
        "900000019",
        BUYER.siret,
    )


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_money_is_read_to_the_cent(amount: Decimal) -> None:
    assert to_decimal(f"{amount:f}", "BT-109") == amount


@given(
    st.text(max_size=12).filter(
        lambda text: bool(text.strip()) and not text.strip().lstrip("+-").replace(".", "").isdecimal()
    )
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvoiceUnreadable, match="BT-109"):
        to_decimal(text, "BT-109")
