"""The register of assignments, pledges and oppositions notified on a contract, and the certificat de cessibilité.

An assignment binds the accountant once it is notified (R2191-54); what may be assigned is what the holder is paid
itself: the contract less what is subcontracted and paid directly (R2191-45, R2191-46).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from dce_templates.french import euros
from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.iban import valid_iban, wrong_iban
from procurement.people import Person
from procurement.suppliers import directly_by

KINDS = {"assignment": "Cession", "pledge": "Nantissement", "opposition": "Opposition"}
MOST = Decimal(10**10)


class Assignment(HasRef, Base):
    """One line of the register. `siret` is the company whose receivable it is; amounts are euros TTC."""

    __tablename__ = "assignment"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {"active": frozenset({"released"}), "released": frozenset()}

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10), default="active")
    siret: Mapped[str] = mapped_column(String(14))
    beneficiary: Mapped[str] = mapped_column(String(300))
    beneficiary_siret: Mapped[str] = mapped_column(String(14), default="")
    iban: Mapped[str] = mapped_column(String(34), default="")
    amount_ttc: Mapped[Decimal | None]
    notified_on: Mapped[date] = mapped_column(Date)
    released_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(254))


class Assignability(HasRef, Base):
    """One certificat de cessibilité: one at a time for each company, of the amount it may assign that day."""

    __tablename__ = "assignability"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {"issued": frozenset({"returned"}), "returned": frozenset()}

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    siret: Mapped[str] = mapped_column(String(14))
    company: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(10), default="issued")
    amount_ttc: Mapped[Decimal]
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    returned_at: Mapped[datetime | None]


def assignments_of(db: Session, contract: Contract) -> list[Assignment]:
    """In the order they were notified."""
    query = select(Assignment).where(Assignment.contract_id == contract.id)
    return list(db.scalars(query.order_by(Assignment.notified_on, Assignment.id)))


def find_assignment(db: Session, contract: Contract, ref: str) -> Assignment:
    found = db.scalar(select(Assignment).where(Assignment.contract_id == contract.id, Assignment.ref == ref))
    if found is None:
        raise NotFound
    return found


def keep_assignment(
    db: Session,
    contract: Contract,
    *,
    kind: str,
    siret: str,
    beneficiary: str,
    iban: str,
    amount_ttc: Decimal | None,
    notified_on: date | None,
    person: Person,
    now: datetime,
) -> Assignment:
    """Write down what was notified. Raises Invalid field by field."""
    fresh(db, contract)
    wrong = {}
    account = valid_iban(iban) if iban.strip() else ""
    if kind not in KINDS:
        wrong["kind"] = "Choisissez cession, nantissement ou opposition."
    if not 2 <= len(beneficiary.strip()) <= 300:
        wrong["beneficiary"] = "Écrivez le nom du bénéficiaire."
    if account is None:
        wrong["iban"] = wrong_iban(iban)
    if amount_ttc is not None and not 0 < amount_ttc <= MOST:
        wrong["amount_ttc"] = "Le montant est positif ; laissez-le vide si toute la créance est visée."
    if notified_on is None or notified_on > paris_day(now):
        wrong["notified_on"] = "La date de la notification est passée ou d’aujourd’hui."
    if wrong or account is None or notified_on is None:
        raise Invalid(wrong)
    row = Assignment(
        contract_id=contract.id, kind=kind, siret=siret, beneficiary=beneficiary.strip(), iban=account,
        amount_ttc=amount_ttc, notified_on=notified_on, created_at=now, created_by=person.email,
    )  # fmt: skip
    db.add(row)
    db.flush()
    record(db, contract.consultation, "assignment.notified", row.ref, person.email, now, of=kind, siret=siret)
    return row


def release(db: Session, contract: Contract, row: Assignment, on: date | None, person: Person, now: datetime) -> None:
    """The beneficiary gave it up (mainlevée). Raises Invalid where the day cannot be."""
    fresh(db, contract)
    db.refresh(row)
    if on is None or not row.notified_on <= on <= paris_day(now):
        raise Invalid({"on": "La mainlevée va de la notification à aujourd’hui."})
    move(db, contract.consultation, row, "released", person.email, now, on=on.isoformat())
    row.released_on = on


def certificates_of(db: Session, contract: Contract) -> list[Assignability]:
    """Every certificat de cessibilité ever issued, the oldest first."""
    query = select(Assignability).where(Assignability.contract_id == contract.id)
    return list(db.scalars(query.order_by(Assignability.id)))


def find_certificate(db: Session, contract: Contract, ref: str) -> Assignability:
    found = db.scalar(select(Assignability).where(Assignability.contract_id == contract.id, Assignability.ref == ref))
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class Certified:
    """What a certificate says, in euros TTC: the company's share, what is subcontracted, what is left to assign."""

    siret: str
    share: Decimal
    subcontracted: Decimal
    amount: Decimal


def certify(db: Session, contract: Contract, siret: str, share: Decimal, subcontracted: Decimal | None) -> Certified:
    """What may be certified now; `subcontracted` None: what the accepted subcontracts say. Amounts are euros TTC.

    Raises Invalid where less is deducted than what the buyer pays to subcontractors itself (R2191-45). Raises Refused:
    nothing is left to assign, or the company holds a certificate that it did not return.
    """
    direct = directly_by(db, contract).get(siret, Decimal(0))
    deducted = direct if subcontracted is None else subcontracted
    if deducted < 0:
        raise Invalid({"subcontracted_ttc": "Le montant sous-traité est positif."})
    if deducted < direct:
        raise Invalid({
            "subcontracted_ttc": f"Les sous-traitants acceptés et payés directement ont droit à {euros(direct)} TTC : "
            "ce montant au moins ne se cède pas (R2191-45, R2191-46).",
        })  # fmt: skip
    amount = assignable(share, deducted, assignments_of(db, contract), siret)
    _may_issue(db, contract, siret, amount)
    return Certified(siret, share, deducted, amount)


def _may_issue(db: Session, contract: Contract, siret: str, amount_ttc: Decimal) -> None:
    if contract.state != "in_effect":
        raise Refused("Le marché n’est pas en vigueur : sa créance ne se cède pas.", "R2191-46")
    if amount_ttc <= 0:
        raise Refused("Il ne reste rien à céder : la créance est déjà cédée, nantie ou due à des sous-traitants.")
    if any(each.siret == siret and each.state == "issued" for each in certificates_of(db, contract)):
        raise Refused(
            "Cette entreprise a déjà un certificat : il n’y en a qu’un à la fois. Faites-le rendre d’abord.", "R2191-46"
        )


def issue_certificate(
    db: Session, contract: Contract, said: Certified, *, company: str, key: str, sha256: str, person: Person,
    now: datetime,
) -> Assignability:  # fmt: skip
    """Keep the certificate whose bytes are stored already. Raises as `certify`, or once it would say something else."""
    fresh(db, contract)
    if certify(db, contract, said.siret, said.share, said.subcontracted) != said:
        raise Refused("Le marché a changé pendant que ce certificat s’établissait : recommencez.", "R2191-46")
    row = Assignability(
        contract_id=contract.id, siret=said.siret, company=company[:300], amount_ttc=said.amount, issued_at=now,
        issued_by=person.email, key=key, sha256=sha256,
    )  # fmt: skip
    db.add(row)
    db.flush()
    record(
        db, contract.consultation, "assignability.issued", row.ref, person.email, now,
        siret=said.siret, amount_ttc=str(said.amount), sha256=sha256,
    )  # fmt: skip
    return row


def return_certificate(db: Session, contract: Contract, row: Assignability, person: Person, now: datetime) -> None:
    """The company gave its certificate back: another may be issued."""
    fresh(db, contract)
    db.refresh(row)
    move(db, contract.consultation, row, "returned", person.email, now, siret=row.siret)
    row.returned_at = now


def assignable(share_ttc: Decimal, subcontracted_ttc: Decimal, rows: Iterable[Assignment], siret: str) -> Decimal:
    """What a company may still assign, in euros TTC; never under zero. A line without amount takes everything."""
    active = [row for row in rows if row.state == "active" and row.siret == siret and row.kind != "opposition"]
    if any(row.amount_ttc is None for row in active):
        return Decimal(0)
    taken = sum((row.amount_ttc for row in active if row.amount_ttc is not None), Decimal(0))
    return max(share_ttc - subcontracted_ttc - taken, Decimal(0))
