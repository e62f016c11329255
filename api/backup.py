"""Backup and restore: rows as JSON lines per table, files by key, in one tar; the same archive for both databases."""

import contextlib
import io
import json
import tarfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from api.db import Database, connect, transaction
from api.migrate import head, upgrade
from api.settings import Settings
from api.storage import Storage
from procurement.errors import NotFound, Refused
from procurement.models import Base

MARK = "mps-backup-1"


def backup(settings: Settings, out: Path) -> tuple[int, int]:
    """Write the archive; returns (rows, files). One read transaction, so the rows agree with each other."""
    database, storage = connect(settings.database_url), Storage(settings.storage_url)
    rows = files = 0
    try:
        with tarfile.open(out, "w:gz") as archive, Session(database.snapshot()) as db:
            _add(archive, "about.json", json.dumps({"format": MARK, "schema": head()}).encode())
            for table in Base.metadata.sorted_tables:
                lines = [json.dumps(dict(row), default=_plain) for row in db.execute(select(table)).mappings()]
                rows += len(lines)
                _add(archive, f"rows/{table.name}.jsonl", "\n".join(lines).encode())
            for key in storage.names():
                with contextlib.suppress(NotFound):  # swept meanwhile: no row named it
                    _add(archive, f"files/{key}", storage.get(key))
                    files += 1
    finally:
        database.dispose()
    return rows, files


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def restore(settings: Settings, source: Path) -> tuple[int, int]:
    """Fill an empty database and an empty storage from the archive; returns (rows, files). All or nothing for rows."""
    try:
        archive = tarfile.open(source, "r:gz")  # noqa: SIM115 - closed by the with below
    except (OSError, tarfile.TarError):
        raise Refused("Cette archive ne se lit pas.") from None
    upgrade(settings.database_url)
    database, storage = connect(settings.database_url), Storage(settings.storage_url)
    try:
        with archive:
            _check(archive, database, storage)
            files = 0
            for entry in archive:
                if entry.name.startswith("files/") and entry.isfile():
                    storage.put_at(entry.name.removeprefix("files/"), _read(archive, entry.name))
                    files += 1
            return _insert_rows(archive, database), files
    finally:
        database.dispose()


def _check(archive: tarfile.TarFile, database: Database, storage: Storage) -> None:
    try:
        about = json.loads(_read(archive, "about.json"))
    except (KeyError, ValueError):
        raise Refused("Ce fichier n’est pas une sauvegarde de mps.") from None
    if about.get("format") != MARK or about.get("schema") != head():
        raise Refused("Cette sauvegarde vient d’une autre version : mettez d’abord mps à la même version.")
    with Session(database.read) as db:
        if any(db.scalar(select(func.count()).select_from(t)) for t in Base.metadata.sorted_tables):
            raise Refused("La base n’est pas vide : la restauration n’écrase rien.")
    if next(iter(storage.names()), None) is not None:
        raise Refused("Le dossier des fichiers n’est pas vide : la restauration n’écrase rien.")


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    handle = archive.extractfile(name)
    if handle is None:
        raise KeyError(name)
    return handle.read()


def _insert_rows(archive: tarfile.TarFile, database: Database) -> int:
    count = 0
    with transaction(database) as db:
        for table in Base.metadata.sorted_tables:
            lines = _read(archive, f"rows/{table.name}.jsonl").decode().splitlines()
            rows = [_typed(table, json.loads(line)) for line in lines]
            if rows:
                db.execute(insert(table), rows)
                count += len(rows)
            if rows and db.get_bind().dialect.name == "postgresql":
                highest = max(row["id"] for row in rows)
                db.execute(text("SELECT setval(pg_get_serial_sequence(:t, 'id'), :n)"), {"t": table.name, "n": highest})
    return count


def _typed(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    """JSON values back to what each column's Python type is."""
    for column in table.columns:
        value = row[column.name]
        if value is None:
            continue
        kind = getattr(column.type, "impl", column.type).python_type
        if kind is datetime:
            row[column.name] = datetime.fromisoformat(value)
        elif kind is date:
            row[column.name] = date.fromisoformat(value)
        elif kind is bytes:
            row[column.name] = bytes.fromhex(value)
        elif type(column.type).__name__ == "Money":
            row[column.name] = Decimal(value)
    return row
