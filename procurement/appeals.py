"""An appeal (référé précontractuel, CJA L551-4) freezes the signature, from its reception until its end."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, record
from procurement.people import Person

ENDS = {
    "rejected": "Rejeté par le juge",
    "withdrawn": "Retiré par son auteur",
    "cancelled": "Procédure annulée par le juge",
}


class Appeal(HasRef, Base):
    """One appeal received; pending while `ended_at` is null."""

    __tablename__ = "appeal"

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    received_at: Mapped[datetime]
    author: Mapped[str] = mapped_column(String(300))
    number: Mapped[str] = mapped_column(String(100), default="")
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(String(254))
    ended_at: Mapped[datetime | None]
    end: Mapped[str] = mapped_column(String(20), default="")
    motive: Mapped[str] = mapped_column(String(1000), default="")
    file_key: Mapped[str | None] = mapped_column(String(200))
    file_name: Mapped[str] = mapped_column(String(200), default="")
    file_sha256: Mapped[str] = mapped_column(String(64), default="")
    consultation: Mapped[Consultation] = relationship()


def receive_appeal(
    db: Session, consultation: Consultation, received_at: datetime, author: str, number: str, person: Person,
    now: datetime,
) -> Appeal:  # fmt: skip
    """Record an appeal at the hour it was received. Raises Invalid: author missing, hour to come."""
    lock(db, consultation)
    wrong = {}
    if not author.strip():
        wrong["author"] = "Dites qui fait ce recours."
    if received_at > now:
        wrong["received_at"] = "L’heure de réception est à venir : vérifiez-la."
    if wrong:
        raise Invalid(wrong)
    appeal = Appeal(
        consultation=consultation,
        received_at=received_at,
        author=author.strip()[:300],
        number=number.strip()[:100],
        recorded_at=now,
        recorded_by=person.email,
    )
    db.add(appeal)
    db.flush()
    record(
        db, consultation, "appeal.received", appeal.ref, person.email, now,
        received_at=received_at.isoformat(), author=appeal.author, number=appeal.number,
    )  # fmt: skip
    return appeal


def find_appeal(db: Session, consultation: Consultation, ref: str) -> Appeal:
    """Raises NotFound."""
    appeal = db.scalar(select(Appeal).where(Appeal.ref == ref, Appeal.consultation_id == consultation.id))
    if appeal is None:
        raise NotFound
    return appeal


def keep_file(
    db: Session, consultation: Consultation, ref: str, key: str, name: str, sha256: str, person: Person, now: datetime
) -> None:
    """The application as it was received; a second file replaces the first, the register keeps both digests."""
    lock(db, consultation)
    appeal = find_appeal(db, consultation, ref)
    appeal.file_key, appeal.file_name, appeal.file_sha256 = key, name[:200], sha256
    record(db, consultation, "appeal.file", appeal.ref, person.email, now, name=appeal.file_name, sha256=sha256)


def end_appeal(
    db: Session, consultation: Consultation, ref: str, end: str, motive: str, person: Person, now: datetime
) -> None:
    """The ruling, or the withdrawal: signatures may go on. Raises Invalid, NotFound, Refused."""
    lock(db, consultation)
    appeal = find_appeal(db, consultation, ref)
    if appeal.ended_at is not None:
        raise Refused("Ce recours est déjà terminé.")
    if end not in ENDS:
        raise Invalid({"end": "Dites comment ce recours s’est terminé."})
    if not motive.strip():
        raise Invalid({"appeal_motive": "Donnez la décision et sa date : une phrase suffit."})
    appeal.ended_at, appeal.end, appeal.motive = now, end, motive.strip()[:1000]
    record(db, consultation, "appeal.ended", appeal.ref, person.email, now, end=end, motive=appeal.motive)


def appeals_of(db: Session, consultation: Consultation) -> list[Appeal]:
    query = select(Appeal).where(Appeal.consultation_id == consultation.id)
    return list(db.scalars(query.order_by(Appeal.received_at, Appeal.id)))


def pending(appeals: list[Appeal]) -> Appeal | None:
    """The first appeal that has no end yet."""
    return next((appeal for appeal in appeals if appeal.ended_at is None), None)


def not_frozen(db: Session, consultation: Consultation) -> None:
    """Raises Refused while an appeal is pending."""
    if pending(appeals_of(db, consultation)) is not None:
        raise Refused("Un recours est en cours : rien ne se signe avant la décision du juge.", "CJA L551-4")
