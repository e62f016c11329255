"""Mail is a row, written in the transaction that decides it; a worker step sends it."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef

MAX_ATTEMPTS = 12


class Mail(HasRef, Base):
    """One message to one address. It waits while `sent_at` is null and attempts are left."""

    __tablename__ = "mail"

    consultation_id: Mapped[int | None] = mapped_column(ForeignKey("consultation.id"), index=True)
    to: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(300), default="")


def post(db: Session, *, to: str, subject: str, body: str, now: datetime, consultation_id: int | None = None) -> Mail:
    """Queue a message; `subject` loses line breaks so that no header can be slipped in."""
    mail = Mail(
        to=to,
        subject=" ".join(subject.split())[:200],
        body=body,
        created_at=now,
        next_try_at=now,
        consultation_id=consultation_id,
    )
    db.add(mail)
    db.flush()
    return mail


def claim_mail(db: Session, now: datetime, lease: timedelta = timedelta(minutes=2)) -> Mail | None:
    """The oldest message that is due, leased to the caller."""
    mail = db.scalar(
        select(Mail)
        .where(Mail.sent_at.is_(None), Mail.next_try_at <= now)
        .order_by(Mail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if mail is not None:
        mail.attempts += 1
        mail.next_try_at = now + lease
    return mail


def mail_sent(mail: Mail, now: datetime) -> None:
    mail.sent_at, mail.next_try_at, mail.last_error = now, None, ""


def mail_failed(mail: Mail, error: str, now: datetime) -> None:
    """Try again later and later, up to twelve times; then it stays, unsent, with its last error."""
    mail.last_error = error[:300]
    delay = timedelta(seconds=min(3600, 2**mail.attempts * 5))
    mail.next_try_at = now + delay if mail.attempts < MAX_ATTEMPTS else None


def latest_mail(db: Session, before: int | None, size: int) -> list[Mail]:
    """The box of the demonstration, newest first."""
    query = select(Mail).order_by(Mail.id.desc()).limit(size)
    return list(db.scalars(query.where(Mail.id < before if before else Mail.id > 0)))
