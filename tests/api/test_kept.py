"""Strangers' pages are kept for a moment: never an old state, never somebody's own page."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api import worker
from api.context import Context
from api.db import Database, Written, now, transaction
from api.kept import ROOM, Kept
from procurement.consultation import find
from procurement.counters import beat
from tests.api.consultation_scene import Browser, Desk, desk, publish, write
from tests.checked_client import CheckedClient

OPEN, CLOSED = "Publiée, réponses ouvertes", "Close, plis scellés"


@pytest.fixture
def at(database: Database, browser: Browser) -> Desk:
    return desk(database, browser)


def test_what_was_just_published_is_on_the_list_and_on_the_first_page(
    at: Desk, database: Database, client: CheckedClient
) -> None:
    assert "Collecte et mise en ligne" not in client.get("/consultations").text
    assert "Collecte et mise en ligne" not in client.get("/").text
    publish(at, write(at, database))
    assert "Collecte et mise en ligne" in client.get("/consultations").text
    assert "Collecte et mise en ligne" in client.get("/").text


def test_a_page_read_again_is_the_same_and_costs_no_query(app: FastAPI, client: CheckedClient) -> None:
    first = client.get("/consultations")
    asked: list[str] = []
    event.listen(app.state.database.read, "before_cursor_execute", lambda *call: asked.append(call[2]))
    again = client.get("/consultations")
    assert (first.text, asked) == (again.text, [])
    client.get("/consultations?q=autre")
    assert asked
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert again.headers["cache-control"] == "no-store"


def test_a_deadline_closes_the_kept_page_at_its_second(at: Desk, database: Database, client: CheckedClient) -> None:
    ref = write(at, database)
    publish(at, ref)
    with transaction(database) as db:
        find(db, ref).deadline = now(db) + timedelta(seconds=0.7)
    assert OPEN in client.get("/consultations").text
    time.sleep(0.75)
    assert CLOSED in client.get("/consultations").text


WRITE = """
import sys
from api.db import connect, transaction
from procurement.consultation import find
with transaction(connect(sys.argv[1])) as db:
    find(db, sys.argv[2]).object = "Écrit par un autre processus"
"""


def test_what_another_process_writes_shows_within_the_second(
    at: Desk, database: Database, database_url: str, client: CheckedClient
) -> None:
    ref = write(at, database)
    publish(at, ref)
    assert "Collecte et mise en ligne" in client.get("/consultations").text
    subprocess.run([sys.executable, "-c", WRITE, database_url, ref], check=True)
    time.sleep(1.05)
    assert "Écrit par un autre processus" in client.get("/consultations").text


def test_nobody_gets_the_page_of_somebody_else(at: Desk, client: CheckedClient) -> None:
    assert "Se connecter" in client.get("/consultations").text
    assert "Se déconnecter" in at.client.get("/consultations").text
    assert "Se déconnecter" not in client.get("/consultations").text
    client.cookies.set("mps_session", "no such session")
    assert "Se connecter" in client.get("/consultations").text


def test_addresses_without_end_do_not_fill_the_memory() -> None:
    kept = Kept()
    for number in range(ROOM * 3):
        kept.put(f"/consultations?q={number}", b"x", Written.commits, 1.0)
        assert kept.get(f"/consultations?q={number}") == b"x"
    assert len(kept) <= ROOM


def test_a_worker_that_finds_nothing_to_do_leaves_the_kept_pages(context: Context, client: CheckedClient) -> None:
    client.get("/consultations")
    worker.run_once(context)
    before = Written.commits
    worker.run_once(context)
    with transaction(context.database, shown=False) as db:
        beat(db, now(db))
    assert Written.commits == before
    with transaction(context.database) as db:
        beat(db, now(db))
    assert Written.commits == before + 1
