"""Stored files that no row names: taken back at once where it is certain, swept a day later otherwise."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from api.context import Context
from api.db import now, reading, transaction
from api.steps.sweep import sweep_once
from procurement.candidacy import CandidacyFile
from procurement.consultation import DceFile, find
from procurement.counters import Counter
from tests.candidacy_scene import Browser, Scene, add, deposit, press, published, start
from tests.checked_client import CheckedClient


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def place(context: Context, key: str) -> Path:
    return Path(context.settings.storage_url.removeprefix("file://")) / key


def stored(context: Context) -> set[str]:
    return set(context.storage.names())


def age(context: Context, *keys: str, days: float = 2) -> None:
    """As if written that long ago."""
    with reading(context.database) as db:
        instant = (now(db) - timedelta(days=days)).timestamp()
    for key in keys:
        os.utime(place(context, key), (instant, instant))


def tomorrow(context: Context) -> None:
    """The step has not run today."""
    with transaction(context.database) as db:
        db.execute(delete(Counter).where(Counter.name == "sweep"))


def test_an_upload_refused_at_its_end_leaves_nothing(scene: Scene, mine: CheckedClient, context: Context) -> None:
    path = start(mine, scene)
    for number in range(50):
        add(mine, path, "candidature", f"{number}.pdf", b"x")
    before = stored(context)
    assert add(mine, path, "candidature", "de-trop.pdf", b"x") == 409
    assert "Cinquante fichiers au plus" in mine.page.main
    assert stored(context) == before


def test_what_a_row_names_is_never_swept(scene: Scene, mine: CheckedClient, context: Context) -> None:
    path = start(mine, scene)
    add(mine, path, "offre", "offre.pdf", b"offre")
    add(mine, path, "candidature", "enlevée.pdf", b"autre")
    deposit(mine, path)
    assert press(mine, f"{path}/remplacer") == 303
    with transaction(context.database) as db:
        document = context.storage.put("dce", b"RC")
        consultation = find(db, scene.ref)
        consultation.files.append(
            DceFile(version=1, name="RC.pdf", media_type="application/pdf", size=2, sha256="0" * 64, key=document)
        )
        kept = {key for (key,) in db.query(CandidacyFile.key)} | {document}
    others = {context.storage.put(folder, b"x") for folder in ("receipts", "pieces", "contracts", "invoices")}
    orphans = {context.storage.put(folder, b"x") for folder in ("plis", "dce", f"dce/{scene.ref}")}
    age(context, *kept, *others, *orphans)
    fresh = context.storage.put("plis", b"on its way")
    assert sweep_once(context)
    assert stored(context) == kept | others | {fresh}


def test_a_file_taken_out_of_a_draft_goes_unless_a_deposit_still_names_it(
    scene: Scene, mine: CheckedClient, context: Context
) -> None:
    path = start(mine, scene)
    add(mine, path, "offre", "offre.pdf", b"offre")
    deposit(mine, path)
    mine.submit(mine.page, "/remplacer")
    second = mine.page.url.removeprefix("http://testserver")
    add(mine, second, "offre", "mieux.pdf", b"mieux")
    with reading(context.database) as db:
        rows = {(f.name, f.candidacy_id): (f.ref, f.key) for f in db.query(CandidacyFile).order_by(CandidacyFile.id)}
    (alone,) = (row for (name, _), row in rows.items() if name == "mieux.pdf")
    *_, shared = (row for (name, _), row in rows.items() if name == "offre.pdf")
    for ref, _ in (shared, alone):
        assert press(mine, f"{second}/enlever/{ref}") == 303
    age(context, shared[1], alone[1])
    assert sweep_once(context)
    assert stored(context) == {shared[1]}


def test_the_sweep_passes_once_a_day_and_not_before_a_file_is_a_day_old(context: Context) -> None:
    key = context.storage.put("plis", b"x")
    age(context, key, days=0.9)
    assert not sweep_once(context)
    age(context, key, days=1.1)
    assert not sweep_once(context)
    tomorrow(context)
    assert sweep_once(context)
    assert not stored(context)


def test_a_write_cut_on_the_disk_is_swept_though_no_listing_shows_it(context: Context) -> None:
    key = context.storage.put("plis", b"x")
    for name in (f"{key}#1", f"{key}#2"):
        place(context, name).write_bytes(b"half")
    age(context, f"{key}#1")
    sweep_once(context)
    assert not place(context, f"{key}#1").exists()
    assert place(context, f"{key}#2").exists()
    context.storage.delete(key)
    context.storage.delete(key)
    assert not stored(context)
