"""The contract: signed file, notification, its reception; then what finance and open data read."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.act import ENGAGEMENT, Act, open_act
from procurement.appeals import not_frozen
from procurement.award import Award
from procurement.base import Base, HasRef
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, move, record
from procurement.mail import post
from procurement.people import Organisation, Person, Role

PARIS = ZoneInfo("Europe/Paris")
MOVES: Mapping[str, frozenset[str]] = {
    "awaiting_signature": frozenset({"signed"}),
    "signed": frozenset({"notified"}),
    "notified": frozenset({"in_effect"}),
    "in_effect": frozenset({"ended"}),
    "ended": frozenset(),
}


class Contract(HasRef, Base):
    """One contract of one buyer with one holder. `number` ≤ 16 of [A-Za-z0-9-], unique per buyer and year."""

    __tablename__ = "contract"
    __table_args__ = (UniqueConstraint("organisation_id", "number"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"))
    number: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(20), default="awaiting_signature")
    holder_siret: Mapped[str] = mapped_column(String(14))
    holder_name: Mapped[str] = mapped_column(String(200))
    amount: Mapped[Decimal]
    amount_changed: Mapped[Decimal | None]
    months_added: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    notified_at: Mapped[datetime | None]
    received_on: Mapped[date | None] = mapped_column(Date)
    published_at: Mapped[datetime | None]
    renew_on: Mapped[date | None] = mapped_column(Date, index=True)
    recount_at: Mapped[datetime | None] = mapped_column(index=True)
    warned_at: Mapped[datetime | None]
    service: Mapped[str] = mapped_column(String(100), default="")
    vat_rate: Mapped[str] = mapped_column(String(10), default="20")
    ended_on: Mapped[date | None] = mapped_column(Date)
    end_reason: Mapped[str] = mapped_column(String(12), default="")
    keyed: Mapped[bool] = mapped_column(default=False)
    consultation: Mapped[Consultation] = relationship()
    organisation: Mapped[Organisation] = relationship()
    candidacy: Mapped[Candidacy] = relationship()
    act: Mapped[Act] = relationship(
        primaryjoin=f"and_(Contract.id == foreign(Act.contract_id), Act.kind == '{ENGAGEMENT}')",
        lazy="joined",
        uselist=False,
        viewonly=True,
    )

    @property
    def amount_now(self) -> Decimal:
        """Euros HT, with every modification notified so far."""
        return self.amount if self.amount_changed is None else self.amount_changed


Act.contract = relationship(Contract)


def paris_day(instant: datetime) -> date:
    """The day it is in Paris: a reception at half past midnight is of that day."""
    return instant.astimezone(PARIS).date()


def next_number(db: Session, organisation: Organisation, year: int) -> str:
    """`2026-0001`, per buyer and year; the unique constraint decides races."""
    prefix = f"{year}-"
    last = db.scalar(
        select(Contract.number)
        .where(Contract.organisation_id == organisation.id, Contract.number.startswith(prefix))
        .order_by(func.length(Contract.number).desc(), Contract.number.desc())
        .limit(1)
    )
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:04d}"


def prepare(
    db: Session,
    award: Award,
    unsigned_key: str,
    unsigned_sha256: str,
    now: datetime,
    standstill: int = 0,
    certificate_required: bool = False,
) -> Contract:
    """The contract to sign, right after the award: the acte d’engagement's bytes are locked by their sha256.

    `standstill`: whole days to leave between the letters and the buyer's signature (R2182-1, CJA L551-15).
    `certificate_required`: the buyer wants the electronic signature of the arrêté of 2019, whatever the amount.
    """
    consultation = award.consultation
    db.refresh(consultation.organisation, with_for_update=True)
    contract = Contract(
        consultation=consultation,
        organisation=consultation.organisation,
        candidacy=award.candidacy,
        number=next_number(db, consultation.organisation, paris_day(now).year),
        holder_siret=award.candidacy.siret,
        holder_name=award.candidacy.name,
        amount=award.amount,
        created_at=now,
    )
    db.add(contract)
    db.flush()
    record(
        db, consultation, "contract.created", contract.ref, award.decided_by, now,
        number=contract.number, sha256=unsigned_sha256,
    )  # fmt: skip
    open_act(
        db, contract, ENGAGEMENT, title="Acte d’engagement", amount=contract.amount, key=unsigned_key,
        sha256=unsigned_sha256, actor=award.decided_by, now=now, certificate_required=certificate_required,
        sign_after=end_of_standstill(now, standstill) if standstill else None,
    )  # fmt: skip
    return contract


def engagement_signed(db: Session, act: Act, actor: str, now: datetime, signers: list[str]) -> None:
    """Every party has signed the acte d’engagement: so is the contract, which may be notified."""
    contract = act.contract
    move(db, contract.consultation, contract, "signed", actor, now, sha256=act.sha256, signers=signers)
    move(db, contract.consultation, contract.consultation, "signed", actor, now)


def end_of_standstill(sent: datetime, days: int) -> datetime:
    """The instant from which the buyer may sign: the day of sending does not count, the last day is left whole."""
    first = paris_day(sent) + timedelta(days=days + 1)
    return datetime.combine(first, time(), PARIS)


def fresh(db: Session, contract: Contract) -> None:
    """Take the lock, then read the contract again: another tab may have moved it meanwhile.

    What changes may change how invoices find it: its keys are made again when they are next asked for.
    """
    lock(db, contract.consultation)
    db.refresh(contract)
    contract.keyed = False


def must_match(report: Mapping[str, Any]) -> None:
    """Raises Refused unless every signature holds, one covers the whole file, and none is a seal."""
    signatures = report.get("signatures") or []
    if not signatures:
        raise Refused("Ce fichier ne porte aucune signature électronique.", "R2182-3")
    if any(s["indication"] != "TOTAL-PASSED" for s in signatures):
        raise Refused("La signature de ce fichier n’est pas valide : voyez le détail de la vérification.", "R2182-3")
    if not any(s["covers_whole_document"] for s in signatures):
        raise Refused("Le fichier a été complété après sa signature : signez-le en dernier.", "R2182-3")
    if any("Seal" in s["qualification"] for s in signatures):
        raise Refused("Un cachet n’est pas la signature d’une personne : signez avec un certificat de personne.")


# The acte d’engagement has every signature.
SIGNED = ("signed", "notified", "in_effect")


def notify(db: Session, contract: Contract, person: Person, now: datetime) -> None:
    """Notify the holder (R2182-4); the contract takes effect at the reception, which is recorded apart."""
    fresh(db, contract)
    not_frozen(db, contract.consultation)
    move(db, contract.consultation, contract, "notified", person.email, now)
    move(db, contract.consultation, contract.consultation, "notified", person.email, now)
    contract.notified_at = now
    post(
        db,
        to=contract.candidacy.contact_email,
        subject=f"Notification du marché {contract.number}",
        body=NOTIFIED.format(contract=contract, consultation=contract.consultation, buyer=contract.organisation.name),
        now=now,
        consultation_id=contract.consultation_id,
    )


NOTIFIED = """Madame, Monsieur,

Le marché {contract.number} « {consultation.object} » vous est notifié. Il prend effet à la date où vous recevez ce
message (article R2182-4 du code de la commande publique) : accusez-en réception dans « Mes réponses ».

Pour vos factures : numéro de marché {contract.number}, acheteur SIRET {contract.organisation.siret}.

{buyer}
"""


def acknowledge(db: Session, contract: Contract, received_on: date, actor: str, now: datetime) -> None:
    """Record the reception: from here the contract is in effect and its open data is due within two months."""
    fresh(db, contract)
    if contract.state != "notified" or contract.notified_at is None:
        raise Refused("La réception suit la notification ; elle s’enregistre une fois.", "R2182-4")
    if not paris_day(contract.notified_at) <= received_on <= paris_day(now):
        raise Invalid({"received_on": "La date de réception va de la notification à aujourd’hui."})
    move(db, contract.consultation, contract, "in_effect", actor, now, received_on=received_on.isoformat())
    contract.received_on = contract.renew_on = received_on


def set_service(db: Session, contract: Contract, service: str, person: Person, now: datetime) -> None:
    """The service code that invoices must quote (BT-10, 100 characters)."""
    fresh(db, contract)
    if len(service.strip()) > 100:
        raise Invalid({"service": "Le code service a 100 caractères au plus."})
    if service.strip() != contract.service:
        contract.service = service.strip()
        record(db, contract.consultation, "contract.service", contract.ref, person.email, now, service=contract.service)


def find_contract(db: Session, ref: str, person: Person) -> Contract:
    """The buyer's officers and finance staff; the holder's page finds it through its candidacy."""
    contract = db.scalar(select(Contract).where(Contract.ref == ref))
    if contract is None or not (
        person.has(Role.OFFICER, contract.organisation_id) or person.has(Role.FINANCE, contract.organisation_id)
    ):
        raise NotFound
    return contract


def contract_of(db: Session, candidacy: Candidacy) -> Contract | None:
    """The winner's side: its own candidacy's contract, once it is prepared."""
    return db.scalar(select(Contract).where(Contract.candidacy_id == candidacy.id))


def contracts_for(db: Session, person: Person, before: int | None, size: int) -> list[Contract]:
    mine = person.organisations(Role.OFFICER, Role.FINANCE)
    query = select(Contract).where(Contract.organisation_id.in_(mine)).order_by(Contract.id.desc())
    query = query.options(joinedload(Contract.consultation))
    return list(db.scalars(query.where(Contract.id < before).limit(size) if before else query.limit(size)))
