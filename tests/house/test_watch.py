"""The two rules that are watched while code runs can fail: too many statements, remote work in a transaction."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import pytest
import requests
from fastapi import FastAPI, Request
from sqlalchemy import text
from starlette.responses import Response

from api import isolate
from api.context import Context
from api.db import Database, Db, now, reading, transaction
from api.steps import mail
from api.storage import Storage
from tests.checked_client import CheckedClient
from tests.watch import CAP, WatchedClient, expected_breach


def application(database: Database, storage: Storage) -> FastAPI:
    app = FastAPI()
    app.state.database = database

    @app.get("/many/{times}")
    def many(db: Db, times: int) -> int:
        return sum(db.scalar(text("SELECT 1")) or 0 for _ in range(times))

    @app.get("/store")
    def store(db: Db) -> str:
        now(db)
        return storage.put("essai", b"x")

    @app.get("/store-after")
    def store_after(request: Request) -> Response:
        with reading(database) as db:
            now(db)
        return Response(storage.put("essai", b"x"))

    return app


@pytest.fixture
def small(database: Database, context: Context) -> WatchedClient:
    return WatchedClient(application(database, context.storage))


def test_a_page_may_send_as_many_statements_as_the_cap_and_no_more(small: WatchedClient) -> None:
    assert small.get(f"/many/{CAP}").json() == CAP
    assert small.statements == CAP
    with expected_breach():
        small.get(f"/many/{CAP + 1}")


def test_the_checked_client_is_a_watched_one() -> None:
    assert issubclass(CheckedClient, WatchedClient)


def test_a_handler_that_stores_while_its_session_reads_is_refused(small: WatchedClient) -> None:
    with expected_breach():
        small.get("/store")
    assert small.get("/store-after").status_code == 200


DOORS: dict[str, Callable[[Context], object]] = {
    "an HTTP call": lambda c: requests.Session().get(c.url("tsa"), timeout=5),
    "mail": lambda c: mail.deliver("smtp://127.0.0.1:9", EmailMessage()),
    "heavy work": lambda c: isolate.run("math:sqrt", 4),
    "a file written": lambda c: c.storage.put("essai", b"x"),
    "a file read": lambda c: c.storage.get("essai/x"),
    "a file streamed": lambda c: list(c.storage.chunks("essai/x")),
    "a file deleted": lambda c: c.storage.delete("essai/x"),
    "the names": lambda c: list(c.storage.names()),
    "the probe": lambda c: c.storage.usable(),
}


@pytest.mark.parametrize("door", DOORS)
def test_each_door_is_closed_while_a_transaction_is_open(context: Context, door: str) -> None:
    with transaction(context.database) as db:
        now(db)
        with expected_breach():
            DOORS[door](context)
    with reading(context.database) as db:
        now(db)
        with expected_breach():
            DOORS[door](context)


def test_a_stream_begun_before_is_refused_in_the_middle(context: Context) -> None:
    chunks = context.storage.chunks(context.storage.put("essai", b"x" * (3 << 20)))
    assert next(chunks)
    with reading(context.database) as db:
        now(db)
        with expected_breach():
            next(chunks)


def test_the_doors_open_again_after_commit_and_after_an_error(context: Context) -> None:
    with transaction(context.database) as db:
        now(db)
    with pytest.raises(ZeroDivisionError), transaction(context.database) as db:
        now(db).replace(year=1 // 0)
    with transaction(context.database) as db, db.begin_nested():
        now(db)
    assert context.storage.get(context.storage.put("essai", b"x")) == b"x"


def test_another_thread_does_not_hide_it_and_a_stranger_s_transaction_is_not_mine(context: Context) -> None:
    with transaction(context.database) as db:
        now(db)
        with expected_breach(), ThreadPoolExecutor(1) as pool:
            pool.submit(context.storage.put, "essai", b"x").result()
    stored: list[str] = []
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with reading(context.database) as db:
            now(db)
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    stored.append(context.storage.put("essai", b"x"))
    done.set()
    thread.join()
    assert len(stored) == 1
