"""Counters per window: API quotas shared by all workers, and brakes on sign-in and sign-up."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import String, UniqueConstraint, select, tuple_
from sqlalchemy.exc import IntegrityError
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
    """Use one of `limit` in this window; False when none is left. The counter's row stays locked until the commit."""
    row = held(db, [(name, window_start)])[name, window_start]
    if row.used >= limit:
        return False
    row.used += 1
    db.flush()
    return True


def give_back(db: Session, name: str, window_start: datetime) -> None:
    """Undo one `take` of this window: it turned out not to count."""
    row = held(db, [(name, window_start)])[name, window_start]
    row.used = max(0, row.used - 1)
    db.flush()


def held(db: Session, wanted: Iterable[tuple[str, datetime]]) -> dict[tuple[str, datetime], Counter]:
    """The counters of these (name, window), locked until the commit, in one order for all: no two workers cross."""
    pairs = sorted(set(wanted))
    query = select(Counter).where(tuple_(Counter.name, Counter.window_start).in_(pairs))
    query = query.order_by(Counter.name, Counter.window_start).with_for_update()
    found = db.scalars(query.execution_options(populate_existing=True))
    rows = {(row.name, row.window_start): row for row in found}
    return rows | {pair: _made(db, *pair) for pair in pairs if pair not in rows}


def used_in(db: Session, prefix: str, window_start: datetime) -> dict[str, int]:
    """What is used of each counter whose name begins so, in this window; the rest of the name is the key."""
    query = select(Counter).where(
        Counter.name.startswith(prefix, autoescape=True), Counter.window_start == window_start
    )
    return {row.name.removeprefix(prefix): row.used for row in db.scalars(query)}


def _locked(db: Session, name: str, window_start: datetime) -> Counter | None:
    query = select(Counter).where(Counter.name == name, Counter.window_start == window_start)
    return db.scalar(query.with_for_update().execution_options(populate_existing=True))


def _made(db: Session, name: str, window_start: datetime) -> Counter:
    """The first use of a window makes its row; of two first uses at once, the later takes the earlier's row."""
    row = Counter(name=name, window_start=window_start, used=0)
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        theirs = _locked(db, name, window_start)
        if theirs is None:
            raise
        return theirs
    return row


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
