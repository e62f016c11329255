"""From the gross amount to what is paid: each step on its own, in its order, and told in French."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from api.sandbox.invoices import ubl
from procurement.invoicing.parsing import read_invoice
from procurement.invoicing.payable import Payable, payable
from procurement.invoicing.revision import Coefficient, coefficient
from tests.procurement.invoicing.samples import SELLER, loaded
from tests.procurement.invoicing.stories import HOLDER, MATE, PAST, SUB, agreed, sold

INVOICE = read_invoice(ubl(sold()))  # 1 000 € HT, 1 200 € TTC, September 2026
SUBCONTRACTOR = {"siret": SUB.siret, "role": "subcontractor", "share_ht": "2000", "direct_payment": True}


def paid(invoice: Any = INVOICE, **changes: Any) -> Payable:
    return payable(loaded(agreed(vat_rates=["20"], **changes))[0], invoice)


def test_nothing_to_take_off() -> None:
    sums = paid()
    assert (sums.net_payable, len(sums.steps)) == (Decimal("1200.00"), 2)
    assert sums.steps[-1] == "Net à payer : 1\u202f200,00\u00a0€."


def test_the_steps_come_in_their_order() -> None:
    past = [PAST | {"number": "F-1", "amount_ht": "6500"}]
    sums = paid(
        advance={"paid_ttc": "600", "rate": "0.05"}, retention={"rate": "0.05"}, invoiced=past,
        penalties=[{"amount_ttc": "100"}, {"amount_ttc": "20.50"}],
    )  # fmt: skip
    assert [step.split(" ")[0] for step in sums.steps] == ["Montant", "Avance", "Retenue", "Pénalités", "Net"]
    # 75 % reached: two thirds of the way from 65 to 80
    assert (sums.advance_repaid, sums.retention, sums.penalties) == (Decimal(400), Decimal(60), Decimal("120.50"))
    assert sums.net_payable == Decimal("619.50")
    assert sums.as_dict()["net_payable"] == "619.50"


def test_penalties_wait_for_the_next_payment_when_nothing_is_left() -> None:
    sums = paid(penalties=[{"amount_ttc": "5000"}])
    assert (sums.penalties, sums.net_payable) == (Decimal(1200), Decimal(0))
    assert "1\u202f200,00\u00a0€ sur 5\u202f000,00\u00a0€" in sums.steps[1]


def test_subcontractors_inside_the_demand_are_paid_apart() -> None:
    inside = PAST | {"number": "S-1", "siret": SUB.siret, "amount_ht": "300", "within": "F 2026 001"}
    sums = paid(holders=[HOLDER, SUBCONTRACTOR], invoiced=[inside, inside | {"within": "F-9"}])
    assert (sums.direct_payments, sums.net_payable) == (Decimal("360.00"), Decimal("840.00"))


def test_what_the_supplier_already_received_is_not_paid_again() -> None:
    invoice = read_invoice(ubl(sold(prepaid=Decimal("200.00"))))
    assert (paid(invoice).prepaid, paid(invoice).net_payable) == (Decimal("200.00"), Decimal("1000.00"))
    past = [PAST | {"number": "F-1", "amount_ht": "6250"}]
    with_advance = paid(invoice, advance={"paid_ttc": "400", "rate": "0.04"}, invoiced=past)
    # the supplier's 200 € are the advance itself: taken once
    assert (with_advance.advance_repaid, with_advance.prepaid) == (Decimal("200.00"), Decimal(0))
    assert with_advance.net_payable == Decimal("1000.00")


def test_a_retention_stops_at_its_share_of_the_contract() -> None:
    # 5 % of 12 000 € TTC are 600 €
    assert paid(retention={"rate": "0.05", "held_ttc": "590"}).retention == Decimal("10.00")
    assert paid(retention={"rate": "0.05", "held_ttc": "600"}).retention == 0
    assert paid(amount_ht=None, retention={"rate": "0.05", "held_ttc": "600"}).retention == Decimal("60.00")


def test_a_guarantee_stands_in_for_the_retention() -> None:
    assert "une garantie la remplace" in paid(retention={"rate": "0.05", "guarantee": True}).steps[1]


def test_a_cocontractor_bears_its_retention_and_a_subcontractor_does_not() -> None:
    mate = {"siret": MATE.siret, "role": "cocontractor"}
    group = {"holders": [HOLDER, mate, SUBCONTRACTOR], "retention": {"rate": "0.05"}}

    def by(siret: str) -> Decimal:
        return paid(
            replace(INVOICE, seller=replace(INVOICE.seller, sirets=(siret,), siren=siret[:9])), **group
        ).retention

    assert (by(SELLER.siret), by(MATE.siret), by(SUB.siret)) == (Decimal(60), Decimal(60), Decimal(0))


@pytest.mark.parametrize(("start", "share"), [("2026-01-01", "375.00"), ("2025-12-31", "0")])
def test_the_share_that_counts_is_the_holders_since_2026(start: str, share: str) -> None:
    """R2191-11: 5 000 + 1 000 of 8 000 € HT are 75 %; of the whole 10 000 €, only 60 %."""
    past = [PAST | {"number": "F-1", "amount_ht": "5000"}]
    terms = {"paid_ttc": "562.50", "rate": "0.05"}
    sums = paid(holders=[HOLDER, SUBCONTRACTOR], start=start, advance=terms, invoiced=past)
    assert sums.advance_repaid == Decimal(share)


def test_an_advance_without_the_amount_of_the_contract_is_left_to_a_person() -> None:
    sums = paid(amount_ht=None, ceiling_ht="9000", advance={"paid_ttc": "500"})
    assert sums.advance_repaid == 0
    assert "n’est pas calculé" in sums.steps[1]


def test_an_advance_billed_in_full_at_80_percent_is_repaid_whole() -> None:
    past = [PAST | {"number": "F-1", "amount_ht": "7000"}]
    assert paid(advance={"paid_ttc": "600", "rate": "0.05"}, invoiced=past).advance_repaid == Decimal("600.00")


def test_a_credit_note_is_taken_off_whole() -> None:
    credit = replace(INVOICE, type_code="381")
    sums = paid(credit, retention={"rate": "0.05"}, advance={"paid_ttc": "500"}, penalties=[{"amount_ttc": "9"}])
    assert (sums.gross_ttc, sums.net_payable, sums.retention) == (Decimal(-1200), Decimal(-1200), Decimal(0))


def revised(on: str = "2026-09-30", *, values: dict[str, str], **formula: Any) -> Coefficient | None:
    terms = [{"index": "A", "weight": "0.50", "base": "2026-01"}, {"index": "B", "weight": "0.35", "base": "2026-01"}]
    indices = [
        {"index": place.split()[0], "month": place.split()[1], "value": value} for place, value in values.items()
    ]
    record = agreed(revision={"fixed": "0.15", "terms": terms} | formula, indices=indices)
    return coefficient(
        loaded(record)[0], INVOICE.worked[1].fromisoformat(on) if INVOICE.worked[1] else INVOICE.issued_on
    )


BASE = {"A 2026-01": "100", "B 2026-01": "200", "A 2026-09": "110", "B 2026-09": "207"}


def told(found: Coefficient | None) -> tuple[Decimal, str] | None:
    """The coefficient and the month of its indices, all of them known and final."""
    return (found.value, found.month) if found and not found.missing and not found.provisional else None


def test_a_formula_of_two_indices_is_rounded_as_it_says() -> None:
    # 0.15 + 0.5 × 1.1 + 0.35 × 1.035 = 1.06225
    assert told(revised(values=BASE)) == (Decimal("1.0623"), "2026-09")
    assert told(revised(values=BASE, decimals=3, rounding="up")) == (Decimal("1.063"), "2026-09")


def test_a_yearly_revision_keeps_the_base_price_for_a_year() -> None:
    assert told(revised(values=BASE, months=12)) == (Decimal(1), "2026-09")
    later = BASE | {"A 2027-01": "120", "B 2027-01": "200"}
    assert told(revised("2027-06-15", values=later, months=12)) == (Decimal("1.1000"), "2027-01")


def test_an_unknown_index_proves_nothing() -> None:
    missing = revised(values={"A 2026-01": "100", "A 2026-09": "110"})
    assert missing is not None
    assert (missing.value, missing.missing) == (Decimal(1), "B (2026-01)")


def test_a_firm_price_is_not_revised() -> None:
    record = agreed(
        price_kind="firm", revision={"fixed": "0.15", "terms": [{"index": "A", "weight": "1", "base": "2026-01"}]}
    )
    assert coefficient(loaded(record)[0], INVOICE.issued_on) is None


ADMITTED = {"number": "F-1", "amount_ht": "10500", "amount_ttc": "12600", "state": "approved"}
REPAID_EARLY = {
    "amount_ht": "84000", "advance": {"paid_ttc": "10080", "rate": "0.10", "start": "0.10", "end": "0.80"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "repaid"),
    [
        ([], "531.43"),  # (13 800 − 10 080) ÷ 70 560 × 10 080
        ([{"amount_ht": "55000", "state": "received"}], "531.43"),
        ([{"amount_ht": "55000", "state": "held"}], "531.43"),
        ([{"amount_ht": "55000", "state": "refused"}], "531.43"),
        ([{"amount_ht": "55000", "state": "sent_back", "paid_on": "2026-09-01"}], "531.43"),
        ([{"amount_ht": "5000", "type": "381", "state": "received"}], "531.43"),
        ([{"amount_ht": "1000", "type": "381", "state": "approved"}], "360.00"),
        ([{"amount_ht": "1000", "state": "approved"}], "702.86"),
        ([{"amount_ht": "1000", "state": "paid"}], "702.86"),
        ([{"amount_ht": "1000", "amount_ttc": "1100", "state": "partial"}], "688.57"),
        ([{"amount_ht": "1000", "state": "received", "paid_on": "2026-09-01"}], "702.86"),
        ([{"amount_ht": "1000"}], "702.86"),  # a file that tells no state counts all that it tells
    ],
)
def test_an_advance_is_repaid_on_what_was_admitted_alone(more: list[dict[str, Any]], repaid: str) -> None:
    """R2191-11: neither what waits nor what was refused is executed; ceilings count what waits."""
    past = [PAST | ADMITTED, *(PAST | {"number": f"F-{2 + rank}"} | each for rank, each in enumerate(more))]
    assert paid(**REPAID_EARLY, invoiced=past).advance_repaid == Decimal(repaid)


def test_an_invoice_that_replaces_an_admitted_one_counts_instead_of_it() -> None:
    corrective = replace(INVOICE, type_code="384", terms={**INVOICE.terms, "BT-25": ("F-2",)})
    waiting, admitted = (PAST | {"number": "F-2", "amount_ht": "900", "state": s} for s in ("received", "approved"))
    for past in (waiting, admitted):
        assert paid(corrective, **REPAID_EARLY, invoiced=[PAST | ADMITTED, past]).advance_repaid == Decimal("531.43")
