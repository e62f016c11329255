import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sandbox.api_entreprise import EXPIRED_TOKEN, RIGHTLESS_TOKEN
from siret_lookup.health import (
    PINGS,
    Breaker,
    Ping,
    Privileges,
    after_call,
    after_ping,
    is_outage,
    may_call,
    ping,
    ping_name,
    privileges,
    token_expiry,
)
from siret_lookup.outcome import Outcome
from siret_lookup.sources import SOURCES
from tests.siret_lookup.scene import START, Lookup, answering


def jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.signature"


def pinged(status: int, body: object, seen: list[str] | None = None) -> Ping:
    def handle(request: BaseHTTPRequestHandler) -> None:
        if seen is not None:
            seen.append(f"{request.path} {request.headers['Authorization']}")
        content = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    with answering(handle) as url:
        return ping("msa/conformite_cotisations", url, START)


def test_every_source_of_today_has_a_ping_that_the_sandbox_answers(lookup: Lookup) -> None:
    names = {name for key in SOURCES if (name := ping_name(key))}
    assert {"insee/sirene", "urssaf/attestation_sociale", "dgfip/chiffre_affaires", "infogreffe/rcs"} <= names
    assert names <= set(PINGS.values())
    assert {ping(name, lookup.urls.api_entreprise, lookup.now).status for name in names} == {"ok"}


def test_a_ping_carries_no_token_and_tells_when_it_last_went_well() -> None:
    seen: list[str] = []
    body = {
        "status": "bad_gateway",
        "last_update": "2026-11-23T11:00:00+01:00",
        "last_ok_status": "2026-11-23T09:00:00Z",
    }
    found = pinged(502, body, seen)
    assert seen == ["/ping/msa/conformite_cotisations None"]
    assert (found.status, found.last_ok) == ("bad_gateway", datetime(2026, 11, 23, 9, tzinfo=UTC))


def test_a_200_may_be_a_maintenance() -> None:
    found = pinged(200, {"status": "maintenance", "until": "2026-11-23T11:30:00+01:00"})
    assert (found.status, found.until) == ("maintenance", datetime(2026, 11, 23, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, {"status": "unknown"}, "unknown"),
        (200, {"status": "autre", "last_update": 3, "until": "hier"}, "unknown"),
        (404, {}, "unnamed"),
        (502, [], "bad_gateway"),
    ],
)
def test_other_pings(status: int, body: object, told: str) -> None:
    assert pinged(status, body) == Ping("msa/conformite_cotisations", told)


def test_nobody_answers_a_ping() -> None:
    assert ping("insee/sirene", "http://127.0.0.1:1", START).status == "unreachable"


@pytest.mark.parametrize(
    ("key", "name", "outage"),
    [
        ("vigilance", "NETTOYAGE URSSAF EN PANNE", True),
        ("vigilance", "IMPRIMERIE DÉLAI DÉPASSÉ", True),
        ("vigilance", "CHARPENTE URSSAF EXAMINE", False),
        ("vigilance", "PLOMBERIE URSSAF INCONNUE", False),
        ("vigilance", "COUVERTURE APPEL EN DOUBLE", False),
        ("chiffres_affaires", "TRAITEUR TROP D’APPELS", False),
    ],
)
def test_what_counts_as_an_outage(lookup: Lookup, key: str, name: str, outage: bool) -> None:
    assert is_outage(lookup.fetch(key, name)) is outage


def test_a_spent_quota_is_no_outage(lookup: Lookup) -> None:
    results = [lookup.fetch("attestation_fiscale", "BOULANGERIE TOUT VA BIEN") for _ in range(6)]
    assert (results[-1].outcome, is_outage(results[-1])) == (Outcome.UNAVAILABLE, False)


def test_the_third_failure_opens_for_five_minutes_then_ten() -> None:
    breaker = Breaker()
    for _ in range(2):
        breaker = after_call(breaker, True, START)
        assert may_call(breaker, START)
    breaker = after_call(breaker, True, START)
    assert not may_call(breaker, START + timedelta(minutes=4))
    later = START + timedelta(minutes=5)
    assert may_call(breaker, later)
    again = after_call(breaker, True, later)
    assert again.open_until == later + timedelta(minutes=10)
    assert after_call(again, False, later) == Breaker()


def test_a_ping_that_is_ok_allows_one_try() -> None:
    opened = Breaker(3, 1, START + timedelta(minutes=5))
    tried = after_ping(opened, Ping("x", "ok"), START)
    assert may_call(tried, START)
    assert not may_call(after_call(tried, True, START), START)


def test_a_maintenance_is_waited_for() -> None:
    end = START + timedelta(minutes=20)
    breaker = after_ping(Breaker(), Ping("x", "maintenance", until=end), START)
    assert (may_call(breaker, START), may_call(breaker, end)) == (False, True)


@pytest.mark.parametrize("status", ["unknown", "bad_gateway", "unnamed", "unreachable"])
def test_other_pings_change_nothing(status: str) -> None:
    opened = Breaker(3, 1, START + timedelta(minutes=5))
    assert after_ping(opened, Ping("x", status), START) == opened


@given(st.lists(st.booleans(), max_size=40))
def test_a_circuit_is_never_open_over_an_hour_and_a_success_closes_it(failures: list[bool]) -> None:
    breaker, now = Breaker(), START
    for failed in failures:
        now = max(now, breaker.open_until or now)
        breaker = after_call(breaker, failed, now)
        assert breaker.open_until is None or now < breaker.open_until <= now + timedelta(hours=1)
        assert failed or breaker == Breaker()
        assert may_call(breaker, now + timedelta(hours=1))


def ask(lookup: Lookup, token: str) -> Privileges:
    return privileges(replace(lookup.access, token=token), lookup.now)


def test_rights_of_a_token(lookup: Lookup) -> None:
    found = privileges(lookup.access, lookup.now)
    assert (found.outcome, found.expires_at, found.warning_days) == (Outcome.OBTAINED, None, None)
    assert "vigilance" in found.scopes


@pytest.mark.parametrize("token", [EXPIRED_TOKEN, RIGHTLESS_TOKEN, "inconnu"])
def test_a_token_that_is_refused(lookup: Lookup, token: str) -> None:
    assert ask(lookup, token).outcome is Outcome.NOT_AUTHORISED


@pytest.mark.parametrize(
    ("left", "warning"),
    [(200, None), (91, None), (90, 90), (61, 90), (60, 60), (30, 30), (16, 30), (15, 15), (1, 15), (-1, 0)],
)
def test_reminders_before_the_end(lookup: Lookup, left: int, warning: int | None) -> None:
    # Days are those of Paris: late at night, summer time would make one more of 200.
    lookup.clock.now = lookup.now.replace(hour=12)
    end = lookup.now + timedelta(days=left)
    found = ask(lookup, jwt(exp=end.timestamp()))
    assert (found.expires_at, found.days_left, found.warning_days) == (end, max(left, 0), warning)


@pytest.mark.parametrize("body", [{"data": {"privileges": ["a", 3]}}, {"privileges": ["a"]}])
def test_both_shapes_of_rights(lookup: Lookup, body: object) -> None:
    def handle(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    with answering(handle) as url:
        found = privileges(replace(lookup.access, base_url=url), START)
    assert (found.outcome, found.scopes) == (Outcome.OBTAINED, frozenset({"a"}))


@given(st.text(max_size=60) | st.builds(lambda value: jwt(exp=value), st.none() | st.text(max_size=3) | st.floats()))
def test_any_text_is_a_token_or_not_one(token: str) -> None:
    found = token_expiry(token)
    assert found is None or found.tzinfo is UTC
