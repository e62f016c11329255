"""What finance decided to pay, line by line, for its software: the file « liquidations »."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, joinedload

from procurement.contract import Contract
from procurement.execution.engagements import Engagement
from procurement.execution.terms import days_by
from procurement.invoice_copy import InvoiceCopy
from procurement.invoice_delay import clock_of, interest_of
from procurement.ledger import ADMITTED
from procurement.spreadsheet import Cell, written

HEADER = (
    "marche", "engagement", "service", "facture", "siret", "date", "ht", "tva", "ttc", "admis", "retenue", "avance",
    "penalites", "net", "echeance", "interets", "mandat",
)  # fmt: skip


def liquidations(db: Session, organisations: Iterable[int], contract: Contract | None, today: date) -> bytes:
    """Every invoice approved, in part or paid, of these buyers or of one contract; the oldest first.

    `admis` is what is admitted TTC, `interets` what is owed for late payment, compensation included.
    """
    query = select(InvoiceCopy).where(InvoiceCopy.state.in_(ADMITTED), InvoiceCopy.contract_id.is_not(None))
    query = query.where(InvoiceCopy.organisation_id.in_(list(organisations)))
    if contract is not None:
        query = query.where(InvoiceCopy.contract_id == contract.id)
    query = query.options(
        joinedload(InvoiceCopy.contract).joinedload(Contract.consultation), defer(InvoiceCopy.report),
        defer(InvoiceCopy.match),
    )  # fmt: skip
    copies = list(db.scalars(query.order_by(InvoiceCopy.id)))
    days = days_by(db, [copy.contract for copy in copies if copy.contract is not None])
    services = _services(db, copies)
    return written(HEADER, (_row(copy, services, days, today) for copy in copies))


def _services(db: Session, copies: Iterable[InvoiceCopy]) -> dict[tuple[int, str], str]:
    """(contract id, engagement) → its service; one statement."""
    ids = {copy.contract_id for copy in copies}
    query = select(Engagement.contract_id, Engagement.number, Engagement.service)
    return {(row[0], row[1]): row[2] for row in db.execute(query.where(Engagement.contract_id.in_(ids)))}


def _row(
    copy: InvoiceCopy, services: dict[tuple[int, str], str], days: dict[int, int], today: date
) -> tuple[Cell, ...]:  # fmt: skip
    contract = copy.contract
    if contract is None:
        raise ValueError("an invoice that is admitted belongs to a contract")
    delay = days[contract.id]
    owed, running = interest_of(copy, delay, today), clock_of(copy, delay)
    tax = copy.amount_ttc - copy.amount_ht if copy.amount_ttc is not None and copy.amount_ht is not None else None
    return (
        contract.number, copy.engagement, services.get((contract.id, copy.engagement)) or contract.service, copy.number,
        copy.seller_siret, copy.issued_on, copy.amount_ht, tax, copy.amount_ttc, copy.admitted_ttc,
        copy.retention_ttc or Decimal(0), copy.advance_ttc or Decimal(0), copy.penalties_ttc or Decimal(0),
        copy.net_ttc, running.due if running else None, owed.total if owed else Decimal(0), copy.mandate,
    )  # fmt: skip
