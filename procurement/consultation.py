"""A consultation, from draft to decision. Dates decide: it is closed at its deadline even if no worker ran."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, move, record
from procurement.people import Organisation, Person, Role, fold

MOVES: Mapping[str, frozenset[str]] = {
    "draft": frozenset({"published", "cancelled"}),
    "published": frozenset({"opened", "cancelled"}),
    "opened": frozenset({"intended", "abandoned"}),
    "intended": frozenset({"opened", "awarded", "abandoned"}),
    "awarded": frozenset({"signed", "abandoned"}),
    "signed": frozenset({"notified"}),
    "notified": frozenset(),
    "cancelled": frozenset(),
    "abandoned": frozenset(),
}


class Consultation(HasRef, Base):
    """One procedure of one buyer. `dossier` is the document's data (dce_templates.dossier, as JSON)."""

    __tablename__ = "consultation"
    __table_args__ = (UniqueConstraint("organisation_id", "number"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    number: Mapped[str] = mapped_column(String(40))
    object: Mapped[str] = mapped_column(String(1000))
    search: Mapped[str] = mapped_column(String(1200), default="")
    state: Mapped[str] = mapped_column(String(20), default="draft", index=True)
    dossier: Mapped[dict[str, Any]]
    deadline: Mapped[datetime | None]
    offers_here: Mapped[bool] = mapped_column(default=True)
    offers_elsewhere: Mapped[str] = mapped_column(String(300), default="")
    dce_version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(1000), default="")
    seal_recipient: Mapped[str | None] = mapped_column(String(100))
    seal_identity: Mapped[bytes | None] = mapped_column(LargeBinary)
    organisation: Mapped[Organisation] = relationship()
    files: Mapped[list["DceFile"]] = relationship(order_by="DceFile.id")
    overrides: Mapped[list["Override"]] = relationship(order_by="Override.id")

    def closed(self, now: datetime) -> bool:
        """17:00 means 17:00:00: from the very second of the deadline on what comes is late."""
        return self.deadline is not None and now >= self.deadline

    def receives(self, now: datetime) -> bool:
        return self.state == "published" and not self.closed(now)

    @property
    def takes(self) -> bool:
        """Until the decision, what comes after the deadline is taken too, as late: kept closed (R2143-2, R2151-5)."""
        return self.state in ("published", "opened", "intended")


class DceFile(Base):
    """One published document: its bytes are in storage under `key`."""

    __tablename__ = "dce_file"

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    version: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))


class Override(Base):
    """A blocking finding passed over: by whom, when, and why. Kept for the file."""

    __tablename__ = "override"
    __table_args__ = (UniqueConstraint("consultation_id", "rule"),)

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    rule: Mapped[str] = mapped_column(String(60))
    motive: Mapped[str] = mapped_column(String(1000))
    by: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime]


def draft(
    db: Session, organisation: Organisation, dossier: dict[str, Any], person: Person, now: datetime
) -> Consultation:
    """Open a draft. Raises Refused without the officer's role, Invalid where the number is taken."""
    if not person.has(Role.OFFICER, organisation.id):
        raise NotFound
    consultation = Consultation(organisation=organisation, created_at=now, dossier={}, number="", object="")
    describe(db, consultation, dossier)
    db.add(consultation)
    db.flush()
    record(db, consultation, "consultation.created", consultation.ref, person.email, now)
    return consultation


def describe(db: Session, consultation: Consultation, dossier: dict[str, Any]) -> None:
    """Copy the dossier's searched columns; only a draft can be rewritten."""
    if consultation.state not in (None, "draft"):
        raise Refused("Ce dossier est publié : il ne se réécrit plus. Prolongez le délai ou annulez.")
    number = str(dossier.get("reference", "")).strip()
    with db.no_autoflush:
        twin = db.scalar(
            select(Consultation).where(
                Consultation.organisation_id == consultation.organisation.id, Consultation.number == number
            )
        )
    if twin is not None and twin is not consultation:
        raise Invalid({"reference": "Une autre consultation porte déjà ce numéro."})
    consultation.dossier = dossier
    consultation.number = number
    consultation.object = str(dossier.get("object", ""))[:1000]
    consultation.search = fold(f"{number} {consultation.object} {consultation.organisation.name}")[:1200]
    deadline = dossier.get("deadline")
    consultation.deadline = datetime.fromisoformat(deadline) if isinstance(deadline, str) and deadline else None
    where = str(dossier.get("offers_received_at", "mps"))
    consultation.offers_here = where == "mps"
    consultation.offers_elsewhere = "" if where == "mps" else where


def pass_over(db: Session, consultation: Consultation, rule: str, motive: str, person: Person, now: datetime) -> None:
    """Keep the motive of a blocking finding passed over; an empty motive is refused."""
    if len(motive.strip()) < 10:
        raise Invalid({"motive": "Écrivez le motif en une phrase : il est conservé au dossier."})
    if any(o.rule == rule for o in consultation.overrides):
        raise Refused("Un motif est déjà enregistré pour ce contrôle.")
    consultation.overrides.append(Override(rule=rule, motive=motive.strip(), by=person.email, at=now))
    record(db, consultation, "consultation.passed_over", rule, person.email, now, motive=motive.strip())


def publish(
    db: Session,
    consultation: Consultation,
    files: list[DceFile],
    recipient: str,
    identity: bytes,
    person: Person,
    now: datetime,
) -> None:
    """Publish the documents made for it. `recipient`/`identity`: the age key of its plis, the latter wrapped."""
    lock(db, consultation)
    if consultation.deadline is None or consultation.closed(now):
        raise Refused("La date limite est déjà passée : choisissez une date à venir.", "R2151-1")
    consultation.dce_version += 1
    for file in files:
        file.version = consultation.dce_version
    consultation.files.extend(files)
    consultation.seal_recipient, consultation.seal_identity = recipient, identity
    consultation.published_at = now
    move(db, consultation, consultation, "published", person.email, now, files={f.name: f.sha256 for f in files})


def extend(db: Session, consultation: Consultation, deadline: datetime, person: Person, now: datetime) -> None:
    """Push the deadline back. Never forward, never once closed (a late pli would come back to life)."""
    lock(db, consultation)
    if not consultation.receives(now):
        raise Refused("Le délai ne se prolonge que tant que la consultation est ouverte.")
    if consultation.deadline is None or deadline <= consultation.deadline:
        raise Invalid({"deadline": "La nouvelle date doit être après l’actuelle."})
    before = consultation.deadline.isoformat()
    consultation.deadline = deadline
    record(
        db, consultation, "consultation.extended", consultation.ref, person.email, now,
        before=before, after=deadline.isoformat(),
    )  # fmt: skip


def end(db: Session, consultation: Consultation, to: str, reason: str, person: Person, now: datetime) -> None:
    """`cancelled` before the opening, `abandoned` (sans suite, R2185-1) after it; the reason is kept and told."""
    if len(reason.strip()) < 10:
        raise Invalid({"reason": "Écrivez le motif en une phrase : il est communiqué aux candidats (R2185-2)."})
    lock(db, consultation)
    move(db, consultation, consultation, to, person.email, now, reason=reason.strip())
    consultation.reason = reason.strip()


def find(db: Session, ref: str) -> Consultation:
    consultation = db.scalar(select(Consultation).where(Consultation.ref == ref))
    if consultation is None:
        raise NotFound
    return consultation


def find_public(db: Session, ref: str) -> Consultation:
    """What anyone may read: never a draft."""
    consultation = find(db, ref)
    if consultation.published_at is None:
        raise NotFound
    return consultation


def find_for(db: Session, ref: str, person: Person, *roles: Role) -> Consultation:
    """The buyer's side. A stranger's and a wrong `ref` get the same NotFound."""
    consultation = find(db, ref)
    if not any(person.has(role, consultation.organisation_id) for role in roles or (Role.OFFICER,)):
        raise NotFound
    return consultation


def public_list(db: Session, text: str, before: int | None, size: int) -> list[Consultation]:
    """Published consultations, newest first, from the one before `before`; `text` is matched folded."""
    query = select(Consultation).where(Consultation.published_at.is_not(None)).order_by(Consultation.id.desc())
    for word in fold(text).split()[:6]:
        query = query.where(Consultation.search.contains(word, autoescape=True))
    return list(db.scalars(query.where(Consultation.id < before).limit(size) if before else query.limit(size)))


def list_for(db: Session, person: Person, before: int | None, size: int) -> list[Consultation]:
    """The consultations of the buyers this person works for."""
    mine = person.organisations(Role.OFFICER, Role.FINANCE)
    query = select(Consultation).where(Consultation.organisation_id.in_(mine)).order_by(Consultation.id.desc())
    return list(db.scalars(query.where(Consultation.id < before).limit(size) if before else query.limit(size)))
