"""Budgets of calls per token and minute, as data, and the store of what is spent.

API Entreprise counts by aligned minute (siade/config/throttle.yml); passing over its 429s bans the address for 12 h,
so a call that has no budget left is not made.
"""

import hashlib
from collections.abc import Iterable, Mapping
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
    "files": 50,
}
# Two clocks never agree: work that can wait spends nothing this near to the turn of a minute, or a small budget would
# be spent twice in one minute of the server's.
SEAM = timedelta(seconds=1)
SMALL = 100
# Spent by each download of a document, beside its endpoint's own group.
FILES = "files"
# All tokens of one install leave by one address.
ADDRESS = "address"
ADDRESS_BUDGET = 1000


class QuotaStore(Protocol):
    """Where spent calls are counted: memory for one process, the database for several."""

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        """Spend one call of the window that starts then; False (and nothing spent) where `limit` is reached."""
        ...


class MemoryQuotas:
    """Counts in this process, thread-safe; only the current window of each group is kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spent: dict[tuple[str, str], tuple[datetime, int]] = {}

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        with self._lock:
            window, spent = self._spent.get((token_id, group), (window_start, 0))
            spent = spent if window == window_start else 0
            if spent >= limit:
                return False
            self._spent[token_id, group] = (window_start, spent + 1)
            return True


def window_start(now: datetime) -> datetime:
    """The aligned minute that `now` is in."""
    return now.replace(second=0, microsecond=0)


def next_window(now: datetime) -> datetime:
    """The next aligned minute: when a spent budget is whole again."""
    return window_start(now) + PERIOD


def token_id(token: str) -> str:
    """A short fingerprint to count by; the token itself is never stored."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def spend(store: QuotaStore, token: str, group: str, now: datetime) -> datetime | None:
    """Spend one call of `group`. None when it may be made now, else the time from which it may.

    Raises KeyError for a group that BUDGETS does not know: a source's mistake.
    """
    start = window_start(now)
    if not store.take(token_id(token), group, BUDGETS[group], start):
        return next_window(now)
    if not store.take("*", ADDRESS, ADDRESS_BUDGET, start):
        return next_window(now)
    return None


def past_the_seam(groups: Iterable[str], now: datetime) -> datetime | None:
    """When work on a small budget may start, where `now` is within a second of the turn of a minute; else None."""
    if all(BUDGETS[group] > SMALL for group in groups):
        return None
    if now - window_start(now) < SEAM:
        return window_start(now) + SEAM
    return next_window(now) + SEAM if next_window(now) - now <= SEAM else None
