"""What a person decided, told at Chorus Pro: an invoice whose status waits to be sent is the job."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from procurement.chorus import LEASE, ChorusAccount, pause
from procurement.errors import Invalid, NotFound
from procurement.events import lock, record
from procurement.invoice_copy import InvoiceCopy, ask_portal

ACTOR = "Chorus Pro"
# Status of Chorus Pro → code of the lifecycle (CDAR) beside it. A proposal: no official table gives it.
CDAR: Mapping[str, str] = {
    "MISE_A_DISPOSITION": "203",
    "SERVICE_FAIT": "205",
    "MANDATEE": "205",
    "MISE_EN_PAIEMENT": "211",
    "SUSPENDUE": "208",
    "COMPLETEE": "209",
    "REJETEE": "210",
}
# Words for people, of every status that an invoice received may have.
WORDS: Mapping[str, str] = {
    "DEPOSEE": "Déposée",
    "EN_COURS_ACHEMINEMENT": "En cours d’acheminement",
    "MISE_A_DISPOSITION": "Mise à disposition",
    "A_RECYCLER": "À recycler",
    "SUSPENDUE": "Suspendue",
    "COMPLETEE": "Complétée",
    "REJETEE": "Rejetée",
    "SERVICE_FAIT": "Service fait",
    "MANDATEE": "Mandatée",
    "MISE_A_DISPOSITION_COMPTABLE": "Mise à disposition du comptable",
    "COMPTABILISEE": "Comptabilisée",
    "MISE_EN_PAIEMENT": "Mise en paiement",
}


def claim_status(db: Session, now: datetime) -> InvoiceCopy | None:
    """One invoice whose status is to be sent, held for a quarter of an hour."""
    running = select(ChorusAccount.organisation_id).where(ChorusAccount.stopped_at.is_(None))
    query = select(InvoiceCopy).where(InvoiceCopy.portal_due_at <= now, InvoiceCopy.organisation_id.in_(running))
    query = query.order_by(InvoiceCopy.portal_due_at).limit(1).with_for_update(skip_locked=True, of=InvoiceCopy)
    copy = db.scalar(query)
    if copy is not None:
        copy.portal_due_at = now + LEASE
        copy.portal_attempts += 1
    return copy


def answered(db: Session, copy_id: int) -> InvoiceCopy:
    """The invoice whose status the portal answered, held: its register first, as whoever decides does."""
    copy = db.get_one(InvoiceCopy, copy_id)
    if copy.contract is not None:
        lock(db, copy.contract.consultation)
    db.refresh(copy, with_for_update=True)
    return copy


def status_told(db: Session, copy: InvoiceCopy, status: str, now: datetime) -> None:
    """The portal has it. What a person decided meanwhile goes next."""
    if copy.contract is not None:
        record(db, copy.contract.consultation, "invoicecopy.told", copy.ref, ACTOR, now, status=status)
    copy.portal_status, copy.portal_sent_at, copy.portal_problem = status, now, ""
    if copy.portal_wanted == status:
        copy.portal_due_at, copy.portal_attempts = None, 0
    else:
        copy.portal_due_at = now


def status_refused(db: Session, copy: InvoiceCopy, status: str, sentence: str, now: datetime) -> None:
    """The portal refuses it: the decision stays, the sentence is shown, a person asks again or decides otherwise."""
    if copy.portal_wanted != status:
        copy.portal_due_at = now
        return
    copy.portal_problem, copy.portal_due_at = sentence[:500], None
    if copy.contract is not None:
        record(
            db, copy.contract.consultation, "invoicecopy.not_told", copy.ref, ACTOR, now, status=status,
            sentence=sentence[:300],
        )  # fmt: skip


def status_late(copy: InvoiceCopy, sentence: str, retry_after: int, now: datetime) -> None:
    """The portal did not answer: tried again later and later; a decision is never dropped."""
    copy.portal_problem = sentence[:500]
    copy.portal_due_at = now + max(pause(copy.portal_attempts, retry_after), timedelta(seconds=1))


def status_seen(db: Session, organisation_id: int, notices: Mapping[str, tuple[str, datetime]], now: datetime) -> None:
    """What the portal's list says of invoices already here (portal number → status, its instant).

    A refused status is tried again once the supplier has completed the invoice.
    """
    query = select(InvoiceCopy).where(
        InvoiceCopy.organisation_id == organisation_id, InvoiceCopy.portal_id.in_(notices)
    )
    for copy in db.scalars(query):
        status, _ = notices[copy.portal_id or ""]
        if status == copy.portal_status:
            continue
        copy.portal_status = status
        if status == copy.portal_wanted:
            copy.portal_due_at, copy.portal_problem = None, ""
        elif status == "COMPLETEE" and copy.portal_problem and copy.portal_due_at is None:
            ask_portal(db, copy, copy.portal_wanted, now)


def tell_again(db: Session, copy: InvoiceCopy, now: datetime) -> None:
    """A person asks for the same status again. Raises NotFound where nothing was asked, Invalid where it was told."""
    if not copy.portal_wanted:
        raise NotFound
    if copy.portal_status == copy.portal_wanted:
        raise Invalid({"decision": "Chorus Pro a déjà ce statut."})
    ask_portal(db, copy, copy.portal_wanted, now)
