"""What people say of a clause while a dossier is written: by whom, when, and whether it is settled."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import record
from procurement.people import Person

LONGEST, MOST = 2000, 200


class ClauseRemark(HasRef, Base):
    """One remark on one clause of one draft; `settled_by` is empty while it waits for an answer."""

    __tablename__ = "clause_remark"

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    clause: Mapped[str] = mapped_column(String(5))
    text: Mapped[str] = mapped_column(String(LONGEST))
    by: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime]
    settled_by: Mapped[str] = mapped_column(String(254), default="")
    settled_at: Mapped[datetime | None]


def remarks_of(db: Session, consultation: Consultation, clause: str) -> list[ClauseRemark]:
    """The oldest first."""
    mine = (ClauseRemark.consultation_id == consultation.id, ClauseRemark.clause == clause)
    return list(db.scalars(select(ClauseRemark).where(*mine).order_by(ClauseRemark.id).limit(MOST)))


def waiting(db: Session, consultation: Consultation) -> dict[str, int]:
    """Clause → how many remarks wait."""
    query = select(ClauseRemark.clause, func.count()).where(
        ClauseRemark.consultation_id == consultation.id, ClauseRemark.settled_by == ""
    )
    found = db.execute(query.group_by(ClauseRemark.clause)).all()
    return {row[0]: row[1] for row in found}


def remark(
    db: Session, consultation: Consultation, clause: str, text: str, person: Person, now: datetime
) -> ClauseRemark:
    """Say something of a clause. Raises Invalid, Refused once the dossier is published or has too many."""
    if consultation.state != "draft":
        raise Refused("Ce dossier est publié : ses clauses ne se discutent plus ici.")
    if not text.strip():
        raise Invalid({"remark": "Écrivez votre remarque."})
    if len(text) > LONGEST:
        raise Invalid({"remark": "Deux mille caractères au plus."})
    if len(remarks_of(db, consultation, clause)) >= MOST:
        raise Refused("Deux cents remarques sur une clause : réglez-en d’abord.")
    row = ClauseRemark(
        consultation_id=consultation.id, clause=clause, text=text.strip(), by=person.email, at=now, settled_by=""
    )
    db.add(row)
    db.flush()
    return row


def settle(db: Session, consultation: Consultation, clause: str, ref: str, person: Person, now: datetime) -> None:
    """The remark is answered; a second click changes nothing. The register keeps who settled it."""
    row = next((r for r in remarks_of(db, consultation, clause) if r.ref == ref), None)
    if row is None:
        raise NotFound
    if not row.settled_by:
        row.settled_by, row.settled_at = person.email, now
        record(db, consultation, "consultation.remark_settled", clause, person.email, now, text=row.text[:200])
