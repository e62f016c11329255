"""The delay of payment of an invoice, read from its days; its last day is kept in `due_on`, which sorts lists."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from procurement.contract import paris_day
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.deadlines import Clock, Interest, clock, interest
from procurement.invoicing.invoice import YEARS
from procurement.rules import rule_table
from procurement.rules.ecb import ecb_rates

# What is not paid yet and may be owed.
UNPAID = frozenset({"received", "held", "completed", "to_confirm", "approved", "partial"})


def reception_day(copy: InvoiceCopy) -> date | None:
    """The day of the portal's notification where it is known (R2192-15), else the one that somebody typed."""
    return paris_day(copy.portal_at) if copy.portal_at is not None else copy.received_on


def clock_of(copy: InvoiceCopy, days: int) -> Clock | None:
    """The delay of payment; None where the invoice says no date that one may count from, or is not to be paid."""
    if copy.issued_on is None or copy.issued_on.year not in YEARS:
        return None
    if copy.state in ("refused", "sent_back", "replaced") or (copy.amount_ht or 0) < 0:
        return None
    return clock(
        copy.issued_on, received_on=reception_day(copy), done_on=copy.done_on, days=days,
        suspended_on=copy.suspended_on, resumed_on=copy.resumed_on,
    )  # fmt: skip


def interest_of(copy: InvoiceCopy, days: int, today: date) -> Interest | None:
    """What is owed for late payment until it was paid, or until today; None where nothing is, or no rate is known.

    Points and compensation are those in force on the invoice's day (R2192-31, D2192-35).
    """
    running = clock_of(copy, days)
    if running is None or running.due is None or copy.issued_on is None or copy.net_ttc is None:
        return None
    figures = rule_table().in_force(copy.issued_on).figures
    points, fixed = figures.get("late_interest_points"), figures.get("recovery_fee")
    if points is None or fixed is None:
        return None
    try:
        owed = interest(
            copy.net_ttc, running.due, copy.paid_on or today, ecb_rates(), points.value, fixed.value
        )  # fmt: skip
    except ValueError:  # no rate of the ECB for that day
        return None
    return owed if owed.days else None


def wind(copy: InvoiceCopy, days: int) -> None:
    """Keep the last day to pay in time; none once it is closed, nor while it is suspended."""
    running = clock_of(copy, days) if copy.state in UNPAID else None
    copy.due_on = running.due if running else None


def wind_contract(db: Session, contract_id: int, days: int) -> None:
    """The contract's delay changed: every invoice that is not paid yet has another last day."""
    query = select(InvoiceCopy).where(InvoiceCopy.contract_id == contract_id, InvoiceCopy.state.in_(UNPAID))
    for copy in db.scalars(query.options(defer(InvoiceCopy.report), defer(InvoiceCopy.match))):
        wind(copy, days)
