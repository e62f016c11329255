"""Invoices matched against 100,000 contracts: on PostgreSQL, from the keys to the decision, and in memory.

The contracts are invented rows of a throw-away server, each with one invoice already approved. An invoice is read from
its file before the clock starts; what is timed is: one query for the candidates of a batch, two for their rows, the
records built and validated, every rule, the answer as JSON would have it. The query's plan goes to stderr.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.orm import Session

from api.db import Database, connect, reading, transaction
from api.migrate import upgrade
from api.sandbox.invoices import Draft, Line, Party, ubl
from procurement.base import any_of
from procurement.billing import READ_OF, record_of, wholes_of
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.contract import Contract
from procurement.contract_keys import ContractKey, candidates, keys_of
from procurement.execution.engagements import Engagement
from procurement.execution.parties import BankAccount
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.contracts import ContractRecord, to_record
from procurement.invoicing.index import Index, invoice_keys
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.matching import match
from procurement.invoicing.parsing import read_invoice
from procurement.people import Organisation, User
from siret_lookup.siret import vat_number
from tests.factories import make_siret
from tests.postgres import cluster

CONTRACTS, BUYERS, SUPPLIERS = 100_000, 1_000, 20_000
INVOICES, BATCH = 5_000, 500
LIMIT, PEER = 1_000, "1,000/s"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DOSSIER = {"kind": "services", "duration_months": 12}


@cache
def _buyer(number: int) -> str:
    return make_siret(number % BUYERS)


@cache
def _supplier(number: int) -> str:
    return make_siret(BUYERS + number * 7 % SUPPLIERS)


def _number(number: int) -> str:
    return f"2026-{number // BUYERS + 1:04d}"


def _iban(number: int) -> str:
    return f"FR76300060000112345{number:06d}89"


@contextmanager
def _server() -> Iterator[Database]:
    with cluster() as server:
        engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE bench"))
        engine.dispose()
        upgrade(f"{server}/bench")
        database = connect(f"{server}/bench")
        try:
            yield database
        finally:
            database.dispose()


def _fill(database: Database) -> None:
    """One row per contract in five tables, and the keys; statistics are then brought up to date."""
    ids = range(1, CONTRACTS + 1)
    with transaction(database) as db:
        db.execute(insert(User), [{"id": 1, "email": "a@example.org", "created_at": NOW, "name": "A"}])
        _many(db, Organisation, ({"id": n + 1, "name": f"Ville {n}", "siret": _buyer(n), "kind": "buyer",
                                  "created_at": NOW} for n in range(BUYERS)))  # fmt: skip
        _many(db, Consultation, ({"id": n, "organisation_id": n % BUYERS + 1, "number": f"C-{n}", "object": "Entretien",
                                  "dossier": DOSSIER, "created_at": NOW} for n in ids))  # fmt: skip
        db.execute(insert(Candidacy), [{"id": 1, "consultation_id": 1, "account_id": 1, "siret": _supplier(1),
                                        "contact_email": "a@x.org", "identity": {}, "created_at": NOW}])  # fmt: skip
        _many(db, Contract, (_contract(n) for n in ids))
        _many(db, Engagement, ({"contract_id": n, "number": f"EJ-{n:06d}", "service": "VOIRIE", "created_at": NOW,
                                "created_by": "a@example.org"} for n in ids))  # fmt: skip
        _many(db, BankAccount, ({"contract_id": n, "siret": _supplier(n), "iban": _iban(n), "state": "confirmed",
                                 "valid_from": date(2026, 1, 5), "proposed_at": NOW,
                                 "proposed_by": "a@example.org"} for n in ids))  # fmt: skip
        _many(db, InvoiceCopy, (_copy(n) for n in ids))
    with transaction(database) as db:
        for start in range(1, CONTRACTS + 1, BATCH * 10):
            records = _records(db, range(start, min(start + BATCH * 10, CONTRACTS + 1)))
            _many(db, ContractKey, ({"contract_id": id_, "organisation_id": id_ % BUYERS + 1, "kind": kind, "key": key}
                                    for id_, record in records.items() for kind, key in keys_of(record)))  # fmt: skip
            db.expunge_all()
    with database.write.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _many(db: Session, model: Any, rows: Iterator[dict[str, Any]]) -> None:
    db.execute(insert(model), list(rows))


def _contract(n: int) -> dict[str, Any]:
    return {
        "id": n, "consultation_id": n, "organisation_id": n % BUYERS + 1, "candidacy_id": 1, "number": _number(n),
        "state": "in_effect", "holder_siret": _supplier(n), "holder_name": f"Entreprise {n}", "amount": Decimal(10_000),
        "created_at": NOW, "unsigned_key": "k", "unsigned_sha256": "0" * 64, "received_on": date(2026, 1, 5),
        "service": "VOIRIE", "keyed": True,
    }  # fmt: skip


def _copy(n: int) -> dict[str, Any]:
    return {
        "organisation_id": n % BUYERS + 1, "contract_id": n, "state": "approved", "name": "f.xml", "key": "k",
        "sha256": f"{n:064x}", "number": "F-0", "seller_siret": _supplier(n), "amount_ht": Decimal(900), "report": {},
        "match": {}, "created_at": NOW, "uploaded_by": "a@example.org",
    }  # fmt: skip


def _records(db: Session, ids: Sequence[int]) -> dict[int, ContractRecord]:
    """The records of these contracts, from their rows, one query for each table."""
    contracts = list(db.scalars(select(Contract).where(any_of(db, Contract.id, ids)).options(*READ_OF)))
    return {whole.contract.id: to_record(record_of(whole)) for whole in wholes_of(db, contracts)}


def _invoices() -> list[Invoice]:
    """Six in ten cite both numbers, two the engagement alone, one neither, one a wrong contract number."""
    line = (Line("P1", "Entretien de la voirie", Decimal(10), Decimal("100.00")),)
    party = Party("Entreprise", make_siret(1), vat=vat_number(make_siret(1)[:9]))
    buyer = Party("Ville", make_siret(2), service="VOIRIE")
    draft = Draft("F", date(2026, 7, 3), party, buyer, line, "C", "E", "FR76", delivered_on=date(2026, 6, 30))
    model = read_invoice(ubl(draft))
    return [_bill(model, number, 1 + number * 7919 % CONTRACTS) for number in range(INVOICES)]


def _bill(model: Invoice, number: int, n: int) -> Invoice:
    seller, buyer, kind = _supplier(n), _buyer(n), number % 10
    return replace(
        model,
        number=f"F-{number}",
        contract="" if kind in (6, 7, 8) else "2019-9999" if kind == 9 else _number(n),
        engagement="" if kind == 8 else f"EJ-{n:06d}",
        ibans=(_iban(n),),
        seller=replace(model.seller, sirets=(seller,), siren=seller[:9], vat=vat_number(seller[:9])),
        buyer=replace(model.buyer, siret=buyer, siren=buyer[:9]),
    )


def _on_database(database: Database, invoices: list[Invoice]) -> tuple[float, float, float, list[str]]:
    """Seconds in all, of the processor, and of the candidates' query; and the decisions."""
    decisions, asking, started, worked = [], 0.0, time.perf_counter(), time.process_time()
    for start in range(0, len(invoices), BATCH):
        batch = invoices[start : start + BATCH]
        with reading(database) as db:
            before = time.perf_counter()
            found = candidates(db, batch)
            asking += time.perf_counter() - before
            records = _records(db, sorted({one for ids in found.values() for one in ids}))
        for place, invoice in enumerate(batch):
            answer = match(invoice, [records[one] for one in found[place]])
            decisions.append(str(answer.as_dict()["decision"]))
    return time.perf_counter() - started, time.process_time() - worked, asking, decisions


def _in_memory(index: Index, invoices: list[Invoice]) -> tuple[float, list[str]]:
    started = time.perf_counter()
    decisions = [str(match(invoice, index).as_dict()["decision"]) for invoice in invoices]
    return time.perf_counter() - started, decisions


def _plan(database: Database, batch: Sequence[Invoice]) -> str:
    keys = sorted({key for invoice in batch for _, key in invoice_keys(invoice)})
    with reading(database) as db:
        query = "EXPLAIN (ANALYZE, BUFFERS) SELECT key, contract_id FROM contract_key WHERE key = ANY(:keys)"
        return "\n".join(line[:160] for line in db.scalars(text(query), {"keys": keys}))


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Invoices per second over a thousand, on PostgreSQL and in memory; both must decide alike."""
    invoices = _invoices()
    with _server() as database:
        _fill(database)
        print(_plan(database, invoices[:BATCH]), file=sys.stderr)
        _on_database(database, invoices[:BATCH])
        seconds, worked, asking, decisions = _on_database(database, invoices)
        with reading(database) as db:
            keys = db.scalar(text("SELECT count(*) FROM contract_key"))
            records: list[ContractRecord] = []
            for start in range(1, CONTRACTS + 1, BATCH * 10):
                records.extend(_records(db, range(start, min(start + BATCH * 10, CONTRACTS + 1))).values())
                db.expunge_all()
    began = time.perf_counter()
    index = Index(records)
    built = time.perf_counter() - began
    alone, same = _in_memory(index, invoices)
    assert decisions == same, "the database and the index do not decide alike"
    told = ", ".join(f"{decisions.count(word)} {word}" for word in sorted(set(decisions)))
    rate, fast = len(invoices) / seconds, len(invoices) / alone
    first = (
        f"{rate:.0f}/s, {len(invoices) / worked:.0f} per second of processor, batches of {BATCH}, {keys} keys, "
        f"candidates {asking / seconds:.0%} of the time; {told}"
    )
    second = f"{fast:.0f}/s, index built in {built:.1f} s"
    return [
        (f"invoices matched with {CONTRACTS} contracts, PostgreSQL", PEER, rate / LIMIT, "≥ 1", rate >= LIMIT, first),
        (f"the same, a contracts file of {CONTRACTS}", PEER, fast / LIMIT, "≥ 1", fast >= LIMIT, second),
    ]
