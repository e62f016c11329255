"""What suppliers send by mistake or by malice: each has one clear sentence, or a finding that names what is wrong."""

import re
import zlib
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject, StreamObject

from api import isolate
from procurement.invoicing.check import check_invoice
from procurement.invoicing.invoice import InvoiceUnreadable
from procurement.invoicing.making import PROFILE_EN16931, Draft, Line, cii, readable, ubl
from procurement.invoicing.parsing import read_invoice, to_day, to_decimal
from procurement.invoicing.reading import open_invoice
from tests.procurement.invoicing.samples import DRAFT, draft

Make = Callable[[Draft], bytes]
BOTH = pytest.mark.parametrize("make", [cii, ubl])
MINIMUM = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocumentContext>
<ram:BusinessProcessSpecifiedDocumentContextParameter><ram:ID>S1</ram:ID></ram:BusinessProcessSpecifiedDocumentContextParameter>
<ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:factur-x.eu:1p0:minimum</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter>
</rsm:ExchangedDocumentContext>
<rsm:ExchangedDocument><ram:ID>F-1</ram:ID><ram:TypeCode>380</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">20261005</udt:DateTimeString></ram:IssueDateTime>
</rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>
<ram:ApplicableHeaderTradeAgreement>
<ram:SellerTradeParty><ram:Name>Menuiserie</ram:Name>
<ram:SpecifiedLegalOrganization><ram:ID schemeID="0002">900000019</ram:ID></ram:SpecifiedLegalOrganization>
<ram:PostalTradeAddress><ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress></ram:SellerTradeParty>
<ram:BuyerTradeParty><ram:Name>Commune</ram:Name></ram:BuyerTradeParty>
</ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeDelivery/>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
<ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>
<ram:TaxTotalAmount currencyID="EUR">20.00</ram:TaxTotalAmount><ram:GrandTotalAmount>120.00</ram:GrandTotalAmount>
<ram:DuePayableAmount>120.00</ram:DuePayableAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""


def rules(content: bytes) -> dict[str, str]:
    return {finding.rule: finding.severity for finding in check_invoice(content).findings}


@BOTH
@pytest.mark.parametrize(
    "spoil",
    [
        lambda xml: xml.decode().encode("latin-1", "replace"),
        lambda xml: xml.replace(b"UTF-8", b"klingon", 1),
        lambda xml: xml.replace(b"UTF-8", b"ascii", 1),
    ],
)
def test_another_encoding_than_announced(make: Make, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InvoiceUnreadable, match="codage de caractères qu’il annonce"):
        open_invoice(spoil(make(DRAFT)))


@BOTH
@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-15"])
def test_another_encoding_that_is_announced_is_read(make: Make, encoding: str) -> None:
    xml = make(DRAFT).decode().replace("UTF-8", encoding, 1).replace("’", "'")
    assert check_invoice(xml.encode(encoding)).findings == ()


def pdf(*attached: tuple[str, bytes]) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(readable(DRAFT))))
    for name, data in attached:
        writer.add_attachment(name, data)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_two_different_invoices_in_one_pdf_are_refused_by_name() -> None:
    twin = pdf(("factur-x.xml", cii(DRAFT)), ("autre.xml", ubl(draft(number="F-2"))))
    with pytest.raises(InvoiceUnreadable, match=r"« factur-x\.xml » et « autre\.xml »"):
        open_invoice(twin)


def test_two_files_of_the_same_name_are_told_apart() -> None:
    with pytest.raises(InvoiceUnreadable, match="deux factures différentes"):
        open_invoice(pdf(("factur-x.xml", cii(DRAFT)), ("factur-x.xml", cii(draft(number="F-2")))))


def test_the_same_invoice_twice_is_one_and_the_report_says_which() -> None:
    report = check_invoice(pdf(("copie.xml", cii(DRAFT)), ("factur-x.xml", cii(DRAFT))))
    assert (report.attachment, report.container, report.valid) == ("factur-x.xml", "pdf", True)


def test_an_annex_that_is_no_invoice_does_not_hide_it() -> None:
    report = check_invoice(pdf(("annexe.xml", b"<annexe/>"), ("facture.xml", cii(DRAFT))))
    assert report.attachment == "facture.xml"


def off(amount: str) -> Draft:
    """One line at 20 %, its VAT wrong by `amount` and every total consistent with it."""
    vat = Decimal("20.00") + Decimal(amount)
    gross = Decimal(100) + vat
    extra = {
        "BG-23": [{"BT-116": "100.00", "BT-117": str(vat), "BT-118": "S", "BT-119": "20"}],
        "BT-110": str(vat),
        "BT-112": str(gross),
        "BT-115": str(gross),
    }
    line = Line("P1", "Pose", Decimal(1), Decimal(100))
    return draft(lines=(line,), profile=PROFILE_EN16931, extra=extra)


@BOTH
def test_a_vat_wrong_by_99_cents_is_valid_under_the_norm_and_told_here(make: Make) -> None:
    report = check_invoice(make(off("0.99")))
    assert report.valid
    assert rules(make(off("0.99"))) == {"MPS-TVA": "warning"}
    assert rules(make(off("0.01"))) == {}
    assert not check_invoice(make(off("1.00"))).valid


@BOTH
def test_two_buyer_identifiers_fit_one_profile_only(make: Make) -> None:
    xml = make(DRAFT)
    assert check_invoice(xml).valid
    plain = b"urn:cen.eu:en16931:2017#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr"
    assert not check_invoice(xml.replace(plain, b"urn:cen.eu:en16931:2017")).valid


@BOTH
def test_lines_with_the_same_number_are_told(make: Make) -> None:
    old, new = (b"<ram:LineID>2<", b"<ram:LineID>1<") if make is cii else (b"<cbc:ID>2<", b"<cbc:ID>1<")
    assert rules(make(DRAFT).replace(old, new))["MPS-LIGNES"] == "warning"


@BOTH
def test_another_currency_is_told(make: Make) -> None:
    assert rules(make(draft(currency="USD")))["MPS-DEVISE"] == "warning"


@BOTH
def test_a_negative_price_is_refused(make: Make) -> None:
    report = check_invoice(make(draft(lines=(Line("P", "Remise", Decimal(1), Decimal("-5")),))))
    assert not report.valid
    assert any("« -5 » est invalide" in finding.message for finding in report.findings)


@BOTH
def test_a_credit_note_on_several_invoices_is_refused(make: Make) -> None:
    several = (("F-1", DRAFT.issued_on), ("F-2", DRAFT.issued_on))
    finding = next(
        finding
        for finding in check_invoice(make(draft(type_code="381", preceding=several))).findings
        if finding.rule == "BR-FR-CPRO-20"
    )
    assert "scindé" in finding.message


def test_a_profile_below_an_invoice_says_what_was_not_checked() -> None:
    report = check_invoice(MINIMUM.encode())
    assert not [f for f in report.findings if f.rule == "XSD"], report.findings
    assert {"MPS-PROFIL": "warning"}.items() <= rules(MINIMUM.encode()).items()
    assert report.rule_sets[1].name == "Factur-X MINIMUM"
    assert "de lignes" in next(one.sentence for one in report.not_verified if one.rule == "EN 16931")


@pytest.mark.parametrize("profile", ["basicwl", "en16931", "extended", "extended-ctc-fr"])
def test_each_profile_of_factur_x_has_its_sheets(profile: str) -> None:
    # factur-x forgets fields of fuller profiles in a process that has made a lower one: this one is made apart.
    report = check_invoice(isolate.run("procurement.invoicing.making:facturx_pdf", draft(profile=profile), seconds=60))
    assert report.valid, report.findings
    assert {rules.name for rules in report.rule_sets} >= {"BR-FR", "BR-FR-CPRO", "D2192-2", "mps"}
    assert ("MPS-PROFIL" in {finding.rule for finding in report.findings}) == (profile == "basicwl")


def test_the_basic_profile_has_its_own_sheet_in_xml_and_in_a_pdf() -> None:
    """`factur-x` makes none: it is a plain EN 16931 invoice without the seller's article numbers."""
    plain = cii(draft(profile=PROFILE_EN16931)).replace(
        b">urn:cen.eu:en16931:2017<", b">urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic<"
    )
    basic = re.sub(rb"\s*<ram:SellerAssignedID>[^<]*</ram:SellerAssignedID>", b"", plain)
    for content in (basic, pdf(("factur-x.xml", basic))):
        report = check_invoice(content)
        assert (report.valid, report.findings) == (True, ())
        assert {"Factur-X_BASIC.xsd", "EN 16931 (Factur-X BASIC)"} <= {rules.name for rules in report.rule_sets}
    wrong = check_invoice(basic.replace(b"961.38", b"962.38", 1))
    assert "BR-CO-10" in {finding.rule for finding in wrong.findings}
    assert {finding.rule for finding in check_invoice(plain).findings} == {"XSD"}


def test_a_broken_schema_says_that_nothing_else_was_checked() -> None:
    report = check_invoice(cii(DRAFT).replace(b"961.38", b"abc", 1))
    assert [one.rule for one in report.not_verified] == ["EN 16931, BR-FR, BR-FR-CPRO"]


@BOTH
def test_a_hundred_thousand_lines_are_refused_with_a_sentence(make: Make) -> None:
    xml = make(draft(lines=DRAFT.lines[:1]))
    tag = b"ram:IncludedSupplyChainTradeLineItem" if make is cii else b"cac:InvoiceLine"
    start, end = xml.index(b"<" + tag), xml.index(b"</" + tag) + len(tag) + 3
    with pytest.raises(InvoiceUnreadable, match="trop gros"):
        open_invoice(xml[:end] + xml[start:end] * 100_000 + xml[end:])


@BOTH
@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-01", "0001-01-01", "1999-12-31", "2101-01-01"])
def test_a_year_that_no_invoice_bears_is_a_finding(make: Make, day: str) -> None:
    spoilt = make(DRAFT).replace(f"{DRAFT.issued_on:%Y%m%d}".encode(), day.replace("-", "").encode())
    spoilt = spoilt.replace(f"{DRAFT.issued_on:%Y-%m-%d}".encode(), day.encode())
    messages = {finding.rule: finding.message for finding in check_invoice(spoilt).findings}
    assert "de 2000 à 2100 (BT-2)" in messages["MPS-LECTURE"]


@BOTH
def test_a_siret_that_is_none_is_a_finding_and_is_left_out(make: Make) -> None:
    spoilt = make(DRAFT).replace(DRAFT.seller.siret.encode(), b"ABC")
    assert rules(spoilt)["MPS-SIRET"] == "warning"
    assert "ABC" not in read_invoice(spoilt).seller.sirets


@BOTH
@pytest.mark.parametrize("digits", ["０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩"])
def test_digits_of_other_scripts_are_none(make: Make, digits: str) -> None:
    other = str.maketrans("0123456789", digits)
    xml = make(DRAFT).decode()
    for value in (DRAFT.seller.siret, f"{DRAFT.issued_on:%Y%m%d}", f"{DRAFT.issued_on:%Y-%m-%d}", "120.00", "100.00"):
        if f">{value}<" not in xml:
            continue
        spoilt = xml.replace(f">{value}<", f">{value.translate(other)}<")
        assert check_invoice(spoilt.encode()).findings, value
    for text in ("1２", "１２.５"):
        with pytest.raises(InvoiceUnreadable, match="n’est pas un montant"):
            to_decimal(text, "BT-1")
    with pytest.raises(InvoiceUnreadable, match="n’est pas une date"):
        to_day("２０２６1001", "BT-2")


def crowd(xml: bytes, tag: bytes, count: int) -> bytes:
    """The first element of that name stands so many times."""
    start = xml.index(b"<" + tag + b">")
    end = xml.index(b"</" + tag + b">", start) + len(tag) + 3
    return xml[:end] + xml[start:end] * count + xml[end:]


@BOTH
def test_what_would_take_minutes_is_refused_at_the_door(make: Make) -> None:
    xml, many = make(DRAFT), b" ".join(b'a%d="1"' % rank for rank in range(3000))
    name = b"<ram:Name>" if make is cii else b"<cbc:Name>"
    with pytest.raises(InvoiceUnreadable, match="plus de 100 attributs"):
        open_invoice(xml.replace(name, name[:-1] + b" " + many + b">", 1))
    if make is cii:  # the first one is a line's
        head, tail = xml.split(b"<ram:ApplicableHeaderTradeSettlement>")
        rows = head + b"<ram:ApplicableHeaderTradeSettlement>" + crowd(tail, b"ram:ApplicableTradeTax", 600)
    else:
        rows = crowd(xml, b"cac:TaxSubtotal", 600)
    with pytest.raises(InvoiceUnreadable, match="récapitulatif de TVA"):
        open_invoice(rows)


def test_a_crowd_of_errors_is_told_as_the_first_of_them() -> None:
    xml = cii(DRAFT).replace(b"<ram:Name>", b"<ram:Foo/>" * 20_000 + b"<ram:Name>", 1)
    (finding,) = check_invoice(xml).findings
    assert finding.rule == "XSD"
    assert re.search(r"« Foo » \(ligne \d+\) n’est pas à sa place ; attendu ici : «", finding.message)


@pytest.mark.parametrize("size", [12_000_000, 70_000_000])
def test_a_stream_that_unfolds_row_by_row_is_refused(size: int) -> None:
    """Predictor 12 of one column: half a minute for 68 KB."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(readable(DRAFT))))
    embedded = DecodedStreamObject.initialize_from_dictionary(
        {
            "__streamdata__": zlib.compress(bytes(size), 9),
            NameObject("/Type"): NameObject("/EmbeddedFile"),
            NameObject("/Filter"): NameObject("/FlateDecode"),
            NameObject("/DecodeParms"): DictionaryObject(
                {NameObject("/Predictor"): NumberObject(12), NameObject("/Columns"): NumberObject(1)}
            ),
        }
    )
    writer.add_attachment("factur-x.xml", b"<a/>")
    for place, held in enumerate(writer._objects):
        if isinstance(held, StreamObject) and held.get("/Type") == "/EmbeddedFile":
            writer._objects[place] = embedded
    out = BytesIO()
    writer.write(out)
    with pytest.raises(InvoiceUnreadable, match=r"abîmé|trop de temps|document lisible"):
        open_invoice(out.getvalue())
