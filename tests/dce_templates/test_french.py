"""How documents write what they write often."""

import pytest

from dce_templates.french import reading


@pytest.mark.parametrize(
    ("read_on", "said"),
    [
        ("2026-11", "en novembre 2026"),
        ("2026-04-01", "le 1er avril 2026"),
        ("2026-11-23", "le 23 novembre 2026"),
        ("2026-13", "en 2026-13"),
    ],
)
def test_a_month_is_not_a_day(read_on: str, said: str) -> None:
    assert reading(read_on) == said
