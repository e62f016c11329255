"""API Entreprise's errors: HTTP status and last three digits of the code → outcome and time of the next try.

Prefixes of codes are not relied on (staging has wrong ones), nor `source` and `meta`, nor a body under a 429.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from siret_lookup.outcome import Outcome
from siret_lookup.quotas import next_window

_BY_STATUS = {
    401: Outcome.NOT_AUTHORISED,
    403: Outcome.NOT_AUTHORISED,
    404: Outcome.NOT_FOUND,
    451: Outcome.WITHHELD_BY_LAW,
}
# A year that the service does not go back to: nothing on the company.
_NO_SUCH_YEAR = frozenset({"00353", "00356"})
_LOCK = timedelta(minutes=1)
_OUTAGE = timedelta(minutes=5)
_UNEXPECTED = timedelta(hours=1)
_LONGEST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave no data. `retry_at` is set for an outcome that waits."""

    outcome: Outcome
    code: str | None = None
    detail: str | None = None
    retry_at: datetime | None = None
    provider: str | None = None


def read_failure(status: int, headers: Mapping[str, str], content: bytes, now: datetime) -> Failure:
    """Map an answer other than 200 to its outcome; any body, even none, is accepted."""
    errors = _errors(content)
    first = errors[0] if errors else {}
    meta = first.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    outcome = _outcome(status, errors)
    return Failure(
        outcome=outcome,
        code=_text(first.get("code")),
        detail=" ".join(d for e in errors if (d := _text(e.get("detail")) or _text(e.get("title")))) or None,
        retry_at=_retry_at(status, headers, meta, now) if outcome.waiting else None,
        provider=_text(meta.get("provider")),
    )


def unavailable(detail: str, now: datetime, after: timedelta = _OUTAGE) -> Failure:
    """A failure of the network or of the reply's form: tried again after a while."""
    return Failure(Outcome.UNAVAILABLE, detail=detail, retry_at=now + after)


def _outcome(status: int, errors: list[dict[str, object]]) -> Outcome:
    if status == 422:
        # 002xx: context, object or recipient, the buyer's own settings; else the identifier, which the service
        # does not take (a known number without a right key, for instance).
        codes = [_text(e.get("code")) or "" for e in errors]
        if any(code.startswith("002") for code in codes):
            return Outcome.NOT_AUTHORISED
        return Outcome.NOT_FOUND if _NO_SUCH_YEAR.intersection(codes) else Outcome.OUT_OF_SCOPE
    return _BY_STATUS.get(status, Outcome.UNAVAILABLE)


def _retry_at(status: int, headers: Mapping[str, str], meta: Mapping[str, object], now: datetime) -> datetime:
    asked = _seconds(headers.get("Retry-After"), now)
    if asked is None:
        asked = _number(meta.get("retry_in"))
    if asked is None and status == 429:
        asked = _until(headers.get("RateLimit-Reset"), now)
    if asked is not None:
        # Less than a second is incoherent (seen in the wild): a whole window is waited.
        return now + min(timedelta(seconds=asked if asked >= 1 else 60), _LONGEST)
    if status == 429:
        return next_window(now)
    if status == 409:
        return now + _LOCK
    return now + (_OUTAGE if status >= 500 else _UNEXPECTED)


def _seconds(header: str | None, now: datetime) -> float | None:
    if header is None or (number := _number(header)) is not None:
        return number if header is not None else None
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()


def _until(epoch: str | None, now: datetime) -> float | None:
    number = _number(epoch)
    return None if number is None else number - now.timestamp()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e11 else None


def _errors(content: bytes) -> list[dict[str, object]]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return []
    errors = body.get("errors") if isinstance(body, dict) else None
    return [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []


def _text(value: object) -> str | None:
    return value.strip()[:500] or None if isinstance(value, str) else None
