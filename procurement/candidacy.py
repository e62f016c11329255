"""A candidacy: a draft of one account, a deposit, and what may replace it."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

from procurement.base import Base, HasRef
from procurement.belonging import proof_of
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, move, record
from procurement.people import Person
from procurement.space import INSURANCE_END, keep_given, read_end

MOVES: Mapping[str, frozenset[str]] = {
    "draft": frozenset({"submitted", "late"}),
    "submitted": frozenset({"replaced", "withdrawn"}),
    "late": frozenset(),
    "replaced": frozenset(),
    "withdrawn": frozenset(),
}

# What nobody else knows: asked of every candidate (R2143-3).
QUESTIONS: Mapping[str, str] = {
    "capacity": "En quelle qualité signez-vous (gérant, salarié habilité…) ?",
    "turnover_share": "Part de votre chiffre d’affaires dans le domaine du marché, sur les trois derniers exercices",
    "references": "Vos références comparables (trois ans)",
    "insurance": "Votre assurance responsabilité civile professionnelle (assureur, numéro)",
    "foreign_workers": "Employez-vous des salariés étrangers soumis à autorisation de travail ?",
}
MANDATORY = ("capacity", "insurance")
# What stands in the corrections beside the corrected values.
_BESIDE = ("typed_at", "reasons")
NO_MORE = "Cette consultation ne reçoit plus de réponses."


class Candidacy(HasRef, Base):
    """One answer to one consultation by one account. Identity is a snapshot; corrections stand beside."""

    __tablename__ = "candidacy"
    __table_args__ = (UniqueConstraint("consultation_id", "account_id", "siret", "generation"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    siret: Mapped[str] = mapped_column(String(14), index=True)
    generation: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(20), default="draft")
    contact_email: Mapped[str] = mapped_column(String(254))
    belonging: Mapped[str] = mapped_column(String(20), default="declared")
    belonging_way: Mapped[str] = mapped_column(String(20), default="")
    belonging_at: Mapped[datetime | None]
    identity: Mapped[dict[str, Any]]
    corrections: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    contests: Mapped[dict[str, Any]] = mapped_column(default=dict)  # procurement/contests.py
    attested_at: Mapped[datetime | None]
    offer_amount: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    snapshot: Mapped[dict[str, Any] | None]
    snapshot_sha256: Mapped[str | None] = mapped_column(String(64))
    receipt_key: Mapped[str | None] = mapped_column(String(200))
    receipt_sha256: Mapped[str | None] = mapped_column(String(64))
    receipt_lease: Mapped[datetime | None]
    receipt_level: Mapped[str] = mapped_column(String(4), default="")
    receipt_raise_at: Mapped[datetime | None] = mapped_column(index=True)
    certificate: Mapped[str] = mapped_column(String(10), default="")  # procurement/ways.py
    opened_amount: Mapped[str | None] = mapped_column(String(40))
    consultation: Mapped[Consultation] = relationship()
    files: Mapped[list["CandidacyFile"]] = relationship(order_by="CandidacyFile.id")

    @property
    def name(self) -> str:
        return str(self.corrections.get("name") or self.identity.get("name") or self.siret)

    @property
    def offer_received(self) -> bool:
        return any(f.kind == "offer" for f in self.files)


class CandidacyFile(HasRef, Base):
    """One file, sealed to the consultation's key before it touched a disk; sha256 and size are of the clear bytes."""

    __tablename__ = "candidacy_file"

    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # candidacy | offer
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    received_at: Mapped[datetime]


def open_candidacy(
    db: Session, consultation: Consultation, siret: str, identity: dict[str, Any], account: Person, now: datetime
) -> tuple[Candidacy, bool]:
    """The account's draft for this SIRET: (candidacy, created). Another account's is never seen."""
    lock(db, consultation)
    if not account.verified:
        raise Refused("Confirmez d’abord votre adresse électronique.")
    if not consultation.takes:
        raise Refused(NO_MORE, "R2143-2")
    mine = _of_account(db, consultation.id, siret, account.id)
    if mine and mine[0].state in ("draft", "submitted", "late"):
        return mine[0], False
    candidacy = Candidacy(
        consultation=consultation,
        account_id=account.id,
        siret=siret,
        generation=len(mine) + 1,
        contact_email=account.email,
        identity=identity,
        created_at=now,
    )
    state_belonging(db, candidacy, now)
    db.add(candidacy)
    db.flush()
    record(db, consultation, "candidacy.created", candidacy.ref, f"account:{account.id}", now)
    return candidacy, True


def _of_account(db: Session, consultation_id: int, siret: str, account_id: int) -> list[Candidacy]:
    """One account's candidacies alike, the newest first."""
    query = select(Candidacy).where(
        Candidacy.consultation_id == consultation_id, Candidacy.siret == siret, Candidacy.account_id == account_id
    )
    return list(db.scalars(query.order_by(Candidacy.generation.desc())))


def state_belonging(db: Session, candidacy: Candidacy, now: datetime) -> None:
    """What is known at `now` of the account's belonging: proven when and how, else declared. It conditions nothing."""
    proof = proof_of(db, candidacy.account_id, candidacy.siret, now)
    candidacy.belonging = "proven" if proof else "declared"
    candidacy.belonging_way = proof.way if proof else ""
    candidacy.belonging_at = (proof.proven_at or proof.created_at) if proof else None


def editable(candidacy: Candidacy) -> None:
    """Raises Refused unless this draft can still change; a late one can, until the decision."""
    if candidacy.state == "late":
        raise Refused("Ce dépôt est arrivé hors délai : il est conservé tel quel, sans être ouvert.", "R2151-5")
    if candidacy.state != "draft":
        raise Refused("Ce dépôt est fait : pour changer quelque chose, remplacez-le ou retirez-le.")
    if not candidacy.consultation.takes:
        raise Refused(NO_MORE, "R2143-2")


def answer(
    candidacy: Candidacy,
    answers: dict[str, str],
    corrections: dict[str, str],
    now: datetime,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Keep what the person typed. A correction stands beside the official value, with its date and its reason."""
    editable(candidacy)
    unknown = set(answers) - {*QUESTIONS, INSURANCE_END}
    if unknown:
        raise Invalid(dict.fromkeys(unknown, "Cette question n’existe pas."))
    too_long = {k: "Cette réponse dépasse 4 000 caractères." for k, v in answers.items() if len(v) > 4000}
    if too_long:
        raise Invalid(too_long)
    read_end(answers.get(INSURANCE_END, ""))
    candidacy.answers = {**candidacy.answers, **{k: v.strip() for k, v in answers.items()}}
    kept: dict[str, Any] = {k: v.strip()[:300] for k, v in corrections.items() if v.strip() and k not in _BESIDE}
    why = {k: v.strip()[:500] for k, v in (reasons or {}).items() if v.strip()}
    kept |= {"reasons": why} if why else {}
    candidacy.corrections = {**kept, "typed_at": now.isoformat()} if kept else {}


def add_file(candidacy: Candidacy, file: CandidacyFile) -> None:
    """Attach a received file; its `received_at`, the end of the upload, says whether it came in time."""
    editable(candidacy)
    if file.kind == "offer" and not candidacy.consultation.offers_here:
        raise Refused(f"L’offre se dépose ailleurs : {candidacy.consultation.offers_elsewhere}")
    if len(candidacy.files) >= 50:
        raise Refused("Cinquante fichiers au plus par dépôt.")
    candidacy.files.append(file)


def check_room(candidacy: Candidacy, size: int, cap: int) -> None:
    """Raises Refused where `size` more bytes would bring the files over `cap` bytes in all (clear sizes)."""
    if sum(file.size for file in candidacy.files) + size > cap:
        raise Refused(f"Les fichiers d’une réponse font {cap // 10**6} Mo au plus en tout : enlevez-en un.")


def remove_file(db: Session, candidacy: Candidacy, ref: str) -> None:
    """Take a file out of a draft; a second click finds nothing left to do."""
    editable(candidacy)
    for file in [f for f in candidacy.files if f.ref == ref]:
        db.delete(file)
    db.flush()
    db.expire(candidacy, ["files"])


def set_amount(candidacy: Candidacy, sealed: bytes | None) -> None:
    """Keep the offer's amount, already sealed to the consultation's key; None takes it back."""
    editable(candidacy)
    if not candidacy.consultation.offers_here:
        raise Refused(f"L’offre se dépose ailleurs : {candidacy.consultation.offers_elsewhere}")
    candidacy.offer_amount = sealed


def submit(db: Session, candidacy: Candidacy, attested: bool, now: datetime) -> None:
    """Deposit: check, freeze a snapshot and its sha256, replace the same account's former deposit.

    From the second of the deadline on it is late: kept, never opened, and a former deposit made in time stands.
    """
    lock(db, candidacy.consultation)
    editable(candidacy)
    missing = {k: "Cette réponse est nécessaire." for k in MANDATORY if not candidacy.answers.get(k)}
    if not attested:
        missing["attested"] = "La déclaration sur l’honneur est nécessaire (R2143-3)."
    if missing:
        raise Invalid(missing)
    state_belonging(db, candidacy, now)
    in_time, actor = candidacy.consultation.receives(now), f"account:{candidacy.account_id}"
    for former in _of_account_submitted(db, candidacy) if in_time else ():
        move(db, candidacy.consultation, former, "replaced", actor, now, by=candidacy.ref)
    candidacy.attested_at = candidacy.submitted_at = now
    candidacy.snapshot = snapshot(candidacy)
    candidacy.snapshot_sha256 = sha256 = sha256_json(candidacy.snapshot)
    number = candidacy.consultation.number
    keep_given(db, candidacy.account_id, candidacy.siret, candidacy.answers, candidacy.ref, number, now)
    if in_time:
        move(db, candidacy.consultation, candidacy, "submitted", actor, now, snapshot=sha256)
    else:
        move(db, candidacy.consultation, candidacy, "late", actor, now, snapshot=sha256, name=candidacy.name)


def _of_account_submitted(db: Session, candidacy: Candidacy) -> list[Candidacy]:
    """Only the same account's deposits: two from strangers both stay, and the buyer is told."""
    alike = _of_account(db, candidacy.consultation_id, candidacy.siret, candidacy.account_id)
    return [other for other in alike if other.state == "submitted" and other.id != candidacy.id]


def snapshot(candidacy: Candidacy) -> dict[str, Any]:
    """What was deposited, whole: the receipt and the opening read this and nothing else."""
    return {
        "candidacy": candidacy.ref,
        "consultation": candidacy.consultation.ref,
        "dce_version": candidacy.consultation.dce_version,
        "siret": candidacy.siret,
        "identity": candidacy.identity,
        "corrections": candidacy.corrections,
        "answers": candidacy.answers,
        "belonging": candidacy.belonging,
        "belonging_way": candidacy.belonging_way,
        "belonging_at": candidacy.belonging_at.isoformat() if candidacy.belonging_at else None,
        "contact": candidacy.contact_email,
        "attested_at": candidacy.attested_at.isoformat() if candidacy.attested_at else None,
        "offer_received_here": candidacy.offer_received,
        "amount_sealed": candidacy.offer_amount is not None,
        "files": [
            {
                "kind": f.kind,
                "name": f.name,
                "size": f.size,
                "sha256": f.sha256,
                "started_at": f.started_at.isoformat(),
                "received_at": f.received_at.isoformat(),
            }
            for f in candidacy.files
        ],
    }


def sha256_json(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def replace(db: Session, candidacy: Candidacy, now: datetime) -> Candidacy:
    """A new draft that starts from the deposit; the deposit stands until the new one is deposited."""
    lock(db, candidacy.consultation)
    if candidacy.state != "submitted" or not candidacy.consultation.receives(now):
        raise Refused("Ce dépôt ne peut plus être remplacé.")
    latest = _of_account(db, candidacy.consultation_id, candidacy.siret, candidacy.account_id)[0]
    if latest.state == "draft":
        return latest
    fresh = Candidacy(
        consultation=candidacy.consultation,
        account_id=candidacy.account_id,
        siret=candidacy.siret,
        generation=latest.generation + 1,
        contact_email=candidacy.contact_email,
        identity=candidacy.identity,
        corrections=candidacy.corrections,
        answers=candidacy.answers,
        contests=candidacy.contests,
        offer_amount=candidacy.offer_amount,
        files=[copy_of(f) for f in candidacy.files],
        created_at=now,
    )
    state_belonging(db, fresh, now)
    db.add(fresh)
    db.flush()
    record(db, candidacy.consultation, "candidacy.created", fresh.ref, f"account:{candidacy.account_id}", now)
    return fresh


def copy_of(file: CandidacyFile) -> CandidacyFile:
    """The same sealed bytes in another draft: what was received once is not sent twice."""
    kept = ("kind", "name", "size", "sha256", "key", "started_at", "received_at")
    return CandidacyFile(**{column: getattr(file, column) for column in kept})


def withdraw(db: Session, candidacy: Candidacy, now: datetime) -> None:
    """Take a deposit back before the deadline; its trace stays."""
    lock(db, candidacy.consultation)
    if not candidacy.consultation.receives(now):
        raise Refused("La date limite est passée : le dépôt ne se retire plus.")
    move(db, candidacy.consultation, candidacy, "withdrawn", f"account:{candidacy.account_id}", now)


def find_own(db: Session, ref: str, person: Person) -> Candidacy:
    """The account's own; anyone else gets NotFound, officers too before the opening."""
    candidacy = db.scalar(select(Candidacy).where(Candidacy.ref == ref))
    if candidacy is None or candidacy.account_id != person.id:
        raise NotFound
    return candidacy


def find_own_locked(db: Session, ref: str, person: Person) -> Candidacy:
    """The same, to change it: the consultation is locked, and what another tab committed before us is seen."""
    candidacy = find_own(db, ref, person)
    lock(db, candidacy.consultation)
    db.refresh(candidacy)
    return candidacy


_LINE = (
    joinedload(Candidacy.consultation).joinedload(Consultation.organisation),
    selectinload(Candidacy.files),
)


def list_own(db: Session, person: Person, before: int | None, size: int) -> list[Candidacy]:
    """Newest first, with what a line of the list shows: two queries whatever the size."""
    query = select(Candidacy).where(Candidacy.account_id == person.id).order_by(Candidacy.id.desc()).options(*_LINE)
    return list(db.scalars(query.where(Candidacy.id < before).limit(size) if before else query.limit(size)))


def received(db: Session, consultation: Consultation) -> list[Candidacy]:
    """The deposits that count, once the consultation is opened; before, nobody gets a list, nor a number."""
    if consultation.opened_at is None:
        raise Refused("Les plis sont scellés jusqu’à l’ouverture.", "R2132-9")
    query = select(Candidacy).where(Candidacy.consultation_id == consultation.id, Candidacy.state == "submitted")
    return list(db.scalars(query.order_by(Candidacy.submitted_at)))


def received_late(db: Session, consultation: Consultation) -> list[tuple[str, datetime]]:
    """(name, when) of the late deposits, and nothing else of them, once the consultation is opened."""
    if consultation.opened_at is None:
        raise Refused("Les plis sont scellés jusqu’à l’ouverture.", "R2132-9")
    query = select(Candidacy).where(Candidacy.consultation_id == consultation.id, Candidacy.state == "late")
    return [(c.name, c.submitted_at) for c in db.scalars(query.order_by(Candidacy.submitted_at)) if c.submitted_at]


def companies_opened(db: Session, buyers: Collection[int], size: int = 200) -> dict[str, str]:
    """SIRET → name of who answered these buyers, newest first: only once the plis are open (R2132-9)."""
    query = select(Candidacy).join(Consultation).where(Consultation.organisation_id.in_(buyers))
    query = query.where(Consultation.opened_at.is_not(None), Candidacy.state == "submitted")
    found = db.scalars(query.order_by(Candidacy.id.desc()).limit(size))
    return {c.siret: str(c.identity.get("name") or c.siret) for c in found}


def find_received(db: Session, consultation: Consultation, ref: str) -> Candidacy:
    for candidacy in received(db, consultation):
        if candidacy.ref == ref:
            return candidacy
    raise NotFound
