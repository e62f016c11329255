"""CSV for French spreadsheets: decimal comma, mark of UTF-8, and no text that becomes a formula."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.spreadsheet import delimiter_of, number_of, text_of, written


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text_of(content)), delimiter=";"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4))
def test_no_cell_begins_a_formula(cells: list[str]) -> None:
    shown = read(written(["a"] * len(cells), [cells]))[1:]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in shown for cell in row)


def test_amounts_and_days_are_french() -> None:
    content = written(("n", "d", "x"), [(Decimal("-1234.5"), date(2026, 3, 1), None)])
    assert content == "\ufeffn;d;x\r\n-1234,50;01/03/2026;\r\n".encode()


@pytest.mark.parametrize(
    ("content", "mark"), [(b"a;b\n1,2;3", ";"), (b"a,b\n1;2", ","), ("é;b".encode("latin-1"), ";")]
)
def test_files_of_any_software_are_read(content: bytes, mark: str) -> None:
    assert delimiter_of(content) == mark
    assert text_of(content)[0] in "aé"


@pytest.mark.parametrize("text", ["1 234,50 €", "1234.5", "\u202f1\u00a0234,5"])
def test_a_number_as_people_write_it(text: str) -> None:
    assert number_of(text) == Decimal("1234.5")


@pytest.mark.parametrize("text", ["", "NaN", "１２", "١٢", "1_2", "1e999999999", "1e-99", "9" * 40])
def test_what_nobody_can_count_with_is_no_number(text: str) -> None:
    assert number_of(text) is None
