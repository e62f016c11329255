from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.outcome import Outcome
from siret_lookup.quotas import BUDGETS, SEAM, MemoryQuotas, next_window, spend, token_id, window_start
from siret_lookup.sources import SOURCES
from tests.siret_lookup.scene import START, Lookup

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS)
def test_windows_are_aligned_minutes(now: datetime) -> None:
    start = window_start(now)
    assert start <= now < next_window(now) == start + timedelta(minutes=1)
    assert start.timestamp() % 60 == 0


@given(st.integers(1, 30), st.integers(0, 40))
def test_no_more_than_the_limit_in_one_window(limit: int, calls: int) -> None:
    store = MemoryQuotas()
    taken = [store.take("t", "g", limit, START) for _ in range(calls)]
    assert sum(taken) == min(limit, calls)
    assert store.take("t", "g", limit, START + timedelta(minutes=1))


def test_tokens_and_groups_do_not_share() -> None:
    store = MemoryQuotas()
    assert [store.take("a", "g", 1, START), store.take("a", "g", 1, START)] == [True, False]
    assert store.take("b", "g", 1, START)
    assert store.take("a", "h", 1, START)


def test_threads_do_not_overspend() -> None:
    store = MemoryQuotas()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: store.take("t", "g", 50, START), range(200)))
    assert sum(taken) == 50


def test_all_tokens_share_the_address() -> None:
    store = MemoryQuotas()
    answers = [spend(store, f"token-{number // 200}", "json", START) for number in range(1001)]
    assert answers[:1000] == [None] * 1000
    assert answers[1000] == next_window(START) + SEAM


def test_files_through_the_proxy_are_counted_by_address() -> None:
    store = MemoryQuotas()
    answers = [spend(store, f"token-{number}", "files", START) for number in range(BUDGETS["files"] + 1)]
    assert answers[:-1] == [None] * BUDGETS["files"]
    assert answers[-1] == next_window(START) + SEAM


def test_the_token_is_not_kept() -> None:
    assert "secret" not in token_id("secret")


def test_every_source_has_a_budget() -> None:
    assert {group for source in SOURCES.values() for group in source.groups} <= set(BUDGETS)


@pytest.mark.parametrize(
    ("key", "groups", "limit"),
    [
        ("attestation_fiscale", ("dgfip_attestation_fiscale",), 5),
        ("cibtp_attestation", ("cibtp",), 5),
        ("rne_extrait", ("inpi_rne_extrait", "files"), 15),
        ("rne_actes_bilans", ("inpi_rne_actes_bilans", "files"), 15),
        ("effectifs_annuels", ("gip_mds",), 50),
        ("effectifs_mensuels", ("gip_mds",), 50),
        ("qualibat", ("documents",), 50),
        ("vigilance", ("urssaf_vigilance",), 100),
        ("qualiopi", ("json",), 250),
    ],
)
def test_budgets_are_the_published_ones(key: str, groups: tuple[str, ...], limit: int) -> None:
    assert (SOURCES[key].groups, BUDGETS[groups[0]]) == (groups, limit)


def test_a_spent_budget_waits_for_the_next_minute_without_a_call(lookup: Lookup) -> None:
    name = "BOULANGERIE TOUT VA BIEN"
    first = [lookup.fetch("attestation_fiscale", name).outcome for _ in range(5)]
    sixth = lookup.fetch("attestation_fiscale", name)
    assert first == [Outcome.OBTAINED] * 5
    assert (sixth.outcome, sixth.code, sixth.request_id) == (Outcome.UNAVAILABLE, None, None)
    assert sixth.retry_at == next_window(lookup.now) + SEAM
    lookup.clock.next_minute()
    assert lookup.fetch("attestation_fiscale", name).outcome is Outcome.OBTAINED


def calls_until_refused(store: MemoryQuotas, now: datetime) -> tuple[int, datetime]:
    made = 0
    while (free_at := spend(store, "jeton", "dgfip_attestation_fiscale", now)) is None:
        made += 1
    return made, free_at


@given(st.lists(st.floats(0, 240, allow_nan=False), max_size=60), st.floats(-0.9, 0.9, allow_nan=False))
def test_a_clock_that_is_a_second_off_never_overspends_a_minute(offsets: list[float], skew: float) -> None:
    """The server counts by its own clock; ours is up to a second before or behind it."""
    store, counted = MemoryQuotas(), Counter[datetime]()
    for offset in sorted(offsets):
        ours = START + timedelta(seconds=offset)
        for _ in range(4):
            if spend(store, "jeton", "dgfip_attestation_fiscale", ours) is None:
                counted[window_start(ours + timedelta(seconds=skew))] += 1
    assert all(calls <= BUDGETS["dgfip_attestation_fiscale"] for calls in counted.values())


def test_a_spent_minute_is_whole_again_a_second_after_its_turn() -> None:
    store, ten = MemoryQuotas(), datetime(2026, 12, 1, 10, tzinfo=UTC)
    assert calls_until_refused(store, ten - timedelta(seconds=30)) == (5, ten + timedelta(seconds=1))
    assert calls_until_refused(store, ten + timedelta(seconds=0.4)) == (0, ten + timedelta(seconds=1))
    assert calls_until_refused(store, ten + timedelta(seconds=1)) == (5, ten + timedelta(seconds=61))


def test_without_a_download_left_no_proxied_document_is_asked_for(lookup: Lookup) -> None:
    for _ in range(BUDGETS["files"]):
        spend(lookup.quotas, lookup.access.token, "files", lookup.now)
    result = lookup.fetch("rne_extrait", "BOULANGERIE TOUT VA BIEN")
    assert (result.outcome, result.request_id) == (Outcome.UNAVAILABLE, None)
    assert result.retry_at == next_window(lookup.now) + SEAM
    assert lookup.fetch("chiffres_affaires", "BOULANGERIE TOUT VA BIEN").outcome is Outcome.OBTAINED
