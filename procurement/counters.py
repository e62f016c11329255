"""Counters per window: API quotas shared by all workers, and brakes on sign-in and sign-up."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base


class Counter(Base):
    """How often `name` was used since `window_start`."""

    __tablename__ = "counter"
    __table_args__ = (UniqueConstraint("name", "window_start"),)

    name: Mapped[str] = mapped_column(String(120))
    window_start: Mapped[datetime]
    used: Mapped[int] = mapped_column(default=0)


def take(db: Session, name: str, limit: int, window_start: datetime) -> bool:
    """Use one of `limit` in this window; False when none is left. A lost insert race raises IntegrityError."""
    row = db.scalar(select(Counter).where(Counter.name == name, Counter.window_start == window_start).with_for_update())
    if row is None:
        row = Counter(name=name, window_start=window_start, used=0)
        db.add(row)
    if row.used >= limit:
        return False
    row.used += 1
    db.flush()
    return True


class Heartbeat(Base):
    """When a worker last said it was alive: one row."""

    __tablename__ = "heartbeat"

    at: Mapped[datetime]


def beat(db: Session, now: datetime) -> None:
    """A worker is alive."""
    row = db.scalar(select(Heartbeat).limit(1))
    if row is None:
        db.add(Heartbeat(at=now))
    else:
        row.at = now


def last_beat(db: Session) -> datetime | None:
    return db.scalar(select(Heartbeat.at).limit(1))
