"""The yearly list of a buyer's contracts between the two thresholds: published instead of each of them (R2196-1)."""

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager

from procurement.act import ENGAGEMENT, Act
from procurement.contract import PARIS, Contract, paris_day
from procurement.errors import NotFound
from procurement.people import Organisation
from procurement.publication.essential import LISTED, Essential, with_acts

LISTED_HERE = (Essential.state == "published", Essential.form == LISTED)
FIRST, LAST = 2000, 2200


@dataclass(frozen=True)
class Years:
    """One buyer that has such a list, and the years when it concluded contracts, the latest first."""

    id: int
    ref: str
    name: str
    years: tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """One contract of the list: what was published of it, and the day of the last signature."""

    essential: Essential
    concluded_on: date


def buyers_listed(db: Session, after: int, size: int) -> list[Years]:
    """The buyers that have a list, in the order of their arrival."""
    signed = func.min(Act.signed_at), func.max(Act.signed_at)
    query = select(Organisation.id, Organisation.ref, Organisation.name, *signed).select_from(Essential)
    query = query.join(Contract, Essential.contract_id == Contract.id).join(Organisation)
    query = query.join(Act, (Act.contract_id == Contract.id) & (Act.kind == ENGAGEMENT))
    query = query.where(*LISTED_HERE, Act.signed_at.is_not(None), Organisation.id > after)
    query = query.group_by(Organisation.id, Organisation.ref, Organisation.name).order_by(Organisation.id).limit(size)
    return [
        Years(key, ref, name, tuple(range(paris_day(last).year, paris_day(first).year - 1, -1)))
        for key, ref, name, first, last in db.execute(query)
        if first and last
    ]


def yearly(
    db: Session, ref: str, year: int, after: int = 0, size: int | None = None
) -> tuple[Organisation, list[Line]]:
    """The contracts of 25 000 to 40 000 € that this buyer concluded that year (Paris). Raises NotFound."""
    buyer = db.scalar(select(Organisation).where(Organisation.ref == ref, Organisation.kind == "buyer"))
    if buyer is None or not FIRST <= year <= LAST:
        raise NotFound
    start, end = (datetime.combine(date(each, 1, 1), time(), PARIS) for each in (year, year + 1))
    query = select(Essential, Act.signed_at).join(Contract, Essential.contract_id == Contract.id)
    query = query.join(Act, (Act.contract_id == Contract.id) & (Act.kind == ENGAGEMENT))
    query = query.where(*LISTED_HERE, Contract.organisation_id == buyer.id, Essential.id > after)
    query = query.where(Act.signed_at >= start, Act.signed_at < end).options(contains_eager(Essential.contract))
    found = db.execute(query.order_by(Essential.id).limit(size)).all()
    with_acts(db, [row.Essential for row in found])
    return buyer, [Line(row.Essential, paris_day(row.signed_at)) for row in found if row.signed_at]
