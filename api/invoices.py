"""Checking a copy of an invoice: contracts read in a short session, the file examined in a worker process."""

import hashlib
import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.context import Context
from api.db import connect, reading, transaction
from api.uploads import Received
from procurement.billing import contract_by_number, contracts_file
from procurement.contract import Contract
from procurement.errors import Invalid
from procurement.invoice_copy import Arrival, Facts, InvoiceCopy, already, keep_arrived, keep_copy
from procurement.people import Organisation, Person, Role

INVOICE_CAP = 20_000_000
# Where the files of invoices that came by themselves are stored; no other column names them (api/steps/sweep.py).
FOLDER = "received"
MOST_BUYERS = 50
SECONDS = 60.0
MOST = Decimal(10**13)
# The proposal of the match → the decision that a person may take.
PROPOSALS: Mapping[str, str] = {"approve": "approved", "partial": "partial", "refuse": "refused", "unmatched": "held"}


def examine(content: bytes, contracts: Mapping[str, Any], *, chosen: bool = False) -> dict[str, Any]:
    """{report, match, number, seller_siret, amount_ht}. Raises WorkFailed with the reader's sentence, Unavailable."""
    found: dict[str, Any] = isolate.run(
        "procurement.examining:examine", content, json.dumps(contracts), chosen=chosen, seconds=SECONDS
    )
    return found


def amount_of(text: str | None) -> Decimal | None:
    """The amount to the cent; None where the invoice gives none that a ledger could hold."""
    if text is None:
        return None
    value = Decimal(text)
    if not value.is_finite() or abs(value) >= MOST:
        return None
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def proposal(report: Mapping[str, Any], match: Mapping[str, Any]) -> str:
    """What is proposed: a state of the copy. A wrong addressee is sent back, never rejected (R2192-15)."""
    decision = match["decision"]
    if decision == "hold":
        statuses = {f["chorus"] for f in match["findings"] if f["effect"] == "hold"}
        return "sent_back" if statuses == {"A_RECYCLER"} else "held"
    if decision in ("approve", "partial") and not report["valid"]:
        return "refused"
    return PROPOSALS[decision]


def contracts_from_database(url: str) -> dict[str, Any]:
    """The contracts file of every buyer of a database, for `mps invoice match --contracts DATABASE_URL`.

    Raises SQLAlchemyError, and FileNotFoundError rather than make an empty SQLite file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise FileNotFoundError(parsed.database)
    database = connect(url)
    try:
        with reading(database) as db:
            return contracts_file(db)
    finally:
        database.dispose()


def contracts_of(db: Session, organisation_id: int, *, leave_out: str = "") -> dict[str, Any]:
    """The contracts file of one buyer."""
    return contracts_file(db, [organisation_id], leave_out=leave_out)


def buyers_of(db: Session, who: Person) -> list[Organisation]:
    """The buyers for whom this person does finance."""
    ids = who.organisations(Role.FINANCE)
    return db.query(Organisation).filter(Organisation.id.in_(ids)).order_by(Organisation.name).limit(MOST_BUYERS).all()


def _buyer(db: Session, who: Person, ref: str) -> Organisation:
    """The one chosen, or the only one."""
    buyers = buyers_of(db, who)
    if len(buyers) == 1:
        return buyers[0]
    for buyer in buyers:
        if buyer.ref == ref:
            return buyer
    raise Invalid({"organisation": "Choisissez l’acheteur à qui cette facture est adressée."})


def take_copy(
    ctx: Context, who: Person, organisation: str, received: Received, content: bytes, channel: str = "upload"
) -> tuple[str, bool]:
    """(ref, whether it is new): examined in a worker process, kept once. `organisation`: the buyer's ref, or ""."""
    with reading(ctx.database) as db:
        buyer = _buyer(db, who, organisation)
        twin = already(db, buyer, received.sha256)
        if twin is not None:
            return twin.ref, False
        contracts = contracts_of(db, buyer.id)
    found = examine(content, contracts)
    key = ctx.storage.put("invoices", content)
    amount = amount_of(found["amount_ht"])
    facts = Facts(received.name, received.sha256, found["number"], found["seller_siret"], amount)
    with transaction(ctx.database) as db:
        mine = db.get_one(Organisation, buyer.id)
        contract = _matched(db, mine, found["match"])
        copy = keep_copy(
            db, mine, facts, key=key, contract=contract, report=found["report"], match=found["match"],
            person=who, now=database.now(db), channel=channel,
        )  # fmt: skip
        return copy.ref, copy.key == key


def facts_of(name: str, content: bytes, found: Mapping[str, Any]) -> Facts:
    """What a row keeps of an examined file."""
    sha256 = hashlib.sha256(content).hexdigest()
    return Facts(name, sha256, found["number"], found["seller_siret"], amount_of(found["amount_ht"]))


def keep_found(
    db: Session, organisation: Organisation, facts: Facts, arrival: Arrival, key: str, found: Mapping[str, Any]
) -> InvoiceCopy:
    """An invoice that came by itself, already examined and stored under `key`; the twin where it was here."""
    return keep_arrived(
        db, organisation, facts, arrival, key=key, contract=_matched(db, organisation, found["match"]),
        report=found["report"], match=found["match"], now=database.now(db),
    )  # fmt: skip


def _matched(db: Session, organisation: Organisation, match: dict[str, Any]) -> Contract | None:
    """The first candidate, unless nothing stands out."""
    if match["decision"] == "unmatched" or not match["candidates"]:
        return None
    return contract_by_number(db, organisation, match["candidates"][0]["contract"])
