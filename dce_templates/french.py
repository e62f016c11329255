"""How the documents write amounts, rates, dates and durations, in French and in Paris time."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
_THIN, _NBSP = "\u202f", "\u00a0"
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def number(value: Decimal | int) -> str:
    """12345.5 → « 12 345,5 », without useless zeros."""
    text = f"{Decimal(value).normalize():,f}"
    return text.replace(",", _THIN).replace(".", ",")


def euros(value: Decimal) -> str:
    """12345.5 → « 12 345,50 € »."""
    text = f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):,.2f}"
    return text.replace(",", _THIN).replace(".", ",") + _NBSP + "€"


def percent(rate: Decimal) -> str:
    """0.055 → « 5,5 % »."""
    return number(rate * 100) + _NBSP + "%"


def day(value: date) -> str:
    """2026-12-01 → « 1er décembre 2026 »."""
    first = "1er" if value.day == 1 else str(value.day)
    return f"{first} {_MONTHS[value.month - 1]} {value.year}"


def reading(text: str) -> str:
    """When a text was read: "2026-11" → « en novembre 2026 », "2026-11-23" → « le 23 novembre 2026 ».

    A day that is in no calendar, in a clause that somebody wrote, is left as it was typed.
    """
    whole = text.count("-") == 2
    try:
        value = date.fromisoformat(text if whole else f"{text}-01")
    except ValueError:
        return f"en {text}"
    return f"le {day(value)}" if whole else f"en {_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """An aware moment → « 21 décembre 2026 à 12 h 00 (heure de Paris) »."""
    local = value.astimezone(PARIS)
    return f"{day(local.date())} à {local.hour}{_NBSP}h{_NBSP}{local.minute:02d} (heure de Paris)"


def months(count: int) -> str:
    return f"{count} mois"


def siret(value: str) -> str:
    """14 digits → « 123 456 789 00012 »."""
    return _NBSP.join((value[:3], value[3:6], value[6:9], value[9:]))
