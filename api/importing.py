"""A folder of invoices into one buyer's: checked in worker processes by batches, matched in order, kept; restartable.

What is kept is known by its sha256: started again after a kill, it goes on with what is missing. Files are stored
before their rows: what a kill leaves without a row is swept.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError

from api import isolate
from api.context import Context
from api.db import reading, transaction
from api.filenames import shown
from api.invoices import FOLDER, UNFORESEEN, facts_of, keep_found, matched
from procurement.carried import Accounts
from procurement.chorus import directory_of
from procurement.errors import DomainError, Unavailable
from procurement.invoice_copy import Arrival, Facts, already_here
from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import MAX_FILE
from procurement.people import Organisation

BATCH, BATCH_BYTES = 100, 16 << 20
# Batches being checked, one more than there are worker processes so that none waits for files to be read; and how many
# may be ahead of the one that is kept.
LANES, AHEAD = 3, 5
SECONDS = 60.0
BY = "ligne de commande"
_UNREADABLE = "Ce fichier ne peut pas être lu : droits manquants, ou erreur du système."
_UNFORESEEN = f"{UNFORESEEN} Son journal la dit."
log = structlog.get_logger("mps.importing")


@dataclass
class Imported:
    """What became of the folder: files kept, files that were here already, and each bad one with its sentence."""

    kept: int = 0
    already: int = 0
    errors: list[tuple[Path, str]] = field(default_factory=list)


_New = tuple[Path, bytes, dict[str, Any]]


@dataclass
class _Batch:
    """`new`: path, bytes and what the check gave of each file to keep."""

    size: int
    already: int = 0
    errors: list[tuple[Path, str]] = field(default_factory=list)
    new: list[_New] = field(default_factory=list)


def files_of(folder: Path) -> list[Path]:
    """Every file under the folder, in order; hidden ones and links are left alone."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(where, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def import_files(
    context: Context, organisation_id: int, paths: Sequence[Path], report: Callable[[int], None]
) -> Imported:
    """Keep the invoices of these files; `report` is told how many more are done after each batch.

    Raises Unavailable where the worker processes do not start.
    """
    done, accounts = Imported(), Accounts()
    with reading(context.database) as db:
        directory = directory_of(db, organisation_id)
    with ThreadPoolExecutor(LANES) as lanes:
        for batch in _in_order(lanes, partial(_check, context, organisation_id, directory), paths):
            done.kept += _keep(context, organisation_id, batch, accounts)
            done.already += batch.already
            done.errors += batch.errors
            report(batch.size)
    return done


def _in_order(
    lanes: ThreadPoolExecutor, check: Callable[[Sequence[Path]], _Batch], paths: Sequence[Path]
) -> Iterator[_Batch]:
    """Each batch once it is checked, in the order of the files; a few ahead, never all of them in memory."""
    ahead: deque[Future[_Batch]] = deque()
    for some in _batches(paths):
        ahead.append(lanes.submit(check, some))
        if len(ahead) > AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _batches(paths: Sequence[Path]) -> Iterator[list[Path]]:
    some: list[Path] = []
    size = 0
    for path in paths:
        some.append(path)
        size += path.stat().st_size if path.exists() else 0
        if len(some) == BATCH or size > BATCH_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _check(context: Context, organisation_id: int, directory: Directory, paths: Sequence[Path]) -> _Batch:
    batch, contents = _Batch(len(paths)), {}
    for path in paths:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE + 1)
        except OSError:
            batch.errors.append((path, _UNREADABLE))
        else:
            contents[path] = content, hashlib.sha256(content).hexdigest()
    with reading(context.database) as db:
        known = already_here(db, organisation_id, [sha256 for _, sha256 in contents.values()])
    fresh: dict[Path, bytes] = {}
    for path, (content, sha256) in contents.items():
        if sha256 in known:
            batch.already += 1
        else:
            known.add(sha256)
            fresh[path] = content
    for (path, content), found in zip(fresh.items(), _checked(list(fresh.values()), directory), strict=True):
        if "error" in found:
            batch.errors.append((path, found["error"]))
        else:
            batch.new.append((path, content, found))
    return batch


def _checked(contents: list[bytes], directory: Directory) -> list[dict[str, Any]]:
    """All at once; where one of them makes the worker fail, each alone, so that it is named."""
    if not contents:
        return []
    try:
        found: list[dict[str, Any]] = isolate.run(
            "procurement.examining:check_many", contents, directory, seconds=SECONDS + len(contents)
        )
    except (isolate.WorkFailed, Unavailable) as error:
        if len(contents) > 1:
            return [one for content in contents for one in _checked([content], directory)]
        return [{"error": error.sentence if isinstance(error, Unavailable) else error.told()}]
    return found


def _keep(context: Context, organisation_id: int, batch: _Batch, accounts: Accounts) -> int:
    """The rows of one batch; where one of them fails, each alone, so that it is named. Gives how many are new."""
    try:
        return _keep_all(context, organisation_id, batch, batch.new, accounts)
    except (DomainError, OperationalError):  # the database or the storage is not there, for any of them
        raise
    except Exception as error:
        log.error("batch not kept, its files are tried one by one", kind=type(error).__name__)
        return sum(_keep_one(context, organisation_id, batch, one, accounts) for one in batch.new)


def _keep_one(context: Context, organisation_id: int, batch: _Batch, one: _New, accounts: Accounts) -> int:
    accounts.forget()
    try:
        return _keep_all(context, organisation_id, batch, [one], accounts)
    except (DomainError, OperationalError):
        raise
    except Exception as error:
        log.error("file not kept", file=shown(one[0]), kind=type(error).__name__, exc_info=error)
        batch.errors.append((one[0], _UNFORESEEN))
        return 0


def _keep_all(context: Context, organisation_id: int, batch: _Batch, new: Sequence[_New], accounts: Accounts) -> int:
    """In one transaction."""
    if not new:
        return 0
    answers = matched(context, organisation_id, [found["invoice"] for _, _, found in new], accounts)
    rows = [
        (facts_of(shown(path.name), content, found), context.storage.put(FOLDER, content), found | {"match": answer})
        for (path, content, found), answer in zip(new, answers, strict=True)
    ]
    unused = _write(context, organisation_id, rows, accounts)
    for key in unused:
        context.storage.delete(key)
    batch.already += len(unused)
    return len(rows) - len(unused)


def _write(
    context: Context, organisation_id: int, rows: Sequence[tuple[Facts, str, dict[str, Any]]], accounts: Accounts
) -> list[str]:
    """The keys of files that were here after all: another batch, or another import, had the same bytes."""
    with transaction(context.database) as db:
        organisation = db.get_one(Organisation, organisation_id)
        copies = keep_found(db, organisation, Arrival("folder", BY), rows)
        accounts.written(db, [copy for copy, (_, key, _) in zip(copies, rows, strict=True) if copy.key == key])
    return [key for copy, (_, key, _) in zip(copies, rows, strict=True) if copy.key != key]
