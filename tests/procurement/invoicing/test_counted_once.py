"""What stands inside another invoice is counted once: prepayments in the final one, subcontractors' demands."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from api.sandbox.invoices import ubl
from procurement.invoicing.matching import Match, match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import STRANGER, loaded
from tests.procurement.invoicing.stories import HOLDER, PAST, SOLD, SUB, Made, agreed, only, proposed, sold, told

ACOMPTE = PAST | {"number": "AC-1", "type": "386", "amount_ht": "400", "amount_ttc": "480", "state": "paid"}
NAMED = (("AC-1", date(2026, 8, 5)),)
WHOLE = {"ceiling_ht": "1000", "amount_ht": "1000"}
SUBCONTRACTOR = {"siret": SUB.siret, "role": "subcontractor", "share_ht": "900", "direct_payment": True}
INSIDE = PAST | {"number": "S-1", "siret": SUB.siret, "amount_ht": "300", "within": "F 2026 001", "engagement": "EJ-77"}
GROUP = {"holders": [HOLDER, SUBCONTRACTOR]}


def final(**changes: Any) -> Any:
    return sold(**({"process": "S4", "preceding": NAMED, "prepaid": Decimal("480.00")} | changes))


def test_a_final_invoice_holds_the_prepayment_it_names_and_takes_off(made: Made) -> None:
    answer = told(made, final(), agreed(**WHOLE, invoiced=[ACOMPTE]))
    assert ([finding.rule for finding in answer.findings], answer.decision) == ([], "approve")
    assert answer.payable is not None
    assert answer.payable.net_payable == Decimal("720.00")


@pytest.mark.parametrize(
    ("bill", "past"),
    [
        (final(preceding=()), ACOMPTE),
        (final(prepaid=Decimal("100.00")), ACOMPTE),
        (final(), ACOMPTE | {"type": "380"}),
        (final(), ACOMPTE | {"siret": STRANGER}),
    ],
    ids=["not named", "not taken off in full", "no prepayment", "another's"],
)
def test_what_it_does_not_hold_still_counts(bill: Any, past: dict[str, Any]) -> None:
    answer = match(read_invoice(ubl(bill)), loaded(agreed(**WHOLE, invoiced=[past])))
    assert "ceiling-exceeded" in {finding.rule for finding in answer.findings}


def test_a_prepayment_that_a_past_final_invoice_holds_is_not_counted_again() -> None:
    past = [ACOMPTE | {"within": "F-9"}, PAST | {"number": "F-9", "amount_ht": "1000"}]
    answer = match(read_invoice(ubl(sold())), loaded(agreed(ceiling_ht="2000", invoiced=past)))
    assert answer.decision == "approve"
    one_less = match(read_invoice(ubl(sold())), loaded(agreed(ceiling_ht="1999", invoiced=past)))
    assert proposed(one_less)[0] == "ceiling-exceeded"


def demand(**changes: Any) -> Match:
    return match(
        read_invoice(ubl(sold())), loaded(agreed(**GROUP | {"ceiling_ht": "1000", "invoiced": [INSIDE]} | changes))
    )


@pytest.mark.parametrize("kind", ["services", "works"])
def test_a_subcontractors_demand_inside_the_holders_counts_once(kind: str) -> None:
    answer = demand(kind=kind)
    assert answer.decision == "approve"
    assert answer.payable is not None
    assert answer.payable.direct_payments == Decimal("360.00")
    assert "ceiling-exceeded" in {finding.rule for finding in demand(invoiced=[INSIDE | {"within": "F-9"}]).findings}


@pytest.mark.parametrize("first", [True, False])
def test_it_counts_once_beside_later_invoices_too(first: bool) -> None:
    """Whichever of the two came first, and its own share as before."""
    both = [INSIDE | {"within": "F-1"}, PAST | {"number": "F-1", "amount_ht": "1000"}]
    rows = both if first else both[::-1]
    assert demand(ceiling_ht="2000", invoiced=rows).decision == "approve"
    assert proposed(demand(ceiling_ht="1999.99", invoiced=rows))[0] == "ceiling-exceeded"
    refused = [rows[0] | {"state": "refused"}, rows[1]] if not first else [rows[0], rows[1] | {"state": "refused"}]
    assert demand(ceiling_ht="1300", invoiced=refused).decision == "approve"
    assert "ceiling-exceeded" in {f.rule for f in demand(ceiling_ht="1299.99", invoiced=refused).findings}


def test_a_part_and_its_quantities_count_it_once() -> None:
    order = {"id": "BC-1", "engagements": ["EJ-77"], "ceiling_ht": "1000", "lines": [{"code": "P1", "quantity": "10"}]}
    row = INSIDE | {"lines": [{"code": "P1", "quantity": "3"}]}
    received = [{"on": "2026-09-30", "code": "P1", "quantity": "10"}]
    assert demand(parts=[order], invoiced=[row], received=received).decision == "approve"


def test_an_invoice_approved_in_part_is_paid_in_part(made: Made) -> None:
    past = [PAST | {"number": "F-1", "amount_ht": "9400"}]
    works = agreed(kind="works", ceiling_ht="10000", invoiced=past, retention={"rate": "0.05"})
    answer = told(made, sold(), works)
    assert (answer.decision, answer.amounts) == ("partial", {"MAP": "600.00", "MNA": "400.00"})
    assert answer.payable is not None
    sums = answer.payable.as_dict()
    assert (sums["gross_ttc"], sums["refused_ttc"]) == ("1200.00", "480.00")
    assert (sums["retention"], sums["net_payable"]) == ("36.00", "684.00")
    assert "Non admis : 480,00\u00a0€ ; montant admis : 720,00\u00a0€." in answer.payable.steps
    assert only(answer).rule == "ceiling-exceeded"


def test_the_day_of_the_consultation_chooses_the_law_of_the_advance() -> None:
    """6 000 of 8 000 € HT since 2026, of 10 000 € before: 75 % or 60 %."""
    terms = {"paid_ttc": "562.50", "rate": "0.05"}
    past = [PAST | {"number": "F-1", "amount_ht": "5000"}]
    record = GROUP | {"advance": terms, "invoiced": past, "ceiling_ht": None, "start": "2026-02-01"}
    holders = [HOLDER, SUBCONTRACTOR | {"share_ht": "2000"}]
    bill = read_invoice(ubl(sold(lines=(replace(SOLD[0], vat_rate=Decimal(20)),))))

    def repaid(day: str) -> Decimal:
        answer = match(bill, loaded(agreed(**record | {"holders": holders, "launched_on": day, "vat_rates": ["20"]})))
        assert answer.payable is not None
        return answer.payable.advance_repaid

    assert (repaid("2025-06-01"), repaid("2026-01-15")) == (Decimal(0), Decimal("375.00"))
