"""/api/v1/invoices: a copy being checked, without value of deposit."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api import db as database
from api.auth import FINANCE, Who
from api.context import Ctx
from api.cursor import Cursor
from api.db import Db, reading
from api.invoice_view import clock_dict, delay_of
from api.invoices import INVOICE_CAP, proposal, take_copy
from api.uploads import MemorySink, receive
from api.v1.answers import PROBLEMS
from procurement.contract import paris_day
from procurement.execution.terms import terms_of
from procurement.invoice_copy import InvoiceCopy, find_invoice, invoices_for
from procurement.people import Person

router = APIRouter(prefix="/api/v1/invoices", tags=["invoices"], responses=PROBLEMS)
PAGE = 50
BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("application/octet-stream",)},
    }
}


class Owed(BaseModel):
    """Late interest in euros, with the fixed compensation."""

    days: int
    percent: str
    amount: str
    fixed: str
    total: str
    notice: str


class Clock(BaseModel):
    """The delay of payment: `left` is negative once `due` is past; both are null while it is suspended."""

    start: date
    why: str
    article: str
    days: int
    due: date | None
    left: int | None
    suspended: bool
    interest: Owed | None


class Settled(BaseModel):
    """What is admitted, what is taken off, what is paid: euros, null before a decision."""

    admitted_ht: str | None
    admitted_ttc: str | None
    retention_ttc: str | None
    advance_ttc: str | None
    penalties_ttc: str | None
    net_ttc: str | None


class InvoiceOut(BaseModel):
    """`report` and `match` are those of `mps invoice check` and `mps invoice match`; `proposal` awaits a person."""

    ref: str
    state: str
    number: str
    sha256: str
    contract: str | None
    report: dict[str, Any]
    match: dict[str, Any]
    proposal: str
    seller_siret: str
    issued_on: date | None
    amount_ht: str | None
    amount_ttc: str | None
    clock: Clock | None
    liquidation: Settled
    reason: str
    motive: str
    engagement: str
    part: str
    mandate: str
    paid_on: date | None


class Listed(BaseModel):
    """One line of the list, without report and match."""

    ref: str
    state: str
    number: str
    seller_siret: str
    contract: str | None
    amount_ht: str | None
    net_ttc: str | None
    due: date | None
    paid_on: date | None


class Page(BaseModel):
    """Newest first; ask again with `before=next` until `next` is null."""

    results: list[Listed]
    next: int | None


def _euros(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _settled(copy: InvoiceCopy) -> Settled:
    names = ("admitted_ht", "admitted_ttc", "retention_ttc", "advance_ttc", "penalties_ttc")
    net = copy.net_ttc if copy.admitted_ttc is not None else None
    return Settled(net_ttc=_euros(net), **{name: _euros(getattr(copy, name)) for name in names})


def shown(copy: InvoiceCopy, days: int, today: date) -> dict[str, Any]:
    """`days`: the delay of payment of its contract."""
    return InvoiceOut(
        ref=copy.ref,
        state=copy.state,
        number=copy.number,
        sha256=copy.sha256,
        contract=copy.contract.ref if copy.contract else None,
        report=copy.report,
        match=copy.match,
        proposal=proposal(copy.report, copy.match),
        seller_siret=copy.seller_siret,
        issued_on=copy.issued_on,
        amount_ht=_euros(copy.amount_ht),
        amount_ttc=_euros(copy.amount_ttc),
        clock=Clock.model_validate(told) if (told := clock_dict(delay_of(copy, days, today))) else None,
        liquidation=_settled(copy),
        reason=copy.reason_code,
        motive=copy.motive,
        engagement=copy.engagement,
        part=copy.part,
        mandate=copy.mandate,
        paid_on=copy.paid_on,
    ).model_dump(mode="json")


@router.post(
    "",
    status_code=201,
    response_model=InvoiceOut,
    responses={200: {"description": "Ces octets sont déjà là", "model": InvoiceOut}},
    openapi_extra=BODY,
    dependencies=[Depends(FINANCE)],
)
async def take(
    request: Request, ctx: Ctx, who: Who, organisation: Annotated[str, Query(max_length=12)] = ""
) -> Response:
    """The file is the body (CII, UBL or Factur-X, 20 MB); the same bytes again: 200 and the same reference."""
    sink = MemorySink()
    received = await receive(request, sink, INVOICE_CAP)
    ref, new = await run_in_threadpool(take_copy, ctx, who, organisation, received, sink.content, "api")
    return JSONResponse(await run_in_threadpool(_read, ctx, who, ref), 201 if new else 200)


def _read(ctx: Ctx, who: Who, ref: str) -> dict[str, Any]:
    with reading(ctx.database) as db:
        return _found(db, who, ref)


def _found(db: Session, who: Person, ref: str) -> dict[str, Any]:
    copy = find_invoice(db, ref, who)
    days = terms_of(db, copy.contract).payment_days if copy.contract else 30
    return shown(copy, days, paris_day(database.now(db)))


@router.get("", response_model=Page, dependencies=[Depends(FINANCE)])
def invoices(db: Db, who: Who, before: Cursor = None, limit: Annotated[int, Query(ge=1, le=100)] = PAGE) -> Response:
    """Every invoice of the buyers of this account, newest first."""
    copies = invoices_for(db, who, before, limit)
    results = [
        Listed(
            ref=copy.ref, state=copy.state, number=copy.number, seller_siret=copy.seller_siret,
            contract=copy.contract.ref if copy.contract else None, amount_ht=_euros(copy.amount_ht),
            net_ttc=_euros(copy.net_ttc), due=copy.due_on, paid_on=copy.paid_on,
        )
        for copy in copies
    ]  # fmt: skip
    found = Page(results=results, next=copies[-1].id if len(copies) == limit else None)
    return JSONResponse(found.model_dump(mode="json"))


@router.get("/{ref}", response_model=InvoiceOut, dependencies=[Depends(FINANCE)])
def invoice(db: Db, who: Who, ref: str) -> Response:
    return JSONResponse(_found(db, who, ref))
