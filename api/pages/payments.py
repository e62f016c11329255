"""To and from the finance software: what was decided (CSV out), what was paid (CSV in)."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import db as database
from api.auth import FINANCE, Who
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.invoices import buyer_of, buyers_of
from api.render import page
from api.uploads import MemorySink, receive
from procurement.contract import paris_day
from procurement.errors import Invalid, Refused
from procurement.liquidations import liquidations
from procurement.payments import Outcome, keep_payments, read_payments
from procurement.people import Organisation, Person, Role

router = APIRouter(include_in_schema=False)
CAP = 2_000_000
CSV = "text/csv; charset=utf-8"


@router.get("/factures/liquidations.csv", dependencies=[Depends(FINANCE)])
def all_liquidations(db: Db, who: Who) -> Response:
    """Every invoice decided, of every buyer of this person."""
    content = liquidations(db, who.organisations(Role.FINANCE), None, paris_day(database.now(db)))
    return attachment(content, "liquidations.csv", CSV)


def _context(db: Session, who: Person, outcome: Outcome | None = None) -> dict[str, Any]:
    return {"buyers": [(buyer.ref, buyer.name) for buyer in buyers_of(db, who)], "outcome": outcome}


@router.get("/factures/paiements", dependencies=[Depends(FINANCE)])
def payments_page(request: Request, db: Db, who: Who) -> Response:
    return page(request, "invoices/payments.html", **_context(db, who))


@router.post("/factures/paiements", dependencies=[Depends(FINANCE)])
async def take_payments(request: Request, ctx: Ctx, who: Who) -> Response:
    """Read the whole file first: a line that cannot be read keeps nothing; then each invoice is paid once."""
    sink = MemorySink()
    try:
        received = await receive(request, sink, CAP)
        buyer = received.fields.get("organisation", "")
        return await run_in_threadpool(_take, request, ctx, who, buyer, sink.content)
    except (Invalid, Refused) as error:
        raise await run_in_threadpool(_again, ctx, who, error) from None


def _take(request: Request, ctx: Context, who: Person, buyer: str, content: bytes) -> Response:
    lines = read_payments(content)
    with transaction(ctx.database) as db:
        organisation = db.get_one(Organisation, buyer_of(db, who, buyer).id)
        outcome = keep_payments(db, organisation, lines, who, database.now(db))
    with reading(ctx.database) as db:
        return page(request, "invoices/payments.html", **_context(db, who, outcome))


def _again(ctx: Context, who: Person, error: Invalid | Refused) -> PageInvalid:
    fields = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(fields), "invoices/payments.html", _context(db, who))
