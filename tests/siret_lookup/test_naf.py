"""Which code of activity is shown, before and after 1 January 2027."""

from datetime import date

import pytest

from siret_lookup.naf import shown

BOTH = [("62.01Z", "NAFRev2"), ("62.10Y", "NAF2025")]


@pytest.mark.parametrize(
    ("activities", "day", "said"),
    [
        (BOTH, date(2026, 12, 31), "62.01Z (NAF rév. 2)"),
        (BOTH, date(2027, 1, 1), "62.10Y (NAF 2025) – 62.01Z (NAF rév. 2)"),
        (BOTH[1:], date(2026, 12, 31), "62.10Y (NAF 2025)"),
        (BOTH[:1], date(2027, 6, 1), "62.01Z (NAF rév. 2)"),
        ([], date(2026, 1, 1), None),
    ],
)
def test_the_code_in_force_comes_first_and_the_former_stays(
    activities: list[tuple[str, str]], day: date, said: str | None
) -> None:
    assert shown(activities, day) == said
