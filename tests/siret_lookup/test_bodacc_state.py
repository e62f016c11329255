"""The situation, as a function of notices: properties, then the titles one by one."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from siret_lookup.bodacc.notices import CANCELLATION, CORRECTION, NOTICE, Notice, read_day, repaired
from siret_lookup.bodacc.rules import NATURES, Effect, effect_of
from siret_lookup.bodacc.state import Proceedings, State, current

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OPENING = "Jugement d'ouverture de liquidation judiciaire"
REDRESSEMENT = "Jugement d'ouverture d'une procédure de redressement judiciaire"
PLAN = "Jugement arrêtant le plan de redressement"
END = "Jugement de clôture pour insuffisance d'actif"
DEPOSIT = "Dépôt de l'état des créances"
FAMILIES = {END: "Jugement de clôture", DEPOSIT: "Avis de dépôt"}


def notice(number: int, nature: str | None, on: date = date(2026, 6, 1), kind: str = NOTICE, about: int = 0) -> Notice:
    target = f"A20269901{about}" if about else None
    family = FAMILIES.get(nature or "", "Jugement prononçant")
    return Notice(f"A20269901{number}", kind, on + timedelta(days=7), None, family, nature, on, None, target)


def situation(*notices: Notice) -> Proceedings:
    return current("000010017", notices, NOW)


NATURE = st.sampled_from([*(n for natures in NATURES.values() for n in natures), END, DEPOSIT, "Titre inconnu", None])
DAYS = st.dates(date(2005, 1, 1), date(2026, 11, 1))
KINDS = st.sampled_from([NOTICE, NOTICE, NOTICE, CORRECTION, CANCELLATION])
NOTICES = st.lists(
    st.builds(notice, st.integers(1, 9), NATURE, DAYS, KINDS, st.integers(0, 9)), max_size=8, unique_by=lambda n: n.id
)


@given(NOTICES.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_received_changes_nothing(both: tuple[list[Notice], list[Notice]]) -> None:
    assert situation(*both[0]) == situation(*both[1])


@given(NOTICES)
def test_a_notice_received_twice_counts_once(some: list[Notice]) -> None:
    assert situation(*some, *some) == situation(*some)


@given(NOTICES, NATURE, DAYS)
def test_a_cancelled_notice_is_as_if_it_never_was(some: list[Notice], nature: str, day: date) -> None:
    mistake = notice(50, nature, day)
    regret = replace(notice(51, nature, day, CANCELLATION, about=50), published=date(2026, 11, 20))
    before, after = situation(*some), situation(*some, mistake, regret)
    kept = ("state", "since", "judgment", "ended", "expired", "to_read", "history")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


@given(NOTICES, NATURE, NATURE, DAYS)
def test_a_corrected_notice_gives_way(some: list[Notice], wrong: str, right: str | None, day: date) -> None:
    assume(right is not None)
    correction = replace(notice(51, right, day, CORRECTION, about=50), published=date(2026, 11, 20))
    alone, both = situation(*some, correction), situation(*some, notice(50, wrong, day), correction)
    assert (both.state, both.judgment, both.history) == (alone.state, alone.judgment, alone.history)


@given(NOTICES)
def test_a_cancelled_cancellation_gives_back(some: list[Notice]) -> None:
    day = date(2026, 11, 1)
    mistake = notice(50, OPENING, day)
    regret = replace(notice(51, OPENING, day, CANCELLATION, about=50), published=date(2026, 11, 15))
    second = replace(notice(52, OPENING, day, CANCELLATION, about=51), published=date(2026, 11, 20))
    assert situation(*some, mistake, regret, second).state is situation(*some, mistake).state


@given(NOTICES, DAYS)
def test_a_deposit_never_changes_a_living_situation(some: list[Notice], day: date) -> None:
    before = situation(*some)
    assume(not before.expired)
    after = situation(*some, notice(50, DEPOSIT, day))
    assert (after.state, after.judgment, after.to_read) == (before.state, before.judgment, before.to_read)


@given(NOTICES)
def test_after_a_closing_nothing_is_under_way(some: list[Notice]) -> None:
    found = situation(*some, notice(50, END, date(2026, 11, 10)))
    assert (found.state, found.ended, found.expired) == (State.NONE, True, False)


@given(NOTICES)
def test_every_notice_is_either_kept_or_dropped(some: list[Notice]) -> None:
    found = situation(*some)
    assert sorted(n.id for n in (*found.history, *found.dropped)) == sorted(n.id for n in some)
    assert found.judgment is None or found.judgment in found.history


@pytest.mark.parametrize(("last", "state"), [(date(2016, 11, 26), State.LIQUIDATION), (date(2016, 11, 24), State.NONE)])
def test_ten_years_without_news(last: date, state: State) -> None:
    assert situation(notice(1, OPENING, last - timedelta(days=7)), notice(2, DEPOSIT, last)).state is state


def test_since_is_the_first_day_of_the_present_situation() -> None:
    steps = [REDRESSEMENT, PLAN, "Jugement modifiant le plan de redressement"]
    found = situation(*(notice(i, step, date(2020 + i, 1, 1)) for i, step in enumerate(steps, 1)))
    assert (found.state, found.since) == (State.REDRESSEMENT_PLAN, date(2022, 1, 1))


def test_a_reopened_liquidation_is_under_way() -> None:
    again = "Jugement de reprise de la procédure de liquidation judiciaire"
    found = situation(notice(1, END, date(2025, 1, 1)), notice(2, again, date(2026, 1, 1)))
    assert (found.state, found.ended) == (State.LIQUIDATION, False)


def test_a_correction_without_a_judgment_does_not_stand_for_one() -> None:
    found = situation(notice(1, OPENING), notice(2, None, date(2026, 7, 1), CORRECTION, about=1))
    assert (found.state, [n.id for n in found.to_read]) == (State.LIQUIDATION, ["A202699012"])


def test_a_cancellation_of_nothing_is_to_be_read() -> None:
    found = situation(notice(1, OPENING), notice(2, OPENING, date(2026, 7, 1), CANCELLATION))
    assert (found.state, [n.id for n in found.to_read]) == (State.LIQUIDATION, ["A202699012"])


def test_a_withdrawal_on_third_party_opposition_cancels() -> None:
    withdrawn = replace(
        notice(2, "Jugement de rétractation", date(2026, 7, 1), about=1), family="Rétractation sur tierce opposition"
    )
    assert situation(notice(1, OPENING), withdrawn).history == ()


@pytest.mark.parametrize(
    ("complement", "effect"),
    [
        ("Jugement prononçant la liquidation judiciaire simplifiée.", Effect.LIQUIDATION),
        ("Jugement d’ouverture d’un redressement judiciaire", Effect.REDRESSEMENT),
        ("Ouvre une procédure de sauvegarde", Effect.SAUVEGARDE),
        ("Clôture de la liquidation judiciaire", Effect.UNTOLD),
        ("Convertit le redressement judiciaire en liquidation judiciaire", Effect.UNTOLD),
        ("Interdiction de gérer dans la liquidation judiciaire de la société", Effect.UNTOLD),
        ("", Effect.UNTOLD),
        (None, Effect.UNTOLD),
    ],
)
def test_a_title_that_says_nothing_is_read_in_its_text_with_care(complement: str | None, effect: Effect) -> None:
    other = replace(notice(1, "Autre jugement prononçant"), complement=complement)
    assert effect_of(other) is effect


@pytest.mark.parametrize("nature", [n for natures in NATURES.values() for n in natures])
def test_titles_are_recognised_however_typed(nature: str) -> None:
    typed = nature.replace("'", "’").upper() + "."
    assert effect_of(notice(1, typed)) is effect_of(notice(1, nature)) is not Effect.UNTOLD


def test_no_title_has_two_effects() -> None:
    every = [nature for natures in NATURES.values() for nature in natures]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("2026-11-03", date(2026, 11, 3)),
        ("2026-11-03T00:00:00", date(2026, 11, 3)),
        ("03/11/2026", date(2026, 11, 3)),
        ("3 novembre 2026", date(2026, 11, 3)),
        ("1er août 2020", date(2020, 8, 1)),
        ("12 fÃ©vrier 2009", date(2009, 2, 12)),
        ("10\u00a0décembre\u00a02009", date(2009, 12, 10)),
        ("31 février 2020", None),
        ("6 may 2011", None),
        ("", None),
    ],
)
def test_days_as_they_come(words: str, day: date | None) -> None:
    assert read_day(words) == day


@given(st.text("abcéèêàçôûîùëïÉÀŒœ’ ", max_size=30))
def test_garbled_text_comes_back_and_right_text_stays(words: str) -> None:
    assert repaired(words) == words
    assert repaired(words.encode().decode("latin-1")) == words
