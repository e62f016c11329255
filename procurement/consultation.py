"""A consultation, from draft to decision. Dates decide: it is closed at its deadline even if no worker ran."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ForeignKey, LargeBinary, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

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

MOST_PIECES, MOST_BYTES = 20, 100_000_000


def is_closed(deadline: datetime | None, now: datetime) -> bool:
    """17:00 means 17:00:00: from the very second of the deadline on what comes is late."""
    return deadline is not None and now >= deadline


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

    @property
    def kind(self) -> str | None:
        """works, services or supplies, as the dossier says; None while it does not."""
        return self.dossier.get("kind")

    def closed(self, now: datetime) -> bool:
        return is_closed(self.deadline, now)

    def receives(self, now: datetime) -> bool:
        return self.state == "published" and not self.closed(now)

    @property
    def current_files(self) -> list["DceFile"]:
        """The documents of the version in force; of a draft, the officer's own pieces."""
        return [f for f in self.files if f.version == self.dce_version]

    @property
    def pieces(self) -> list["DceFile"]:
        """What an officer uploaded to go with the documents made here."""
        return [f for f in self.current_files if f.origin == "uploaded"]

    @property
    def modified_at(self) -> datetime | None:
        """When the version in force was published, where it is not the first."""
        return next((f.published_at for f in self.current_files), None) if self.dce_version > 1 else None

    @property
    def takes(self) -> bool:
        """Until the decision, what comes after the deadline is taken too, as late: kept closed (R2143-2, R2151-5)."""
        return self.state in ("published", "opened", "intended")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the public list: only what it shows. Its dossier stays in the database."""

    id: int
    ref: str
    number: str
    object: str
    buyer: str
    state: str
    deadline: datetime | None

    def closed(self, now: datetime) -> bool:
        return is_closed(self.deadline, now)

    def receives(self, now: datetime) -> bool:
        return self.state == "published" and not self.closed(now)


class DceFile(Base):
    """One document of one version; 0 while the consultation is a draft. Its bytes are in storage under `key`."""

    __tablename__ = "dce_file"

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    version: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    origin: Mapped[str] = mapped_column(String(10), default="generated")  # generated | uploaded
    published_at: Mapped[datetime | None]


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
    pieces = consultation.pieces
    consultation.files.extend(files)
    _issue(consultation, [*files, *pieces], now)
    consultation.seal_recipient, consultation.seal_identity = recipient, identity
    consultation.published_at = now
    move(db, consultation, consultation, "published", person.email, now, files=hashes(consultation))


def _issue(consultation: Consultation, files: Iterable[DceFile], now: datetime) -> None:
    """These files are the next version, from now on the one in force."""
    consultation.dce_version += 1
    for file in files:
        file.version, file.published_at = consultation.dce_version, now


def public_state(consultation: Consultation) -> str:
    """The state for whoever is not the buyer: the intended winner is told by the decision, not before."""
    return "opened" if consultation.state == "intended" else consultation.state


def hashes(consultation: Consultation) -> dict[str, str]:
    """Name → sha256 of the version in force."""
    return {f.name: f.sha256 for f in consultation.current_files}


def may_extend(consultation: Consultation, deadline: datetime, now: datetime) -> datetime:
    """The deadline in force. Raises Refused once closed (a late pli would come back to life), Invalid if not later."""
    if not consultation.receives(now):
        raise Refused("Le délai ne se prolonge que tant que la consultation est ouverte.")
    if consultation.deadline is None or deadline <= consultation.deadline:
        raise Invalid({"deadline": "La nouvelle date doit être après l’actuelle."})
    return consultation.deadline


def extend(
    db: Session,
    consultation: Consultation,
    deadline: datetime,
    person: Person,
    now: datetime,
    files: Sequence[DceFile] = (),
) -> None:
    """Push the deadline back; `files`, made with the new date, are the next version beside the officer's pieces."""
    lock(db, consultation)
    before = may_extend(consultation, deadline, now)
    data: dict[str, Any] = {"before": before.isoformat(), "after": deadline.isoformat()}
    if files:
        data["files_before"] = hashes(consultation)
        issued = [*files, *(copy_of(piece) for piece in consultation.pieces)]
        consultation.files.extend(issued)
        _issue(consultation, issued, now)
        consultation.dossier = consultation.dossier | {"deadline": deadline.isoformat()}
        data |= {"version": consultation.dce_version, "files": hashes(consultation)}
    consultation.deadline = deadline
    record(db, consultation, "consultation.extended", consultation.ref, person.email, now, **data)


def copy_of(piece: DceFile) -> DceFile:
    """The same stored bytes in another version."""
    kept = ("name", "media_type", "size", "sha256", "key", "origin")
    return DceFile(**{column: getattr(piece, column) for column in kept})


def add_piece(db: Session, consultation: Consultation, piece: DceFile, person: Person, now: datetime) -> None:
    """Join an officer's own document (CCTP, annexes) to a draft. Raises Refused, Invalid where its name is taken."""
    lock(db, consultation)
    takes_pieces(consultation)
    if piece.name.casefold() in {f.name.casefold() for f in consultation.pieces} | {"manifest.json"}:
        raise Invalid({"file": "Une pièce porte déjà ce nom : enlevez-la d’abord, ou renommez celle-ci."})
    if len(consultation.pieces) >= MOST_PIECES or sum(f.size for f in consultation.pieces) + piece.size > MOST_BYTES:
        raise Refused("Vingt pièces et cent mégaoctets au plus : un dossier plus lourd ne se télécharge pas partout.")
    piece.version, piece.origin = 0, "uploaded"
    consultation.files.append(piece)
    record(db, consultation, "consultation.piece_added", consultation.ref, person.email, now, name=piece.name)


def takes_pieces(consultation: Consultation) -> None:
    if consultation.state != "draft":
        raise Refused("Ce dossier est publié : ses pièces ne changent plus. Les entreprises répondent à celles-ci.")


def remove_piece(db: Session, consultation: Consultation, number: int, person: Person, now: datetime) -> None:
    """Take a piece out of a draft; a second click finds nothing left to do."""
    lock(db, consultation)
    takes_pieces(consultation)
    for piece in [f for f in consultation.pieces if f.id == number]:
        consultation.files.remove(piece)
        db.delete(piece)
        record(db, consultation, "consultation.piece_removed", consultation.ref, person.email, now, name=piece.name)


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


AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])
_LISTED = (
    Consultation.id,
    Consultation.ref,
    Consultation.number,
    Consultation.object,
    Organisation.name,
    Consultation.state,
    Consultation.deadline,
)


def public_list(db: Session, text: str, before: int | None, size: int) -> list[Listed]:
    """Published consultations, newest first, from the one before `before`; `text` is matched folded."""
    query = _published(select(*_LISTED).join(Organisation), text, before, size)
    return [Listed(*row) for row in db.execute(query)]


def published(db: Session, text: str, before: int | None, size: int) -> list[Consultation]:
    """The same list, whole, with buyer and files: three queries whatever the size."""
    query = select(Consultation).options(joinedload(Consultation.organisation), selectinload(Consultation.files))
    return list(db.scalars(_published(query, text, before, size)))


def _published(query: AnySelect, text: str, before: int | None, size: int) -> AnySelect:
    query = query.where(Consultation.published_at.is_not(None))
    for word in fold(text).split()[:6]:
        query = query.where(Consultation.search.contains(word, autoescape=True))
    if before:
        query = query.where(Consultation.id < before)
    return query.order_by(Consultation.id.desc()).limit(size)


def list_for(db: Session, person: Person, before: int | None, size: int) -> list[Consultation]:
    """The consultations of the buyers this person works for."""
    mine = person.organisations(Role.OFFICER, Role.FINANCE)
    query = select(Consultation).where(Consultation.organisation_id.in_(mine)).order_by(Consultation.id.desc())
    return list(db.scalars(query.where(Consultation.id < before).limit(size) if before else query.limit(size)))
