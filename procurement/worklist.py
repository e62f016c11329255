"""The invoices that finance has in hand: filters, counts per buyer, pages sorted by their last day."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session, defer, joinedload

from procurement.base import Money
from procurement.errors import Invalid
from procurement.invoice_copy import InvoiceCopy
from procurement.invoice_decision import OPEN, PAYABLE
from procurement.invoice_delay import UNPAID
from procurement.mail import post
from procurement.people import Organisation, Role, staff_of

SOON = timedelta(days=5)
NEVER = date(9999, 12, 31)
FILTERS: Mapping[str, str] = {
    "a-decider": "À décider", "a-confirmer": "À confirmer", "a-payer": "À payer", "bientot": "Bientôt en retard",
    "en-retard": "En retard",
}  # fmt: skip
_PLACE = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{1,10})")
_last_day = func.coalesce(InvoiceCopy.due_on, NEVER)


def kept_by(name: str, today: date) -> ColumnElement[bool]:
    """What a filter keeps; any other name keeps all."""
    wanted: Mapping[str, ColumnElement[bool]] = {
        "a-decider": InvoiceCopy.state.in_(OPEN),
        "a-confirmer": InvoiceCopy.state == "to_confirm",
        "a-payer": InvoiceCopy.state.in_(PAYABLE),
        "bientot": and_(InvoiceCopy.state.in_(UNPAID), InvoiceCopy.due_on.between(today, today + SOON)),
        "en-retard": and_(InvoiceCopy.state.in_(UNPAID), InvoiceCopy.due_on < today),
    }
    return wanted.get(name, InvoiceCopy.id > 0)


@dataclass(frozen=True)
class Figures:
    """One buyer's day: filter → how many; euros TTC to decide, to pay and late."""

    buyer: str
    counts: Mapping[str, int]
    to_decide: Decimal
    to_pay: Decimal
    late: Decimal


def figures_of(db: Session, organisations: Collection[int], today: date) -> list[Figures]:
    """One row per buyer that has an invoice, by name: one statement."""
    net: ColumnElement[Decimal] = func.coalesce(InvoiceCopy.admitted_ttc, InvoiceCopy.amount_ttc, 0)
    for taken_off in (InvoiceCopy.retention_ttc, InvoiceCopy.advance_ttc, InvoiceCopy.penalties_ttc):
        net = net - func.coalesce(taken_off, 0)
    sums = [func.sum(case((kept_by(name, today), 1), else_=0)) for name in FILTERS]
    amounts = [
        func.sum(case((kept_by(name, today), net), else_=0), type_=Money())
        for name in ("a-decider", "a-payer", "en-retard")
    ]
    query = (
        select(Organisation.name, *sums, *amounts)
        .join(InvoiceCopy, InvoiceCopy.organisation_id == Organisation.id)
        .where(Organisation.id.in_(organisations))
        .group_by(Organisation.id, Organisation.name)
        .order_by(Organisation.name)
    )
    return [_figures(row) for row in db.execute(query)]


def _figures(row: Any) -> Figures:
    counts = dict(zip(FILTERS, (int(n) for n in row[1 : 1 + len(FILTERS)]), strict=True))
    decide, pay, late = (value if value is not None else Decimal(0) for value in row[1 + len(FILTERS) :])
    return Figures(row[0], counts, decide, pay, late)


def page_of(
    db: Session, organisations: Collection[int], name: str, today: date, after: str, size: int
) -> tuple[list[InvoiceCopy], str]:  # fmt: skip
    """(invoices, where the next page begins or ""): the earliest last day first, those that have none at the end.

    Raises Invalid where `after` is not a place that a page gave.
    """
    query = (
        select(InvoiceCopy)
        .where(InvoiceCopy.organisation_id.in_(organisations), kept_by(name, today))
        .options(joinedload(InvoiceCopy.contract), defer(InvoiceCopy.report), defer(InvoiceCopy.match))
        .order_by(_last_day, InvoiceCopy.id.desc())
    )
    if after:
        due, last = _place(after)
        query = query.where(or_(_last_day > due, and_(_last_day == due, InvoiceCopy.id < last)))
    found = list(db.scalars(query.limit(size + 1)))
    shown = found[:size]
    return shown, f"{shown[-1].due_on or NEVER}.{shown[-1].id}" if len(found) > size else ""


def _place(text: str) -> tuple[date, int]:
    """Where a page begins. Raises Invalid for what no page of this list ever said."""
    place = _PLACE.fullmatch(text)
    try:
        due, last = (date.fromisoformat(place[1]), int(place[2])) if place else (NEVER, 2**31)
    except ValueError:
        last = 2**31
    if last >= 2**31:
        raise Invalid({"apres": "Cette page de la liste n’existe pas : revenez à la première."})
    return due, last


def remind(db: Session, today: date, now: datetime) -> int:
    """One mail to each person of finance of each buyer that has late or soon late invoices; returns how many."""
    pressing = or_(kept_by("en-retard", today), kept_by("bientot", today))
    query = select(InvoiceCopy).where(pressing).order_by(InvoiceCopy.due_on, InvoiceCopy.id)
    query = query.options(joinedload(InvoiceCopy.contract), defer(InvoiceCopy.report), defer(InvoiceCopy.match))
    by_buyer: dict[int, list[InvoiceCopy]] = {}
    for copy in db.scalars(query):
        by_buyer.setdefault(copy.organisation_id, []).append(copy)
    sent = 0
    for buyer, copies in by_buyer.items():
        late = sum(1 for copy in copies if copy.due_on is not None and copy.due_on < today)
        subject = f"Factures : {late} en retard, {len(copies) - late} à payer d’ici cinq jours"
        body = PRESSING.format(lines="\n".join(_said(copy) for copy in copies[:MOST_SAID]), more=_more(len(copies)))
        for address in staff_of(db, buyer, Role.FINANCE):
            post(db, to=address, subject=subject, body=body, now=now)
            sent += 1
    return sent


MOST_SAID = 50


def _said(copy: InvoiceCopy) -> str:
    number = copy.contract.number if copy.contract else "à rattacher"
    return f"- {copy.number or copy.name}, marché {number} : dernier jour le {copy.due_on:%d/%m/%Y}"


def _more(count: int) -> str:
    return f"\n… et {count - MOST_SAID} autres." if count > MOST_SAID else ""


PRESSING = """Madame, Monsieur,

Ces factures sont en retard ou le seront d’ici cinq jours :

{lines}{more}

Au-delà du dernier jour, les intérêts moratoires et l’indemnité de recouvrement sont dus sans être demandés
(articles R2192-31 et D2192-35). Le détail est dans « Factures contrôlées ».
"""
