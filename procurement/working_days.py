"""Working days in France: Monday to Friday, less the public holidays of article L3133-1 of the labour code."""

from datetime import date, timedelta

FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))


def easter(year: int) -> date:
    """Easter Sunday (Gregorian; the anonymous algorithm published by Meeus)."""
    golden, century, in_century = year % 19, year // 100, year % 100
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - moon - in_century % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def is_working(day: date) -> bool:
    moving = {easter(day.year) + timedelta(days=after) for after in (1, 39, 50)}
    return day.weekday() < 5 and (day.month, day.day) not in FIXED and day not in moving


def shifted(day: date, count: int) -> date:
    """`count` working days after `day`, or before it where negative."""
    step = timedelta(days=1 if count > 0 else -1)
    left = abs(count)
    while left:
        day += step
        left -= is_working(day)
    return day
