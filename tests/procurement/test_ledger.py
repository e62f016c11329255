"""The account adds up, whatever the invoices, their states and their order."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from procurement.contract import Contract
from procurement.invoice_copy import InvoiceCopy
from procurement.ledger import ADMITTED, WAITING, Ledger, admitted, ledger_of

AMOUNT = st.decimals("-5000", "50000", places=2)
SIRETS = ("11111111100001", "22222222200002")


@st.composite
def copies(draw: st.DrawFn) -> list[InvoiceCopy]:
    made = []
    for _ in range(draw(st.integers(0, 12))):
        state, amount = draw(st.sampled_from(sorted(InvoiceCopy.MOVES))), draw(AMOUNT)
        day = draw(st.dates(date(2025, 1, 1), date(2027, 12, 31)))
        made.append(
            InvoiceCopy(
                state=state, amount_ht=amount, admitted_ht=amount / 2 if state == "partial" else None, issued_on=day,
                paid_on=day if state == "paid" else None, seller_siret=draw(st.sampled_from(SIRETS)), part="",
            )
        )  # fmt: skip
    return made


def account(found: list[InvoiceCopy]) -> Ledger:
    contract = Contract(number="2026-0001", amount=Decimal(100000))
    return ledger_of(contract, found, companies=[(siret, siret, None) for siret in SIRETS])


@given(copies())
def test_what_is_admitted_what_waits_and_what_is_left_make_the_ceiling(found: list[InvoiceCopy]) -> None:
    made = account(found)
    assert made.whole.invoiced + made.whole.waiting + made.left == made.ceiling
    assert made.whole.invoiced == sum((admitted(copy) for copy in found if copy.state in ADMITTED), Decimal(0))
    assert made.whole.waiting == sum((admitted(copy) for copy in found if copy.state in WAITING), Decimal(0))
    assert made.alert == (made.whole.invoiced + made.whole.waiting >= Decimal(80000))


@given(copies())
def test_companies_add_up_to_the_whole(found: list[InvoiceCopy]) -> None:
    made = account(found)
    for name in ("invoiced", "paid", "waiting"):
        assert sum((getattr(row, name) for row in made.companies), Decimal(0)) == getattr(made.whole, name)


@given(copies())
def test_the_chart_ends_at_what_is_admitted_and_paid(found: list[InvoiceCopy]) -> None:
    made = account(found)
    months = [month for month, _, _ in made.months]
    assert months == sorted(set(months))
    last = made.months[-1][1:] if made.months else (Decimal(0), Decimal(0))
    assert last == (made.whole.invoiced, made.whole.paid)


@given(copies(), st.randoms())
def test_the_order_of_the_invoices_changes_nothing(found: list[InvoiceCopy], random: object) -> None:
    mixed = list(found)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert account(mixed) == account(found)
