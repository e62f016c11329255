"""Amounts and shares as people read them, and rounding to the cent."""

from decimal import ROUND_HALF_UP, Decimal

from dce_templates import french

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return value.quantize(CENT, ROUND_HALF_UP)


def decimals(value: Decimal) -> int:
    """How many decimals it is written with: 2 for 1.50."""
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def euros(value: Decimal) -> str:
    """An amount as people read it, in one piece at the end of a line: 1 234,50 €."""
    return french.euros(value)


def percent(share: Decimal) -> str:
    """A share of one as people read it: 0.055 → 5,5 %."""
    return french.percent(share.quantize(CENT * CENT))
