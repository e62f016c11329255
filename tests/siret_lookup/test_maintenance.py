"""A provider that is closed at this hour is not called: the piece waits for the end of its window."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from siret_lookup.fetch import fetch
from siret_lookup.http import Access
from siret_lookup.maintenance import closed_until, windows
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import MemoryQuotas
from siret_lookup.siret import Siret

URL = "https://entreprise.api.gouv.fr"
PARIS = ZoneInfo("Europe/Paris")
TEN_YEARS = 10 * 365 * 24 * 3600
INSTANTS = st.integers(0, TEN_YEARS).map(lambda s: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def test_the_windows_are_those_of_the_providers() -> None:
    assert str(windows()["attestation_fiscale"]) == "01:00 – 02:00"
    assert str(windows()["msa_conformite"]) == "03:00 – 03:30"
    assert str(windows()["cnetp_attestation"]) == "06:00 – 06:30"
    assert "vigilance" not in windows()


@given(INSTANTS, st.sampled_from(sorted(windows())))
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "attestation_fiscale")
@example(datetime(2026, 3, 29, 1, 10, tzinfo=UTC), "msa_conformite")
def test_closed_if_and_only_if_within_the_window_of_paris(now: datetime, key: str) -> None:
    window, until = windows()[key], closed_until(key, URL, now)
    inside = window.begins <= now.astimezone(PARIS).time() < window.ends
    assert (until is not None) is inside
    if until is not None:
        assert now < until <= now + timedelta(hours=2)
        assert closed_until(key, URL, until) is None or until.astimezone(PARIS).time() < window.ends


def test_another_server_has_its_own_hours() -> None:
    night = datetime(2026, 11, 26, 0, 30, tzinfo=UTC)
    assert closed_until("attestation_fiscale", URL, night) == datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
    assert closed_until("attestation_fiscale", "http://127.0.0.1:9", night) is None


@pytest.mark.parametrize("hour", [time(1, 0), time(1, 59)])
def test_no_call_is_made_and_no_budget_is_spent(hour: time) -> None:
    now = datetime.combine(date(2026, 11, 26), hour, PARIS)
    quotas = MemoryQuotas()
    access = Access(base_url=URL, token="jeton", recipient="13002526500013", object="essai", document_hosts=frozenset())
    result = fetch("attestation_fiscale", Siret("13002526500013"), access, now, quotas)
    assert (result.outcome, result.retry_at) == (Outcome.UNAVAILABLE, datetime(2026, 11, 26, 2, 0, tzinfo=PARIS))
    assert "maintenance" in str(result.detail)
    assert not quotas._spent
