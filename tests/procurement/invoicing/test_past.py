"""What a contract was billed, found by keys and kept sums: the same as reading every invoice, in the same order."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from api.sandbox.invoices import ubl
from procurement.invoicing.billed import billed, billed_by, billed_on, in_flight
from procurement.invoicing.contracts import ContractBuyer, ContractRecord, Holder, Part
from procurement.invoicing.keys import key, number_key
from procurement.invoicing.parsing import read_invoice
from procurement.invoicing.past import Invoiced, Past, signed
from tests.procurement.invoicing.samples import BUYER, DRAFT, SELLER, STRANGER, contract, loaded

NUMBERS = st.sampled_from(["F-1", "F1", "f 001", "F-10", "—", "2026/7", "é2"])
SIRETS, DAY = st.sampled_from([SELLER.siret, STRANGER]), date(2026, 6, 15)
ORDERS = st.sampled_from(["", "EJ-1", "ej 1", "EJ-2", "-"])
CENTS = st.integers(0, 40).map(lambda cents: Decimal(cents) / 100)
ROWS = st.lists(
    st.builds(
        Invoiced,
        number=NUMBERS, siret=SIRETS, amount_ht=CENTS, amount_ttc=st.none() | CENTS,
        type=st.sampled_from(["380", "381"]),
        issued_on=st.none() | st.integers(0, 20).map(lambda days: DAY + timedelta(days=days)), engagement=ORDERS,
        part=st.sampled_from(["", "T-1", "t1", "T-2"]), paid_on=st.none() | st.just(DAY), credits=NUMBERS,
        state=st.sampled_from([None, "received", "partial", "paid", "refused"]), within=st.just("") | NUMBERS,
    ),
    max_size=12,
)  # fmt: skip
INVOICE = read_invoice(ubl(DRAFT))
PART = Part("T-1", engagements=("EJ-1", "EJ 1"))


def same(one: str, other: str) -> bool:
    return key(one) == key(other) or number_key(one) == number_key(other)


def belongs(row: Invoiced) -> bool:
    return key(row.part) == "T1" if row.part else bool(row.engagement) and key(row.engagement) == "EJ1"


@given(ROWS, st.frozensets(NUMBERS), SIRETS, NUMBERS)
def test_sums_are_those_of_all_the_rows(
    rows: list[Invoiced], corrected: frozenset[str], siret: str, number: str
) -> None:
    """A row that is inside another counts with it: in one of the past that counts, or in the invoice itself."""
    record = ContractRecord("C", ContractBuyer(BUYER.siret), (Holder(SELLER.siret),), invoiced=Past(rows))
    bill = replace(INVOICE, number=number, type_code="384", terms={"BT-25": tuple(corrected)})
    counted = [row for row in rows if row.state != "refused"]
    holding = {number_key(row.number) for row in counted if not row.within}
    once = [row for row in counted if not (row.within and number_key(row.within) in holding)]
    gone = {number_key(one) for one in corrected}
    left = [
        row
        for row in once
        if number_key(row.number) not in gone and not (row.within and number_key(row.within) == number_key(number))
    ]

    def total(some: list[Invoiced]) -> Decimal:
        return sum((signed(row, row.amount_ht) for row in some), Decimal(0))

    assert billed(record, bill) == total(left)
    own = [row for row in counted if row in left or row not in once]
    assert billed_by(record, siret, bill) == total([row for row in own if row.siret == siret])
    assert billed_on(record, PART, bill) == total([row for row in left if belongs(row)])
    assert in_flight(record) == total([row for row in once if row.state != "paid" and not row.paid_on])
    done = [row for row in counted if row.siret == siret and (row.state in (None, "partial", "paid") or row.paid_on)]
    assert record.invoiced.total("admitted ht", siret) == total([row for row in done if row.amount_ttc is None])
    taxed = sum((signed(row, row.amount_ttc) for row in done if row.amount_ttc is not None), Decimal(0))
    assert record.invoiced.total("admitted ttc", siret) == taxed


@given(ROWS, NUMBERS)
def test_numbers_are_found_as_people_mistype_them(rows: list[Invoiced], number: str) -> None:
    past = Past(rows)
    assert past.numbered(number) == [row for row in rows if same(row.number, number)]
    assert past.crediting(number) == [row for row in rows if row.credit and same(row.credits, number)]
    inside = [row for row in rows if row.within and number_key(row.within) == number_key(number)]
    assert past.within(number) == inside
    folded = [row for row in rows if row.counted and number_key(row.number) == number_key(number)]
    assert past.folded([number_key(number)]) == folded


@given(ROWS, SIRETS, ORDERS, CENTS, st.integers(0, 20))
def test_what_is_alike_is_found(rows: list[Invoiced], siret: str, order: str, amount: Decimal, days: int) -> None:
    past, day = Past(rows), DAY + timedelta(days=days)
    mine = [row for row in rows if row.counted and not row.credit and row.siret == siret]
    assert list(past.same_amount([siret], amount)) == [row for row in mine if row.amount_ht == amount]
    near = [
        row
        for row in mine
        if row.issued_on and abs(row.issued_on - day).days <= 7 and key(row.engagement) == key(order)
    ]
    tenth = Decimal("0.1")
    found = list(past.near([siret], order, day, 7, amount))
    assert [row for row in found if abs(row.amount_ht - amount) <= tenth] == [
        row for row in near if abs(row.amount_ht - amount) <= tenth
    ]
    assert all(row in near for row in found)


def test_the_last_day_of_the_calendar_has_no_day_after() -> None:
    row = Invoiced("F-1", SELLER.siret, Decimal(1), issued_on=date.max)
    assert list(Past([row]).near([SELLER.siret], "", date.max, 7, Decimal(1))) == [row]


def test_an_account_is_a_list_in_the_file_and_grows_in_place() -> None:
    (record,) = loaded(contract(invoiced=[{"number": "F-1", "siret": STRANGER, "amount_ht": "10"}]))
    record.invoiced.add(Invoiced("F-2", STRANGER, Decimal(5)))
    assert [row.number for row in record.invoiced] == ["F-1", "F-2"]
    assert billed(record, INVOICE) == Decimal(15)
