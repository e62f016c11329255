"""Backup and restore: every row and file comes back, on either database; nothing is ever overwritten."""

from pathlib import Path

import pytest
from sqlalchemy import select

from api.backup import backup, restore
from api.db import connect, now, reading, transaction
from api.settings import Settings
from api.storage import Storage
from procurement.errors import Refused
from procurement.models import Base
from procurement.people import Organisation
from tests.factories import make_buyer, make_officer
from tests.procurement.test_events import a_consultation


def filled(settings: Settings) -> str:
    database = connect(settings.database_url)
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    with transaction(database) as db:
        a_consultation(db, buyer, officer)
        db.get_one(Organisation, buyer.id).token_sealed = b"\x00\xffsealed"
    database.dispose()
    return Storage(settings.storage_url).put("plis", b"\x00bytes")


def everything(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    database = connect(settings.database_url)
    with reading(database) as db:
        rows = {t.name: [tuple(r) for r in db.execute(select(t).order_by(t.c.id))] for t in Base.metadata.sorted_tables}
    database.dispose()
    return rows


def elsewhere(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={"database_url": f"sqlite:///{folder}/restored.db", "storage_url": f"file://{folder}/restored"}
    )


def test_everything_comes_back(settings: Settings, tmp_path: Path) -> None:
    key = filled(settings)
    rows, files = backup(settings, tmp_path / "out.tar.gz")
    target = elsewhere(settings, tmp_path)
    assert restore(target, tmp_path / "out.tar.gz") == (rows, files)
    assert files == 1
    assert everything(target) == everything(settings)
    assert Storage(target.storage_url).get(key) == b"\x00bytes"


def test_a_restored_database_takes_new_rows(settings: Settings, tmp_path: Path) -> None:
    filled(settings)
    backup(settings, tmp_path / "out.tar.gz")
    target = elsewhere(settings, tmp_path)
    restore(target, tmp_path / "out.tar.gz")
    database = connect(target.database_url)
    assert make_buyer(database).id == 2
    with reading(database) as db:
        assert now(db) is not None
    database.dispose()


def test_nothing_is_overwritten(settings: Settings, tmp_path: Path) -> None:
    filled(settings)
    backup(settings, tmp_path / "out.tar.gz")
    before = everything(settings)
    with pytest.raises(Refused, match="pas vide"):
        restore(settings, tmp_path / "out.tar.gz")
    assert everything(settings) == before


def test_a_file_that_is_no_backup_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"not an archive")
    with pytest.raises(Refused, match="ne se lit pas"):
        restore(settings, tmp_path / "x.tar.gz")
