"""What each line says of itself: the buyer's own code, its period, whether it only sums up others."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from api.sandbox.invoices import Draft, cii, ubl
from procurement.invoicing.check import check_invoice
from procurement.invoicing.matching import Match, match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import loaded
from tests.procurement.invoicing.stories import SOLD, Made, agreed, proposed, sold, told

OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))


def line(number: int, quantity: str = "10", *, more: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "BT-126": str(number),
        "BT-129": quantity,
        "BT-130": "C62",
        "BT-131": f"{int(quantity) * 100}.00",
        "BT-146": "100.00",
        "BT-151": "S",
        "BT-152": "20",
        "BT-153": "Pose de fenêtres",
        "BT-155": "SUP-9",
    } | (more or {})


def lined(*lines: dict[str, Any], **changes: Any) -> Draft:
    return sold(extra={"BG-25": list(lines)} | changes.pop("extra", {}), **changes)


@pytest.mark.parametrize("seller_code", ["SUP-9", ""])
def test_the_price_is_looked_up_by_the_buyers_code_too(made: Made, seller_code: str) -> None:
    bill = lined(line(1, more={"BT-156": "P1", "BT-155": seller_code}))
    dearer = agreed(prices=[{"code": "P1", "unit_price": "90.00"}])
    assert proposed(told(made, bill, dearer)) == ("unit-price", "PU_ERR", "SUSPENDUE", "hold")
    assert told(made, bill, agreed()).decision == "approve"


def test_of_two_codes_the_buyers_own_names_the_price(made: Made) -> None:
    prices = [{"code": "P1", "unit_price": "90.00"}, {"code": "SUP-9", "unit_price": "100.00"}]
    assert proposed(told(made, lined(line(1, more={"BT-156": "P1"})), agreed(prices=prices)))[0] == "unit-price"


def test_what_was_received_and_ordered_is_looked_up_by_either_code(made: Made) -> None:
    bill = lined(line(1, more={"BT-156": "P1"}))
    received = [{"on": "2026-09-30", "code": "P1", "quantity": "4"}]
    assert proposed(told(made, bill, agreed(received=received)))[0] == "quantity-above-received"
    order = {"id": "BC-1", "engagements": ["EJ-77"], "lines": [{"code": "P1", "quantity": "4"}]}
    assert proposed(told(made, bill, agreed(parts=[order])))[0] == "quantity-above-ordered"


def test_the_price_list_makes_a_candidate_by_the_buyers_code_too(made: Made) -> None:
    because = told(made, lined(line(1, more={"BT-156": "P1"})), agreed()).candidates[0].because
    assert any("bordereau des prix" in why for why in because)


def dated(start: date, end: date, **changes: Any) -> Draft:
    bare = {"BT-72": None, "BT-73": None, "BT-74": None}
    return lined(line(1, more={"BT-134": start, "BT-135": end}), period=None, extra=bare, **changes)


def answered(made: Made, bill: Draft, contract: dict[str, Any]) -> Match:
    """Without the official sheets, which know other reasons to stop an invoice of another year."""
    return match(read_invoice(made(bill)), loaded(contract))


def test_the_periods_of_the_lines_are_that_of_the_invoice(made: Made) -> None:
    lines = (line(1, "5", more={"BT-134": date(2026, 9, 1)}), line(2, "5", more={"BT-135": date(2026, 9, 20)}))
    bare = {"BT-72": None, "BT-73": None, "BT-74": None}
    assert read_invoice(made(lined(*lines, period=None, extra=bare))).worked == (date(2026, 9, 1), date(2026, 9, 20))
    whole = read_invoice(made(lined(line(1, more={"BT-134": date(2027, 1, 1), "BT-135": date(2027, 1, 31)}))))
    assert whole.worked == (date(2026, 9, 1), date(2026, 9, 30))


def test_work_after_the_end_of_the_contract_is_seen_on_its_lines(made: Made) -> None:
    answer = answered(made, dated(date(2027, 1, 1), date(2027, 1, 31)), agreed())
    assert {"period-outside", "before-service"} == {finding.rule for finding in answer.findings}
    assert answer.decision == "refuse"


def test_work_within_the_contract_may_be_billed_after_its_end(made: Made) -> None:
    bill = dated(date(2026, 9, 1), date(2026, 9, 30), issued_on=date(2027, 2, 5))
    assert answered(made, bill, agreed()).findings == ()


def warned(content: bytes) -> set[str]:
    """In CII an empty delivery block is written with xsi:nil, which the schema refuses."""
    return {finding.rule for finding in check_invoice(content.replace(b' xsi:nil="true"', b"")).findings}


def test_the_day_of_execution_may_be_on_the_lines_or_still_to_come(made: Made) -> None:
    assert "D2192-2-6" not in warned(made(dated(date(2026, 9, 1), date(2026, 9, 30))))
    bare = sold(period=None, extra={"BT-72": None, "BT-73": None, "BT-74": None})
    assert "D2192-2-6" in warned(made(bare))
    assert "D2192-2-6" not in warned(made(replace(bare, type_code="386")))


def grouped(kind: str, made: Made) -> Made:
    """A line of that kind sums up the ten windows of the two others: factur-x cannot name the parent in UBL."""

    def placed(number: int, quantity: str, what: str) -> dict[str, Any]:
        own = {"EXT-FR-FE-136": "F-2026-001"} if made is ubl else {"EXT-FR-FE-162": "1"} if number > 1 else {}
        return line(number, quantity, more={"BT-155": "P1", "EXT-FR-FE-163": what}) | own

    bill = lined(placed(1, "10", kind), placed(2, "6", "DETAIL"), placed(3, "4", "DETAIL"))
    parent = rb"\1<cac:BillingReferenceLine><cbc:ID>1</cbc:ID></cac:BillingReferenceLine>"
    return lambda _: re.sub(rb"(DETAIL</cbc:DocumentStatusCode>\s*</cac:InvoiceDocumentReference>)", parent, made(bill))


@pytest.mark.parametrize("kind", ["GROUP", "INFORMATION"])
def test_a_line_that_sums_up_others_is_neither_added_nor_priced(made: Made, kind: str) -> None:
    ten = [{"on": "2026-09-30", "code": "P1", "quantity": "10"}]
    answer = told(grouped(kind, made), sold(), agreed(received=ten))
    assert ([finding.rule for finding in answer.findings], answer.decision) == ([], "approve")
    nine = [ten[0] | {"quantity": "9"}]
    assert proposed(told(grouped(kind, made), sold(), agreed(received=nine)))[0] == "quantity-above-received"


def test_a_line_about_another_invoice_still_adds_up() -> None:
    """In UBL the kind of a line stands beside the number of its own invoice: beside another it says nothing of it."""
    other = line(1, more={"EXT-FR-FE-136": "F-2026-000", "EXT-FR-FE-138": date(2026, 9, 1), "EXT-FR-FE-163": "GROUP"})
    from_ubl = read_invoice(ubl(lined(other)))
    assert [each.code for each in from_ubl.lines] == ["SUP-9"]


def test_a_sum_of_one_line_alone_is_what_is_billed() -> None:
    assert read_invoice(cii(sold(lines=SOLD))).headings == ()
