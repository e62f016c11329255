import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from siret_lookup.siret import LA_POSTE, Siret, SiretError, has_siret_key, parse_siren, parse_siret

DIGITS = st.text("0123456789", min_size=8, max_size=8).filter(lambda digits: digits.strip("0") != "")


def with_key(digits: str) -> str:
    return digits + str(luhn.calc_check_digit(digits))


@st.composite
def sirets(draw: st.DrawFn) -> str:
    siren = with_key(draw(DIGITS))
    return with_key(siren + draw(st.text("0123456789", min_size=4, max_size=4)))


def reason(text: str) -> str:
    with pytest.raises(SiretError) as refused:
        parse_siret(text)
    assert refused.value.sentence.endswith((".", "?"))
    return refused.value.reason


@given(sirets())
def test_a_number_with_both_keys_is_read_whole(digits: str) -> None:
    siret = parse_siret(digits)
    assert (siret.siren + siret.nic, siret.warnings) == (digits, ())
    assert siret.vat.startswith("FR")
    assert len(siret.vat) == 13
    assert int(siret.vat[2:4]) == (12 + 3 * (int(siret.siren) % 97)) % 97


@given(sirets(), st.lists(st.tuples(st.integers(0, 14), st.sampled_from(" \u00a0\u202f.-\t")), max_size=8))
def test_separators_change_nothing(digits: str, marks: list[tuple[int, str]]) -> None:
    typed = digits
    for place, mark in marks:
        typed = typed[:place] + mark + typed[place:]
    assert parse_siret(typed) == Siret(digits)


@given(sirets(), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(digits: str, place: int, shift: int) -> None:
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    if not wrong.startswith(LA_POSTE):
        assert reason(wrong) == "key"


@given(DIGITS, st.integers(1, 9), st.text("0123456789", min_size=4, max_size=4))
def test_a_right_key_on_fourteen_does_not_save_a_wrong_siren(digits: str, shift: int, nic: str) -> None:
    siren = digits + str((int(luhn.calc_check_digit(digits)) + shift) % 10)
    assert reason(with_key(siren + nic)) == "siren_key"


@given(st.text("0123456789", min_size=5, max_size=5))
def test_la_poste_passes_by_key_or_by_sum(nic: str) -> None:
    digits = LA_POSTE + nic
    expected = luhn.is_valid(digits) or sum(map(int, digits)) % 5 == 0
    assert has_siret_key(digits) == expected
    if expected:
        assert parse_siret(digits).siren == LA_POSTE
    else:
        assert reason(digits) == "key"


def test_la_poste_counts() -> None:
    assert sum(has_siret_key(f"{LA_POSTE}{nic:05d}") for nic in range(100_000)) == 28_000


@pytest.mark.parametrize("digits", ["35600000000048", "35600000009075", "35600000049837"])
def test_la_poste_examples(digits: str) -> None:
    assert parse_siret(digits).vat == "FR39356000000"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "empty"),
        (" \u00a0.-", "empty"),
        ("0000000000000000", "all_zero"),
        ("00000000000000", "all_zero"),
        ("000000000", "all_zero"),
        ("7328293200007", "length"),
        ("732829320000744", "length"),
        ("١٣٠٠٢٥٢٦٥٠٠٠١٣", "not_digits"),
        ("１３００２５２６５０００１３", "not_digits"),
        ("13002526500O13", "not_digits"),
        ("²3002526500013", "not_digits"),
        ("35600082800048", "key"),
        ("73282932000075", "key"),
    ],
)
def test_bad_numbers_have_a_reason_and_a_sentence(typed: str, expected: str) -> None:
    assert reason(typed) == expected


def test_nine_digits_carry_the_siren() -> None:
    with pytest.raises(SiretError) as refused:
        parse_siret("130 025 265")
    assert (refused.value.reason, refused.value.siren) == ("siren_only", "130025265")


def test_nine_wrong_digits_are_a_wrong_siren() -> None:
    assert reason("130 025 266") == "siren_key"


def test_the_known_number_without_key_warns_and_passes() -> None:
    siret = parse_siret("889742876 00009")
    assert siret.value == "88974287600009"
    assert "vérifiez" in siret.warnings[0]
    assert parse_siren("889742876").warnings == siret.warnings


@pytest.mark.parametrize(
    ("siren", "vat"),
    [
        ("552049447", "FR35552049447"),
        ("130025265", "FR07130025265"),
        ("418166096", "FR16418166096"),
        ("005520135", "FR92005520135"),
    ],
)
def test_vat_keys(siren: str, vat: str) -> None:
    assert parse_siren(siren).vat == vat


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_a_sentence(text: str) -> None:
    try:
        told = parse_siret(text).value
    except SiretError as error:
        told = error.sentence
    assert told


def test_numbers_are_shown_in_groups() -> None:
    assert str(parse_siret("13002526500013")) == "130 025 265 00013"
    assert str(parse_siren("130025265")) == "130 025 265"
