"""Calls under way, so that two workers never ask the same thing at once: API Entreprise answers 409 to the second."""

from datetime import datetime

from sqlalchemy import String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base


class Flight(Base):
    """One call under way; a worker that died leaves it until `until`."""

    __tablename__ = "flight"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    owner: Mapped[int]
    until: Mapped[datetime]


def take_off(db: Session, name: str, owner: int, until: datetime, now: datetime) -> bool:
    """Announce a call for the piece `owner`; False while the same one is under way for another piece."""
    db.execute(delete(Flight).where(Flight.name == name, (Flight.until <= now) | (Flight.owner == owner)))
    if db.scalar(select(Flight.id).where(Flight.name == name)) is not None:
        return False
    try:
        with db.begin_nested():
            db.add(Flight(name=name, owner=owner, until=until))
    except IntegrityError:
        return False
    return True


def land(db: Session, name: str, owner: int) -> None:
    """The call is over."""
    db.execute(delete(Flight).where(Flight.name == name, Flight.owner == owner))
