"""Checking a copy of an invoice: contracts read in a short session, the file examined in a worker process."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.context import Context
from api.db import connect, reading, transaction
from api.isolate import WorkFailed
from api.uploads import Received
from procurement.billing import (
    contracts_by_number,
    contracts_file,
    key_contracts,
    keys_are_stale,
    record_of,
    records_for,
    whole_of,
)
from procurement.carried import Accounts
from procurement.chorus import directory_of
from procurement.contract import paris_day
from procurement.errors import DomainError, Invalid, Refused, Unavailable
from procurement.invoice_copy import (
    COMPARED,
    Arrival,
    Examined,
    Facts,
    InvoiceCopy,
    already,
    compared,
    find_invoice,
    keep_arrived,
    keep_copy,
)
from procurement.invoice_decision import arrived
from procurement.invoicing.contracts import ContractRecord, to_record
from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import ILLEGIBLE, Invoice
from procurement.invoicing.matching import confront, match
from procurement.invoicing.past import Invoiced
from procurement.people import Organisation, Person, Role
from procurement.twins import left_out, take_over

INVOICE_CAP = 20_000_000
# Where the files of invoices that came by themselves are stored; no other column names them (api/steps/sweep.py).
FOLDER = "received"
MOST_BUYERS = 50
SECONDS = 60.0
MOST = Decimal(10**13)
UNFORESEEN = "Ce fichier n’a pas pu être gardé, par une erreur de ce service ; les autres le sont."
log = structlog.get_logger("mps.invoices")
# The proposal of the match → the decision that a person may take.
PROPOSALS: Mapping[str, str] = {"approve": "approved", "partial": "partial", "refuse": "refused", "unmatched": "held"}


UNREAD: dict[str, Any] = {"candidates": [], "findings": [], "decision": "unmatched", "notice": ""}


def examine(content: bytes, directory: Directory | None = None) -> dict[str, Any]:
    """{report, invoice, number, amount_ht, …}. Raises WorkFailed with the reader's sentence, Unavailable."""
    found: dict[str, Any] = isolate.run("procurement.examining:examine", content, directory, seconds=SECONDS)
    return found


def matched(
    ctx: Context,
    organisation_id: int,
    invoices: Sequence[Invoice | None],
    accounts: Accounts | None = None,
    leave_out: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The match of each invoice with the contracts of one buyer, found by their keys, made again where one changed.

    Each is matched with those before it counted as received; None, of a file whose schema is broken, matches nothing.
    `accounts`: what an import carries from one call to the next. `leave_out`: the sha256 of copies that do not count.
    """
    accounts = accounts or Accounts()
    read = [invoice for invoice in invoices if invoice is not None]
    with reading(ctx.database) as db:
        stale = keys_are_stale(db, organisation_id)
    if stale:
        with transaction(ctx.database) as db:
            key_contracts(db, organisation_id)
    with reading(ctx.database) as db:
        today = paris_day(database.now(db))
        found = records_for(db, organisation_id, read, accounts, today=today, leave_out=leave_out)
    candidates, answers = iter(found), []
    for invoice in invoices:
        if invoice is None:
            answers.append(UNREAD)
            continue
        records = next(candidates)
        answers.append(match(invoice, records).as_dict())
        chosen = _first(answers[-1])
        for record in records:
            if record.id == chosen and (row := _received(invoice, record)):
                accounts.count(record, row)
    return answers


def _received(invoice: Invoice, record: ContractRecord) -> Invoiced | None:
    """As the account of the contract will say it once the invoice is kept (procurement/billing.py)."""
    net, gross = amount_of(str(invoice.signed_net)), amount_of(str(invoice.signed_gross))
    if not invoice.seller.sirets or not invoice.number or net is None:
        return None
    engagement = invoice.engagement[:50]
    return Invoiced(
        number=invoice.number[:100],
        siret=invoice.seller.sirets[0],
        amount_ht=abs(net),
        type="381" if net < 0 else invoice.type_code[:3] or "380",
        issued_on=invoice.issued_on,
        engagement=engagement,
        part=next((part.id for part in record.parts if engagement and engagement in part.engagements), ""),
        amount_ttc=None if gross is None else abs(gross),
        state="received",
    )


def confronted(ctx: Context, copy: InvoiceCopy, record: ContractRecord, imputed: str = "") -> dict[str, Any]:
    """A kept invoice against one contract; no rule of its own is run again. No transaction may be open.

    `imputed`: the part, else the engagement, that a person laid it to. UNREAD where a value that it needs is missing,
    where its file holds no invoice, or makes its reader fail as it did before. Raises Unavailable.
    """
    try:
        invoice = isolate.run("procurement.examining:read", ctx.storage.get(copy.key), seconds=SECONDS)
    except WorkFailed:
        return UNREAD
    except Unavailable:
        if copy.report["syntax"] != ILLEGIBLE:
            raise
        return UNREAD
    return confront(replace(invoice, imputed=imputed), record).as_dict() if invoice else UNREAD


def compare_again(ctx: Context, ref: str, who: Person) -> bool:
    """Confront an invoice with its contract as it is now; gives whether something else is found.

    No transaction may be open. A file that cannot be read was never compared: nothing changes.
    """
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
        if copy.contract is None or copy.state not in COMPARED:
            return False
        today, imputed = paris_day(database.now(db)), copy.part or copy.engagement
        record = to_record(record_of(whole_of(db, copy.contract), today=today, leave_out=left_out(db, copy)))
    found = confronted(ctx, copy, record, imputed)
    if found is UNREAD:
        return False
    with transaction(ctx.database) as db:
        return compared(db, find_invoice(db, ref, who), found, who, database.now(db))


def amount_of(text: str | None) -> Decimal | None:
    """The amount to the cent; None where the invoice gives none that a ledger could hold."""
    if text is None:
        return None
    value = Decimal(text)
    if not value.is_finite() or abs(value) >= MOST:
        return None
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def facts_of(name: str, content: bytes, found: Mapping[str, Any]) -> Facts:
    """What `examine` read of the file, as it is kept."""
    return Facts(
        name, hashlib.sha256(content).hexdigest(), found["number"], found["seller_siret"],
        amount_of(found["amount_ht"]), amount_of(found["amount_ttc"]), found["type_code"], found["process"],
        found["issued_on"], found["engagement"],
    )  # fmt: skip


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
    asked = connect(url)
    try:
        with reading(asked) as db:
            return contracts_file(db, today=paris_day(database.now(db)))
    finally:
        asked.dispose()


def buyers_of(db: Session, who: Person) -> list[Organisation]:
    """The buyers for whom this person does finance."""
    ids = who.organisations(Role.FINANCE)
    return db.query(Organisation).filter(Organisation.id.in_(ids)).order_by(Organisation.name).limit(MOST_BUYERS).all()


def buyer_of(db: Session, who: Person, ref: str) -> Organisation:
    """The one chosen, or the only one."""
    buyers = buyers_of(db, who)
    if len(buyers) == 1:
        return buyers[0]
    for buyer in buyers:
        if buyer.ref == ref:
            return buyer
    raise Invalid({"organisation": "Choisissez l’acheteur à qui cette facture est adressée."})


@dataclass(frozen=True)
class Taken:
    """What became of one file: its copy's ref, and whether it is new; or why it was not kept."""

    name: str
    ref: str = ""
    new: bool = False
    wrong: str = ""


def take_several(ctx: Context, who: Person, organisation: str, files: Sequence[tuple[str, bytes]]) -> list[Taken]:
    """One bad file stops no other. Raises Invalid where no buyer is chosen."""
    taken = []
    for name, content in files:
        received = Received(name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        try:
            taken.append(Taken(name, *take_copy(ctx, who, organisation, received, content)))
        except (Refused, WorkFailed, Unavailable) as error:
            taken.append(Taken(name, wrong=error.sentence))
        except DomainError:  # who sends, or to whom: the same for all
            raise
        except Exception as error:
            log.error("file not kept", file=name, kind=type(error).__name__, exc_info=error)
            taken.append(Taken(name, wrong=UNFORESEEN))
    return taken


def take_copy(
    ctx: Context, who: Person, organisation: str, received: Received, content: bytes, channel: str = "upload"
) -> tuple[str, bool]:
    """(ref, whether it is new): examined in a worker process, kept once. `organisation`: the buyer's ref, or ""."""
    with reading(ctx.database) as db:
        buyer = buyer_of(db, who, organisation)
        twin = already(db, buyer, received.sha256)
        if twin is not None:
            return twin.ref, False
        buyer_id, directory = buyer.id, directory_of(db, buyer.id)
    found = examine(content, directory)
    (confronted,) = matched(ctx, buyer_id, [found["invoice"]])
    key = ctx.storage.put("invoices", content)
    facts = facts_of(received.name, content, found)
    with transaction(ctx.database) as db:
        mine = db.get_one(Organisation, buyer_id)
        contract = contracts_by_number(db, mine, {_first(confronted)}).get(_first(confronted))
        copy = keep_copy(
            db, mine, facts, key=key, contract=contract, report=found["report"], match=confronted,
            person=who, now=database.now(db), channel=channel,
        )  # fmt: skip
        if copy.key == key:
            arrived(db, [copy], database.now(db))
        return copy.ref, copy.key == key


def keep_found(
    db: Session, organisation: Organisation, arrival: Arrival, files: Sequence[tuple[Facts, str, Mapping[str, Any]]]
) -> list[InvoiceCopy]:
    """Invoices that came by themselves, examined, matched and stored under a key; the twin of each that was here."""
    now = database.now(db)
    contracts = contracts_by_number(db, organisation, {_first(found["match"]) for _, _, found in files})
    examined = [
        Examined(facts, key, contracts.get(_first(found["match"])), found["report"], found["match"])
        for facts, key, found in files
    ]
    copies = keep_arrived(db, organisation, arrival, examined, now)
    fresh = [copy for copy, file in zip(copies, examined, strict=True) if copy.key == file.key]
    for copy in fresh:
        take_over(db, copy, now)
    arrived(db, fresh, now)
    return copies


def _first(match: Mapping[str, Any]) -> str:
    """The number of the first candidate; "" where nothing stands out."""
    return str(match["candidates"][0]["contract"]) if match["decision"] != "unmatched" and match["candidates"] else ""
