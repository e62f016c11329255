"""Data that the holder owes: one row per data set and date, from the expected delivery to its release to the public.

What is owed is read in the dossier that was published (its data sets); receiving is not accepting, and accepting is not
releasing: nothing is public without an explicit release, nor personal data without an anonymisation report
(CRPA L312-1-2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from dce_templates.catalogue import Clause, values
from dce_templates.dossier import ClauseChoice, Dataset
from procurement.base import Base, HasRef
from procurement.consultation import Consultation
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.mail import post
from procurement.people import Person, Role
from procurement.renewals import contract_end
from siret_lookup.periods import later

MOVES: Mapping[str, frozenset[str]] = {
    "expected": frozenset({"received"}),
    "received": frozenset({"received", "accepted", "returned"}),
    "returned": frozenset({"received"}),
    "accepted": frozenset({"released"}),
    "released": frozenset({"withdrawn"}),
    "withdrawn": frozenset({"released"}),
}
# Months between two deliveries; a week counts in days; what never stops, or comes once, is one delivery.
MONTHS: Mapping[str, int] = {"mensuelle": 1, "trimestrielle": 3, "semestrielle": 6, "annuelle": 12}
DAYS: Mapping[str, int] = {"hebdomadaire": 7}
HORIZON = timedelta(days=200)
SOON = timedelta(days=7)
# The clause whose variables set the penalty.
PENALTY_CLAUSE = "OD-21"
# A delivery in one of these is still the holder's to make.
AWAITED = ("expected", "returned")


class Delivery(HasRef, Base):
    """One data set due on one day. `terms` is the row of the data annex, as it was published."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("contract_id", "dataset", "due_on"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    dataset: Mapped[str] = mapped_column(String(40))
    due_on: Mapped[date] = mapped_column(Date, index=True)
    state: Mapped[str] = mapped_column(String(10), default="expected", index=True)
    terms: Mapped[dict[str, Any]]
    file_key: Mapped[str | None] = mapped_column(String(200))
    file_name: Mapped[str] = mapped_column(String(200), default="")
    file_type: Mapped[str] = mapped_column(String(100), default="")
    file_size: Mapped[int] = mapped_column(default=0)
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    received_at: Mapped[datetime | None]
    received_by: Mapped[str] = mapped_column(String(254), default="")
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    remark: Mapped[str] = mapped_column(String(2000), default="")
    anonymised: Mapped[str] = mapped_column(String(2000), default="")
    released_at: Mapped[datetime | None]
    reminded: Mapped[str] = mapped_column(String(10), default="")
    contract: Mapped[Contract] = relationship()

    @property
    def title(self) -> str:
        return str(self.terms["title"])

    def late(self, today: date) -> bool:
        """Whether its day is past and it is still awaited."""
        return self.state in AWAITED and self.due_on < today

    @property
    def findings(self) -> list[str]:
        """What the check found, in sentences."""
        return list(self.report.get("findings", []))

    @property
    def checked(self) -> bool:
        """Whether a schema was at hand to check against."""
        return bool(self.report.get("checked"))


@dataclass(frozen=True, slots=True)
class Document:
    """A stored file; `sha256` is of its bytes."""

    key: str
    name: str
    media_type: str
    size: int
    sha256: str


def due_dates(first: date, frequency: str, end: date, until: date) -> Iterator[date]:
    """The days on which a data set is due, from the first to the contract's end, none after `until`."""
    step, turn = MONTHS.get(frequency), 0
    day = first
    while day <= min(end, until):
        yield day
        turn += 1
        if step:
            day = later(first, step * turn)
        elif frequency in DAYS:
            day = first + timedelta(days=DAYS[frequency] * turn)
        else:
            return


def plan(db: Session, contract: Contract, now: datetime) -> int:
    """Set down what is expected for the months to come; each date once. Returns how many rows were added."""
    end, today = contract_end(contract), paris_day(now)
    if contract.received_on is None or end is None:
        return 0
    dates = select(Delivery.dataset, Delivery.due_on).where(Delivery.contract_id == contract.id)
    known = {(dataset, day) for dataset, day in db.execute(dates)}
    added = 0
    for said in contract.consultation.dossier.get("datasets", []):
        terms = Dataset.model_validate(said)
        first = contract.received_on + timedelta(days=terms.first_delivery_days)
        for day in due_dates(min(first, end), terms.frequency, end, today + HORIZON):
            if (terms.id, day) not in known:
                row = Delivery(contract=contract, dataset=terms.id, due_on=day, terms=terms.model_dump(mode="json"))
                db.add(row)
                added += 1
    if added:
        db.flush()
        record(db, contract.consultation, "deliveries.planned", contract.ref, "worker", now, rows=added)
    return added


def receive(db: Session, row: Delivery, document: Document, report: Mapping[str, Any], by: str, now: datetime) -> None:
    """A file came in: it replaces one that nobody has accepted yet; what was said of the former is forgotten."""
    fresh(db, row.contract)
    db.refresh(row)
    if "received" not in MOVES[row.state]:
        raise Refused("Cette remise est déjà acceptée : elle ne se remplace plus.")
    move(db, row.contract.consultation, row, "received", by, now, dataset=row.dataset, sha256=document.sha256)
    row.file_key, row.file_name, row.file_type = document.key, document.name[:200], document.media_type
    row.file_size, row.file_sha256, row.report, row.remark = document.size, document.sha256, dict(report), ""
    row.received_at, row.received_by = now, by


def accept(db: Session, row: Delivery, person: Person, now: datetime) -> None:
    """The delivery is what the contract asks for. It is not public for all that."""
    fresh(db, row.contract)
    move(db, row.contract.consultation, row, "accepted", person.email, now, sha256=row.file_sha256)


def send_back(db: Session, row: Delivery, remark: str, person: Person, now: datetime) -> None:
    """With what is to be corrected, told to the holder. Raises Invalid without it."""
    if len(remark.strip()) < 10:
        raise Invalid({"remark": "Dites en une phrase ce qui est à corriger : le titulaire la lira."})
    fresh(db, row.contract)
    move(db, row.contract.consultation, row, "returned", person.email, now)
    row.remark = remark.strip()[:2000]
    _tell(db, row, f"Remise à corriger : {row.title}", f"L’acheteur vous demande de corriger : {row.remark}", now)


def release(db: Session, row: Delivery, anonymised: str, person: Person, now: datetime) -> None:
    """Make it public. Raises Refused where the annex does not say so, Invalid without the report on personal data."""
    if not row.terms.get("published"):
        raise Refused("L’annexe des données ne prévoit pas la publication de ce jeu.")
    if row.terms.get("personal") and len(anonymised.strip()) < 20:
        wrong = "Ce jeu porte sur des personnes : dites qui a vérifié l’anonymisation, comment, et où est le rapport."
        raise Invalid({"anonymised": wrong})
    fresh(db, row.contract)
    move(db, row.contract.consultation, row, "released", person.email, now, sha256=row.file_sha256)
    row.released_at, row.anonymised = now, anonymised.strip()[:2000]


def withdraw(db: Session, row: Delivery, person: Person, now: datetime) -> None:
    """Take it away from the public, at once."""
    fresh(db, row.contract)
    move(db, row.contract.consultation, row, "withdrawn", person.email, now)


@dataclass(frozen=True, slots=True)
class Penalty:
    """What the clause gives for a delay: `days` after the notice, `amount` in euros, at most `cap`. Never automatic."""

    days: int
    amount: Decimal
    cap: Decimal


def penalty(row: Delivery, today: date, clauses: Mapping[str, Clause]) -> Penalty | None:
    """Computed as the contract's clause says; None where it has none, or where nothing is late.

    `clauses`: the texts that the consultation was published with.
    """
    choice = next(
        (c for c in row.contract.consultation.dossier.get("clauses", []) if c.get("id") == PENALTY_CLAUSE), None
    )
    if choice is None or choice.get("refused_motive"):
        return None
    said = {name: int(str(value)) for name, value in _variables(choice, clauses).items()}
    until = paris_day(row.received_at) if row.received_at and row.state != "returned" else today
    days = (until - row.due_on).days - said["notice_days"]
    if days <= 0:
        return None
    cap = row.contract.amount * said["cap_percent"] / 100
    return Penalty(days, min(Decimal(said["daily_euros"] * days), cap), cap)


def _variables(choice: Mapping[str, Any], clauses: Mapping[str, Clause]) -> Mapping[str, object]:
    """What the clause says, its card's defaults included."""
    return values(clauses[PENALTY_CLAUSE], ClauseChoice.model_validate(choice))


def remind(db: Session, row: Delivery, today: date, now: datetime) -> None:
    """Once before the day, once after it; the second also to the buyer."""
    late = row.late(today)
    stage = "late" if late else "soon"
    if row.state not in AWAITED or row.reminded in (stage, "late"):
        return
    row.reminded = stage
    when = f"était attendue le {row.due_on:%d/%m/%Y}" if late else f"est attendue le {row.due_on:%d/%m/%Y}"
    _tell(db, row, f"Données du marché {row.contract.number} : {row.title}", f"Une remise {when}.", now)
    if late and row.contract.organisation.email:
        body = f"La remise « {row.title} » du marché {row.contract.number} {when}. Le titulaire est prévenu."
        post(
            db, to=row.contract.organisation.email, subject="Une remise de données est en retard", body=body, now=now,
            consultation_id=row.contract.consultation_id,
        )  # fmt: skip


TOLD = """Madame, Monsieur,

Marché {row.contract.number}, jeu « {row.title} ».
{sentence}

Déposez la remise dans « Mes réponses », puis « Données à remettre ».

{buyer}
"""


def _tell(db: Session, row: Delivery, subject: str, sentence: str, now: datetime) -> None:
    body = TOLD.format(row=row, sentence=sentence, buyer=row.contract.organisation.name)
    post(
        db, to=row.contract.candidacy.contact_email, subject=subject, body=body, now=now,
        consultation_id=row.contract.consultation_id,
    )  # fmt: skip


def to_remind(db: Session, today: date) -> list[int]:
    """Keys of the rows that a reminder may concern."""
    query = select(Delivery.id).where(
        Delivery.state.in_(AWAITED), Delivery.due_on <= today + SOON, Delivery.reminded != "late"
    )
    return list(db.scalars(query.order_by(Delivery.id)))


def running(db: Session) -> list[int]:
    """Keys of the contracts in effect."""
    return list(db.scalars(select(Contract.id).where(Contract.state == "in_effect").order_by(Contract.id)))


def deliveries_of(db: Session, contract: Contract) -> list[Delivery]:
    query = select(Delivery).where(Delivery.contract_id == contract.id).options(joinedload(Delivery.contract))
    return list(db.scalars(query.order_by(Delivery.due_on, Delivery.dataset)))


def find_delivery(db: Session, contract: Contract, ref: str) -> Delivery:
    row = db.scalar(select(Delivery).where(Delivery.ref == ref, Delivery.contract_id == contract.id))
    if row is None:
        raise NotFound
    return row


def for_officer(contract: Contract, person: Person) -> None:
    """Raises Refused: finance staff read, officers decide."""
    if not person.has(Role.OFFICER, contract.organisation_id):
        raise Refused("Seul un acheteur reçoit ou publie les données du marché.")


def released(db: Session, contract_ref: str = "") -> list[Delivery]:
    """What anyone may read: the latest released delivery of each data set, contract by contract."""
    whole = joinedload(Delivery.contract)
    query = (
        select(Delivery)
        .join(Delivery.contract)
        .join(Contract.consultation)
        .where(Delivery.state == "released", Consultation.published_at.is_not(None))
        .order_by(Delivery.contract_id, Delivery.dataset, Delivery.due_on)
        .options(whole.joinedload(Contract.consultation), whole.joinedload(Contract.organisation))
    )
    if contract_ref:
        query = query.where(Contract.ref == contract_ref)
    return list(db.scalars(query))
