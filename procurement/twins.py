"""Two copies of one invoice: the same company, the same number however it is written, the same year."""

from collections.abc import Collection

from sqlalchemy import and_, false, or_, select, true
from sqlalchemy.orm import Session, load_only

from procurement.errors import Refused
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.keys import key, same_number
from procurement.ledger import ADMITTED

_READ = (
    InvoiceCopy.number, InvoiceCopy.state, InvoiceCopy.issued_on, InvoiceCopy.amount_ht, InvoiceCopy.mandate,
    InvoiceCopy.paid_on,
)  # fmt: skip


def only_copy(db: Session, copy: InvoiceCopy) -> None:
    """Raises Refused where another copy is approved or paid already; a credit note is not its invoice."""
    if other := twin_of(db, copy, ADMITTED):
        done = f"payée par le mandat {other.mandate}" if other.state == "paid" else "approuvée"
        raise Refused(
            f"La facture {other.number} de ce fournisseur est déjà {done} : celle-ci en est un double, rejetez-la."
        )


def twin_of(db: Session, copy: InvoiceCopy, states: Collection[str]) -> InvoiceCopy | None:
    """Another copy of the same invoice in one of these states.

    A company is its SIREN; where one of the two copies says none, the same contract and the same amount stand for it.
    """
    siren, theirs = copy.seller_siret[:9], InvoiceCopy.seller_siret
    unnamed = theirs == "" if siren else true()
    alike = and_(unnamed, InvoiceCopy.contract_id == copy.contract_id, InvoiceCopy.amount_ht == copy.amount_ht)
    query = select(InvoiceCopy).where(
        InvoiceCopy.organisation_id == copy.organisation_id, InvoiceCopy.state.in_(states), InvoiceCopy.id != copy.id,
        or_(theirs.startswith(siren) if siren else false(), alike),
    )  # fmt: skip
    found = db.scalars(query.options(load_only(*_READ))) if copy.number else ()
    return next((other for other in found if _same(copy, other)), None)


def _same(one: InvoiceCopy, other: InvoiceCopy) -> bool:
    years = {copy.issued_on.year for copy in (one, other) if copy.issued_on is not None}
    signs = {(copy.amount_ht or 0) < 0 for copy in (one, other)}
    return len(years) <= 1 and len(signs) == 1 and (same_number(one.number, other.number) or _mixed_up(one, other))


def _mixed_up(one: InvoiceCopy, other: InvoiceCopy) -> bool:
    """Numbers of the same signs cut elsewhere (« 2026-1-11 », « 2026-11-1 ») are one by the amount or the day."""
    told = one.amount_ht == other.amount_ht or (one.issued_on is not None and one.issued_on == other.issued_on)
    return told and key(one.number) == key(other.number)
