"""What the tests watch while real parts run: statements per request, and remote or heavy work in an open transaction.

Nothing is replaced: the doors are the real ones, with a guard before each.

    client = CheckedClient(app)       # wraps the application in Watched
    client.get("/consultations")
    assert client.statements < 10
"""

import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, SessionTransaction
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from api import isolate
from api.storage import Storage

CAP = 25


class Breach(AssertionError):
    """A house rule broken while the code ran."""


@dataclass
class Tally:
    """Of one request, or of one thread that serves none: statements sent, sessions whose transaction is open."""

    statements: list[str] = field(default_factory=list)
    open: set[int] = field(default_factory=set)


# A request's threads share its tally (contexts are handed on); a session may open in one and end in another.
_of_request: ContextVar[Tally | None] = ContextVar("tally", default=None)
_of_thread = threading.local()
breaches: list[str] = []


def tally() -> Tally:
    """The one of the request being served, else of this thread."""
    serving = _of_request.get()
    if serving is not None:
        return serving
    if not hasattr(_of_thread, "tally"):
        _of_thread.tally = Tally()
    mine: Tally = _of_thread.tally
    return mine


@event.listens_for(Engine, "before_cursor_execute")
def _sent(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
    if _of_request.get() is not None and not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE")):
        tally().statements.append(statement)


@event.listens_for(Session, "after_begin")
def _began(session: Session, transaction: SessionTransaction, connection: Any) -> None:
    session.info["tally"] = tally()
    tally().open.add(id(session))


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None and "tally" in session.info:
        session.info.pop("tally").open.discard(id(session))


def refuse_in_transaction(door: str) -> None:
    """A connection is held, perhaps rows locked: nothing slow or remote happens meanwhile."""
    if tally().open:
        breaches.append(f"{door} while a transaction is open")
        raise Breach(breaches[-1])


# Every way out of the process, and the heavy work.
DOORS: list[tuple[Any, str]] = [
    (requests.Session, "send"),
    (smtplib.SMTP, "connect"),
    (isolate, "run"),
    (Storage, "put"),
    (Storage, "put_at"),
    (Storage, "get"),
    (Storage, "delete"),
    (Storage, "usable"),
]
FLOWS: list[tuple[Any, str]] = [(Storage, "chunks"), (Storage, "names")]


@contextmanager
def guarded_doors() -> Iterator[None]:
    """While this holds, a door taken with a transaction open raises Breach; so does a thread started by one."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in DOORS:
            patch.setattr(owner, name, _guarded(getattr(owner, name), name))
        for owner, name in FLOWS:
            patch.setattr(owner, name, _guarded_flow(getattr(owner, name), name))
        patch.setattr(threading.Thread, "start", _heir(threading.Thread.start))
        yield


def _guarded(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(real)
    def door(*args: Any, **options: Any) -> Any:
        refuse_in_transaction(name)
        return real(*args, **options)

    return door


def _guarded_flow(real: Callable[..., Iterator[Any]], name: str) -> Callable[..., Iterator[Any]]:
    """A stream is read piece by piece: each is looked at."""

    @wraps(real)
    def flow(*args: Any, **options: Any) -> Iterator[Any]:
        refuse_in_transaction(name)
        for piece in real(*args, **options):
            refuse_in_transaction(name)
            yield piece

    return flow


def _heir(real: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    """A thread started while a transaction is open acts within it."""

    @wraps(real)
    def start(thread: threading.Thread) -> None:
        above, run = tally(), thread.run
        if above.open:

            def inherited() -> None:
                _of_thread.tally = above
                run()

            thread.run = inherited  # type: ignore[method-assign]
        real(thread)

    return start


@contextmanager
def expected_breach() -> Iterator[None]:
    """The block must break the rule (to show that breaking it is seen)."""
    before = len(breaches)
    with pytest.raises(Breach):
        yield
    assert len(breaches) == before + 1
    breaches.clear()


class Watched:
    """The application, each request with a tally of its own; a GET that sends over `CAP` statements is refused."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.last = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        mine = Tally()
        token = _of_request.set(mine)
        try:
            await self.app(scope, receive, send)
        finally:
            _of_request.reset(token)
        self.last = len(mine.statements)
        if scope["method"] == "GET" and self.last > CAP:
            breaches.append(f"GET {scope['path']}: {self.last} statements, {CAP} are the most")
            raise Breach("\n".join([breaches[-1], *mine.statements]))


class WatchedClient(TestClient):
    """Starlette's TestClient on a watched application."""

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        self.watched = Watched(app)
        super().__init__(self.watched, **options)

    @property
    def statements(self) -> int:
        """How many the last request sent."""
        return self.watched.last
