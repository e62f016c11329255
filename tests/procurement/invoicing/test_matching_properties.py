"""What holds for any invoice and any contracts: one answer, exact sums, and nothing forgiven by billing more."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.sandbox.invoices import Party, ubl
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.index import CITED, PARTIES, Index, contract_keys, invoice_keys
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import citations, key, number_key
from procurement.invoicing.matching import Match, match, rank
from procurement.invoicing.parsing import read_invoice
from procurement.invoicing.payable import payable
from procurement.invoicing.scoring import score
from tests.procurement.invoicing.samples import BUYER, SELLER, STRANGER, contract, draft, loaded
from tests.procurement.invoicing.stories import agreed, sold

INVOICE = read_invoice(ubl(sold()))
MONEY = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**7), places=2)
SIRETS = st.sampled_from([SELLER.siret, BUYER.siret, STRANGER, "90000004300018", f"{SELLER.siret[:9]}00027"])
NUMBERS = st.sampled_from(["2026-0042", "2026 0043", "20260044", "EJ-77", "EJ-7777", "X"])
CONTRACTS = st.lists(
    st.builds(
        lambda number, buyer, holders, engagement: contract(
            id=number, decp_id=None, buyer={"siret": buyer}, holders=[{"siret": h} for h in holders],
            engagements=[engagement],
        ),
        NUMBERS, SIRETS, st.lists(SIRETS, min_size=1, max_size=3), NUMBERS,
    ),
    max_size=6,
)  # fmt: skip
BILLS = st.builds(
    lambda number, order, seller, buyer: replace(
        read_invoice(ubl(draft(seller=Party("S", seller), buyer=Party("B", buyer)))), contract=number, engagement=order
    ),
    st.one_of(st.just(""), NUMBERS), st.one_of(st.just(""), NUMBERS, st.just("Commande EJ-7777, urgente")),
    SIRETS, SIRETS,
)  # fmt: skip


def _by_reading_all(invoice: Invoice, contracts: tuple[ContractRecord, ...]) -> set[ContractRecord]:
    scored = [(score(invoice, one), one) for one in contracts]
    tied = {one for candidate, one in scored if candidate and candidate.tied}
    return tied or {one for candidate, one in scored if candidate}


@given(BILLS, CONTRACTS)
def test_the_index_finds_what_reading_every_contract_finds(invoice: Invoice, known: list[dict[str, Any]]) -> None:
    contracts = loaded(*known)
    assert {one for _, one in rank(invoice, Index(contracts))} == _by_reading_all(invoice, contracts)


@given(BILLS, CONTRACTS, st.randoms(use_true_random=False))
def test_the_order_of_the_contracts_changes_nothing(
    invoice: Invoice, known: list[dict[str, Any]], any_order: Any
) -> None:
    shuffled = list(known)
    any_order.shuffle(shuffled)
    first, second = match(invoice, loaded(*known)), match(invoice, Index(loaded(*shuffled)))
    assert (first.candidates, first.decision, first.findings) == (second.candidates, second.decision, second.findings)


@given(BILLS, CONTRACTS)
def test_a_score_is_within_a_hundred_and_is_the_sum_of_its_reasons(
    invoice: Invoice, known: list[dict[str, Any]]
) -> None:
    for candidate in match(invoice, loaded(*known)).candidates:
        worth = sum(int(why.rsplit("(+", 1)[1][:-1]) for why in candidate.because)
        assert candidate.score == min(candidate.points, 100)
        assert candidate.points == worth


def _past(number: int, amount: Decimal, kind: str, state: str = "paid") -> dict[str, Any]:
    return {"number": f"N{number}", "siret": STRANGER, "amount_ht": str(amount), "type": kind, "state": state}


@given(st.lists(st.tuples(MONEY, st.sampled_from(["380", "381", "389", "261"])), max_size=8), st.integers(-300, 300))
def test_the_ceiling_counts_credit_notes_to_the_cent(past: list[tuple[Decimal, str]], room: int) -> None:
    invoiced = [_past(n, amount, kind) for n, (amount, kind) in enumerate(past)]
    before = sum((-amount if kind in ("381", "261") else amount for amount, kind in past), Decimal(0))
    limit = before + INVOICE.totals.net + Decimal(room) / 100
    answer = match(INVOICE, loaded(agreed(ceiling_ht=str(limit), invoiced=invoiced)))
    assert ("ceiling-exceeded" in _rules(answer)) == (room < 0)


def _rules(answer: Match) -> set[str]:
    return {finding.rule for finding in answer.findings}


CAPS = {"ceiling-exceeded", "part-ceiling-exceeded", "share-exceeded", "amount-above-received", "assignment-exceeded"}
RECORD = agreed(
    ceiling_ht="9000",
    parts=[{"id": "P", "engagements": ["EJ-77"], "ceiling_ht": "5000"}],
    holders=[{"siret": SELLER.siret, "share_ht": "4000"}],
    received=[{"on": "2026-09-30", "amount_ht": "6000"}],
)


@given(MONEY, MONEY)
def test_billing_more_never_makes_a_finding_go_away(once: Decimal, more: Decimal) -> None:
    def billed(net: Decimal) -> set[str]:
        bill = replace(INVOICE, totals=replace(INVOICE.totals, net=net, gross=net))
        return _rules(match(bill, loaded(RECORD))) & CAPS

    assert billed(once) <= billed(once + more)


@given(MONEY, st.sampled_from(["ceiling_ht", "amount_ht"]))
def test_on_works_what_is_admitted_and_what_is_not_make_the_invoice(limit: Decimal, name: str) -> None:
    record = loaded(agreed(**{"kind": "works", "ceiling_ht": None, name: str(limit)}))
    answer = match(INVOICE, record)
    if answer.decision == "partial":
        assert Decimal(answer.amounts["MAP"]) == limit
        assert Decimal(answer.amounts["MAP"]) + Decimal(answer.amounts["MNA"]) == INVOICE.totals.net
    else:
        assert (answer.decision, limit >= INVOICE.totals.net) == ("approve", True)


RATE = st.decimals(min_value=0, max_value=1, places=3)


@given(MONEY, MONEY, RATE, RATE, RATE, MONEY, st.booleans())
def test_what_is_paid_is_never_negative_and_adds_up(
    advance: Decimal, before: Decimal, rate: Decimal, start: Decimal, end: Decimal, penalty: Decimal, guarantee: bool
) -> None:
    terms = {"paid_ttc": str(advance), "rate": "0.2", "start": str(start), "end": str(end)}
    (record,) = loaded(
        agreed(
            advance=terms, retention={"rate": str(rate), "guarantee": guarantee},
            penalties=[{"amount_ttc": str(penalty)}], invoiced=[_past(1, before, "380")],
        )
    )  # fmt: skip
    sums = payable(record, INVOICE)
    assert sums.net_payable >= 0
    taken = (sums.advance_repaid, sums.retention, sums.penalties, sums.direct_payments, sums.prepaid)
    assert all(one >= 0 for one in taken)
    assert sums.gross_ttc - sum(taken) == sums.net_payable
    assert sums.advance_repaid <= advance
    assert sums.retention <= INVOICE.totals.gross * Decimal("0.05")


@given(MONEY, st.lists(st.integers(100, 3000), min_size=1, max_size=12))
def test_an_advance_is_repaid_once_in_all_whatever_the_demands(advance: Decimal, demands: list[int]) -> None:
    """Demand after demand, never more than the advance; the whole of it once 80 % is billed (and there is enough)."""
    repaid, billed = Decimal(0), Decimal(0)
    for number, net in enumerate(demands):
        past = [_past(number, billed, "380")] if billed else []
        terms = {"paid_ttc": str(advance), "rate": "0.2", "repaid_ttc": str(repaid)}
        (record,) = loaded(agreed(vat_rates=["20"], advance=terms, invoiced=past))
        bill = replace(INVOICE, totals=replace(INVOICE.totals, net=Decimal(net), gross=Decimal(net) * Decimal("1.2")))
        repaid += payable(record, bill).advance_repaid
        billed += net
        assert repaid <= advance
        if billed <= 6500:
            assert repaid == 0


@given(st.text(max_size=40))
def test_folded_keys_are_stable(text: str) -> None:
    assert key(key(text)) == key(text)
    if text.isascii():
        assert key(f" {text.upper()} - ") == key(text)
        assert citations(text) == citations(text.upper())


@given(st.text("ABCDEF", min_size=1, max_size=5), st.integers(1, 10**9), st.integers(0, 5), st.sampled_from("-/ ."))
def test_zeros_and_signs_never_make_another_number(prefix: str, number: int, zeros: int, sign: str) -> None:
    assert number_key(f"{prefix}{sign}{'0' * zeros}{number}") == number_key(f"{prefix.lower()}{number}")


@given(BILLS, CONTRACTS)
def test_the_keys_alone_say_which_contract_is_sure(invoice: Invoice, known: list[dict[str, Any]]) -> None:
    """What the database leaves out (contract_keys.candidates) can never be chosen."""
    asked = invoice_keys(invoice)
    for one in loaded(*known):
        kinds = {kind for kind, _ in contract_keys(one) & asked}
        candidate = score(invoice, one)
        assert ({CITED, PARTIES} <= kinds) == bool(candidate and candidate.sure)
