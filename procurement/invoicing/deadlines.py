"""The delay of payment of one invoice and what is owed past it. Pure: days in, days and euros out.

CCP R2192-10 to R2192-36, D2192-35. Figures that the law may change come in as arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

# R2192-14: the date of the demand for payment plus two days, where its reception is not known.
UNKNOWN_RECEPTION = timedelta(days=2)
# R2192-29: after a suspension, thirty days or what was left where it is more.
AFTER_SUSPENSION = 30
YEAR = 365
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Clock:
    """One invoice's delay. `due`: the last day to pay in time; None while it is suspended. `why` says the start."""

    start: date
    days: int
    due: date | None
    why: str
    article: str

    def left(self, today: date) -> int | None:
        """Days until the last one, negative once it is past; None while suspended."""
        return (self.due - today).days if self.due else None

    def late(self, on: date) -> int:
        """Days past the last one."""
        return max((on - self.due).days, 0) if self.due else 0


@dataclass(frozen=True)
class Rate:
    """The main refinancing rate of the ECB from one day on, in percent."""

    since: date
    percent: Decimal


@dataclass(frozen=True)
class Interest:
    """Late interest in euros, with its yearly rate in percent, and the fixed compensation."""

    days: int
    percent: Decimal
    amount: Decimal
    fixed: Decimal

    @property
    def total(self) -> Decimal:
        return self.amount + self.fixed


def clock(
    issued_on: date,
    *,
    received_on: date | None,
    done_on: date | None,
    days: int,
    suspended_on: date | None = None,
    resumed_on: date | None = None,
) -> Clock:
    """The delay of an invoice; `received_on`: the portal's notification; `done_on`: the service fait.

    A suspension counts once, whatever was told later; `resumed_on` is the day the missing piece came.
    """
    start, why, article = _start(issued_on, received_on, done_on)
    first = start + timedelta(days=days)
    if suspended_on is None or suspended_on > first:
        return Clock(start, days, first, why, article)
    if resumed_on is None:
        return Clock(start, days, None, f"{why} ; suspendu le {suspended_on:%d/%m/%Y}", "R2192-27")
    left = max(AFTER_SUSPENSION, (first - suspended_on).days)
    return Clock(start, days, resumed_on + timedelta(days=left), f"{why} ; repris le {resumed_on:%d/%m/%Y}", "R2192-29")


def _start(issued_on: date, received_on: date | None, done_on: date | None) -> tuple[date, str, str]:
    if received_on is None:
        received_on, why, article = issued_on + UNKNOWN_RECEPTION, "date de la facture plus deux jours", "R2192-14"
    else:
        why, article = "réception de la facture", "R2192-12"
    if done_on is not None and done_on > received_on:
        return done_on, "exécution des prestations, postérieure à la facture", "R2192-13"
    return received_on, why, article


def interest(
    amount_ttc: Decimal, due: date, paid_on: date, rates: Sequence[Rate], points: Decimal, fixed: Decimal
) -> Interest:
    """What is owed of itself on `amount_ttc` paid `paid_on` after `due`.

    The rate is the ECB's on the first day of the half-year in which interest began, plus `points`; it holds for the
    whole delay (R2192-31). Raises ValueError where no rate is known for that day.
    """
    late = (paid_on - due).days
    if late <= 0 or amount_ttc <= 0:
        return Interest(0, Decimal(0), Decimal(0), Decimal(0))
    began = due + timedelta(days=1)
    half = date(began.year, 1 if began.month < 7 else 7, 1)
    known = [rate for rate in rates if rate.since <= half]
    if not known:
        raise ValueError(f"no rate of the ECB is known on {half}")
    percent = max(known, key=lambda rate: rate.since).percent + points
    amount = (amount_ttc * percent / 100 * late / YEAR).quantize(CENT, ROUND_HALF_UP)
    return Interest(late, percent, amount, fixed)
