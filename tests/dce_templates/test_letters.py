"""Amounts in letters, against a library that knows many languages."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from dce_templates.letters import euros_in_letters, number_in_letters


@given(st.integers(0, 10**12 - 1))
def test_numbers_are_said_as_the_library_says_them(number: int) -> None:
    assert number_in_letters(number) == num2words(number, lang="fr")


@pytest.mark.parametrize("number", [*range(1, 130), 200, 201, 280, 1000, 1080, 80_000, 200_000, 280_080, 2_000_000])
def test_the_traps_of_french_too(number: int) -> None:
    assert number_in_letters(number) == num2words(number, lang="fr")


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1", "un euro"), ("0.01", "zéro euro et un centime"),
        ("84000.10", "quatre-vingt-quatre mille euros et dix centimes"),
        ("2000000", "deux millions d’euros"), ("1000001.01", "un million un euros et un centime"),
    ],
)  # fmt: skip
def test_euros_and_cents(amount: str, words: str) -> None:
    assert euros_in_letters(Decimal(amount)) == words
