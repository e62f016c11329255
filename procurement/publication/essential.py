"""The essential data of one contract: waiting to be checked, held back because something is missing, or published.

What was published is frozen here as text, and never depends again on rows that may change. What comes later – a
modification, a subcontract, a year of a concession – is one more row, never an edit (arrêtés of 22 December 2022).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh
from procurement.errors import Invalid
from procurement.events import move, record
from procurement.people import Person, fold
from procurement.publication.decp import from_text

FULL, LISTED, EXEMPT = "full", "listed", "exempt"
MODIFICATION, SUBCONTRACT, SUBCHANGE, YEAR = "modification", "subcontract", "subchange", "year"
# Kind of act → the list of the record that it is appended to, and its name there.
PLACES: Mapping[str, tuple[str, str]] = {
    SUBCONTRACT: ("actesSousTraitance", "acteSousTraitance"),
    SUBCHANGE: ("modificationsActesSousTraitance", "modificationActeSousTraitance"),
    MODIFICATION: ("modifications", "modification"),
    YEAR: ("donneesExecution", "donneesAnnuelles"),
}
LEASE = timedelta(minutes=5)
AGAIN = timedelta(days=1)


class Essential(HasRef, Base):
    """One contract's essential data. `said`: what officers completed; `findings`: why the last try was held back.

    `form`: full (a record of decp.json), listed (five data, between 25 000 and 40 000 €) or exempt. `record` is the
    published text, `sha256` its digest. `try_at`: when a worker looks at it next, None where nothing is to be done.
    """

    __tablename__ = "essential"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "waiting": frozenset({"held", "published"}),
        "held": frozenset({"waiting", "published"}),
        "published": frozenset(),
    }

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    form: Mapped[str] = mapped_column(String(10), default="")
    said: Mapped[dict[str, Any]] = mapped_column(default=dict)
    grouping: Mapped[str] = mapped_column(String(12), default="")
    findings: Mapped[list[Any]] = mapped_column(default=list)
    due_on: Mapped[date | None] = mapped_column(Date)
    try_at: Mapped[datetime | None] = mapped_column(index=True)
    record: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    published_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(String(10), default="")
    procedure: Mapped[str] = mapped_column(String(80), default="")
    notified_on: Mapped[date | None] = mapped_column(Date, index=True)
    amount: Mapped[Decimal | None]
    months: Mapped[int | None]
    offers: Mapped[int | None]
    sme: Mapped[bool | None]
    search: Mapped[str] = mapped_column(String(1600), default="")
    warned: Mapped[str] = mapped_column(String(500), default="")
    contract: Mapped[Contract] = relationship()
    acts: Mapped[list["EssentialAct"]] = relationship(order_by="EssentialAct.kind, EssentialAct.number")

    @property
    def whole(self) -> dict[str, Any]:
        """The published record with all that was appended to it, in the shape of the JSON form."""
        return self.with_acts(())

    def with_acts(self, more: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        """The same with further (kind, object)."""
        made = from_text(self.record)
        for kind, act in [*((each.kind, from_text(each.record)) for each in self.acts), *more]:
            name, inner = PLACES[kind]
            made.setdefault(name, []).append({inner: act})
        return made


class EssentialAct(Base):
    """One object appended to a published record: written once, never changed. `number` counts from 1, or is a year."""

    __tablename__ = "essential_act"
    __table_args__ = (UniqueConstraint("essential_id", "kind", "number"),)

    essential_id: Mapped[int] = mapped_column(ForeignKey("essential.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    number: Mapped[int]
    record: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    published_at: Mapped[datetime]


@dataclass(frozen=True)
class Finding:
    """Why a record is held back, for officers: a rule's code and a French sentence."""

    rule: str
    message: str


def essential_of(db: Session, contract: Contract) -> Essential:
    """The row of a contract, made at the first call."""
    found = db.scalar(select(Essential).where(Essential.contract_id == contract.id))
    if found is None:
        found = Essential(contract=contract, said={}, findings=[], acts=[])
        db.add(found)
        db.flush()
    return found


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def hold(db: Session, essential: Essential, findings: Iterable[Finding], now: datetime) -> None:
    """Not published, and why. Tried again tomorrow, or as soon as an officer completes it."""
    fresh(db, essential.contract)
    db.refresh(essential)
    essential.findings = [{"rule": each.rule, "message": each.message} for each in findings]
    essential.try_at = now + AGAIN
    if essential.state == "waiting":
        rules = sorted({each["rule"] for each in essential.findings})
        move(db, essential.contract.consultation, essential, "held", "worker", now, rules=rules)


def publish_record(db: Session, essential: Essential, form: str, text: str, now: datetime) -> None:
    """Freeze what is published; `text` is empty where nothing is due (below the first threshold)."""
    fresh(db, essential.contract)
    db.refresh(essential)
    if essential.state == "published":
        return
    sha256 = digest(text) if text else ""
    move(db, essential.contract.consultation, essential, "published", "worker", now, form=form, sha256=sha256)
    essential.form, essential.record, essential.sha256 = form, text, sha256
    essential.findings, essential.try_at = [], None
    _count(essential)
    if text:
        essential.published_at = essential.contract.published_at = essential.contract.published_at or now


def _count(essential: Essential) -> None:
    """The few values that the public list and its figures add up, so that no record is read again for them."""
    contract, made = essential.contract, from_text(essential.record or "{}")
    essential.kind = contract.consultation.kind or ""
    essential.procedure = str(made.get("procedure", ""))
    essential.notified_on = contract.received_on
    essential.amount = Decimal(made.get("montant", made.get("valeurGlobale", contract.amount)))
    words = f"{contract.number} {contract.consultation.object} {contract.organisation.name} {contract.holder_name}"
    essential.search = fold(words)[:1600]
    essential.months, essential.offers = made.get("dureeMois"), made.get("offresRecues")
    category = str((contract.candidacy.identity or {}).get("category") or "")
    essential.sme = category == "PME" if category else None


def append_act(db: Session, essential: Essential, kind: str, number: int, text: str, now: datetime) -> None:
    """One more object beside what was published; the second call for the same number changes nothing."""
    fresh(db, essential.contract)
    db.refresh(essential)
    if any(act.kind == kind and act.number == number for act in essential.acts):
        return
    sha256 = digest(text)
    essential.acts.append(EssentialAct(kind=kind, number=number, record=text, sha256=sha256, published_at=now))
    essential.findings, essential.try_at = [], None
    record(
        db, essential.contract.consultation, "essential.appended", essential.ref, "worker", now,
        of=kind, number=number, sha256=sha256,
    )  # fmt: skip


# What an officer may complete, and the share or amount each is at most.
SHARES = ("origin_eu", "origin_fr")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "grouping": ("Conjoint", "Solidaire"),
    "execution": ("Bons de commande", "Marchés subséquents", "Tranches"),
}


def complete(db: Session, essential: Essential, said: Mapping[str, str], person: Person, now: datetime) -> None:
    """Keep what an officer typed and have the record checked again at once. Raises Invalid field by field.

    `said`: origin_eu and origin_fr in percent, subsidy in euros, starts_on (a day), framework, grouping, execution.
    """
    fresh(db, essential.contract)
    db.refresh(essential)
    wrong, kept = _read(said)
    if wrong:
        raise Invalid(wrong)
    essential.said = essential.said | kept
    if essential.state == "held":
        move(db, essential.contract.consultation, essential, "waiting", person.email, now, completed=sorted(kept))
    essential.try_at = now


def _read(said: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(field → sentence, field → value as it is kept)."""
    wrong: dict[str, str] = {}
    kept = {name: value.strip() for name, value in said.items() if value.strip()}
    for name in SHARES:
        share = _number(kept.get(name, "0"))
        if share is None or not 0 <= share <= 100:
            wrong[name] = "Un pourcentage de 0 à 100 est attendu."
        elif name in kept:
            kept[name] = str(share / 100)
    if not wrong and "origin_fr" in kept and Decimal(kept["origin_fr"]) > Decimal(kept.get("origin_eu", "0")):
        wrong["origin_fr"] = "La part de la France est comprise dans celle de l’Union : elle ne la dépasse pas."
    subsidy = _number(kept.get("subsidy", "0"))
    if subsidy is None or subsidy < 0 or subsidy != round(subsidy, 2):
        wrong["subsidy"] = "Un montant en euros est attendu, 0 s’il n’y en a pas."
    elif "subsidy" in kept:
        kept["subsidy"] = str(subsidy)
    try:
        date.fromisoformat(kept.get("starts_on", "2026-01-01"))
    except ValueError:
        wrong["starts_on"] = "Un jour est attendu."
    if len(kept.get("framework", "")) > 16:
        wrong["framework"] = "L’identifiant d’un accord-cadre a 16 caractères au plus."
    for name, allowed in CHOICES.items():
        if name in kept and kept[name] not in allowed:
            wrong[name] = "Choisissez dans la liste."
    return wrong, kept


def _number(text: str) -> Decimal | None:
    plain = "".join(text.split()).replace(",", ".").removesuffix("%").removesuffix("€")
    if not plain.replace(".", "", 1).isascii() or not plain.replace(".", "", 1).isdigit() or len(plain) > 15:
        return None
    return Decimal(plain)


def published(db: Session, organisation_id: int | None = None, since: datetime | None = None) -> list[Essential]:
    """Every full record, oldest first, with its contract, buyer and acts: three statements however many there are."""
    query = select(Essential).join(Contract).where(Essential.state == "published", Essential.form == FULL)
    if organisation_id is not None:
        query = query.where(Contract.organisation_id == organisation_id)
    if since is not None:
        query = query.where(Essential.published_at >= since)
    buyer = joinedload(Essential.contract).joinedload(Contract.organisation)
    return with_acts(db, list(db.scalars(query.options(buyer).order_by(Essential.id))))


def with_acts(db: Session, found: list[Essential]) -> list[Essential]:
    """Their acts in one statement, whatever their number."""
    by_row: dict[int, list[EssentialAct]] = {each.id: [] for each in found}
    if found:
        low, high = found[0].id, found[-1].id
        query = select(EssentialAct).where(EssentialAct.essential_id.between(low, high))
        for act in db.scalars(query.order_by(EssentialAct.kind, EssentialAct.number)):
            by_row.get(act.essential_id, []).append(act)
    for each in found:
        set_committed_value(each, "acts", by_row[each.id])
    return found
