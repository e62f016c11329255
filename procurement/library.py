"""A buyer's library of clauses: the shipped catalogue, and the versions the buyer wrote, each read by a second person.

Nothing that was published moves: a consultation keeps the very texts it was made of (ClauseUse), and a draft keeps the
version that was read when the clause was taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

import yaml
from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from dce_templates.catalogue import Clause, catalogue, read_clause
from dce_templates.clause_meta import Meta
from procurement.base import Base, HasRef
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Membership, Organisation, Person, Role

MOVES: Mapping[str, frozenset[str]] = {
    "draft": frozenset({"proposed", "dropped"}),
    "proposed": frozenset({"draft", "approved"}),
    "approved": frozenset({"retired"}),
    "retired": frozenset(),
    "dropped": frozenset(),
}
# How long a text stays with whoever opened it, unless saved again.
LOCK = timedelta(minutes=15)
# Clauses that a buyer wrote without a model are numbered LO-01, LO-02…
OWN = "LO"
_kept_text = lru_cache(maxsize=512)(read_clause)


class ClauseVersion(HasRef, Base):
    """One version of one clause. `organisation_id` is None for the copy of a shipped one that a consultation used.

    `typed` is the form as it stands; `card`, `text` and `sha256` are made of it when it is proposed, and again, with
    the approver's name, when it is approved. `parent_sha256`: the shipped clause it departs from, as last looked at.
    """

    __tablename__ = "clause_version"
    __table_args__ = (UniqueConstraint("organisation_id", "clause", "version"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    clause: Mapped[str] = mapped_column(String(5))
    version: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(10), default="draft", index=True)
    typed: Mapped[dict[str, Any]]
    card: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    parent_sha256: Mapped[str] = mapped_column(String(64), default="")
    author: Mapped[str] = mapped_column(String(254))
    approver: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    locked_by: Mapped[str] = mapped_column(String(254), default="")
    locked_until: Mapped[datetime | None]
    steps: Mapped[list["ClauseStep"]] = relationship(order_by="ClauseStep.id", cascade="all, delete-orphan")

    @property
    def read(self) -> Clause:
        """The clause, once proposed. Its fingerprint is that of the files it was first read from."""
        return replace(_kept_text(self.card, self.text), sha256=self.sha256)

    def stale(self, shipped: Mapping[str, Clause]) -> bool:
        """Whether the shipped model changed since somebody last looked at it."""
        model = shipped.get(self.clause)
        return bool(self.parent_sha256) and model is not None and model.sha256 != self.parent_sha256

    def held_by_other(self, person: Person, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now and self.locked_by != person.email


class ClauseStep(Base):
    """The history of a version: what was done or said, by whom. Never edited."""

    __tablename__ = "clause_step"

    version_id: Mapped[int] = mapped_column(ForeignKey("clause_version.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    by: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(String(2000), default="")


class ClauseUse(Base):
    """A published consultation was made of this version."""

    __tablename__ = "clause_use"
    __table_args__ = (UniqueConstraint("consultation_id", "version_id"),)

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("clause_version.id"), index=True)
    version: Mapped[ClauseVersion] = relationship()
    consultation: Mapped[Consultation] = relationship()


def versions_of(db: Session, organisation_id: int, clause: str = "") -> list[ClauseVersion]:
    """The buyer's own, the newest first; what was given up is left out."""
    query = select(ClauseVersion).where(
        ClauseVersion.organisation_id == organisation_id, ClauseVersion.state != "dropped"
    )
    query = query.where(ClauseVersion.clause == clause) if clause else query
    return list(db.scalars(query.order_by(ClauseVersion.id.desc())))


def find_version(db: Session, ref: str, person: Person) -> ClauseVersion:
    """A stranger's and a wrong `ref` get the same NotFound."""
    row = db.scalar(select(ClauseVersion).where(ClauseVersion.ref == ref))
    if row is None or row.organisation_id is None or not person.has(Role.OFFICER, row.organisation_id):
        raise NotFound
    return row


def in_force(db: Session, organisation_id: int) -> dict[str, Clause]:
    """What the buyer's drafts are written with: the shipped clauses, under the versions it approved."""
    return _over_shipped(row for row in versions_of(db, organisation_id) if row.state == "approved")


def _over_shipped(approved: Iterable[ClauseVersion]) -> dict[str, Clause]:
    clauses = dict(catalogue()) | {row.clause: row.read for row in approved}
    return dict(sorted(clauses.items()))


def clauses_for(db: Session, consultation: Consultation, data: Mapping[str, Any] | None = None) -> dict[str, Clause]:
    """The library as this consultation sees it: the texts it was published with; of a draft, the versions it keeps.

    `data`: the draft's dossier, where it is not the one stored. A version that is gone gives the one in force.
    """
    own = versions_of(db, consultation.organisation_id)
    clauses = _over_shipped(row for row in own if row.state == "approved")
    if consultation.published_at is not None:
        used = db.scalars(select(ClauseUse).where(ClauseUse.consultation_id == consultation.id).options(_VERSION))
        return clauses | {use.version.clause: use.version.read for use in used}
    written = {(row.clause, row.version): row for row in own if row.state in ("approved", "retired")}
    for name, version in kept_versions(consultation.dossier if data is None else data).items():
        current = clauses.get(name)
        if current is not None and version in ("", current.meta.version):
            continue
        older = _older(name, version, written)
        if older is not None:
            clauses[name] = replace(older, newer=current)
    return clauses


_VERSION = joinedload(ClauseUse.version)


def _older(name: str, version: str, written: Mapping[tuple[str, str], ClauseVersion]) -> Clause | None:
    if (name, version) in written:
        return written[name, version].read
    shipped = catalogue().get(name)
    return shipped if shipped is not None and shipped.meta.version == version else None


def taken_choices(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Clause → what a dossier, even one that is not finished, says of it, of those that it takes."""
    choices = [choice for choice in data.get("clauses", []) if isinstance(choice, dict)]
    return {str(choice.get("id")): choice for choice in choices if not choice.get("refused_motive")}


def kept_versions(data: Mapping[str, Any]) -> dict[str, str]:
    """Clause → version, of those that a dossier takes."""
    return {name: str(choice.get("version", "")) for name, choice in taken_choices(data).items()}


def with_versions(data: Mapping[str, Any], clauses: Mapping[str, Clause]) -> dict[str, Any]:
    """The dossier, each clause that it takes with the version it is published in."""
    taken = kept_versions(data)
    named = [
        choice | {"version": clauses[choice["id"]].meta.version}
        if isinstance(choice, dict) and choice.get("id") in taken and choice["id"] in clauses
        else choice
        for choice in data.get("clauses", [])
    ]
    return dict(data) | {"clauses": named} if named else dict(data)


def record_uses(db: Session, consultation: Consultation, clauses: Mapping[str, Clause], now: datetime) -> None:
    """Keep the texts that the published documents are made of."""
    for name in kept_versions(consultation.dossier):
        if name in clauses:
            version = _row_of(db, consultation.organisation_id, clauses[name], now)
            db.add(ClauseUse(consultation_id=consultation.id, version=version))
    db.flush()


def _row_of(db: Session, organisation_id: int, clause: Clause, now: datetime) -> ClauseVersion:
    """The buyer's version with this very text, else the copy of the shipped one, made at its first use."""
    known = select(ClauseVersion).where(
        ClauseVersion.sha256 == clause.sha256,
        ClauseVersion.organisation_id.is_(None) | (ClauseVersion.organisation_id == organisation_id),
    )
    row = db.scalar(known.order_by(ClauseVersion.id).limit(1))
    if row is None:
        row = ClauseVersion(
            clause=clause.meta.id, version=clause.meta.version, title=clause.meta.title, state=clause.meta.status,
            typed={}, card=dump_card(clause.meta), text=clause.source, sha256=clause.sha256,
            author=clause.meta.author, approver=clause.meta.approver, created_at=now,
        )  # fmt: skip
        db.add(row)
    return row


def uses_of(db: Session, organisation_id: int, clause: str) -> list[ClauseUse]:
    """The buyer's published consultations that carry some version of this clause, the newest first."""
    query = select(ClauseUse).join(ClauseUse.version).join(ClauseUse.consultation).options(_VERSION)
    query = query.where(Consultation.organisation_id == organisation_id, ClauseVersion.clause == clause)
    query = query.options(joinedload(ClauseUse.consultation))
    return list(db.scalars(query.order_by(ClauseUse.id.desc()).limit(50)))


def drafts_with(db: Session, organisation_id: int, clause: str) -> list[tuple[Consultation, str]]:
    """Drafts that take this clause, and the version each keeps ("" follows the one in force)."""
    mine = Consultation.organisation_id == organisation_id
    query = select(Consultation).where(mine, Consultation.published_at.is_(None), Consultation.state == "draft")
    drafts = db.scalars(query.order_by(Consultation.id.desc()).limit(200))
    found = ((draft, kept_versions(draft.dossier)) for draft in drafts)
    return [(draft, kept[clause]) for draft, kept in found if clause in kept]


def dump_card(meta: Meta) -> str:
    """A `clause.yaml` that reads back as the same card."""
    data = meta.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=110)


def start(
    db: Session, organisation_id: int, base: Clause | None, typed: dict[str, Any], person: Person, now: datetime
) -> ClauseVersion:
    """A draft to write in, from `base` or from nothing. One at a time per clause: Refused while another is open."""
    db.refresh(db.get_one(Organisation, organisation_id), with_for_update=True)
    own = db.scalars(select(ClauseVersion).where(ClauseVersion.organisation_id == organisation_id)).all()
    name = base.meta.id if base else _next_id(own)
    if any(row.clause == name and row.state in ("draft", "proposed") for row in own):
        raise Refused("Une version de cette clause est déjà en cours : reprenez celle-là.")
    shipped = catalogue().get(name)
    known = [row.version for row in own if row.clause == name] + ([shipped.meta.version] if shipped else [])
    row = ClauseVersion(
        organisation_id=organisation_id, clause=name, version=_next_version(known), typed=typed,
        title=base.meta.title if base else "", parent_sha256=shipped.sha256 if shipped else "",
        author=person.email, created_at=now,
    )  # fmt: skip
    db.add(row)
    db.flush()
    _step(row, "started", person, now)
    hold(db, row, person, now)
    return row


def _next_id(own: Sequence[ClauseVersion]) -> str:
    used = [int(row.clause[3:]) for row in own if row.clause.startswith(OWN)]
    number = max(used, default=0) + 1
    if number > 99:
        raise Refused("Quatre-vingt-dix-neuf clauses de votre main au plus.")
    return f"{OWN}-{number:02d}"


def _next_version(known: Iterable[str]) -> str:
    numbers = [tuple(int(part) for part in version.split(".")) for version in known]
    if not numbers:
        return "1.0.0"
    major, minor, _ = max(numbers)
    return f"{major}.{minor + 1}.0"


def hold(db: Session, row: ClauseVersion, person: Person, now: datetime) -> bool:
    """Keep the text for this person; False while somebody else has it."""
    db.flush()
    db.refresh(row, with_for_update=True)
    if row.state != "draft" or row.held_by_other(person, now):
        return False
    row.locked_by, row.locked_until = person.email, now + LOCK
    return True


def save(db: Session, row: ClauseVersion, typed: dict[str, Any], title: str, person: Person, now: datetime) -> None:
    """Keep what is typed, even where it cannot be read yet. Refused where somebody else has the text."""
    if not hold(db, row, person, now):
        raise Refused(f"{row.locked_by} a ce texte en main." if row.state == "draft" else NO_DRAFT)
    row.typed, row.title = typed, title[:300]
    if not row.steps or (row.steps[-1].kind, row.steps[-1].by) != ("edited", person.email):
        _step(row, "edited", person, now)


NO_DRAFT = "Cette version n’est plus un brouillon : écrivez-en une nouvelle."


def _move(db: Session, row: ClauseVersion, to: str, kind: str, person: Person, now: datetime, text: str = "") -> None:
    db.flush()
    db.refresh(row, with_for_update=True)
    if to not in row.MOVES[row.state]:
        raise Refused("Cette version n’est plus dans cet état : relisez sa page.")
    row.state, row.locked_by, row.locked_until = to, "", None
    _step(row, kind, person, now, text)


def _step(row: ClauseVersion, kind: str, person: Person, now: datetime, text: str = "") -> None:
    if len(text) > 2000:
        raise Invalid({"remark": "Deux mille caractères au plus."})
    row.steps.append(ClauseStep(kind=kind, by=person.email, at=now, text=text.strip()))


def propose(db: Session, row: ClauseVersion, meta: Meta, text: str, person: Person, now: datetime) -> None:
    """From now on a second person reads it. `meta` and `text` are what was typed, read without a fault."""
    if row.held_by_other(person, now):
        raise Refused(f"{row.locked_by} a ce texte en main.")
    _move(db, row, "proposed", "proposed", person, now)
    row.author = person.email
    _write(row, meta.model_copy(update={"status": "proposed", "author": person.name}), text)


def _write(row: ClauseVersion, meta: Meta, text: str) -> None:
    row.card, row.text, row.title = dump_card(meta), text, meta.title
    row.sha256 = _kept_text(row.card, row.text).sha256


def send_back(db: Session, row: ClauseVersion, remark: str, person: Person, now: datetime) -> None:
    """The author takes it up again; says why."""
    if len(remark.strip()) < 10:
        raise Invalid({"remark": "Dites en une phrase ce qui est à reprendre."})
    _move(db, row, "draft", "sent_back", person, now, remark)


def may_approve(db: Session, row: ClauseVersion, person: Person) -> bool:
    """Somebody else than its author; the author where the buyer has no other officer."""
    return row.author != person.email or _alone(db, row.organisation_id)


def _alone(db: Session, organisation_id: int | None) -> bool:
    officers = select(func.count()).where(
        Membership.organisation_id == organisation_id,
        Membership.role == Role.OFFICER.value,
        Membership.ended_at.is_(None),
    )
    return (db.scalar(officers) or 0) < 2


def approve(db: Session, row: ClauseVersion, person: Person, now: datetime) -> None:
    """The version in force from now on, for drafts that take the clause; the one before is retired, not lost."""
    if not may_approve(db, row, person):
        raise Refused("Une autre personne relit et approuve : vous avez écrit cette version.")
    before = [r for r in versions_of(db, row.organisation_id or 0, row.clause) if r.state == "approved"]
    _move(db, row, "approved", "approved", person, now, "" if row.author != person.email else "seul agent, sans second")
    for older in before:
        _move(db, older, "retired", "replaced", person, now, f"remplacée par la version {row.version}")
    row.approver, row.approved_at = person.email, now
    _write(row, row.read.meta.model_copy(update={"status": "approved", "approver": person.name}), row.text)


def retire(db: Session, row: ClauseVersion, reason: str, person: Person, now: datetime) -> None:
    """No longer offered: the shipped model serves again, where there is one."""
    if len(reason.strip()) < 10:
        raise Invalid({"remark": "Dites en une phrase pourquoi cette version ne sert plus."})
    _move(db, row, "retired", "retired", person, now, reason)


def drop(db: Session, row: ClauseVersion, person: Person, now: datetime) -> None:
    """Give up a draft."""
    if row.held_by_other(person, now):
        raise Refused(f"{row.locked_by} a ce texte en main.")
    _move(db, row, "dropped", "dropped", person, now)


def comment(db: Session, row: ClauseVersion, text: str, person: Person, now: datetime) -> None:
    if not text.strip():
        raise Invalid({"remark": "Écrivez votre remarque."})
    _step(row, "comment", person, now, text)
    db.flush()


def acknowledge(db: Session, row: ClauseVersion, person: Person, now: datetime) -> None:
    """Somebody looked at the model's new text and keeps the buyer's."""
    model = catalogue().get(row.clause)
    if model is None or not row.stale(catalogue()):
        raise Refused("Le modèle n’a pas changé depuis la dernière lecture.")
    row.parent_sha256 = model.sha256
    _step(row, "seen", person, now, f"modèle {model.meta.version} lu")
    db.flush()
