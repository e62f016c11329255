from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dce_templates.law import UNVERIFIED
from procurement.rules import rule_table


def test_the_table_is_named_by_its_hash() -> None:
    table = rule_table()
    assert len(table.sha256) == 64
    assert table == rule_table()
    assert table.version >= date(2026, 11, 23)


def test_every_row_says_who_read_what_and_when() -> None:
    table = rule_table()
    for origin in [rule.origin for rule in table.rules] + [figure.origin for figure in table.figures]:
        assert origin.article
        assert origin.source
        assert origin.read_by
        assert origin.read_on


def test_two_rows_of_one_name_never_overlap() -> None:
    table = rule_table()
    for rows in (table.rules, table.figures):
        for name in {row.id for row in rows}:
            same = sorted((row for row in rows if row.id == name), key=lambda row: row.valid_from)
            for earlier, later in pairwise(same):
                assert earlier.valid_to is not None
                assert earlier.valid_to < later.valid_from


@given(st.dates(date(2026, 4, 1), date(2027, 12, 31)))
def test_every_day_of_these_years_has_its_thresholds(day: date) -> None:
    figures = rule_table().in_force(day).figures
    values = {name: int(figures[name].value) for name in figures if name.startswith(("eu_", "dispensation_"))}
    assert values == {
        "eu_threshold_state": 140_000,
        "eu_threshold_others": 216_000,
        "eu_threshold_works": 5_404_000,
        "dispensation_others": 60_000,
        "dispensation_works": 100_000,
    }


def test_unverified_law_is_kept_and_never_in_force() -> None:
    table = rule_table()
    unsure = {figure.id for figure in table.figures if figure.origin.mark in UNVERIFIED}
    assert unsure == {"social_services_threshold"}
    assert not unsure & set(table.in_force(date(2026, 11, 30)).figures)


def test_the_climate_law_begins_on_its_day() -> None:
    start = date(2026, 8, 22)
    assert "environmental_criterion" in rule_table().in_force(start).rules
    assert "environmental_criterion" not in rule_table().in_force(start - timedelta(days=1)).rules
