"""`import=N`: N invoices of a folder into one buyer's, half of them on one contract, on SQLite and on PostgreSQL.

Against the bare check of the same files by two processes, in the same run. First and last tenth are told apart: what
grows with the invoices that are there already shows. Rows, files and cluster are in temporary folders, taken away one
database after the other.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import create_engine, func, insert, select, text

from api import isolate
from api.context import Context
from api.db import Database, connect, reading, transaction
from api.importing import files_of, import_files
from api.migrate import upgrade
from api.sandbox.invoices import Draft, Line, Party, cii, ubl
from api.settings import Settings
from api.storage import Storage
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.contract import Contract
from procurement.execution.engagements import Engagement
from procurement.execution.parties import BankAccount
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.check import check_invoice
from procurement.people import Organisation, User
from siret_lookup.siret import vat_number
from tests.factories import make_siret
from tests.postgres import cluster

Row = tuple[str, str, float, str, bool, str]
USUAL, SAMPLE, BY_CONTRACT, FOLDER = 1_000, 1_000, 50, 1_000
# Of the bare check; and the last tenth's rate, of the first's.
LEAST, STEADY = 0.5, 0.8
EVERY = 5.0
BUYER, START = make_siret(1), date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def _supplier(n: int) -> str:
    return make_siret(1_000 + n)


def _number(n: int) -> str:
    return f"2026-{n:05d}"


def _iban(n: int) -> str:
    return f"FR76300060000112345{n:06d}89"


def _others(invoices: int) -> int:
    return max(1, invoices // 2 // BY_CONTRACT)


def _contract_of(rank: int, others: int) -> int:
    """The first contract has half of the invoices, the others about fifty each, in turn."""
    return 1 if rank % 2 else 2 + rank // 2 % others


def _bill(rank: int, others: int) -> bytes:
    n, day = _contract_of(rank, others), START + timedelta(days=30 + rank % 300)
    price = Decimal(10_000 + rank * 7_919 % 1_000_003) / 100
    draft = Draft(
        f"F-{rank:06d}",
        day,
        Party(f"Entreprise {n}", _supplier(n), vat=vat_number(_supplier(n)[:9])),
        Party("Ville d’Essai", BUYER, service="VOIRIE"),
        (Line("P1", "Entretien de la voirie", Decimal(2), price),),
        contract=_number(n),
        engagement=f"EJ-{n:06d}",
        iban=_iban(n),
        delivered_on=day,
    )
    return (ubl if rank % 4 > 1 else cii)(draft)


def _write(folder: Path, invoices: int) -> None:
    """By folders of a thousand, by two processes; spread over the contracts in any slice of them."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        firsts = range(0, invoices, FOLDER)
        list(pool.map(write_folder, [folder] * len(firsts), firsts, [invoices] * len(firsts)))


def write_folder(folder: Path, first: int, invoices: int) -> None:
    """In a process of its own: the invoices from `first` on, one folder of them."""
    where = folder / f"{first // FOLDER:04d}"
    where.mkdir()
    for rank in range(first, min(first + FOLDER, invoices)):
        (where / f"{rank:06d}.xml").write_bytes(_bill(rank, _others(invoices)))


def _fill(database: Database, invoices: int) -> None:
    ids = range(1, 2 + _others(invoices))
    dossier = {"kind": "services", "duration_months": 12}
    tables: list[tuple[Any, Iterator[dict[str, Any]]]] = [
        (User, iter([{"id": 1, "email": "a@example.org", "created_at": NOW, "name": "A"}])),
        (Organisation, iter([{"id": 1, "name": "Ville", "siret": BUYER, "kind": "buyer", "created_at": NOW}])),
        (Consultation, ({"id": n, "organisation_id": 1, "number": f"C-{n}", "object": "Entretien", "dossier": dossier,
                         "created_at": NOW} for n in ids)),
        (Candidacy, iter([{"id": 1, "consultation_id": 1, "account_id": 1, "siret": _supplier(1),
                           "contact_email": "a@x.org", "identity": {}, "created_at": NOW}])),
        (Contract, ({"id": n, "consultation_id": n, "organisation_id": 1, "candidacy_id": 1, "number": _number(n),
                     "state": "in_effect", "holder_siret": _supplier(n), "holder_name": f"Entreprise {n}",
                     "amount": Decimal(10**9), "created_at": NOW, "unsigned_key": "k", "unsigned_sha256": "0" * 64,
                     "received_on": START, "service": "VOIRIE"} for n in ids)),
        (Engagement, ({"contract_id": n, "number": f"EJ-{n:06d}", "service": "VOIRIE", "created_at": NOW,
                       "created_by": "a@example.org"} for n in ids)),
        (BankAccount, ({"contract_id": n, "siret": _supplier(n), "iban": _iban(n), "state": "confirmed",
                        "valid_from": START, "proposed_at": NOW, "proposed_by": "a@example.org"} for n in ids)),
    ]  # fmt: skip
    with transaction(database) as db:
        for model, rows in tables:
            db.execute(insert(model), list(rows))


@contextmanager
def _context(folder: Path, url: str) -> Iterator[Context]:
    settings = Settings(
        _env_file=None, database_url=url, storage_url=f"file://{folder}/files", secret_key=SecretStr("b" * 48)
    )
    upgrade(url)
    database = connect(url)
    try:
        yield Context(settings, database, Storage(settings.storage_url), {})
    finally:
        database.dispose()


@contextmanager
def _sqlite() -> Iterator[Context]:
    with tempfile.TemporaryDirectory() as folder, _context(Path(folder), f"sqlite:///{folder}/bench.db") as context:
        yield context


@contextmanager
def _postgresql() -> Iterator[Context]:
    with tempfile.TemporaryDirectory() as folder, cluster() as server:
        engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE bench"))
        engine.dispose()
        with _context(Path(folder), f"{server}/bench") as context:
            yield context


def check_files(paths: list[Path]) -> None:
    """In a process of its own: nothing but the check."""
    for path in paths:
        check_invoice(path.read_bytes())


def _bare(paths: list[Path]) -> float:
    """Files per second that two processes check, their sheets warm."""
    halves = [paths[::2], paths[1::2]]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        # Long enough for both processes to be started and warm.
        list(pool.map(check_files, [paths[:60]] * 4))
        started = time.perf_counter()
        list(pool.map(check_files, halves))
        return len(paths) / (time.perf_counter() - started)


def _warm(paths: list[Path]) -> None:
    contents = [path.read_bytes() for path in paths[:40]]
    with ThreadPoolExecutor(2) as lanes:
        list(lanes.map(lambda _: isolate.run("procurement.examining:check_many", contents, seconds=60.0), range(4)))


class _Watch:
    """When how many were done; a line on stderr every few seconds."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.said = name, total, time.perf_counter()
        self.marks = [(self.said, 0)]

    def __call__(self, more: int) -> None:
        now, done = time.perf_counter(), self.marks[-1][1] + more
        self.marks.append((now, done))
        if now - self.said >= EVERY or done == self.total:
            self.said = now
            back = next(at for at in self.marks if at[1] >= done - self.total / 20)
            recent = (done - back[1]) / (now - back[0]) if done > back[1] else self.rate()
            left = (self.total - done) / self.rate() / 60
            told = f"{done} of {self.total}, {self.rate():.0f}/s, {recent:.0f}/s of late, {left:.1f} min left"
            print(f"{self.name}: {told}", file=sys.stderr, flush=True)

    def rate(self, first: float = 0.0, last: float = 1.0) -> float:
        """Invoices per second between two shares of the whole."""
        low = [mark for mark in self.marks if mark[1] <= first * self.total][-1]
        high = next((mark for mark in self.marks if mark[1] >= last * self.total), self.marks[-1])
        return (high[1] - low[1]) / (high[0] - low[0])


def _imported(name: str, context: Context, paths: list[Path]) -> tuple[_Watch, str]:
    _fill(context.database, len(paths))
    _warm(paths)
    watch = _Watch(name, len(paths))
    done = import_files(context, 1, paths, watch)
    with reading(context.database) as db:
        kept = db.scalar(select(func.count(InvoiceCopy.contract_id)))
        large = db.scalar(select(func.count()).where(InvoiceCopy.contract_id == 1))
    assert done.kept == kept == len(paths), (done.kept, kept, done.errors[:3])
    return watch, f"{kept} kept, {large} on one contract"


OPENERS: dict[str, Callable[[], Any]] = {"SQLite": _sqlite, "PostgreSQL": _postgresql}


def measure(invoices: int = USUAL, databases: Iterable[str] = OPENERS) -> list[Row]:
    """For each database: the rate against the bare check, and the last tenth's against the first's."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), invoices)
        paths = files_of(Path(folder))
        for name in databases:
            bare = _bare(paths[:SAMPLE])
            with OPENERS[name]() as context:
                watch, told = _imported(name, context, paths)
            isolate.stop()
            ours, first, last = watch.rate(), watch.rate(0.0, 0.1), watch.rate(0.9, 1.0)
            detail = f"{ours:.0f} against {bare:.0f}/s; {told}"
            what = f"{invoices} invoices imported, {name}"
            rows.append((what, "bare check, two processes", ours / bare, f"≥ {LEAST}", ours / bare >= LEAST, detail))
            ratio, detail = last / first, f"{last:.0f} against {first:.0f}/s"
            rows.append((f"the last tenth of them, {name}", "the first", ratio, f"≥ {STEADY}", ratio >= STEADY, detail))
    return rows
