"""Trusted lists that the service follows: the European list of lists, then the one of each territory that it names.

One row per list, which is the job of reading it again; each version read is a row too, with its file: which lists a
signature was judged with is what was held at that moment (ETSI TS 119 615).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from procurement.base import Base

LOTL = "EU"
LEASE = timedelta(minutes=15)
EVERY = timedelta(days=1)
FIRST_RETRY, LAST_RETRY = timedelta(minutes=10), timedelta(hours=6)
# A list must be read every day; three days without is more than a bad night.
SILENCE = timedelta(days=3)


class FollowedList(Base):
    """One list to read: where it is, who may sign it (DER in Base64), when it is due, and how the last reading went."""

    __tablename__ = "followed_list"

    territory: Mapped[str] = mapped_column(String(10), unique=True)
    url: Mapped[str] = mapped_column(String(1000))
    signers: Mapped[list[Any]] = mapped_column(default=list)
    due_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(String(500), default="")
    read_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]

    @property
    def signer_certificates(self) -> tuple[bytes, ...]:
        """DER."""
        return tuple(base64.b64decode(text) for text in self.signers)


class ListVersion(Base):
    """One version of a list, as read: `sha256` of its bytes, kept under `key`; `held_until` null: the present one."""

    __tablename__ = "list_version"
    __table_args__ = (UniqueConstraint("followed_id", "sha256"),)

    followed_id: Mapped[int] = mapped_column(ForeignKey("followed_list.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    sequence: Mapped[int]
    issued_at: Mapped[datetime]
    next_update_at: Mapped[datetime | None]
    services: Mapped[int] = mapped_column(default=0)
    unread: Mapped[list[Any]] = mapped_column(default=list)
    signers: Mapped[list[Any]] = mapped_column(default=list)
    held_from: Mapped[datetime]
    held_until: Mapped[datetime | None] = mapped_column(index=True)
    followed: Mapped[FollowedList] = relationship()


@dataclass(frozen=True)
class Reading:
    """What was read of one list, once its signature held."""

    sha256: str
    sequence: int
    issued_at: datetime
    next_update_at: datetime | None
    services: int = 0
    unread: Sequence[str] = ()


@dataclass(frozen=True)
class Held:
    """One version in use, for whoever needs its file; `signers` (DER) are those it was read with."""

    territory: str
    key: str
    sha256: str
    sequence: int
    signers: tuple[bytes, ...]


def follow_lotl(db: Session, url: str, signers: Sequence[bytes], now: datetime) -> None:
    """Follow the list of lists at this address, signed by these (DER; none: those of the Official Journal)."""
    _follow(db, LOTL, url, signers, now)


def _follow(db: Session, territory: str, url: str, signers: Sequence[bytes], now: datetime) -> None:
    """A list is due at once where it is new, moved, or may be signed by others."""
    row = db.scalar(select(FollowedList).where(FollowedList.territory == territory))
    encoded = [base64.b64encode(der).decode() for der in signers]
    if row is None:
        db.add(FollowedList(territory=territory, url=url, signers=encoded, due_at=now))
    elif (row.url, row.signers) != (url, encoded) or row.dropped_at is not None:
        row.url, row.signers, row.due_at, row.attempts, row.dropped_at = url, encoded, now, 0, None


def claim(db: Session, now: datetime) -> FollowedList | None:
    """One list whose time has come, held for a quarter of an hour; the list of lists first."""
    query = select(FollowedList).where(FollowedList.due_at <= now, FollowedList.dropped_at.is_(None))
    query = query.order_by(FollowedList.id).limit(1).with_for_update(skip_locked=True)
    row = db.scalar(query)
    if row is not None:
        row.due_at = now + LEASE
    return row


def current(db: Session, row: FollowedList) -> ListVersion | None:
    query = select(ListVersion).where(ListVersion.followed_id == row.id, ListVersion.held_until.is_(None))
    return db.scalar(query)


def is_older(version: ListVersion | None, sequence: int) -> bool:
    """Would it go back? An old list, replayed, would hide a withdrawal."""
    return version is not None and sequence < version.sequence


def keep_reading(db: Session, row: FollowedList, reading: Reading, key: str, now: datetime) -> bool:
    """Record a good reading; a list that did not change keeps its version. False where `key` is not needed."""
    before = current(db, row)
    row.attempts, row.problem, row.read_at, row.due_at = 0, "", now, now + EVERY
    if before is not None and before.sha256 == reading.sha256:
        before.signers = row.signers
        return False
    if before is not None:
        before.held_until = now
        db.flush()
    version = db.scalar(
        select(ListVersion).where(ListVersion.followed_id == row.id, ListVersion.sha256 == reading.sha256)
    )
    if version is not None:
        version.held_until = None
        return False
    db.add(ListVersion(
        followed=row, sha256=reading.sha256, key=key, sequence=reading.sequence, issued_at=reading.issued_at,
        next_update_at=reading.next_update_at, services=reading.services, unread=list(reading.unread)[:100],
        signers=row.signers, held_from=now,
    ))  # fmt: skip
    return True


def keep_failure(row: FollowedList, sentence: str, now: datetime) -> None:
    """The last good version goes on being used; tried again later and later, six hours apart at most."""
    row.attempts += 1
    row.problem = sentence[:500]
    row.due_at = now + min(FIRST_RETRY * 2 ** (row.attempts - 1), LAST_RETRY)


def follow_territories(
    db: Session, named: Mapping[str, tuple[str, tuple[bytes, ...]]], only: Sequence[str], now: datetime
) -> None:
    """Follow the lists (territory → address, signers in DER) that the list of lists names, `only` some where told."""
    wanted = {territory: where for territory, where in named.items() if not only or territory in only}
    for territory, (url, signers) in wanted.items():
        _follow(db, territory, url, signers, now)
    rows = db.scalars(select(FollowedList).where(FollowedList.dropped_at.is_(None), FollowedList.territory != LOTL))
    for row in rows:
        if row.territory not in wanted:
            row.dropped_at = now


def held(db: Session) -> list[Held]:
    """The versions in use of every territory's list."""
    query = select(ListVersion).join(ListVersion.followed).options(contains_eager(ListVersion.followed))
    query = query.where(
        ListVersion.held_until.is_(None), FollowedList.dropped_at.is_(None), FollowedList.territory != LOTL
    )
    return [
        Held(
            v.followed.territory, v.key, v.sha256, v.sequence,
            tuple(base64.b64decode(text) for text in v.signers),
        )
        for v in db.scalars(query.order_by(FollowedList.territory))
    ]  # fmt: skip


@dataclass(frozen=True)
class ListState:
    """One list as administrators see it; `alarm`: one sentence where somebody must look."""

    followed: FollowedList
    version: ListVersion | None
    alarm: str


def states(db: Session, now: datetime) -> list[ListState]:
    """Every list followed, the list of lists first."""
    rows = list(db.scalars(select(FollowedList).where(FollowedList.dropped_at.is_(None))))
    versions = {v.followed_id: v for v in db.scalars(select(ListVersion).where(ListVersion.held_until.is_(None)))}
    rows.sort(key=lambda row: (row.territory != LOTL, row.territory))
    return [ListState(row, versions.get(row.id), _alarm(row, versions.get(row.id), now)) for row in rows]


def _alarm(row: FollowedList, version: ListVersion | None, now: datetime) -> str:
    if version is None:
        return "Jamais lue : aucune signature ne peut s’y appuyer." if row.problem else ""
    if version.next_update_at is not None and version.next_update_at < now:
        return "Périmée : une version plus récente devait paraître."
    if row.read_at is None or now - row.read_at > SILENCE:
        return "Non relue depuis plus de trois jours."
    return ""
