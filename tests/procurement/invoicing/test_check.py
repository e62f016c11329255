"""check_invoice on the sandbox's own invoices, and on one break per family of rules."""

import copy
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lxml import etree

from api.sandbox import invoices
from api.sandbox.invoices import Draft, Line, cii, facturx_pdf, ubl
from procurement.invoicing import saxon
from procurement.invoicing.check import CheckReport, check_invoice, check_invoice_dict
from procurement.invoicing.invoice import InvoiceUnreadable
from tests.procurement.invoicing.samples import BUYER, DRAFT, draft

Make = Callable[[Draft], bytes]
MAKERS = pytest.mark.parametrize("make", [cii, ubl, facturx_pdf])


@cache
def made(make: Make, given: Draft | None = None) -> bytes:
    return make(DRAFT) if given is None else make(given)


def rules(report: CheckReport, severity: str = "fatal") -> set[str]:
    return {finding.rule for finding in report.findings if finding.severity == severity}


@MAKERS
def test_a_right_invoice_is_valid_and_says_with_what(make: Make) -> None:
    report = check_invoice(made(make))
    assert (report.valid, report.findings, report.number) == (True, (), "F-2026-001")
    assert report.syntax == ("UBL" if make is ubl else "CII")
    assert report.container == ("pdf" if make is facturx_pdf else "xml")
    assert report.profile.endswith("extended-ctc-fr")
    names = [rules.name for rules in report.rule_sets]
    assert names[1:3] == ["EN 16931 (EXTENDED-CTC-FR)", "BR-FR"]
    assert all(re.fullmatch("[0-9a-f]{64}", rules.sha256) for rules in report.rule_sets[:-1])


@MAKERS
def test_the_plain_en16931_profile_has_its_own_sheet(make: Make) -> None:
    report = check_invoice(make(draft(profile=invoices.PROFILE_EN16931)))
    assert (report.valid, report.findings) == (True, ())
    assert report.rule_sets[1].version in {"1.09.2", "1.3.16"}


@MAKERS
def test_a_credit_note_is_valid(make: Make) -> None:
    credit = draft(type_code="381", number="AV-1", preceding=(("F-2026-001", date(2026, 10, 5)),))
    assert check_invoice(make(credit)).findings == ()


@pytest.mark.parametrize("make", [cii, ubl])
def test_wrong_sum_breaks_the_european_rule_in_french(make: Make) -> None:
    wrong = make(draft(profile=invoices.PROFILE_EN16931)).replace(b"1147.62", b"1150.62")
    report = check_invoice(wrong)
    assert not report.valid
    assert "BR-CO-15" in rules(report)
    finding = next(finding for finding in report.findings if finding.rule == "BR-CO-15")
    assert "total TVA comprise" in finding.message
    assert finding.location.startswith("/")
    assert "namespace" not in finding.location
    assert finding.source.startswith("EN 16931")


@pytest.mark.parametrize("make", [cii, ubl])
def test_a_french_rule_is_fatal_and_in_french(make: Make) -> None:
    report = check_invoice(invoices.BREAKS["note_missing"](made(make)))
    finding = next(finding for finding in report.findings if finding.rule == "BR-FR-05")
    assert finding.severity == "fatal"
    assert "pénalités de retard" in finding.message
    assert not report.valid


def test_a_missing_flag_is_fatal() -> None:
    """The Factur-X sheet flags nothing: two buyer identifiers are refused there all the same."""
    both = cii(draft(profile=invoices.PROFILE_EN16931)).replace(
        b'<ram:GlobalID schemeID="0009">90000002700012</ram:GlobalID>',
        b'<ram:GlobalID schemeID="0009">90000002700012</ram:GlobalID><ram:GlobalID schemeID="0224">V</ram:GlobalID>',
    )
    report = check_invoice(both)
    assert any(rule.startswith("FX-SCH") for rule in rules(report))
    assert not report.valid


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"number": "F-2026-0123456789-0123"}, "BR-FR-CPRO-02"),
        ({"process": "S5"}, "BR-FR-CPRO-24"),
        ({"process": "S3"}, "BR-FR-CPRO-21"),
        ({"contract": "M" * 51}, "BR-FR-CPRO-14"),
        ({"engagement": "E" * 51}, "BR-FR-CPRO-15"),
        (
            {
                "type_code": "381",
                "preceding": (("F-1", date(2026, 9, 1)), ("F-2", date(2026, 9, 2))),
            },
            "BR-FR-CPRO-20",
        ),
        ({"preceding": (("F-2026-0123456789-0123", date(2026, 9, 1)),)}, "BR-FR-CPRO-02"),
    ],
)
@pytest.mark.parametrize("make", [cii, ubl])
def test_chorus_pro_rules(make: Make, changed: dict[str, object], rule: str) -> None:
    report = check_invoice(make(draft(**changed)))
    assert rule in rules(report)
    finding = next(finding for finding in report.findings if finding.rule == rule)
    assert finding.source == "BR-FR-CPRO"


def test_chorus_pro_rules_only_warn_where_the_invoice_is_not_marked_b2g() -> None:
    notes = {code: text for code, text in invoices.NOTES.items() if code != "ADN"}
    report = check_invoice(cii(draft(process="S5", notes=notes)))
    assert rules(report, "warning") == {"BR-FR-CPRO-24"}
    assert report.valid


def test_a_missing_buyer_siret_is_told() -> None:
    without = made(cii).replace(b'<ram:GlobalID schemeID="0009">90000002700012</ram:GlobalID>', b"")
    assert "BR-FR-CPRO-10" in rules(check_invoice(without))


@pytest.mark.parametrize(("make", "bad"), [(cii, b"abc"), (ubl, b"961,38")])
def test_an_amount_that_is_no_number_is_a_schema_finding_not_a_crash(make: Make, bad: bytes) -> None:
    report = check_invoice(made(make).replace(b"961.38", bad, 1))
    assert rules(report) == {"XSD"}
    assert bad.decode() in report.findings[0].message
    assert not report.valid


def test_an_element_out_of_place_is_named() -> None:
    report = check_invoice(made(ubl).replace(b"<cbc:ID>F-2026-001</cbc:ID>", b""))
    assert "IssueDate" in report.findings[0].message
    assert "« ID »" in report.findings[0].message


def test_a_national_profile_is_checked_as_en16931_with_a_warning() -> None:
    national = b"urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
    xml = cii(draft(profile=invoices.PROFILE_EN16931)).replace(b"urn:cen.eu:en16931:2017", national)
    report = check_invoice(xml)
    assert (report.valid, rules(report, "warning")) == (True, {"MPS-PROFIL"})


def test_a_made_up_profile_is_refused() -> None:
    xml = cii(draft(profile=invoices.PROFILE_EN16931)).replace(b"urn:cen.eu:en16931:2017", b"urn:example:mine")
    assert not check_invoice(xml).valid


def test_a_foreign_seller_is_not_held_to_french_rules() -> None:
    xml = invoices.BREAKS["note_missing"](made(ubl))
    seller, buyer = xml.split(b"<cac:AccountingCustomerParty>")
    seller = (
        seller.replace(b">FR<", b">BE<").replace(b' schemeID="0002"', b"").replace(b"FR32900000019", b"BE0123456749")
    )
    report = check_invoice(seller + b"<cac:AccountingCustomerParty>" + buyer)
    assert "MPS-BR-FR" in rules(report, "warning")
    assert "BR-FR" not in [rules.name for rules in report.rule_sets]


def test_a_comment_inside_a_value_changes_nothing() -> None:
    report = check_invoice(made(cii).replace(b"F-2026-001", b"F-20<!-- x -->26-001"))
    assert (report.number, report.valid) == ("F-2026-001", True)


def test_the_report_is_plain_data() -> None:
    report = check_invoice_dict(made(ubl))
    assert {"syntax", "profile", "valid", "rule_sets", "findings"} <= set(report)
    assert {"name", "version", "sha256"} == set(report["rule_sets"][0])


def test_an_unreadable_file_has_no_report() -> None:
    with pytest.raises(InvoiceUnreadable, match="pas une facture"):
        check_invoice(b"<facture/>")


def test_a_sheet_that_stops_does_not_hide_what_the_others_say(capfd: pytest.CaptureFixture[str]) -> None:
    twice = etree.fromstring(made(cii))
    process = next(twice.iter("{*}BusinessProcessSpecifiedDocumentContextParameter"))
    process.addnext(copy.deepcopy(process))
    report = check_invoice(etree.tostring(twice))
    stopped = next(finding for finding in report.findings if finding.rule == "MOTEUR")
    assert (stopped.source, stopped.severity, report.valid) == ("BR-FR", "fatal", False)
    assert {finding.source for finding in report.findings} >= {"BR-FR", "EN 16931 (EXTENDED-CTC-FR)"}
    assert capfd.readouterr().err == ""


def test_the_engine_stopping_is_an_exception_of_ours() -> None:
    with pytest.raises(saxon.SaxonFailed):
        saxon.transform("<a", ())


money = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999.99"), places=2)
quantities = st.decimals(min_value=Decimal("0.1"), max_value=Decimal("500"), places=1)
rates = st.sampled_from([Decimal("20"), Decimal("10"), Decimal("5.5")])


@hypothesis_settings(max_examples=15)
@given(st.lists(st.tuples(quantities, money, rates), min_size=1, max_size=6))
def test_any_sum_of_money_makes_a_valid_invoice(items: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    lines = tuple(Line(f"P{n}", "Prestation", quantity, price, rate) for n, (quantity, price, rate) in enumerate(items))
    report = check_invoice(ubl(draft(lines=lines, buyer=BUYER, profile=invoices.PROFILE_EN16931)))
    assert report.findings == ()
