"""The receipt of a deposit: who makes it, what is kept of it, and the time that its seal may still wait for."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from procurement.candidacy import Candidacy
from procurement.events import lock, record

LEASE = timedelta(minutes=2)
STAMP_EVERY = timedelta(minutes=10)


def claim_receipt(db: Session, now: datetime) -> Candidacy | None:
    """A deposit whose receipt is still to be made, leased to the caller."""
    candidacy = db.scalar(
        select(Candidacy)
        .where(
            Candidacy.submitted_at.is_not(None),
            Candidacy.receipt_sha256.is_(None),
            (Candidacy.receipt_lease.is_(None)) | (Candidacy.receipt_lease <= now),
        )
        .order_by(Candidacy.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if candidacy is not None:
        candidacy.receipt_lease = now + LEASE
    return candidacy


def keep_receipt(db: Session, candidacy: Candidacy, key: str, sha256: str, level: str, now: datetime) -> bool:
    """Keep the paper that was made; False where another worker's is kept already.

    `level` is of its seal: "" without one, B where it has no time yet, T.
    """
    _fresh(db, candidacy)
    if candidacy.receipt_sha256 is not None:
        return False
    candidacy.receipt_key, candidacy.receipt_sha256, candidacy.receipt_level = key, sha256, level
    candidacy.receipt_raise_at = now + STAMP_EVERY if level == "B" else None
    if level:
        record(db, candidacy.consultation, "candidacy.sealed", candidacy.ref, "worker", now, sha256=sha256, level=level)
    return True


def claim_stamp(db: Session, now: datetime) -> Candidacy | None:
    """A receipt whose seal still waits for a time, leased to the caller until the next try."""
    candidacy = db.scalar(
        select(Candidacy)
        .where(Candidacy.receipt_raise_at <= now)
        .order_by(Candidacy.receipt_raise_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if candidacy is not None:
        candidacy.receipt_raise_at = now + STAMP_EVERY
    return candidacy


def keep_stamped(db: Session, candidacy: Candidacy, before: str, key: str, sha256: str, now: datetime) -> bool:
    """The same paper with its time, in place of `before` (a key); False where it is no longer the one kept."""
    _fresh(db, candidacy)
    if candidacy.receipt_key != before:
        return False
    candidacy.receipt_key, candidacy.receipt_sha256, candidacy.receipt_level = key, sha256, "T"
    candidacy.receipt_raise_at = None
    record(db, candidacy.consultation, "candidacy.sealed", candidacy.ref, "worker", now, sha256=sha256, level="T")
    return True


def _fresh(db: Session, candidacy: Candidacy) -> None:
    """The consultation's lock first, as every move takes it; then the deposit as others left it."""
    lock(db, candidacy.consultation)
    db.refresh(candidacy)
