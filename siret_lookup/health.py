"""How API Entreprise is: pings of its providers, a circuit breaker, and what the buyer's token may do and until when.

Pings need no token and have no quota (siade, PingService): 200 for ok and unknown, 502 for bad_gateway, 404 for a name
it does not have, and 200 again with « maintenance » and `until` in a provider's daily window: the status is read, not
the code.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from siret_lookup.body import Json, Unreadable, section
from siret_lookup.fetch import SPENT
from siret_lookup.http import Access, Network, Refusal, get_json
from siret_lookup.maintenance import CLOSED
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.sources import SOURCES

# Part of an endpoint's path → its ping; the first that fits.
PINGS: Mapping[str, str] = {
    "/insee/sirene/": "insee/sirene",
    "/urssaf/": "urssaf/attestation_sociale",
    "/attestation_fiscale": "dgfip/attestation_fiscale",
    "/chiffres_affaires": "dgfip/chiffre_affaires",
    "/liasses_fiscales": "dgfip/liasses_fiscales",
    "/infogreffe/": "infogreffe/rcs",
    "/actes_bilans": "inpi/rne/actes_bilans",
    "/inpi/rne/": "inpi/rne",
    "/djepva/": "djepva/api-association",
    "/banque_de_france/": "banque_de_france/bilans",
    "/cnetp/": "cnetp/attestation_cotisations_conges_payes_chomage_intemperies",
    "/cibtp/": "cibtp/attestation_cotisations_conges_payes_chomage_intemperies",
    "/msa/": "msa/conformite_cotisations",
    "/opqibi/": "opqibi/certification_ingenierie",
    "/fntp/": "fntp/carte_professionnelle_travaux_publics",
    "/ademe/": "ademe/certification_rge",
    "/european_commission/": "european_commission/numero_tva",
    "/gip_mds/": "gip_mds/effectifs",
    "/douanes/": "douanes/immatriculations_eori",
    "/qualifelec/": "qualifelec/certificats",
    "/qualibat/": "qualibat/certifications",
    "/probtp/": "probtp/cotisations_retraite",
    "/carif_oref/": "carif_oref/qualiopi",
}
WARNING_DAYS = (15, 30, 60, 90)
_STATUSES = ("ok", "unknown", "bad_gateway", "maintenance")
_PARIS = ZoneInfo("Europe/Paris")
_SECONDS = 5.0
# A failure, a second, and the third opens; then twice as long each time.
_FAILURES = 3
_NOT_AN_OUTAGE = ("00429", "00015")
_FIRST, _LONGEST = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ping:
    """`status`: ok, unknown, bad_gateway, maintenance, unnamed (no such ping) or unreachable. `until` ends a window."""

    name: str
    status: str
    last_update: datetime | None = None
    last_ok: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """One provider's circuit, closed while `open_until` is None; `failures` in a row, `openings` since a success."""

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Privileges:
    """What a token may do. `expires_at` is read in the token itself, its signature unchecked; None without one.

    `outcome`: obtained, not_authorised (refused, expired, listed) or unavailable. `warning_days` is the smallest of 15,
    30, 60 and 90 that is reached; 0 once expired; None before.
    """

    outcome: Outcome
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    days_left: int | None = None
    warning_days: int | None = None
    retry_at: datetime | None = None
    detail: str | None = None


def ping_name(source_key: str) -> str | None:
    """The ping that speaks for a source; None where there is none. Raises KeyError for an unknown source."""
    path = SOURCES[source_key].path
    return next((name for part, name in PINGS.items() if part in path), None)


def ping(name: str, base_url: str, now: datetime, network: Network | None = None) -> Ping:
    """Ask how a provider is; without token nor quota. Never raises for a remote fault."""
    url = f"{base_url.rstrip('/')}/ping/{name}"
    reply = get_json(url, {}, now=now, network=network or Network(), seconds=_SECONDS)
    if isinstance(reply, Refusal) and reply.status in (None, 404):
        return Ping(name, "unnamed" if reply.status else "unreachable")
    status = reply.body.get("status")
    known = status if status in _STATUSES else "bad_gateway" if isinstance(reply, Refusal) else "unknown"
    moments = (_moment(reply.body, key) for key in ("last_update", "last_ok_status", "until"))
    return Ping(name, str(known), *moments)


def may_call(breaker: Breaker, now: datetime) -> bool:
    """Whether the provider may be called: closed, or long enough open for one try."""
    return breaker.open_until is None or now >= breaker.open_until


def is_outage(result: PieceResult) -> bool:
    """Whether a piece says that its provider is down; a quota, a call in flight and an examination do not."""
    waits = result.under_review or result.code in _NOT_AN_OUTAGE or result.detail in (SPENT, CLOSED)
    return result.outcome is Outcome.UNAVAILABLE and not waits


def after_call(breaker: Breaker, failed: bool, now: datetime) -> Breaker:
    """What a call that was made leaves. Only a provider's outage is a failure: not a quota, not a 404."""
    if not failed:
        return Breaker()
    failures = breaker.failures + 1
    if failures < _FAILURES:
        return replace(breaker, failures=failures, open_until=None)
    wait = min(_FIRST * 2 ** min(breaker.openings, 10), _LONGEST)
    return Breaker(failures, breaker.openings + 1, now + wait)


def after_ping(breaker: Breaker, answer: Ping, now: datetime) -> Breaker:
    """What a ping changes: « ok » lets one call be tried now, a maintenance waits for its end, others nothing."""
    if answer.status == "ok" and breaker.open_until is not None:
        return replace(breaker, open_until=now)
    if answer.status == "maintenance" and answer.until is not None and answer.until > now:
        return replace(breaker, open_until=answer.until)
    return breaker


def privileges(access: Access, now: datetime) -> Privileges:
    """What the buyer's token may do, and how long. Never raises for a remote fault."""
    blank = _validity(access.token, now)
    headers = {"Authorization": f"Bearer {access.token}"}
    url = access.base_url.rstrip("/") + "/privileges"
    reply = get_json(url, {}, now=now, network=access.network, seconds=access.json_seconds, headers=headers)
    if isinstance(reply, Refusal):
        failure = reply.failure
        return replace(blank, outcome=failure.outcome, retry_at=failure.retry_at, detail=failure.detail)
    try:
        scopes = _scopes(reply.body)
    except Unreadable:
        return replace(blank, detail="La réponse du service n’a pas la forme publiée.")
    return replace(blank, outcome=Outcome.OBTAINED, scopes=scopes)


def token_expiry(token: str) -> datetime | None:
    """The `exp` of a JWT, without checking its signature: for a reminder, never for a right."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expiry = claims["exp"]
        return None if isinstance(expiry, bool) else datetime.fromtimestamp(float(expiry), UTC)
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _validity(token: str, now: datetime) -> Privileges:
    expires_at = token_expiry(token)
    if expires_at is None:
        return Privileges(Outcome.UNAVAILABLE)
    left = (expires_at.astimezone(_PARIS).date() - now.astimezone(_PARIS).date()).days
    warning = 0 if expires_at <= now else next((days for days in WARNING_DAYS if left <= days), None)
    return Privileges(Outcome.UNAVAILABLE, expires_at=expires_at, days_left=max(left, 0), warning_days=warning)


def _scopes(body: Json) -> frozenset[str]:
    """`{"data": {"privileges": […]}}`; older answers have no `data`."""
    found = (section(body, "data") or body).get("privileges")
    if not isinstance(found, list):
        raise Unreadable("privileges is not a list")
    return frozenset(scope for scope in found if isinstance(scope, str))


def _moment(body: Json, key: str) -> datetime | None:
    value = body.get(key)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    # Rails writes the offset; a time without one is Paris'.
    return moment.replace(tzinfo=moment.tzinfo or _PARIS) if moment else None
