"""The account of one contract: initial, modified, ordered, invoiced, paid, left; its chart, its invoices, its CSV."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import defer
from starlette.responses import Response

from api import db as database
from api.auth import BUYER, FINANCE, Who
from api.charts import lines
from api.cursor import Cursor
from api.db import Db
from api.downloads import attachment
from api.invoice_view import list_badge
from api.pages.contracts import INVOICE_STATES
from api.pages.payments import CSV
from api.render import MONTHS, page
from procurement.account import account_of, percent
from procurement.contract import Contract, find_contract, paris_day
from procurement.errors import NotFound
from procurement.execution.terms import terms_of
from procurement.invoice_copy import InvoiceCopy
from procurement.ledger import Ledger
from procurement.liquidations import liquidations
from procurement.people import Role

router = APIRouter(include_in_schema=False)
PATH = "/contrats/{ref}/compte"
PAGE = 20
SHORT_MONTHS = [
    "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
]  # fmt: skip


def chart_of(account: Ledger) -> Markup:
    """Admitted and paid so far, month by month, against the ceiling; months without movement keep their level."""
    months = filled(account.months)
    labels, short = ([_month(month, names) for month, _, _ in months] for names in (MONTHS, SHORT_MONTHS))
    series = [
        ("Admis", [admitted for _, admitted, _ in months]),
        ("Payé", [paid for _, _, paid in months]),
        ("Plafond", [account.ceiling for _ in months]),
    ]
    return lines("Cumul facturé et payé, hors taxes", labels, series if months else [], "€", short)


Month = tuple[str, Decimal, Decimal]


def filled(months: tuple[Month, ...]) -> list[Month]:
    """Every month from the first to the last; at most the last three years."""
    found = list(months[:1])
    for before, after in pairwise(months):
        month = _next(before[0])
        while month < after[0]:
            found.append((month, before[1], before[2]))
            month = _next(month)
        found.append(after)
    return found[-36:]


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def _month(month: str, names: Sequence[str]) -> str:
    return f"{names[int(month[5:]) - 1]} {month[:4]}"


@router.get(PATH, dependencies=[Depends(BUYER)])
def account_page(request: Request, db: Db, who: Who, ref: str, avant: Cursor = None) -> Response:
    """For officers and finance; the invoices themselves open for finance only."""
    contract = find_contract(db, ref, who)
    account, today = account_of(db, contract), paris_day(database.now(db))
    copies = _copies(db, contract, avant)
    return page(
        request, "contracts/account.html", contract=contract, account=account, chart=chart_of(account),
        used=percent(account.used), copies=[(copy, list_badge(copy, today)) for copy in copies],
        older=copies[-1].id if len(copies) == PAGE else None, states=INVOICE_STATES,
        finance=who.has(Role.FINANCE, contract.organisation_id),
        released_on=terms_of(db, contract).retention_released_on,
    )  # fmt: skip


def _copies(db: Db, contract: Contract, before: int | None) -> list[InvoiceCopy]:
    query = select(InvoiceCopy).where(InvoiceCopy.contract_id == contract.id).order_by(InvoiceCopy.id.desc())
    query = query.options(defer(InvoiceCopy.report), defer(InvoiceCopy.match)).limit(PAGE)
    return list(db.scalars(query.where(InvoiceCopy.id < before) if before else query))


@router.get("/contrats/{ref}/liquidations.csv", dependencies=[Depends(FINANCE)])
def contract_liquidations(db: Db, who: Who, ref: str) -> Response:
    contract = find_contract(db, ref, who)
    if not who.has(Role.FINANCE, contract.organisation_id):
        raise NotFound
    content = liquidations(db, [contract.organisation_id], contract, paris_day(database.now(db)))
    return attachment(content, f"liquidations-{contract.number}.csv", CSV)
