"""Matching stories of money: retention, advance, revision, credit notes, and works paid in part."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from api.sandbox.invoices import Discount, Line
from procurement.invoicing.matching import Match, match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import contract, loaded
from tests.procurement.invoicing.stories import (
    HOLDER,
    PAST,
    SILENT,
    SOLD,
    Made,
    agreed,
    only,
    proposed,
    sold,
    told,
)  # fmt: skip


def test_a_retention_taken_as_a_discount_is_refused_since_vat_would_fall(made: Made) -> None:
    bill = sold(discounts=(Discount("Retenue de garantie 5 %", Decimal("50.00")),))
    answer = told(made, bill, agreed(retention={"rate": "0.05"}))
    assert proposed(answer) == ("retention-as-discount", "CALCUL_ERR", "REJETEE", "refuse")
    assert "base de la TVA" in only(answer).message
    unnamed = replace(bill, discounts=(Discount("Remise", Decimal("50.00")),))
    assert told(made, unnamed, agreed(retention={"rate": "0.05"})).decision == "approve"


def test_a_retention_is_withheld_at_payment_on_the_whole_invoice(made: Made) -> None:
    answer = told(made, sold(), agreed(retention={"rate": "0.05"}))
    assert ([f.rule for f in answer.findings], answer.decision) == (["retention"], "approve")
    assert answer.payable is not None
    sums = answer.payable.as_dict()
    assert (sums["gross_ttc"], sums["retention"], sums["net_payable"]) == ("1200.00", "60.00", "1140.00")
    assert told(made, sold(), agreed(retention={"rate": "0.05", "guarantee": True})).findings == ()


def test_a_retention_above_the_legal_rate_is_told_and_cut(made: Made) -> None:
    answer = told(made, sold(), agreed(retention={"rate": "0.10"}))
    assert only(answer).rule == "retention-above-legal"
    assert answer.payable is not None
    assert answer.payable.retention == Decimal("60.00")


def test_an_advance_is_repaid_from_65_to_80_percent(made: Made) -> None:
    def after(billed: str, **advance: str) -> Match:
        past = [PAST | {"number": "F-1", "amount_ht": billed, "issued_on": "2026-07-01"}]
        terms = {"paid_ttc": "1500", "rate": "0.125"} | advance
        return told(made, sold(), agreed(vat_rates=["20"], invoiced=past, advance=terms))

    early, reached, last = after("4000"), after("6250"), after("7000")
    assert early.findings == ()
    # (6250 + 1000) / 10000 = 72.5 %, half of the way from 65 to 80
    assert reached.findings[0].rule == "advance-repayment"
    assert reached.payable is not None
    assert reached.payable.advance_repaid == Decimal("750.00")
    assert reached.payable.net_payable == Decimal("450.00")
    assert last.payable is not None
    assert last.payable.advance_repaid == Decimal("1200.00")  # never more than what is billed
    again = after("7000", repaid_ttc="1000")
    assert again.payable is not None
    assert again.payable.advance_repaid == Decimal("500.00")


def test_an_advance_above_30_percent_is_repaid_from_the_first_demand(made: Made) -> None:
    answer = told(made, sold(), agreed(vat_rates=["20"], advance={"paid_ttc": "4800", "rate": "0.40"}))
    assert answer.payable is not None
    assert answer.payable.advance_repaid == Decimal("600.00")  # 4 800 × 10 % ÷ 80 %


def test_an_advance_taken_as_a_discount_is_refused(made: Made) -> None:
    bill = sold(discounts=(Discount("Remboursement de l’avance", Decimal("100.00")),))
    answer = told(made, bill, agreed())
    assert proposed(answer) == ("advance-as-discount", "CALCUL_ERR", "REJETEE", "refuse")


REVISED = {
    "price_kind": "revisable",
    "revision": {"fixed": "0.15", "terms": [{"index": "BT01", "weight": "0.85", "base": "2026-01"}], "decimals": 4},
}


def _indices(*, final: bool = True, month: str = "2026-09") -> list[dict[str, Any]]:
    return [
        {"index": "BT01", "month": "2026-01", "value": "120.0", "final": True},
        {"index": "BT01", "month": month, "value": "126.0", "final": final},
    ]


def test_revised_prices_are_those_of_the_formula(made: Made) -> None:
    # 0.15 + 0.85 × 126 ÷ 120 = 1.0425
    record = agreed(**REVISED, indices=_indices())
    bill = sold(lines=(replace(SOLD[0], unit_price=Decimal("104.25")),))
    answer = told(made, bill, record)
    assert (answer.decision, answer.findings) == ("approve", ())
    assert answer.payable is not None
    assert answer.payable.as_dict()["revision"] == "51.00"
    above = told(made, sold(lines=(replace(SOLD[0], unit_price=Decimal("105.00")),)), record)
    assert proposed(above) == ("unit-price", "PU_ERR", "SUSPENDUE", "hold")
    assert "coefficient 1.0425" in only(above).message


@pytest.mark.parametrize(
    "indices", [_indices(final=False), _indices(month="2026-08")], ids=["provisional", "last known"]
)
def test_provisional_indices_are_paid_and_regularised(made: Made, indices: list[dict[str, Any]]) -> None:
    bill = sold(lines=(replace(SOLD[0], unit_price=Decimal("104.25")),))
    answer = told(made, bill, agreed(**REVISED, indices=indices))
    assert ([f.rule for f in answer.findings], answer.decision) == (["revision-provisional"], "approve")
    assert "dans les trois mois" in answer.findings[0].message


def test_a_line_of_revision_is_checked_too(made: Made) -> None:
    record = agreed(**REVISED, indices=_indices())
    right = (*SOLD, Line("REV", "Révision des prix", Decimal(1), Decimal("42.50")))
    assert told(made, sold(lines=right), record).decision == "approve"
    wrong = told(made, sold(lines=(*SOLD, replace(right[1], unit_price=Decimal("60.00")))), record)
    assert proposed(wrong) == ("revision-amount", "PU_ERR", "SUSPENDUE", "hold")
    firm = told(made, sold(lines=right), agreed(price_kind="firm"))
    assert proposed(firm) == ("revision-on-firm-price", "PU_ERR", "SUSPENDUE", "hold")
    unknown = told(made, sold(lines=right), agreed(**REVISED))
    assert (only(unknown).rule, unknown.decision) == ("revision-unverified", "hold")


def test_a_credit_note_follows_its_invoice(made: Made) -> None:
    past = PAST | {"number": "F-2026-000", "amount_ht": "1500"}
    credit = sold(number="A-1", type_code="381", preceding=(("F-2026-000", date(2026, 8, 5)),))
    answer = told(made, credit, agreed(invoiced=[past]))
    assert answer.decision == "approve"
    assert answer.payable is not None
    assert answer.payable.net_payable == Decimal("-1200.00")
    first = past | {"number": "A-0", "type": "381", "amount_ht": "600", "credits": "F 2026 000"}
    over = told(made, credit, agreed(invoiced=[past, first]))
    assert proposed(over) == ("credit-over-original", "MONTANTTOTAL_ERR", "SUSPENDUE", "hold")
    assert "1\u202f600,00\u00a0€ HT pour 1\u202f500,00\u00a0€ HT" in only(over).message
    unknown = told(made, replace(credit, preceding=(("F-9", date(2026, 8, 5)),)), agreed(invoiced=[past]))
    assert proposed(unknown) == ("original-unknown", "REF_ERR", "SUSPENDUE", "hold")
    chain = told(made, replace(credit, preceding=(("A-0", date(2026, 8, 5)),)), agreed(invoiced=[past, first]))
    assert proposed(chain)[0] == "credit-of-credit"


def test_a_credit_note_without_its_invoice_or_with_several_is_asked(made: Made) -> None:
    two = (("F-1", date(2026, 8, 5)), ("F-2", date(2026, 8, 6)))
    for preceding, rule in ((two, "credit-of-several"), ((), "credit-without-original")):
        credit = read_invoice(made(sold(number="A-1", type_code="381", preceding=preceding)))
        assert only(match(credit, loaded(agreed()))).rule == rule


def test_a_corrective_invoice_takes_the_place_of_its_original(made: Made) -> None:
    past = PAST | {"number": "F-2026-000", "amount_ht": "1500", "state": "refused"}
    bill = sold(type_code="384", preceding=(("F-2026-000", date(2026, 8, 5)),))
    assert told(made, bill, agreed(ceiling_ht="1200", invoiced=[past])).decision == "approve"
    paid = told(made, bill, agreed(invoiced=[past | {"state": "paid", "paid_on": "2026-09-01"}]))
    assert proposed(paid) == ("corrective-of-paid", "DOUBLE_FACT", "REJETEE", "refuse")
    waiting = told(made, bill, agreed(ceiling_ht="1200", invoiced=[past | {"state": "received"}]))
    assert proposed(waiting)[0] == "corrective-of-pending"
    assert proposed(told(made, bill, agreed(invoiced=[past | {"number": "F-7"}])))[0] == "original-unknown"


@pytest.mark.parametrize(
    ("changes", "admitted", "refused"),
    [
        ({"ceiling_ht": "700"}, "700.00", "300.00"),
        ({"prices": [{"code": "P1", "unit_price": "80.00"}]}, "800.00", "200.00"),
        ({"received": [{"on": "2026-09-30", "code": "P1", "quantity": "9"}]}, "900.00", "100.00"),
        ({"ceiling_ht": "950", "prices": [{"code": "P1", "unit_price": "80.00"}]}, "800.00", "200.00"),
        ({"vat_rates": ["10"]}, "1000.00", "0.00"),
    ],
    ids=["ceiling", "price", "quantity", "ceiling and price", "vat"],
)
def test_on_works_the_admitted_sums_are_paid(made: Made, changes: dict[str, Any], admitted: str, refused: str) -> None:
    answer = told(made, sold(), agreed(kind="works", **changes))
    plain = answer.as_dict()
    assert (plain["decision"], plain["cdar"], plain["chorus"]) == ("partial", "206", "")
    assert plain["amounts"] == {"MAP": admitted, "MNA": refused}
    assert {finding.action for finding in answer.findings} == {"CNA"}
    assert "sommes admises" in plain["delay"]


def withheld(made: Made, kind: str | None, sme: bool | None, rate: str = "0.05", **more: object) -> tuple[str, str]:
    """(the finding that is no information, what is retained of 1 200 €)."""
    buyer = contract()["buyer"] | ({"kind": kind} if kind else {})
    holder = HOLDER | ({} if sme is None else {"sme": sme})
    answer = told(made, sold(), agreed(buyer=buyer, holders=[holder], retention={"rate": rate}, **more))
    assert answer.payable is not None
    rules = [f.rule for f in answer.findings if f.severity not in SILENT]
    return " ".join(rules), str(answer.payable.as_dict()["retention"])


@pytest.mark.parametrize("kind", ["state", "local_large"])
def test_three_percent_of_an_sme_by_the_state_or_a_large_body(made: Made, kind: str) -> None:
    assert withheld(made, kind, True) == ("retention-above-legal", "36.00")
    assert withheld(made, kind, True, "0.03") == ("", "36.00")
    assert withheld(made, kind, False) == ("", "60.00")
    assert withheld(made, kind, None) == ("retention-perhaps-above-legal", "60.00")


@pytest.mark.parametrize("kind", ["local", "health", "public_company"])
def test_five_percent_of_anyone_by_the_others(made: Made, kind: str) -> None:
    assert withheld(made, kind, True) == withheld(made, kind, None) == ("", "60.00")


def test_what_nobody_said_is_not_checked_and_the_launch_chooses_the_law(made: Made) -> None:
    assert withheld(made, None, None) == ("", "60.00")
    assert withheld(made, None, True) == ("retention-perhaps-above-legal", "60.00")
    assert withheld(made, "state", True, launched_on="2024-12-31") == ("", "60.00")
