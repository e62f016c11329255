"""Calls under way, so that two workers never ask the same thing at once: API Entreprise answers 409 to the second."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import String, delete, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base


class Flight(Base):
    """One call under way; a worker that died leaves it until `until`."""

    __tablename__ = "flight"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    owner: Mapped[int]
    until: Mapped[datetime]


def take_off(db: Session, names: Mapping[int, str], until: datetime, now: datetime) -> set[int]:
    """Announce these calls (piece → name). Gives the pieces that may call: not where the same call is under way."""
    wanted = Flight.name.in_(names.values())
    db.execute(delete(Flight).where(wanted, (Flight.until <= now) | Flight.owner.in_(names)))
    under_way = set(db.scalars(select(Flight.name).where(wanted)))
    free = {name: owner for owner, name in reversed(list(names.items())) if name not in under_way}
    flights = [Flight(name=name, owner=owner, until=until) for name, owner in sorted(free.items())]
    if _announced(db, flights):
        return set(free.values())
    return {flight.owner for flight in flights if _announced(db, [flight])}


def _announced(db: Session, flights: Iterable[Flight]) -> bool:
    """False where another worker announced one of them since we looked."""
    try:
        with db.begin_nested():
            db.add_all([Flight(name=f.name, owner=f.owner, until=f.until) for f in flights])
    except IntegrityError:
        return False
    return True


def land(db: Session, names: Mapping[int, str]) -> None:
    """These calls (piece → name) are over."""
    db.execute(delete(Flight).where(tuple_(Flight.owner, Flight.name).in_(names.items())))
