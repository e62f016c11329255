"""Organisations, users, who belongs where, and what each may do."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.errors import Invalid, NotFound, Refused


class Role(StrEnum):
    OFFICER = "officer"
    FINANCE = "finance"
    COMPANY = "company"
    ADMINISTRATOR = "administrator"


# What some rules of the law depend on; said once by the buyer's administrator.
BUYER_KINDS: Mapping[str, str] = {
    "state": "État, ou établissement public administratif de l’État",
    "local_large": "Collectivité ou établissement local, plus de 60 millions d’euros de dépenses de fonctionnement",
    "local": "Collectivité ou établissement local, 60 millions d’euros de dépenses de fonctionnement au plus",
    "health": "Établissement public de santé",
    "public_company": "Entreprise publique, ou autre acheteur",
}


class Organisation(HasRef, Base):
    """A public buyer or a company. `public_kind`: of a buyer, one of BUYER_KINDS, "" until its administrator says."""

    __tablename__ = "organisation"

    name: Mapped[str] = mapped_column(String(200))
    siret: Mapped[str] = mapped_column(String(14), unique=True)
    kind: Mapped[str] = mapped_column(String(10))  # buyer | company
    address: Mapped[str] = mapped_column(String(300), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime]
    sandbox: Mapped[bool] = mapped_column(default=False)
    token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_read_at: Mapped[datetime | None]
    token_expires_at: Mapped[datetime | None]
    token_rights: Mapped[list[Any] | None]
    token_alert: Mapped[str] = mapped_column(String(10), default="")
    adopted_rules: Mapped[str | None] = mapped_column(String(64))
    adopted_by: Mapped[str | None] = mapped_column(String(200))
    adopted_at: Mapped[datetime | None]
    word_model_key: Mapped[str | None] = mapped_column(String(200))
    word_model_name: Mapped[str] = mapped_column(String(200), default="")
    word_model_sha256: Mapped[str | None] = mapped_column(String(64))
    word_model_by: Mapped[str] = mapped_column(String(200), default="")
    word_model_at: Mapped[datetime | None]
    second_above: Mapped[Decimal | None]
    second_above_by: Mapped[str] = mapped_column(String(254), default="")
    second_above_at: Mapped[datetime | None]
    public_kind: Mapped[str] = mapped_column(String(20), default="")
    memberships: Mapped[list["Membership"]] = relationship(back_populates="organisation")


class User(HasRef, Base):
    """A person with an account."""

    __tablename__ = "user_account"

    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    email_verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user")


class Membership(Base):
    """One role of one user in one organisation.

    For a company it is a proof of belonging: `evidence` tells it, `way` (procurement/belonging.py) is how, `proven_at`
    when it was last given, `proven_until` how long it holds (None: until somebody ends it).
    """

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("user_id", "organisation_id", "role"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    evidence: Mapped[str] = mapped_column(String(500), default="")
    granted_by: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime]
    way: Mapped[str] = mapped_column(String(20), default="")
    proven_at: Mapped[datetime | None]
    proven_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(254), default="")
    user: Mapped[User] = relationship(back_populates="memberships")
    organisation: Mapped[Organisation] = relationship(back_populates="memberships")


class LoginSession(Base):
    """A browser's session; the cookie holds the token, the row its sha256.

    `id_token_sealed`: what a sign-in by OpenID Connect needs to sign out there too.
    """

    __tablename__ = "login_session"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    id_token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class ApiToken(Base):
    """A token for the JSON API, shown once, stored hashed."""

    __tablename__ = "api_token"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    label: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class EmailCode(Base):
    """A one-time code sent by e-mail; the address is verified when it comes back in time."""

    __tablename__ = "email_code"

    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Person:
    """Who is asking, detached from any session: what pages and `may` look at."""

    id: int
    email: str
    name: str
    verified: bool
    roles: frozenset[tuple[str, int]]

    def has(self, role: Role, organisation_id: int) -> bool:
        return (role.value, organisation_id) in self.roles

    def any(self, *roles: Role) -> bool:
        return any(role in {r.value for r in roles} for role, _ in self.roles)

    def organisations(self, *roles: Role) -> frozenset[int]:
        wanted = {r.value for r in roles}
        return frozenset(organisation for role, organisation in self.roles if role in wanted)


def fold(text: str) -> str:
    """Lower case, no accents: both databases compare the same column."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


# What a mail server takes without SMTPUTF8, less what could end or split a header.
_PLAIN = re.compile(r"[!-~]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
_FORBIDDEN = frozenset("<>,;:()[]\\\"'")


def clean_email(text: str) -> str:
    """One plain address in lower case; raises Invalid on anything else."""
    email = text.strip().lower()
    if email.count("@") != 1 or _FORBIDDEN & set(email) or not _PLAIN.fullmatch(email):
        raise Invalid({"email": "Cette adresse n’a pas la forme nom@exemple.fr."})
    if len(email) > 254:
        raise Invalid({"email": "Cette adresse dépasse 254 caractères."})
    return email


def create_organisation(
    db: Session, *, name: str, siret: str, kind: str, now: datetime, sandbox: bool = False
) -> Organisation:
    """Add an organisation; `siret` was parsed by siret_lookup. One organisation per SIRET."""
    if db.scalar(select(Organisation).where(Organisation.siret == siret)):
        raise Refused(f"Une organisation porte déjà le SIRET {siret}.")
    organisation = Organisation(name=name.strip(), siret=siret, kind=kind, created_at=now, sandbox=sandbox)
    db.add(organisation)
    db.flush()
    return organisation


def create_user(db: Session, *, email: str, name: str, now: datetime, verified: bool = False) -> User:
    """Add an account; the password is set by api/auth.py, which knows argon2."""
    email = clean_email(email)
    if db.scalar(select(User).where(User.email == email)):
        raise Refused("Un compte existe déjà pour cette adresse.")
    user = User(email=email, name=name.strip(), created_at=now, email_verified_at=now if verified else None)
    db.add(user)
    db.flush()
    return user


def attach(
    db: Session, user: User, organisation: Organisation, role: Role, *, evidence: str, granted_by: str, now: datetime
) -> Membership:
    """Give a role. A company's member needs evidence, and is attached by procurement/belonging.py, which tells."""
    if role is Role.COMPANY and not evidence.strip():
        raise Invalid({"evidence": "Dites quelle pièce prouve que cette personne appartient à l’entreprise."})
    if (role is Role.COMPANY) != (organisation.kind == "company"):
        raise Refused("Ce rôle ne va pas avec cette organisation.")
    for membership in organisation.memberships:
        if membership.user_id == user.id and membership.role == role.value:
            return membership
    membership = Membership(
        user=user, organisation=organisation, role=role.value, evidence=evidence, granted_by=granted_by, created_at=now
    )
    db.add(membership)
    db.flush()
    return membership


def buyers_of(db: Session, person: Person) -> list[Organisation]:
    """The buyers that this officer works for, by name."""
    mine = Organisation.id.in_(person.organisations(Role.OFFICER))
    return list(db.scalars(select(Organisation).where(mine).order_by(Organisation.name)))


def operator(db: Session) -> Organisation | None:
    """Who runs this install and posts its letters: its first public buyer."""
    return db.scalar(select(Organisation).where(Organisation.kind == "buyer").order_by(Organisation.id).limit(1))


def hold_buyer(db: Session, organisation_id: int) -> Organisation:
    """What is decided or paid for one buyer is so one after the other: two copies of an invoice never cross."""
    buyer = db.get_one(Organisation, organisation_id)
    db.refresh(buyer, with_for_update={"key_share": True})
    return buyer


def adopt_rules(organisation: Organisation, table_sha256: str, by: str, now: datetime) -> None:
    """The buyer adopts the shipped table of rules in one act: its findings may block from now on."""
    organisation.adopted_rules = table_sha256
    organisation.adopted_by = by
    organisation.adopted_at = now


def person_of(user: User) -> Person:
    return Person(
        id=user.id,
        email=user.email,
        name=user.name,
        verified=user.email_verified_at is not None,
        roles=frozenset((m.role, m.organisation_id) for m in user.memberships if m.ended_at is None),
    )


def find_user(db: Session, email: str) -> User:
    user = db.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFound("Aucun compte n’a cette adresse.")
    return user


def staff_of(db: Session, organisation_id: int, *roles: Role) -> list[str]:
    """The addresses of those who have one of these roles there, each once."""
    query = (
        select(User.email)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == organisation_id, Membership.role.in_([role.value for role in roles]))
        .where(Membership.ended_at.is_(None))
        .order_by(User.id)
    )
    return list(dict.fromkeys(db.scalars(query)))
