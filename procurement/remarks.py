"""Several people round one clause of a draft: what they say of it, and who has it in hand."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, record
from procurement.library import LOCK
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


class ClauseHold(Base):
    """One clause of one draft in one person's hands, until then."""

    __tablename__ = "clause_hold"
    __table_args__ = (UniqueConstraint("consultation_id", "clause"),)

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"))
    clause: Mapped[str] = mapped_column(String(5))
    by: Mapped[str] = mapped_column(String(254))
    until: Mapped[datetime]


def holds(db: Session, consultation: Consultation, now: datetime) -> dict[str, ClauseHold]:
    """Clause → who has it now."""
    query = select(ClauseHold).where(ClauseHold.consultation_id == consultation.id, ClauseHold.until > now)
    return {row.clause: row for row in db.scalars(query)}


def take(db: Session, consultation: Consultation, clause: str, person: Person, now: datetime) -> None:
    """Keep the clause for this person, a quarter of an hour more. Raises Refused while somebody else has it."""
    lock(db, consultation)
    row = holds(db, consultation, now).get(clause)
    if row is not None and row.by != person.email:
        raise Refused(in_hand(row))
    give_back(db, consultation, clause)
    db.add(ClauseHold(consultation_id=consultation.id, clause=clause, by=person.email, until=now + LOCK))
    db.flush()


def give_back(db: Session, consultation: Consultation, clause: str) -> None:
    db.execute(delete(ClauseHold).where(ClauseHold.consultation_id == consultation.id, ClauseHold.clause == clause))


def in_hand(row: ClauseHold) -> str:
    return f"{row.by} a la clause {row.clause} en main : elle se libère au plus tard un quart d’heure après."


def untouched(db: Session, consultation: Consultation, changed: Collection[str], person: Person, now: datetime) -> None:
    """Raises Invalid where what is saved changes a clause that somebody else has in hand."""
    for name, row in holds(db, consultation, now).items():
        if row.by != person.email and name in changed:
            raise Invalid({f"clause_{name}": in_hand(row)})


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
