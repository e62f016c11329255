"""Nothing is decided on what nobody saw: what the page showed of an invoice is compared with what it is now."""

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from procurement.errors import Refused
from procurement.execution.receptions import Reception
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.invoice import PREPAID_TYPES

CHANGED = "Cette facture a changé depuis que vous avez ouvert cette page : relisez-la, puis enregistrez de nouveau."


class Changed(Refused):
    """The invoice is no longer what its page showed."""

    def __init__(self) -> None:
        super().__init__(CHANGED)


def certifies(db: Session, copy: InvoiceCopy) -> bool:
    """Whether whoever approves it certifies the service fait, none being recorded on its contract.

    A credit note pays for nothing, and an advance comes before the work.
    """
    if copy.contract_id is None or copy.is_credit or copy.type_code in PREPAID_TYPES:
        return False
    query = select(Reception.id).where(Reception.contract_id == copy.contract_id, Reception.state == "done")
    return db.scalar(query.limit(1)) is None


def as_shown(db: Session, copy: InvoiceCopy) -> tuple[str, bool]:
    """The stamp of what a page shows to whoever decides, another one as soon as any of it changes; and `certifies`."""
    certified = certifies(db, copy)
    return hashlib.sha256(f"{copy.stamp} {certified}".encode()).hexdigest()[:16], certified


def stamp_of(db: Session, copy: InvoiceCopy) -> str:
    """The stamp alone."""
    return as_shown(db, copy)[0]


def must_be_as_read(db: Session, copy: InvoiceCopy, seen: str) -> None:
    """`seen`: the `stamp_of` the invoice on the page where the person decided. Raises Changed."""
    if seen != stamp_of(db, copy):
        raise Changed
