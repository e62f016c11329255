"""Idempotency-Key: the same creation sent twice by the same account gets the first answer again."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.errors import Refused


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


def past_answer(db: Session, account_id: int, key: str, request_sha256: str) -> PastAnswer | None:
    """The answer already given for this key. Raises Refused when the key came with another request."""
    found = db.scalar(
        select(PastAnswer).where(PastAnswer.account_id == account_id, PastAnswer.key_sha256 == digest(key))
    )
    if found is not None and found.request_sha256 != request_sha256:
        raise Refused("Cette clé d’idempotence a déjà servi pour une autre demande.")
    return found


def keep_answer(
    db: Session, account_id: int, key: str, request_sha256: str, status: int, body: dict[str, Any], now: datetime
) -> None:
    """Remember an answer; a second writer of the same key fails on the unique constraint."""
    db.add(
        PastAnswer(
            account_id=account_id,
            key_sha256=digest(key),
            request_sha256=request_sha256,
            status=status,
            body=body,
            at=now,
        )
    )
    db.flush()
