"""Another process holds the database longer than anyone waits: a page says so, nothing is written, nothing stops."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from api import worker
from api.context import Context
from api.db import connect, reading
from api.settings import Settings
from procurement.candidacy import Candidacy
from procurement.counters import last_beat
from tests.browser.served import served
from tests.candidacy_scene import ANSWERS, BAKERY, Browser, published, start
from tests.faults.scene import Person, happened

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody waits more than a fifth of a second."""
    return settings.model_copy(update={"database_url": f"{settings.database_url}?timeout=0.2"})


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    path = settings.database_url.removeprefix("sqlite:///").partition("?")[0]
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        assert holder.stdin is not None
        holder.stdin.close()


def test_a_locked_database_is_a_page_that_says_when_to_come_back(
    settings: Settings, context: Context, browser: Browser
) -> None:
    scene = published(context)
    path = start(browser(scene.account), scene)
    form = {**ANSWERS, "attested": "1", "action": "deposit"}
    with served(settings, context.services) as url:
        person = Person(context.database, url, scene.account)
        with locked(settings):
            presses = [
                person.press(f"{path}/deposer", **form),
                person.press(scene.form, siret=BAKERY),
                person.send(f"{path}/fichiers/offre", b"%PDF-1.7 offre"),
                person.press("/inscription", name="A", email="a@exemple.fr"),
            ]
            for answer in presses:
                assert answer.status_code == 503
                assert answer.headers["retry-after"] == "5"
                assert "La base est occupée ; rien n’a été enregistré" in answer.text.replace("\u202f", " ")
            assert person.read(path).status_code == 200, "reading goes on"
        with reading(context.database) as db:
            candidacy = db.query(Candidacy).one()
            assert (candidacy.state, candidacy.answers, candidacy.files) == ("draft", {}, [])
        assert person.press(f"{path}/deposer", **form).status_code == 303
    assert happened(context.database, scene.ref, "candidacy.submitted") == 1


def test_a_worker_outlives_a_locked_database(settings: Settings, context: Context) -> None:
    impatient = connect(settings.database_url)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(replace(context, database=impatient), stop))
    with locked(settings):
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    for _ in range(100):
        with reading(context.database) as db:
            if last_beat(db) is not None:
                break
        stop.wait(0.1)
    else:
        raise AssertionError("the worker beats no more")
    stop.set()
    thread.join(15)
    assert not thread.is_alive()
    impatient.dispose()
