"""Budgets of calls per token and minute, as data, and the store of what is spent.

API Entreprise counts by aligned minute (siade/config/throttle.yml); passing over its 429s bans the address for 12 h,
so a call that has no budget left is not made.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

PERIOD = timedelta(minutes=1)
# Calls a minute, per token.
BUDGETS: Mapping[str, int] = {
    "json": 250,
    "documents": 50,
    "urssaf_vigilance": 100,
    "dgfip_attestation_fiscale": 5,
    "cibtp": 5,
    "inpi_rne_extrait": 15,
    "inpi_rne_actes_bilans": 15,
    "gip_mds": 50,
    # By address, for what comes through API Entreprise's proxy. Half of what is allowed: a file is fetched some seconds
    # after its endpoint, at times in the next minute.
    "files": 25,
}
# Our clock and the server's never agree: so near to the turn of a minute, a call is counted in both minutes.
SEAM = timedelta(seconds=1)
# Spent by each download through the proxy, beside its endpoint's own group.
FILES = "files"
# Open services outside API Entreprise: calls, and the window they are counted in. recherche-entreprises counts by
# address, Sirene by key; Bodacc publishes no figure: one that no buyer meets.
OPEN_BUDGETS: Mapping[str, tuple[int, timedelta]] = {
    "recherche": (7, timedelta(seconds=1)),
    "sirene": (30, PERIOD),
    "bodacc": (300, PERIOD),
}
# All tokens of one install leave by one address.
ADDRESS = "address"
ADDRESS_BUDGET = 1000


class QuotaStore(Protocol):
    """Where spent calls are counted: memory for one process, the database for several."""

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        """Spend one call of the window that starts then; False (and nothing spent) where `limit` is reached."""
        ...


class MemoryQuotas:
    """Counts in this process, thread-safe; windows older than the last two minutes are forgotten."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spent: dict[tuple[str, str, datetime], int] = {}

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        with self._lock:
            spent = self._spent.get((token_id, group, window_start), 0)
            if spent >= limit:
                return False
            if not spent:
                self._spent = {k: n for k, n in self._spent.items() if k[2] >= window_start - 2 * PERIOD}
            self._spent[token_id, group, window_start] = spent + 1
            return True


def window_start(now: datetime) -> datetime:
    """The aligned minute that `now` is in."""
    return now.replace(second=0, microsecond=0)


def windows(now: datetime) -> list[datetime]:
    """The minutes that a call made now is counted in: two, near the turn."""
    return sorted({window_start(now - SEAM), window_start(now + SEAM)})


def next_window(now: datetime) -> datetime:
    """The next aligned minute: when a spent budget is whole again."""
    return window_start(now) + PERIOD


def token_id(token: str) -> str:
    """A short fingerprint to count by; the token itself is never stored."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def owner(token: str, group: str) -> str:
    """Who a budget is counted for: the token, or the address where no token is sent."""
    return "*" if group in (FILES, ADDRESS) else token_id(token)


def spend(store: QuotaStore, token: str, group: str, now: datetime) -> datetime | None:
    """Spend one call of `group`. None when it may be made now, else the time from which it may.

    Raises KeyError for a group that BUDGETS does not know: a source's mistake.
    """
    for start in windows(now):
        if not store.take(owner(token, group), group, BUDGETS[group], start):
            return start + PERIOD + SEAM
        if not store.take("*", ADDRESS, ADDRESS_BUDGET, start):
            return start + PERIOD + SEAM
    return None


def spend_open(store: QuotaStore, group: str, now: datetime, key: str = "*") -> datetime | None:
    """Spend one call of an open service. None when it may be made now, else the time from which it may.

    `key` is the owner's where the service counts by key; the default is the address. Raises KeyError for a group that
    OPEN_BUDGETS does not know.
    """
    limit, period = OPEN_BUDGETS[group]
    start = now.replace(microsecond=0) if period < PERIOD else window_start(now)
    taken = store.take(key if key == "*" else token_id(key), group, limit, start)
    return None if taken else start + period
