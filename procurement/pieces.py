"""Pieces: what the buyer obtains for itself about a candidate. A waiting row is the job of the worker."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.candidacy import Candidacy
from procurement.events import move, record

# Capacity pieces are fetched for all after the opening; tax and social ones for the intended winner only (R2144-4).
CAPACITY = ("insee_etablissement", "insee_unite_legale", "infogreffe_extrait", "chiffres_affaires")
WINNER = ("attestation_fiscale", "vigilance")
GIVE_UP_AFTER = 8

MOVES: Mapping[str, frozenset[str]] = {"waiting": frozenset({"settled"}), "settled": frozenset({"waiting"})}


class Piece(HasRef, Base):
    """One piece of one candidacy (siret_lookup.SOURCES[key]); outcome and facts with origin, time and sha256."""

    __tablename__ = "piece"
    __table_args__ = (UniqueConstraint("candidacy_id", "key"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"), index=True)
    key: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    outcome: Mapped[str | None] = mapped_column(String(30))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    code: Mapped[str] = mapped_column(String(20), default="")
    source: Mapped[str] = mapped_column(String(200), default="")
    request_id: Mapped[str] = mapped_column(String(100), default="")
    reply_sha256: Mapped[str | None] = mapped_column(String(64))
    document_key: Mapped[str | None] = mapped_column(String(200))
    document_name: Mapped[str] = mapped_column(String(200), default="")
    document_type: Mapped[str] = mapped_column(String(100), default="")
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    valid_until: Mapped[date | None] = mapped_column(Date)
    valid_strictly_until: Mapped[date | None] = mapped_column(Date)
    fetched_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    candidacy: Mapped[Candidacy] = relationship()


def ask(db: Session, candidacy: Candidacy, keys: Iterable[str], actor: str, now: datetime) -> list[Piece]:
    """Set pieces waiting, once each."""
    known = {p.key for p in pieces_of(db, candidacy)}
    fresh = [Piece(candidacy=candidacy, key=key, next_try_at=now) for key in keys if key not in known]
    db.add_all(fresh)
    db.flush()
    if fresh:
        record(
            db, candidacy.consultation, "pieces.asked", candidacy.ref, actor, now, keys=[p.key for p in fresh]
        )  # fmt: skip
    return fresh


def ask_again(db: Session, piece: Piece, actor: str, now: datetime) -> None:
    """An officer wants a settled piece anew."""
    move(db, piece.candidacy.consultation, piece, "waiting", actor, now, key=piece.key)
    piece.next_try_at, piece.attempts = now, 0


def claim_piece(db: Session, now: datetime, lease: timedelta = timedelta(seconds=90)) -> Piece | None:
    """The next waiting piece that is due, leased: a dead worker's lease expires and another takes it."""
    piece = db.scalar(
        select(Piece)
        .where(Piece.state == "waiting", Piece.next_try_at <= now)
        .order_by(Piece.next_try_at, Piece.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if piece is not None:
        piece.attempts += 1
        piece.next_try_at = now + lease
    return piece


def keep_result(db: Session, piece: Piece, result: Mapping[str, Any], retry_at: datetime | None, now: datetime) -> None:
    """Record one answer. `unavailable` stays waiting until its retry time, eight tries, then a person asks again."""
    for column, value in result.items():
        setattr(piece, column, value)
    again = piece.outcome == "unavailable" and piece.attempts < GIVE_UP_AFTER
    piece.next_try_at = (retry_at or now + timedelta(minutes=2)) if again else None
    if not again:
        move(
            db, piece.candidacy.consultation, piece, "settled", "worker", now,
            key=piece.key, outcome=piece.outcome, reply=piece.reply_sha256,
        )  # fmt: skip


def pieces_of(db: Session, candidacy: Candidacy) -> list[Piece]:
    return list(db.scalars(select(Piece).where(Piece.candidacy_id == candidacy.id).order_by(Piece.id)))
