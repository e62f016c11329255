"""Months counted, and the last period that a service has at a time: (year, month), from when its data are there."""

import calendar
from datetime import date, datetime


def later(day: date, months: int) -> date:
    """The same day so many months later, the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def declared_year(now: datetime) -> tuple[int, int]:
    """Annual workforce: year N is there at the end of January N+1 (documentation of API Entreprise)."""
    return (now.year - 1 if now.month > 1 else now.year - 2), 12


def declared_month(now: datetime) -> tuple[int, int]:
    """Monthly workforce: month M is there at the end of M+1."""
    months = now.year * 12 + now.month - 1 - 2
    return months // 12, months % 12 + 1


def filed_year(now: datetime) -> tuple[int, int]:
    """Tax returns: a financial year closed in December N is filed in spring N+1, and sure to be there in July."""
    return (now.year - 1 if now.month > 6 else now.year - 2), 12
