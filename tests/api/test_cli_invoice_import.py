"""`mps invoice import`: a folder, its bad files, killed in the middle; Chorus Pro by the command; who is the buyer."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.context import Context
from api.db import Database, reading
from api.sandbox import invoices
from api.settings import ROOT
from procurement.contract import Contract
from procurement.events import chain_holds
from procurement.invoice_copy import InvoiceCopy
from procurement.people import Organisation
from tests.api.test_cli import mps
from tests.award_scene import contract_of_scene, in_effect, invoice, quotes
from tests.chorus_scene import connect, levers_of
from tests.factories import make_buyer
from tests.procurement.invoicing.samples import DRAFT, draft


def environment(context: Context) -> dict[str, str]:
    return {
        "MPS_DATABASE_URL": context.settings.database_url, "MPS_STORAGE_URL": context.settings.storage_url,
        "MPS_SECRET_KEY": context.secret, "MPS_API_ENTREPRISE_URL": context.services["api_entreprise"],
    }  # fmt: skip


def run(context: Context, home: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return mps("invoice", "import", *arguments, home=home, **environment(context), **settings)


def fill(folder: Path, count: int, made: bytes = b"", number: str = DRAFT.number) -> None:
    """`count` invoices that differ by their number."""
    folder.mkdir(exist_ok=True)
    content = made or invoices.cii(DRAFT)
    for rank in range(count):
        (folder / f"{rank:05d}.xml").write_bytes(content.replace(number.encode(), f"N-{rank:05d}".encode()))


def kept(database: Database) -> list[InvoiceCopy]:
    with reading(database) as db:
        return list(db.scalars(select(InvoiceCopy).order_by(InvoiceCopy.id)))


@pytest.fixture
def buyer(context: Context) -> Organisation:
    return make_buyer(context.database)


def test_a_folder_comes_in_once_and_its_bad_files_are_named(
    context: Context, buyer: Organisation, tmp_path: Path
) -> None:
    folder = tmp_path / "factures"
    fill(folder, 3)
    (folder / "sous").mkdir()
    (folder / "sous" / "ubl.xml").write_bytes(invoices.ubl(draft(number="U-1")))
    (folder / "sous" / "meme.xml").write_bytes((folder / "00000.xml").read_bytes())
    (folder / "piege.xml").write_bytes(invoices.BREAKS["xxe"](invoices.cii(DRAFT)))
    (folder / "mots.txt").write_text("bonjour")
    (folder / "vide.xml").write_bytes(b"")
    (folder / ".cache").write_bytes(b"x")
    done = run(context, tmp_path, str(folder), "--json")
    assert done.returncode == 2, done.stderr
    told = json.loads(done.stdout)
    assert (told["imported"], told["already"]) == (4, 1)
    said = {Path(each["file"]).name: each["error"] for each in told["errors"]}
    assert set(said) == {"piege.xml", "mots.txt", "vide.xml"}
    assert "DOCTYPE" in said["piege.xml"]
    assert {(copy.channel, copy.uploaded_by) for copy in kept(context.database)} == {("folder", "ligne de commande")}
    again = run(context, tmp_path, str(folder))
    assert again.returncode == 2
    assert "0 facture(s) importée(s), 5 déjà là, 3 fichier(s) refusé(s)." in again.stdout
    assert re.search(r"^Factures : 8 sur 8, \d+ par seconde$", again.stderr, re.MULTILINE)
    assert "mots.txt : " in again.stderr
    assert len(kept(context.database)) == 4


def test_what_came_before_counts_within_the_folder(context: Context, tmp_path: Path) -> None:
    """Two invoices of half the amount and more: the second and a double number are seen, in one batch."""
    scene = in_effect(context)
    quotes(context.database, scene)
    folder = tmp_path / "factures"
    folder.mkdir()
    half: dict[str, Any] = {"lines": (invoices.Line("POSTE", "Comptages", Decimal(1), Decimal(50000)),)}
    billed = contract_of_scene(context.database, scene)
    (folder / "1.xml").write_bytes(invoices.cii(invoice(scene, billed, **half)))
    (folder / "2.xml").write_bytes(invoices.cii(invoice(scene, billed, number="F-2", **half)))
    (folder / "3.xml").write_bytes(invoices.ubl(invoice(scene, billed, **half)))
    done = run(context, tmp_path, str(folder), "--organisation", scene.buyer.ref)
    assert done.returncode == 0, done.stderr
    codes = [{f["reason_code"] for f in copy.match["findings"]} for copy in kept(context.database)]
    assert codes[0] == set()
    assert "MONTANTTOTAL_ERR" in codes[1]
    assert "near-duplicate" in {f["rule"] for f in kept(context.database)[1].match["findings"]}
    assert "DOUBLON" in codes[2]
    with reading(context.database) as db:
        assert chain_holds(db, db.scalars(select(Contract)).one().consultation)


def test_killed_in_the_middle_and_started_again_loses_nothing(
    context: Context, buyer: Organisation, tmp_path: Path
) -> None:
    folder, total = tmp_path / "factures", 400
    fill(folder, total)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.cli import main; main()"
    command = [sys.executable, "-c", code, str(ROOT), "invoice", "import", str(folder)]
    settings = {"PATH": os.environ["PATH"], **environment(context)}
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(command, env=settings, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    limit = time.monotonic() + 90
    while count(context.database) < 50:
        assert child.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < limit, "nothing comes in"
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    assert 50 <= count(context.database) < total
    done = run(context, tmp_path, str(folder), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["imported"] + told["already"] == total
    assert told["already"] >= 50
    assert len({copy.number for copy in kept(context.database)}) == count(context.database) == total
    assert all(context.storage.get(copy.key) for copy in kept(context.database)[:20])


def test_a_terminal_shows_how_many_how_fast_and_how_long(context: Context, buyer: Organisation, tmp_path: Path) -> None:
    folder, total = tmp_path / "factures", 250
    fill(folder, total)
    ours, theirs = pty.openpty()
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.cli import main; main()"
    command = [sys.executable, "-c", code, str(ROOT), "invoice", "import", str(folder)]
    settings = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "120", **environment(context)}
    child = subprocess.Popen(command, env=settings, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the terminal is closed by the child's end
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert child.wait(30) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert re.search(rf"Factures .* (1|2)\d\d/{total} +\d+/s \d:\d\d:\d\d \d:\d\d:\d\d", text), text[-400:]
    assert re.search(rf"{total}/{total} +\d+/s", text)


def count(database: Database) -> int:
    with reading(database) as db:
        return db.scalar(select(func.count()).select_from(InvoiceCopy)) or 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "un dossier, ou --chorus"),
        (["absent"], "n’existe pas"),
        (["."], "pour quel acheteur"),
        ([".", "--organisation", "AUTRE"], "Aucun acheteur n’a cette référence"),
        ([".", "--chorus"], "un dossier, ou --chorus"),
    ],
)
def test_wrong_usage_is_one_sentence(
    context: Context, buyer: Organisation, tmp_path: Path, arguments: list[str], said: str
) -> None:
    make_buyer(context.database)
    done = run(context, tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_chorus_by_the_command(context: Context, buyer: Organisation, tmp_path: Path) -> None:
    portal = levers_of(context)
    here = {"MPS_CHORUS_URL": context.services["chorus"], "MPS_CHORUS_TOKEN_URL": context.services["chorus_token"]}
    without = run(context, tmp_path, "--chorus", "--organisation", buyer.siret, **here)
    assert (without.returncode, without.stdout) == (1, "")
    assert "pas de compte Chorus Pro" in without.stderr
    portal.sends(buyer, supplier=1)
    portal.sends(buyer, supplier=2)
    connect(context, buyer)
    assert "2 facture(s) importée(s)" in run(context, tmp_path, "--chorus", **here).stdout
    portal.breaks("factures/v1/rechercher/recipiendaire", status=500)
    down = run(context, tmp_path, "--chorus", "--json", **here)
    assert (down.returncode, down.stdout) == (3, "")
    assert "ne répond pas" in down.stderr
    assert count(context.database) == 2
