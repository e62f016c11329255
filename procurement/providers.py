"""How the providers behind API Entreprise are: one row each, shared by all workers (siret_lookup.health decides)."""

import contextlib
from collections.abc import Iterable
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


def providers(db: Session, names: Iterable[str]) -> dict[str, Provider]:
    """The providers' rows, locked in one order for all; made at first."""
    wanted = sorted(set(names))
    query = select(Provider).where(Provider.name.in_(wanted)).order_by(Provider.name).with_for_update()
    rows = {row.name: row for row in db.scalars(query)}
    return rows | {name: _made(db, name) for name in wanted if name not in rows}


def _made(db: Session, name: str) -> Provider:
    with contextlib.suppress(IntegrityError), db.begin_nested():  # made by another worker meanwhile
        db.add(Provider(name=name))
    return db.scalars(select(Provider).where(Provider.name == name).with_for_update()).one()


def left_alone(db: Session, now: datetime) -> dict[str, datetime]:
    """The providers that are not called now, each until when."""
    rows = db.execute(select(Provider.name, Provider.open_until).where(Provider.open_until > now))
    return {name: until for name, until in rows if until is not None}


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
