"""The delay of payment and its interest: their shape holds for any days."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.invoicing.deadlines import Rate, clock, interest
from procurement.rules.ecb import ecb_rates

DAY = st.dates(date(2024, 1, 1), date(2027, 12, 31))
GAP = st.integers(0, 120)
DELAY = st.sampled_from((30, 50, 60))
RATES = (Rate(date(2023, 1, 1), Decimal("4")), Rate(date(2025, 3, 1), Decimal("2.5")))
EIGHT, FORTY = Decimal(8), Decimal(40)


@given(DAY, st.none() | GAP, st.none() | GAP, DELAY)
def test_the_last_day_follows_the_start(issued: date, received: int | None, done: int | None, days: int) -> None:
    received_on = None if received is None else issued + timedelta(received)
    done_on = None if done is None else issued + timedelta(done)
    found = clock(issued, received_on=received_on, done_on=done_on, days=days)
    assert found.due == found.start + timedelta(days)
    assert found.start >= (received_on or issued)
    assert found.start >= (done_on or issued)
    assert found.left(found.start) == days


@given(DAY, GAP, DELAY, GAP, GAP)
def test_a_suspension_never_shortens_the_delay(issued: date, received: int, days: int, after: int, length: int) -> None:
    received_on = issued + timedelta(received)
    plain = clock(issued, received_on=received_on, done_on=None, days=days)
    suspended = received_on + timedelta(after)
    resumed = suspended + timedelta(length)
    found = clock(
        issued, received_on=received_on, done_on=None, days=days, suspended_on=suspended, resumed_on=resumed
    )  # fmt: skip
    assert plain.due is not None
    assert found.due is not None
    assert found.due >= plain.due
    if suspended <= plain.due:
        assert (found.due - resumed).days == max(30, (plain.due - suspended).days)
    else:
        assert found.due == plain.due  # it was late already: nothing is suspended any more


def test_while_it_is_suspended_there_is_no_last_day() -> None:
    found = clock(date(2026, 3, 2), received_on=date(2026, 3, 3), done_on=None, days=30, suspended_on=date(2026, 3, 10))
    assert (found.due, found.left(date(2026, 6, 1)), found.late(date(2026, 6, 1))) == (None, None, 0)
    assert "suspendu le 10/03/2026" in found.why


@given(st.decimals("0.01", "1000000", places=2), DAY, st.integers(-100, 800), st.integers(0, 200))
def test_interest_grows_with_each_day_and_is_never_owed_before(
    amount: Decimal, due: date, late: int, more: int
) -> None:
    first = interest(amount, due, due + timedelta(late), RATES, EIGHT, FORTY)
    later = interest(amount, due, due + timedelta(late + more), RATES, EIGHT, FORTY)
    assert (first.days > 0) == (late > 0)
    assert first.total == 0 if late <= 0 else first.fixed == FORTY
    assert later.total >= first.total
    assert later.percent == first.percent or late <= 0  # the rate holds for the whole delay


@pytest.mark.parametrize(
    ("due", "percent"), [(date(2025, 1, 15), "12"), (date(2025, 6, 29), "12"), (date(2025, 6, 30), "10.5")]
)
def test_the_rate_is_that_of_the_first_day_of_the_half_year_in_which_it_began(due: date, percent: str) -> None:
    found = interest(Decimal(1000), due, due + timedelta(10), RATES, EIGHT, FORTY)
    assert found.percent == Decimal(percent)
    assert found.amount == (Decimal(1000) * Decimal(percent) / 100 * 10 / 365).quantize(Decimal("0.01"))


def test_nothing_is_computed_without_a_rate() -> None:
    with pytest.raises(ValueError, match="no rate"):
        interest(Decimal(1), date(2020, 1, 1), date(2020, 3, 1), RATES, EIGHT, FORTY)


def test_nothing_is_owed_on_a_credit_note() -> None:
    assert interest(Decimal(-5), date(2025, 1, 1), date(2025, 3, 1), RATES, EIGHT, FORTY).total == 0


def test_the_shipped_rates_are_in_order_and_each_once() -> None:
    days = [rate.since for rate in ecb_rates()]
    assert days == sorted(set(days))
