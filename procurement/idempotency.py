"""Idempotency-Key: the same creation sent twice, even at once, by the same account gets the first answer again."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.errors import Refused

UNDER_WAY = 0  # a status that no answer has
# A call that died in the middle leaves its key; after this it may be tried again.
LEASE = timedelta(minutes=2)
BUSY = "La même demande est en cours : recommencez dans un instant."


class PastAnswer(Base):
    """What one account's request with one key was answered; `request_sha256` covers method, path and body."""

    __tablename__ = "past_answer"
    __table_args__ = (UniqueConstraint("account_id", "key_sha256"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    key_sha256: Mapped[str] = mapped_column(String(64))
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime]


def digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def reserve(db: Session, account_id: int, key: str, request_sha256: str, now: datetime) -> PastAnswer | None:
    """None: this caller acts, and keeps or releases. A row: the answer already given for this key.

    Raises Refused when the key came with another request, or while the first call with it is still under way.
    """
    row = _locked(db, account_id, key) or _made(db, account_id, key, request_sha256, now)
    if row is None:
        return None
    if row.request_sha256 != request_sha256:
        raise Refused("Cette clé d’idempotence a déjà servi pour une autre demande.")
    if row.status != UNDER_WAY:
        return row
    if row.at + LEASE > now:
        raise Refused(BUSY)
    row.at = now
    return None


def _locked(db: Session, account_id: int, key: str) -> PastAnswer | None:
    query = select(PastAnswer).where(PastAnswer.account_id == account_id, PastAnswer.key_sha256 == digest(key))
    return db.scalar(query.with_for_update().execution_options(populate_existing=True))


def _made(db: Session, account_id: int, key: str, request_sha256: str, now: datetime) -> PastAnswer | None:
    """The first call makes the row; of two at once, the later waits for the earlier's and finds it."""
    try:
        with db.begin_nested():
            db.add(
                PastAnswer(
                    account_id=account_id, key_sha256=digest(key), request_sha256=request_sha256, status=UNDER_WAY,
                    body={}, at=now,
                )
            )  # fmt: skip
    except IntegrityError:
        theirs = _locked(db, account_id, key)
        if theirs is None:  # released between the two
            raise Refused(BUSY) from None
        return theirs
    return None


def keep_answer(db: Session, account_id: int, key: str, status: int, body: dict[str, Any], now: datetime) -> None:
    """Remember the answer, best in the transaction that acted: then both are there, or neither."""
    row = _locked(db, account_id, key)
    if row is not None:
        row.status, row.body, row.at = status, body, now


def release(db: Session, account_id: int, key: str) -> None:
    """Nothing was done: the same key may be sent again."""
    row = _locked(db, account_id, key)
    if row is not None and row.status == UNDER_WAY:
        db.delete(row)
