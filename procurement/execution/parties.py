"""Who is paid under a contract: its holder, the other members of a group with their shares, and their bank accounts.

Subcontractors paid directly have their own act (procurement/subcontract.py); their accounts are kept here as well.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.iban import valid_iban, wrong_iban
from procurement.people import Person

HOLDER, COCONTRACTOR = "holder", "cocontractor"


class Party(Base):
    """One company of the group that won, with its share in euros HT; None: the whole, or not said."""

    __tablename__ = "party"
    __table_args__ = (UniqueConstraint("contract_id", "siret"),)

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    rank: Mapped[int]
    role: Mapped[str] = mapped_column(String(12), default=COCONTRACTOR)
    siret: Mapped[str] = mapped_column(String(14))
    name: Mapped[str] = mapped_column(String(300))
    work: Mapped[str] = mapped_column(String(300), default="")
    share_ht: Mapped[Decimal | None]
    ended_on: Mapped[date | None] = mapped_column(Date)


class BankAccount(HasRef, Base):
    """An account that may be paid between two days.

    The first of a company is the one of its act. Another one is proposed by one person, who called the company back at
    a number already known, and confirmed by a second: a changed account is the most frequent fraud.
    """

    __tablename__ = "bank_account"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "proposed": frozenset({"confirmed", "refused"}),
        "confirmed": frozenset({"closed"}),
        "refused": frozenset(),
        "closed": frozenset(),
    }

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    siret: Mapped[str] = mapped_column(String(14))
    iban: Mapped[str] = mapped_column(String(34))
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    call_back: Mapped[str] = mapped_column(String(300), default="")
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str] = mapped_column(String(254))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(254), default="")

    @property
    def shown(self) -> str:
        """As people read it, in groups of four."""
        return " ".join(self.iban[i : i + 4] for i in range(0, len(self.iban), 4))


def parties_of(db: Session, contract: Contract) -> list[Party]:
    """The holder first; one row that is not kept where the holder is alone."""
    found = list(db.scalars(select(Party).where(Party.contract_id == contract.id).order_by(Party.rank)))
    return found or [alone(contract)]


def alone(contract: Contract) -> Party:
    """The holder of a contract that has no group: a row that is not kept."""
    return Party(
        contract_id=contract.id, rank=1, role=HOLDER, siret=contract.holder_siret, name=contract.holder_name, work=""
    )


def holder_now(parties: list[Party]) -> Party:
    """Who holds the contract today: `Contract.holder_siret` is who signed it, and was published."""
    return next(party for party in reversed(parties) if party.role == HOLDER)


def write_parties(db: Session, contract: Contract, members: list[Party]) -> None:
    """The group as its act says it, the leader first; written once, when the contract is prepared."""
    for rank, member in enumerate(members, 1):
        member.contract_id, member.rank = contract.id, rank
        member.role = HOLDER if rank == 1 else COCONTRACTOR
        db.add(member)
    db.flush()


def succeed(db: Session, contract: Contract, siret: str, name: str, on: date) -> None:
    """Another company holds the contract from that day (R2194-6): the former stays, with its last day."""
    parties = parties_of(db, contract)
    former = holder_now(parties)
    db.add(former)
    former.ended_on = on
    rank = max(party.rank for party in parties) + 1
    db.add(Party(contract_id=contract.id, rank=rank, role=HOLDER, siret=siret, name=name, share_ht=former.share_ht))
    db.flush()


def accounts_of(db: Session, contract: Contract) -> list[BankAccount]:
    """Every account ever proposed, the oldest first."""
    query = select(BankAccount).where(BankAccount.contract_id == contract.id)
    return list(db.scalars(query.order_by(BankAccount.id)))


def payable(accounts: list[BankAccount], siret: str) -> list[BankAccount]:
    """Those of one company that were confirmed, whatever their days."""
    return [a for a in accounts if a.siret == siret and a.state in ("confirmed", "closed")]


def propose_account(
    db: Session, contract: Contract, siret: str, iban: str, call_back: str, person: Person, now: datetime
) -> BankAccount:
    """A new account: confirmed at once where it is the company's first, else it waits for a second person.

    Raises Invalid: a wrong key, one that is known, or no call-back told where the company has an account already.
    """
    fresh(db, contract)
    known = accounts_of(db, contract)
    number, wrong = valid_iban(iban), {}
    if number is None:
        wrong["iban"] = wrong_iban(iban)
    elif any(a.iban == number and a.siret == siret and a.state in ("proposed", "confirmed") for a in known):
        wrong["iban"] = "Ce compte est déjà au marché."
    first = not payable(known, siret)
    if not first and len(call_back.strip()) < 10:
        wrong["call_back"] = (
            "Dites qui vous avez rappelé, quand, et à quel numéro déjà connu : changer de compte est la fraude la plus "
            "fréquente."
        )
    if wrong or number is None:
        raise Invalid(wrong)
    account = BankAccount(
        contract_id=contract.id, siret=siret, iban=number, valid_from=paris_day(now), call_back=call_back.strip()[:300],
        proposed_at=now, proposed_by=person.email,
    )  # fmt: skip
    db.add(account)
    db.flush()
    # Its end only: enough to tell that a row was changed since, too little to be paid on.
    record(
        db, contract.consultation, "bankaccount.proposed", account.ref, person.email, now,
        siret=siret, ends=number[-4:],
    )  # fmt: skip
    if first:
        _decide(db, contract, account, "confirmed", person, now)
    return account


def find_account(db: Session, contract: Contract, ref: str) -> BankAccount:
    found = db.scalar(select(BankAccount).where(BankAccount.contract_id == contract.id, BankAccount.ref == ref))
    if found is None:
        raise NotFound
    return found


def confirm_account(db: Session, contract: Contract, account: BankAccount, person: Person, now: datetime) -> None:
    """A second person agrees; the company's former accounts end the day before."""
    fresh(db, contract)
    db.refresh(account)
    if account.proposed_by == person.email:
        raise Refused("Un changement de compte se confirme à deux : demandez à une autre personne des finances.")
    today = paris_day(now)
    for former in payable(accounts_of(db, contract), account.siret):
        if former.state == "confirmed":
            former.valid_to = today - timedelta(1)
            move(db, contract.consultation, former, "closed", person.email, now)
    _decide(db, contract, account, "confirmed", person, now)


def refuse_account(db: Session, contract: Contract, account: BankAccount, person: Person, now: datetime) -> None:
    fresh(db, contract)
    db.refresh(account)
    _decide(db, contract, account, "refused", person, now)


def _decide(db: Session, contract: Contract, account: BankAccount, to: str, person: Person, now: datetime) -> None:
    move(db, contract.consultation, account, to, person.email, now, siret=account.siret)
    account.decided_at, account.decided_by = now, person.email
