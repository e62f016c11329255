"""Invoice copies straight through the domain, already checked: where finance's tests begin."""

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from api.context import Context
from api.db import Database, now, reading, transaction
from api.sandbox import invoices
from procurement.contract import Contract, paris_day
from procurement.invoice_copy import Facts, InvoiceCopy, keep_copy
from procurement.invoice_decision import Decision, Liquidation, arrived, decide_copy
from procurement.people import Organisation, Role, User, attach, person_of
from tests.award_scene import Scene, contract_of_scene, invoice
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_company, with_role

REPORT: dict[str, Any] = {
    "valid": True, "findings": [], "container": "xml", "syntax": "CII", "profile": "EN 16931", "rule_sets": [],
}  # fmt: skip
MATCH: dict[str, Any] = {"decision": "approve", "candidates": [], "findings": []}
_numbers = itertools.count(1)


def today_of(database: Database) -> date:
    with reading(database) as db:
        return paris_day(now(db))


def kept(
    context: Context, scene: Scene, ht: str = "1000", *, ago: int = 0, number: str = "", siret: str = "",
    match: dict[str, Any] | None = None, attached: bool = True, content: bytes = b"<facture/>",
) -> str:  # fmt: skip
    """The ref of a copy issued so many days ago, of the holder unless `siret` says another; VAT 20 %."""
    contract = contract_of_scene(context.database, scene)
    rank = next(_numbers)
    key = context.storage.put("invoices", content)
    with transaction(context.database) as db:
        at, person = now(db), person_of(db.get_one(User, scene.finance.id))
        billed = db.get_one(Contract, contract.id)
        facts = Facts(
            f"facture-{rank}.xml", f"{rank:064x}", number or f"F-{rank}", siret or billed.holder_siret, Decimal(ht),
            (Decimal(ht) * Decimal("1.2")).quantize(Decimal("0.01")), issued_on=paris_day(at) - timedelta(ago),
            engagement="EJ-2026-77",
        )  # fmt: skip
        copy = keep_copy(
            db, billed.organisation, facts, key=key, contract=billed if attached else None, report=REPORT,
            match=match or MATCH, person=person, now=at,
        )  # fmt: skip
        arrived(db, [copy], at)
        return copy.ref


def approved(context: Context, scene: Scene, ref: str, **off: str) -> None:
    """Approved whole by the scene's person of finance."""
    with transaction(context.database) as db:
        person = person_of(db.get_one(User, scene.finance.id))
        said = Liquidation(**{name: Decimal(value) for name, value in off.items()})
        decide_copy(db, copy_in(db, ref), Decision("approved", liquidation=said), person, now(db))


def copy_in(db: Any, ref: str) -> InvoiceCopy:
    found: InvoiceCopy = db.query(InvoiceCopy).filter_by(ref=ref).one()
    return found


def read_copy(database: Database, ref: str) -> InvoiceCopy:
    with reading(database) as db:
        return copy_in(db, ref)


def plain(text: str) -> str:
    """With plain spaces where amounts and signs hold to their words."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def spaced(page: Any) -> str:
    """The words of a page's own part, with plain spaces."""
    return plain(str(page.main))


def decide(finance: CheckedClient, ref: str, **said: Any) -> int:
    """From the page of the invoice; gives the status of the answer."""
    return int(finance.submit(finance.get(f"/factures/{ref}"), "/decision", **said).status_code)


def sent(context: Context, scene: Scene, **changes: Any) -> str:
    """The ref of an invoice of 1 000 € HT that reads, as the holder's software makes it, `changes` aside."""
    bill = invoice(scene, contract_of_scene(context.database, scene), **changes)
    return kept(context, scene, "1000", number=bill.number, content=invoices.cii(bill))


def second_person(context: Context, scene: Scene) -> User:
    """Another person of the same buyer's finance."""
    return with_role(context.database, scene.buyer, Role.FINANCE)


def threshold(context: Context, scene: Scene, amount: str | None) -> None:
    with transaction(context.database) as db:
        buyer = db.get_one(Organisation, scene.buyer.id)
        buyer.second_above = None if amount is None else Decimal(amount)


def member_of(context: Context, siret: str, name: str) -> User:
    """A person proven to belong to that company, made for the occasion."""
    company = make_company(context.database, siret, name)
    user = make_account(context.database)
    with transaction(context.database) as db:
        attach(
            db, db.get_one(User, user.id), db.get_one(Organisation, company.id), Role.COMPANY, evidence="Pouvoir signé",
            granted_by="test", now=now(db),
        )  # fmt: skip
    return user
