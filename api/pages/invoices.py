"""Finance: what is in hand, a copy of an invoice dropped and read. A copy being checked, without value of deposit."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import invoice_view
from api.auth import FINANCE, Who
from api.chorus_view import portal_view
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.invoices import INVOICE_CAP, Taken, buyers_of, confronted, proposal, take_several
from api.pages.contracts import INVOICE_STATES
from api.render import page
from api.uploads import receive_form
from procurement.billing import record_of, whole_of
from procurement.contract import contracts_for, find_contract, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.invoice_copy import InvoiceCopy, attach_to, find_invoice
from procurement.invoice_decision import arrived
from procurement.invoicing.contracts import to_record
from procurement.people import Person, Role
from procurement.twins import left_out
from procurement.worklist import FILTERS, figures_of, page_of

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PAGE = 20
CHOICES = 50
MOST_FILES = 20


def _choices(db: Session, who: Person) -> list[tuple[str, str]]:
    return [(buyer.ref, buyer.name) for buyer in buyers_of(db, who)]


@router.get("/factures", dependencies=[Depends(FINANCE)])
def invoices(
    request: Request, db: Db, who: Who, etat: str = "", apres: Annotated[str, Query(max_length=30)] = ""
) -> Response:
    """By last day of payment; the counts are of all the buyers of this person."""
    mine, today = who.organisations(Role.FINANCE), paris_day(database.now(db))
    found, after = page_of(db, mine, etat, today, apres, PAGE)
    figures = figures_of(db, mine, today)
    counts = [(key, words, sum(each.counts[key] for each in figures)) for key, words in FILTERS.items()]
    return page(
        request, "invoices/list.html", copies=[(copy, invoice_view.list_badge(copy, today)) for copy in found],
        states=INVOICE_STATES, after=after, chosen=etat if etat in FILTERS else "", counts=counts, figures=figures,
    )  # fmt: skip


@router.get("/factures/copie", dependencies=[Depends(FINANCE)])
def upload_form(request: Request, db: Db, who: Who) -> Response:
    return page(request, "invoices/upload.html", buyers=_choices(db, who), taken=[])


@router.post("/factures/copie", dependencies=[Depends(FINANCE)])
async def upload(request: Request, ctx: Ctx, who: Who) -> Response:
    """Receive, examine in a worker process, keep. The same bytes again show the copy that is already there."""
    try:
        files, fields = await receive_form(request, INVOICE_CAP, MOST_FILES)
        if not files:
            raise Invalid({"file": "Choisissez un fichier qui n’est pas vide."})
        taken = await run_in_threadpool(take_several, ctx, who, fields.get("organisation", ""), files)
        if len(taken) == 1 and taken[0].wrong:
            raise Refused(taken[0].wrong)
    except (Invalid, Refused) as error:
        raise await run_in_threadpool(_again, ctx, who, error) from None
    if len(taken) == 1:
        return RedirectResponse(f"/factures/{taken[0].ref}?ok={'facture' if taken[0].new else 'facture-connue'}", 303)
    return await run_in_threadpool(_several, request, ctx, who, taken)


def _several(request: Request, ctx: Context, who: Person, taken: list[Taken]) -> Response:
    with reading(ctx.database) as db:
        return page(request, "invoices/upload.html", buyers=_choices(db, who), taken=taken)


def _again(ctx: Context, who: Person, error: Invalid | Refused) -> PageInvalid:
    fields = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(fields), "invoices/upload.html", {"buyers": _choices(db, who), "taken": []})


def context_of(db: Session, copy: InvoiceCopy, who: Person) -> dict[str, Any]:
    """What `invoices/invoice.html` shows."""
    contracts = [] if copy.contract else contracts_for(db, who, None, CHOICES)
    return {
        "copy": copy,
        "contract": copy.contract,
        "contracts": [
            (c.ref, f"{c.number} – {c.holder_name}") for c in contracts if c.organisation_id == copy.organisation_id
        ],
        "state": INVOICE_STATES[copy.state],
        "proposed": proposal(copy.report, copy.match),
        "who": who.email,
        **invoice_view.shown(db, copy, paris_day(database.now(db))),
        "portal": portal_view(copy),
        "states_of": INVOICE_STATES,
    }


@router.get("/factures/{ref}", dependencies=[Depends(FINANCE)])
def invoice_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "invoices/invoice.html", **context_of(db, find_invoice(db, ref, who), who))


@router.get("/factures/{ref}/fichier", dependencies=[Depends(FINANCE)])
def invoice_file(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
    kind = "application/pdf" if copy.report["container"] == "pdf" else "application/xml"
    return attachment(ctx.storage.get(copy.key), copy.name, kind)


@router.post("/factures/{ref}/rattacher", dependencies=[Depends(FINANCE)])
def attach(request: Request, ctx: Ctx, who: Who, ref: str, contract: Text = "") -> Response:
    """A person says which contract it is; the invoice is confronted with that one alone, where it reads."""
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
        try:
            chosen = find_contract(db, contract, who)
        except NotFound:
            wrong = Invalid({"contract": "Choisissez un marché de la liste."})
            raise PageInvalid(wrong, "invoices/invoice.html", context_of(db, copy, who)) from None
        today, own = paris_day(database.now(db)), left_out(db, copy)
        record = to_record(record_of(whole_of(db, chosen), today=today, leave_out=own))
    match = confronted(ctx, copy, record)
    with transaction(ctx.database) as db:
        copy, now = find_invoice(db, ref, who), database.now(db)
        attach_to(db, copy, find_contract(db, contract, who), match, who, now)
        arrived(db, [copy], now)
    return RedirectResponse(f"/factures/{ref}?ok=enregistre", 303)
