"""The register: every change of state is written beside it, hash-chained per consultation."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.errors import Refused

if TYPE_CHECKING:
    from procurement.consultation import Consultation

GENESIS = "0" * 64


class Event(Base):
    """One line of a consultation's register. `hash` covers every other column and the hash before it."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("consultation_id", "seq"),)

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(60))
    data: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class Stateful(Protocol):
    """A model with verbs: its states and the moves between them are data on the class."""

    MOVES: ClassVar[Mapping[str, frozenset[str]]]
    ref: Any
    state: Any


def digest(event: Event) -> str:
    body = [
        event.consultation_id,
        event.seq,
        event.at.isoformat(),
        event.actor,
        event.kind,
        event.subject,
        event.data,
        event.previous_hash,
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def record(
    db: Session, consultation: "Consultation", kind: str, subject: str, actor: str, now: datetime, **data: Any
) -> Event:
    """Append one line. Locks the consultation's row first, so that two writers never share a number."""
    return record_all(db, consultation, kind, [(subject, data)], actor, now)[0]


def record_all(
    db: Session,
    consultation: "Consultation",
    kind: str,
    lines: Sequence[tuple[str, dict[str, Any]]],
    actor: str,
    now: datetime,
) -> list[Event]:
    """Append several lines of one kind, (subject, data) each, at once."""
    lock(db, consultation)
    last = db.scalar(select(Event).where(Event.consultation_id == consultation.id).order_by(Event.seq.desc()).limit(1))
    events: list[Event] = []
    for subject, data in lines:
        event = Event(
            consultation_id=consultation.id,
            seq=last.seq + 1 if last else 1,
            at=now,
            actor=actor,
            kind=kind,
            subject=subject,
            data=data,
            previous_hash=last.hash if last else GENESIS,
        )
        event.hash = digest(event)
        events.append(event)
        last = event
    db.add_all(events)
    db.flush()
    return events


def lock(db: Session, consultation: "Consultation") -> None:
    """Take the consultation's row lock and see what others committed before us."""
    db.flush()
    db.refresh(consultation, with_for_update=True)


def move(
    db: Session, consultation: "Consultation", row: Stateful, to: str, actor: str, now: datetime, **data: Any
) -> Event:
    """The one door of every state: guard, set, append. Raises Refused where the table of moves has no such arrow."""
    came_from = row.state
    if to not in row.MOVES.get(came_from or "", frozenset()):
        raise Refused(f"Impossible dans l’état actuel ({came_from} → {to}).")
    kind = f"{type(row).__name__.lower()}.{to}"
    row.state = to
    return record(db, consultation, kind, row.ref, actor, now, came_from=came_from, **data)


def register(db: Session, consultation: "Consultation") -> Iterator[Event]:
    """The register in order."""
    yield from db.scalars(select(Event).where(Event.consultation_id == consultation.id).order_by(Event.seq))


def events_about(db: Session, consultation: "Consultation", subject: str) -> list[Event]:
    """What the register tells of one thing, by its ref, in order."""
    query = select(Event).where(Event.consultation_id == consultation.id, Event.subject == subject)
    return list(db.scalars(query.order_by(Event.seq)))


def chain_holds(db: Session, consultation: "Consultation") -> bool:
    """True when no line was changed, removed or slipped in."""
    previous = GENESIS
    for number, event in enumerate(register(db, consultation), start=1):
        if event.seq != number or event.previous_hash != previous or event.hash != digest(event):
            return False
        previous = event.hash
    return True
