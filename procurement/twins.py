"""Two copies of one invoice: the same company, the same number however it is written, the same year."""

from sqlalchemy import select
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
    siren = copy.seller_siret[:9]
    if not copy.number or not siren:
        return
    query = select(InvoiceCopy).where(
        InvoiceCopy.organisation_id == copy.organisation_id, InvoiceCopy.state.in_(ADMITTED),
        InvoiceCopy.seller_siret.startswith(siren), InvoiceCopy.id != copy.id,
    )  # fmt: skip
    for other in db.scalars(query.options(load_only(*_READ))):
        if _same(copy, other):
            done = f"payée par le mandat {other.mandate}" if other.state == "paid" else "approuvée"
            raise Refused(
                f"La facture {other.number} de ce fournisseur est déjà {done} : celle-ci en est un double, rejetez-la."
            )


def _same(one: InvoiceCopy, other: InvoiceCopy) -> bool:
    years = {copy.issued_on.year for copy in (one, other) if copy.issued_on is not None}
    signs = {(copy.amount_ht or 0) < 0 for copy in (one, other)}
    return len(years) <= 1 and len(signs) == 1 and (same_number(one.number, other.number) or _mixed_up(one, other))


def _mixed_up(one: InvoiceCopy, other: InvoiceCopy) -> bool:
    """Numbers of the same signs cut elsewhere (« 2026-1-11 », « 2026-11-1 ») are one by the amount or the day."""
    told = one.amount_ht == other.amount_ht or (one.issued_on is not None and one.issued_on == other.issued_on)
    return told and key(one.number) == key(other.number)
