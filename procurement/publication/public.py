"""What anyone reads of the contracts in effect: the list, one contract, figures added up by the database."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, extract, func, select
from sqlalchemy.orm import Session, joinedload

from procurement.consultation import Consultation
from procurement.contract import Contract
from procurement.errors import NotFound
from procurement.people import Organisation, fold
from procurement.publication.essential import Essential

SHOWN = (Essential.state == "published", Essential.record != "")
TOP = 20
_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the public list."""

    id: int
    ref: str
    number: str
    object: str
    buyer: str
    holder: str
    amount: Decimal
    notified_on: date


def public_list(db: Session, text: str, year: int | None, before: int | None, size: int) -> list[Listed]:
    """Published contracts, the latest first; each word of `text` in the object, the number, the buyer or the holder."""
    query = _listed().where(*_filters(text, year)).order_by(Essential.id.desc()).limit(size)
    return [Listed(*row) for row in db.execute(query.where(Essential.id < before) if before else query)]


def _listed() -> Select[*tuple[Any, ...]]:
    columns = (
        Essential.id, Contract.ref, Contract.number, Consultation.object, Organisation.name, Contract.holder_name,
        Essential.amount, Essential.notified_on,
    )  # fmt: skip
    whole = select(*columns).join(Contract, Essential.contract_id == Contract.id)
    whole = whole.join(Consultation, Contract.consultation_id == Consultation.id)
    return whole.join(Organisation, Contract.organisation_id == Organisation.id).where(*SHOWN)


def _filters(text: str, year: int | None) -> list[ColumnElement[bool]]:
    words = (word.translate(_LIKE) for word in fold(text).split()[:8])
    found: list[ColumnElement[bool]] = [Essential.search.like(f"%{word}%", escape="\\") for word in words]
    return [*found, extract("year", Essential.notified_on) == year] if year else found


def find_published(db: Session, ref: str) -> Essential:
    """One contract's published data, by the contract's ref; NotFound while nothing of it is public."""
    whole = joinedload(Essential.contract).joinedload(Contract.organisation)
    query = select(Essential).join(Contract).where(Contract.ref == ref, *SHOWN).options(whole)
    found = db.scalar(query)
    if found is None:
        raise NotFound
    return found


def public_contract(db: Session, consultation: Consultation) -> str | None:
    """The ref of the contract that a consultation led to, once it is public."""
    query = select(Contract.ref).join(Essential, Essential.contract_id == Contract.id)
    return db.scalar(query.where(Contract.consultation_id == consultation.id, *SHOWN))


@dataclass(frozen=True)
class Group:
    """One group of published contracts: how many, euros HT in all, the mean of offers and of months."""

    name: str
    count: int
    amount: Decimal
    offers: Decimal | None
    months: Decimal | None


def years(db: Session) -> list[Group]:
    """By year of the notification, the oldest first."""
    year = extract("year", Essential.notified_on)
    found = db.execute(_added(year).group_by(year).order_by(year))
    return [_group(row) for row in found]


def buyers(db: Session) -> list[Group]:
    """The buyers with the greatest amounts, TOP at most."""
    query = _added(Organisation.name).join(Contract, Essential.contract_id == Contract.id)
    query = query.join(Organisation, Contract.organisation_id == Organisation.id)
    query = query.group_by(Organisation.id, Organisation.name)
    query = query.order_by(func.sum(Essential.amount).desc(), Organisation.id).limit(TOP)
    return [_group(row) for row in db.execute(query)]


def by(db: Session, column: Any) -> list[Group]:
    """By a column of Essential (procedure, kind, sme), the greatest amount first."""
    query = _added(column).group_by(column).order_by(func.sum(Essential.amount).desc())
    return [_group(row) for row in db.execute(query)]


def _added(name: Any) -> Select[*tuple[Any, ...]]:
    count, amount = func.count(), func.sum(Essential.amount)
    return select(name, count, amount, func.avg(Essential.offers), func.avg(Essential.months)).where(*SHOWN)


def _group(row: Any) -> Group:
    name, count, amount, offers, months = row
    return Group(str(name), count, amount or Decimal(0), _mean(offers), _mean(months))


def _mean(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.1"))
