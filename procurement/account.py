"""The account of one contract read from the database, and the warning that it nears its ceiling."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dce_templates.french import euros
from procurement.contract import Contract
from procurement.events import lock, record
from procurement.execution.parts import parts_of
from procurement.execution.terms import terms_of
from procurement.invoice_copy import invoices_of
from procurement.invoice_delay import wind_contract
from procurement.ledger import Ledger, ledger_of, withheld
from procurement.mail import post
from procurement.people import Role, staff_of
from procurement.suppliers import paid_of


def account_of(db: Session, contract: Contract) -> Ledger:
    """By part and by company, against the ceiling: the framework's maximum, else the amount with its modifications."""
    companies = [(party.siret, party.name, party.share_ht) for party in paid_of(db, contract)]
    return ledger_of(
        contract, invoices_of(db, contract), parts_of(db, contract), companies, terms_of(db, contract).ceiling_ht
    )


def withheld_of(db: Session, contract: Contract) -> Decimal:
    """Euros TTC retained on this contract's invoices as a guarantee."""
    return withheld(invoices_of(db, contract))


def to_recount(db: Session, now: datetime) -> Contract | None:
    """A contract whose account changed since it was last looked at."""
    query = select(Contract).where(Contract.recount_at <= now).order_by(Contract.recount_at, Contract.id)
    return db.scalar(query.limit(1))


def recount(db: Session, contract: Contract, now: datetime) -> None:
    """Count again, and warn finance and officers once that four fifths are used; a higher ceiling lets it warn again.

    The consultation is locked first, as whoever changes the account does: of two workers, the second finds it done.
    """
    lock(db, contract.consultation)
    db.refresh(contract)
    if contract.recount_at is None:
        return
    contract.recount_at = None
    wind_contract(db, contract.id, terms_of(db, contract).payment_days)
    account = account_of(db, contract)
    if not account.alert:
        contract.warned_at = None
    elif contract.warned_at is None:
        contract.warned_at = now
        _warn(db, contract, account, now)


def _warn(db: Session, contract: Contract, account: Ledger, now: datetime) -> None:
    record(
        db, contract.consultation, "contract.ceiling_near", contract.ref, "worker", now,
        used=str(account.whole.invoiced + account.whole.waiting), ceiling=str(account.ceiling),
    )  # fmt: skip
    subject = f"Marché {contract.number} : {percent(account.used)} du plafond sont utilisés"
    body = NEAR.format(
        contract=contract, used=percent(account.used), left=euros(account.left), ceiling=euros(account.ceiling)
    )
    for address in staff_of(db, contract.organisation_id, Role.FINANCE, Role.OFFICER):
        post(db, to=address, subject=subject, body=body, now=now, consultation_id=contract.consultation_id)


def percent(share: Decimal) -> str:
    """« 81 % », never rounded up: 99,9 % is not all."""
    return f"{int(share * 100)}\u00a0%"


NEAR = """Madame, Monsieur,

Marché {contract.number}, {contract.holder_name} : les factures admises ou en attente font {used} du plafond de
{ceiling} HT. Il reste {left} HT.

Le détail est dans « Marchés et factures », puis « Compte du marché ».
"""
