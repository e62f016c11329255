"""The last account of a contract (décompte général, CCAG Travaux): asked by the holder, notified, then definitive."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid
from procurement.events import move, record
from procurement.people import Person

MOST = Decimal(10**10)
MOVES_WORDS = {
    "notified": "Notifier le décompte général au titulaire",
    "contested": "Enregistrer la contestation du titulaire",
    "definitive": "Rendre le décompte définitif",
}


class FinalAccount(HasRef, Base):
    """One per contract. Amounts are what is owed in all for the whole contract, in euros HT."""

    __tablename__ = "final_account"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "asked": frozenset({"notified"}),
        "notified": frozenset({"contested", "definitive"}),
        "contested": frozenset({"definitive"}),
        "definitive": frozenset(),
    }

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), unique=True)
    state: Mapped[str] = mapped_column(String(12), default="asked")
    asked_on: Mapped[date] = mapped_column(Date)
    asked_ht: Mapped[Decimal]
    notified_on: Mapped[date | None] = mapped_column(Date)
    admitted_ht: Mapped[Decimal | None]
    settled_on: Mapped[date | None] = mapped_column(Date)
    words: Mapped[str] = mapped_column(String(2000), default="")
    created_at: Mapped[datetime]


def final_account_of(db: Session, contract: Contract) -> FinalAccount | None:
    return db.scalar(select(FinalAccount).where(FinalAccount.contract_id == contract.id))


def ask_account(
    db: Session, contract: Contract, on: date | None, asked_ht: Decimal, person: Person, now: datetime
) -> FinalAccount:
    """The holder's draft was received. Raises Invalid field by field."""
    fresh(db, contract)
    wrong = {}
    if final_account_of(db, contract) is not None:
        wrong["on"] = "Le projet de décompte final est déjà reçu."
    if on is None or on > paris_day(now):
        wrong["on"] = "La date de réception est passée ou d’aujourd’hui."
    if not 0 <= asked_ht <= MOST:
        wrong["amount"] = "Le montant demandé est positif, de dix milliards d’euros au plus."
    if wrong or on is None:
        raise Invalid(wrong)
    account = FinalAccount(contract_id=contract.id, asked_on=on, asked_ht=asked_ht, created_at=now)
    db.add(account)
    db.flush()
    record(
        db, contract.consultation, "finalaccount.asked", account.ref, person.email, now,
        on=on.isoformat(), asked_ht=str(asked_ht),
    )  # fmt: skip
    return account


def settle_account(
    db: Session, contract: Contract, to: str, on: date | None, amount: Decimal | None, words: str, person: Person,
    now: datetime,
) -> FinalAccount:  # fmt: skip
    """Notify the account (`amount`: what is admitted), or record that it is contested or definitive."""
    fresh(db, contract)
    account = final_account_of(db, contract)
    wrong = {}
    if account is None:
        raise Invalid({"on": "Le projet de décompte final n’est pas encore reçu."})
    if on is None or not account.asked_on <= on <= paris_day(now):
        wrong["on"] = "La date va de la réception du projet à aujourd’hui."
    if to == "notified" and (amount is None or not 0 <= amount <= MOST):
        wrong["amount"] = "Dites le montant admis, en euros HT."
    if to == "contested" and len(words.strip()) < 10:
        wrong["words"] = "Dites en une phrase ce qui est contesté."
    if wrong or on is None:
        raise Invalid(wrong)
    move(db, contract.consultation, account, to, person.email, now, on=on.isoformat(), words=words.strip()[:2000])
    account.words = words.strip()[:2000] or account.words
    if to == "notified":
        account.notified_on, account.admitted_ht = on, amount
    if to == "definitive":
        account.settled_on, account.admitted_ht = on, account.admitted_ht if amount is None else amount
    return account
