"""Pages that are the same for every stranger, kept in memory for a second at most, never past a deadline they show.

A commit of this process forgets them all at once; what another process commits shows within the second. A page for
somebody who is signed in is never kept. See docs/decisions/0009-kept-pages.md.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Semaphore

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from api.db import Written

# Makes a page: (page, seconds it stays true).
Build = Callable[[], tuple[Response, float]]
LIFE = 1.0
ROOM = 256


class Kept:
    """One per application."""

    def __init__(self) -> None:
        # Two threads at most: these pages compute and do not wait, more would only fight for the interpreter.
        self._makers = Semaphore(2)
        self._pages: dict[str, tuple[int, float, bytes]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def make(self, build: Build) -> tuple[Response, float]:
        """The page made now, in its turn."""
        with self._makers:
            return build()

    def get(self, key: str) -> bytes | None:
        """The page, None where it is too old or something was written since."""
        commits, until, body = self._pages.get(key, (-1, 0.0, b""))
        return body if commits == Written.commits and time.monotonic() < until else None

    def put(self, key: str, body: bytes, commits: int, seconds: float) -> None:
        """Keep a page that was begun when `commits` was the count; a full house is emptied."""
        if len(self._pages) >= ROOM:
            self._pages.clear()
        self._pages[key] = (commits, time.monotonic() + min(seconds, LIFE), body)


def until_next(deadlines: Iterable[datetime | None], now: datetime) -> float:
    """Seconds until the first of these that is still to come: what the page says changes then."""
    return min(((d - now).total_seconds() for d in deadlines if d is not None and d > now), default=LIFE)


async def for_strangers(request: Request, build: Build) -> Response:
    """The kept page for a stranger, else the one that `build` makes in a thread: (page, seconds it stays true)."""
    kept: Kept = request.app.state.kept
    if request.state.person is not None:
        return (await run_in_threadpool(kept.make, build))[0]
    key = f"{request.url.path}?{request.url.query}"
    body = kept.get(key)
    if body is not None:
        return HTMLResponse(body)
    commits = Written.commits
    response, seconds = await run_in_threadpool(kept.make, build)
    kept.put(key, bytes(response.body), commits, seconds)
    return response
