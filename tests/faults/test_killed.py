"""The server is killed in the middle of an upload; it is started again and the person starts again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from api import vault
from api.cli.run import free_port
from api.context import Context
from api.db import now, reading, transaction
from api.settings import ROOT
from api.steps.sweep import sweep_once
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.consultation import find
from procurement.counters import Counter
from tests.candidacy_scene import Browser, Scene, press, published, start
from tests.faults.scene import Person

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OFFER = os.urandom(3 << 20)


@contextmanager
def server(context: Context, spool: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """`mps serve` in a process of its own, remote services being the sandbox's of this run."""
    port, settings, said = free_port(0), context.settings, spool.with_suffix(".log")
    environment = {
        "PATH": os.environ["PATH"], "TMPDIR": str(spool), "MPS_SECRET_KEY": context.secret,
        "MPS_DATABASE_URL": settings.database_url, "MPS_STORAGE_URL": settings.storage_url,
        "MPS_API_ENTREPRISE_URL": context.services["api_entreprise"],
        "MPS_RECHERCHE_ENTREPRISES_URL": context.services["recherche_entreprises"],
    }  # fmt: skip
    command = [sys.executable, str(ROOT / ".venv" / "bin" / "mps"), "serve", "--no-worker", "--port", str(port)]
    with said.open("ab") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
    try:
        wait_for(port, child, said)
        yield f"http://127.0.0.1:{port}", child
    finally:
        child.kill()
        child.wait(10)


def wait_for(port: int, child: "subprocess.Popen[bytes]", said: Path) -> None:
    limit = time.monotonic() + 90
    while time.monotonic() < limit:
        assert child.poll() is None, said.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(said.read_text())


def send_half(person: Person, path: str, spool: Path) -> socket.socket:
    """Announces the whole file and sends half of it; returns once its beginning lies sealed on the server's disk."""
    host, _, port = person.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=30)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: mps_session={person.token}\r\n"
        f"Sec-Fetch-Site: same-origin\r\nContent-Type: application/pdf\r\nX-File-Name: offre.pdf\r\n"
        f"Content-Length: {len(OFFER)}\r\n\r\n"
    )
    line.sendall(head.encode() + OFFER[: len(OFFER) // 2])
    limit = time.monotonic() + 30
    while not any(file.stat().st_size for file in spool.glob("*.age")):
        assert time.monotonic() < limit, "nothing of the upload arrives"
        time.sleep(0.02)
    return line


def nothing_was_kept(context: Context, scene: Scene) -> None:
    stored = Path(context.settings.storage_url.removeprefix("file://"))
    assert not list(stored.rglob("plis/*"))
    with reading(context.database) as db:
        assert db.query(CandidacyFile).count() == 0
        candidacy = db.query(Candidacy).one()
        assert (candidacy.state, candidacy.answers["capacity"]) == ("draft", "gérante")


def test_a_server_killed_in_the_middle_of_an_upload_loses_nothing(
    context: Context, browser: Browser, tmp_path: Path
) -> None:
    scene = published(context)
    mine = browser(scene.account)
    path = start(mine, scene)
    mine.submit(mine.page, "/deposer", button="save", capacity="gérante")
    spool = tmp_path / "spool"
    spool.mkdir()
    with server(context, spool) as (url, child):
        with send_half(Person(context.database, url, scene.account), f"{path}/fichiers/offre", spool):
            child.send_signal(signal.SIGKILL)
            assert child.wait(10) == -signal.SIGKILL
        assert not any(OFFER[:64] in file.read_bytes() for file in spool.iterdir()), "in clear on the disk"
    nothing_was_kept(context, scene)
    with server(context, spool) as (url, _):
        person = Person(context.database, url, scene.account)
        assert "gérante" in person.read(path).text
        assert person.send(f"{path}/fichiers/offre", OFFER, "offre.pdf").status_code == 303
        assert "offre.pdf" in person.read(path).text
    scene.close()
    assert press(browser(scene.officer), f"{scene.hub}/ouvrir") == 303
    with reading(context.database) as db:
        key = db.query(CandidacyFile).one().key
    sealed = context.storage.get(key)
    with reading(context.database) as db:
        assert vault.open_bytes(context.secret, find(db, scene.ref), sealed, now(db)) == OFFER


def test_a_server_killed_between_the_file_and_its_row_leaves_an_orphan_that_is_swept(
    context: Context, browser: Browser, tmp_path: Path
) -> None:
    scene = published(context)
    path = start(browser(scene.account), scene)
    spool = tmp_path / "spool"
    spool.mkdir()
    stored = Path(context.settings.storage_url.removeprefix("file://"))
    with server(context, spool) as (url, child):
        person = Person(context.database, url, scene.account)
        assert person.send(f"{path}/fichiers/candidature", b"dc2", "dc2.pdf").status_code == 303
        (named,) = stored.rglob("plis/*")
        line = send_half(person, f"{path}/fichiers/offre", spool)
        with line, transaction(context.database) as db:
            db.execute(text("SELECT 1"))  # BEGIN IMMEDIATE: nobody else can write, the row waits
            line.sendall(OFFER[len(OFFER) // 2 :])
            limit = time.monotonic() + 30
            while sum("#" not in file.name for file in stored.rglob("plis/*")) < 2:  # « # »: still being written
                assert time.monotonic() < limit, "the file is not stored"
                time.sleep(0.02)
            child.send_signal(signal.SIGKILL)
            assert child.wait(10) == -signal.SIGKILL
    assert not sweep_once(context), "what was written a moment ago may still be on its way"
    for file in stored.rglob("plis/*"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    with transaction(context.database) as db:
        db.execute(delete(Counter))
    assert sweep_once(context)
    assert list(stored.rglob("plis/*")) == [named]
