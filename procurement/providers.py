"""How the providers behind API Entreprise are: one row each, shared by all workers (siret_lookup.health decides)."""

import contextlib
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from siret_lookup.health import Breaker, Ping


class Provider(Base):
    """One provider, by its ping's name: its circuit, and what its last ping said."""

    __tablename__ = "provider"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    failures: Mapped[int] = mapped_column(default=0)
    openings: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(20), default="")
    checked_at: Mapped[datetime | None]
    last_ok: Mapped[datetime | None]

    @property
    def breaker(self) -> Breaker:
        return Breaker(self.failures or 0, self.openings or 0, self.open_until)

    def keep(self, breaker: Breaker) -> None:
        self.failures, self.openings, self.open_until = breaker.failures, breaker.openings, breaker.open_until


def provider(db: Session, name: str) -> Provider:
    """The provider's row, locked; made at first."""
    query = select(Provider).where(Provider.name == name).with_for_update()
    row = db.scalar(query)
    if row is not None:
        return row
    with contextlib.suppress(IntegrityError), db.begin_nested():  # made by another worker meanwhile
        db.add(Provider(name=name))
    return db.scalars(query).one()


def open_until(db: Session, name: str) -> datetime | None:
    """Until when this provider is left alone; None where it may be called."""
    return db.scalar(select(Provider.open_until).where(Provider.name == name))


def to_ping(db: Session, before: datetime, now: datetime) -> str | None:
    """A provider that is left alone, and was not pinged since `before`."""
    return db.scalar(
        select(Provider.name)
        .where(Provider.open_until > now, (Provider.checked_at.is_(None)) | (Provider.checked_at < before))
        .order_by(Provider.id)
        .limit(1)
    )


def keep_ping(row: Provider, answer: Ping, breaker: Breaker, now: datetime) -> None:
    row.status, row.checked_at, row.last_ok = answer.status, now, answer.last_ok or row.last_ok
    row.keep(breaker)


def all_providers(db: Session) -> list[Provider]:
    return list(db.scalars(select(Provider).order_by(Provider.name)))
