"""What the buyer's silence does: after some days it accepts the subcontractor (R2193-4)."""

from datetime import datetime, time, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from procurement.contract import PARIS, fresh, paris_day
from procurement.signers import COMPANY, Signer
from procurement.subcontract import Subcontract, accept, silence_days, silent_on


def claim_silent(db: Session, now: datetime) -> Subcontract | None:
    """A declaration whose whole act was received too long ago."""
    today = paris_day(now)
    days = silence_days(today)
    if days is None:
        return None
    start = datetime.combine(today - timedelta(days=days), time(), PARIS)
    companies = select(Signer.id).where(Signer.act_id == Subcontract.act_id, Signer.role == COMPANY)
    late = companies.where((Signer.state != "signed") | (Signer.signed_at >= start))
    query = select(Subcontract).where(Subcontract.state == "declared", exists(companies), ~exists(late))
    return db.scalar(query.order_by(Subcontract.id).limit(1).with_for_update(skip_locked=True, of=Subcontract))


def accept_silent(db: Session, row: Subcontract, now: datetime) -> None:
    """Record what silence did, dated by the last day of it."""
    fresh(db, row.contract)
    db.refresh(row)
    end = silent_on(db, row)
    if row.state == "declared" and end is not None and end < paris_day(now):
        accept(db, row, end, "silence", "worker", now)
