"""/api/v1/invoices: a copy being checked, without value of deposit."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.auth import FINANCE, Who
from api.context import Ctx
from api.db import Db, reading
from api.invoices import INVOICE_CAP, proposal, take_copy
from api.uploads import MemorySink, receive
from api.v1.answers import PROBLEMS
from procurement.invoice_copy import InvoiceCopy, find_invoice

router = APIRouter(prefix="/api/v1/invoices", tags=["invoices"], responses=PROBLEMS)
BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("application/octet-stream",)},
    }
}


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


def shown(copy: InvoiceCopy) -> dict[str, Any]:
    return InvoiceOut(
        ref=copy.ref,
        state=copy.state,
        number=copy.number,
        sha256=copy.sha256,
        contract=copy.contract.ref if copy.contract else None,
        report=copy.report,
        match=copy.match,
        proposal=proposal(copy.report, copy.match),
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
        return shown(find_invoice(db, ref, who))


@router.get("/{ref}", response_model=InvoiceOut, dependencies=[Depends(FINANCE)])
def invoice(db: Db, who: Who, ref: str) -> Response:
    return JSONResponse(shown(find_invoice(db, ref, who)))
