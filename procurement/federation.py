"""Accounts known through an identity provider (OpenID Connect): (issuer, subject) → account."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.people import User, clean_email, create_user


class FederatedLogin(Base):
    """The provider's stable name for a person. An address may change hands; a subject does not."""

    __tablename__ = "federated_login"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str] = mapped_column(String(300))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime]
    last_at: Mapped[datetime]


def account_for(db: Session, *, issuer: str, subject: str, email: str, name: str, now: datetime) -> User:
    """The account of this subject; at first the one with this address, else a new one.

    The provider has verified the address, so linking proves it: the same right as a code sent there. Later sign-ins go
    by the subject alone, whatever the address says. Raises Invalid for an address that is none.
    """
    link = db.scalar(select(FederatedLogin).where(FederatedLogin.issuer == issuer, FederatedLogin.subject == subject))
    if link is not None:
        link.last_at = now
        return db.get_one(User, link.user_id)
    address = clean_email(email)
    user = db.scalar(select(User).where(User.email == address))
    user = user or create_user(db, email=address, name=name.strip()[:200] or address, now=now, verified=True)
    user.email_verified_at = user.email_verified_at or now
    db.add(FederatedLogin(issuer=issuer, subject=subject, user_id=user.id, created_at=now, last_at=now))
    db.flush()
    return user
