"""The buyer's own data set on data.gouv.fr, or on a platform with the same API: where records are pushed, and receipts.

A row that waits is the job: `try_at` says when a worker tries next, None that nothing is to be sent.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.errors import Invalid, Refused
from procurement.people import Organisation

MAX_ATTEMPTS = 12
LEASE = timedelta(minutes=5)
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,99}")


class DataPush(HasRef, Base):
    """One buyer's data set: its identifier, the key sealed, the resource that each push replaces."""

    __tablename__ = "data_push"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), unique=True)
    dataset: Mapped[str] = mapped_column(String(100))
    key_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    resource: Mapped[str] = mapped_column(String(100), default="")
    try_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    organisation: Mapped[Organisation] = relationship()


class PushReceipt(Base):
    """What the platform answered: the resource, the digest and size of the file as it was sent."""

    __tablename__ = "push_receipt"

    push_id: Mapped[int] = mapped_column(ForeignKey("data_push.id"), index=True)
    dataset: Mapped[str] = mapped_column(String(100))
    resource: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    records: Mapped[int]
    url: Mapped[str] = mapped_column(String(500), default="")
    sent_at: Mapped[datetime]


@dataclass(frozen=True)
class Sent:
    """A file that the platform took."""

    resource: str
    url: str
    sha256: str
    size: int
    records: int


def push_of(db: Session, organisation_id: int) -> DataPush | None:
    return db.scalar(select(DataPush).where(DataPush.organisation_id == organisation_id))


def receipts_of(db: Session, push: DataPush | None, most: int = 10) -> list[PushReceipt]:
    """The latest first."""
    if push is None:
        return []
    query = select(PushReceipt).where(PushReceipt.push_id == push.id)
    return list(db.scalars(query.order_by(PushReceipt.id.desc()).limit(most)))


def check_dataset(dataset: str) -> str:
    """The identifier or the short name of a data set, as its address shows it. Raises Invalid."""
    if not _DATASET.fullmatch(dataset.strip()):
        raise Invalid({"dataset": "Donnez l’identifiant du jeu de données : lettres, chiffres et tirets."})
    return dataset.strip()


def keep_push(db: Session, organisation: Organisation, dataset: str, key_sealed: bytes, now: datetime) -> DataPush:
    """Name the data set and its key; the records go there at once. Another data set starts a resource of its own."""
    if organisation.kind != "buyer":
        raise Refused("Seul un acheteur publie des données essentielles.")
    push = push_of(db, organisation.id)
    if push is None:
        push = DataPush(organisation_id=organisation.id, dataset=dataset, key_sealed=key_sealed)
        db.add(push)
    elif push.dataset != dataset:
        push.resource = ""
    push.dataset, push.key_sealed = dataset, key_sealed
    _wait(push, now)
    return push


def ask_push(db: Session, organisation_id: int, now: datetime) -> None:
    """Something was published: the whole file is to be sent again, where the buyer has a data set."""
    push = push_of(db, organisation_id)
    if push is not None:
        _wait(push, now)


def _wait(push: DataPush, now: datetime) -> None:
    push.try_at, push.attempts, push.last_error = now, 0, ""


def claim_push(db: Session, now: datetime) -> DataPush | None:
    """One file that is to be sent, leased to the caller."""
    query = select(DataPush).where(DataPush.try_at <= now).order_by(DataPush.try_at).limit(1)
    push = db.scalar(query.with_for_update(skip_locked=True))
    if push is not None:
        push.attempts, push.try_at = push.attempts + 1, now + LEASE
    return push


def push_sent(db: Session, push: DataPush, claimed: int, sent: Sent, now: datetime) -> None:
    """Keep the receipt. `claimed`: the attempt's number; something published meanwhile keeps the row waiting."""
    push.resource = sent.resource
    db.add(
        PushReceipt(
            push_id=push.id, dataset=push.dataset, resource=sent.resource, sha256=sent.sha256, size=sent.size,
            records=sent.records, url=sent.url[:500], sent_at=now,
        )
    )  # fmt: skip
    if push.attempts == claimed:
        push.try_at, push.last_error, push.attempts = None, "", 0


def push_failed(push: DataPush, claimed: int, sentence: str, retry_after: int | None, now: datetime) -> None:
    """Later and later, twelve times; `retry_after` None: no use trying again until somebody changes something."""
    push.last_error = sentence[:300]
    if push.attempts != claimed:
        return
    wait = max(retry_after or 0, min(3600, 2**claimed * 5))
    push.try_at = now + timedelta(seconds=wait) if retry_after is not None and claimed < MAX_ATTEMPTS else None
