"""R2191-33: the most that may be withheld, by what is known of both sides and the day of the law."""

from datetime import date
from decimal import Decimal

import pytest

from procurement.rules.retention import Cap, retention_cap

FIVE, THREE = Decimal("0.05"), Decimal("0.03")


@pytest.mark.parametrize(
    ("buyer", "sme", "cap"),
    [
        ("state", True, Cap(THREE, THREE)),
        ("local_large", True, Cap(THREE, THREE)),
        ("state", None, Cap(FIVE, THREE)),
        ("", True, Cap(FIVE, THREE)),
        ("", None, Cap(FIVE, THREE)),
        ("state", False, Cap(FIVE, FIVE)),
        ("local", True, Cap(FIVE, FIVE)),
        ("health", None, Cap(FIVE, FIVE)),
    ],
)
def test_only_what_is_certain_lowers_the_cap(buyer: str, sme: bool | None, cap: Cap) -> None:
    assert retention_cap(date(2026, 11, 27), buyer, sme) == cap


def test_before_the_decree_nobody_had_less() -> None:
    assert retention_cap(date(2024, 12, 31), "state", True) == Cap(FIVE, FIVE)
