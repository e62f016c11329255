"""Who looked at a candidacy: kept, and shown to the company."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.candidacy import Candidacy


class Look(Base):
    """Who looked at what, when: kept, and shown to the company."""

    __tablename__ = "look"

    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"), index=True)
    by: Mapped[str] = mapped_column(String(254))
    what: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class CompanyLook(Base):
    """The same for what members ask about their own company, with or without a consultation."""

    __tablename__ = "company_look"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    by: Mapped[str] = mapped_column(String(254))
    what: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


def looked(db: Session, candidacy: Candidacy, by: str, what: str, now: datetime) -> None:
    db.add(Look(candidacy_id=candidacy.id, by=by, what=what, at=now))
    db.flush()


def looked_at_all(db: Session, candidacies: list[int], by: str, what: str, now: datetime) -> None:
    """One line per candidacy (their keys), in one statement."""
    if candidacies:
        db.execute(insert(Look), [{"candidacy_id": key, "by": by, "what": what, "at": now} for key in candidacies])


def looks(db: Session, candidacy: Candidacy, size: int = 50) -> list[Look]:
    return list(db.scalars(select(Look).where(Look.candidacy_id == candidacy.id).order_by(Look.id.desc()).limit(size)))


def company_looked(db: Session, organisation_id: int, by: str, what: str, now: datetime) -> None:
    db.add(CompanyLook(organisation_id=organisation_id, by=by, what=what, at=now))
    db.flush()


def company_looks(db: Session, organisation_id: int, size: int = 50) -> list[CompanyLook]:
    """The newest first."""
    query = select(CompanyLook).where(CompanyLook.organisation_id == organisation_id)
    return list(db.scalars(query.order_by(CompanyLook.id.desc()).limit(size)))
