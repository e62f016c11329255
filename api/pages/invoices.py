"""Finance: drop a copy of an invoice, read what was found, decide. A copy being checked, without value of deposit."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import FINANCE, Who
from api.chorus_view import portal_view
from api.context import Context, Ctx
from api.cursor import Cursor
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.invoices import INVOICE_CAP, buyers_of, examine, proposal, take_copy
from api.isolate import WorkFailed
from api.pages.contracts import INVOICE_STATES
from api.render import page
from api.uploads import MemorySink, receive
from procurement.billing import record_of
from procurement.chorus import structure_of
from procurement.contract import contracts_for, find_contract
from procurement.errors import Invalid, NotFound, Refused
from procurement.invoice_copy import (
    InvoiceCopy,
    attach_to,
    decide_copy,
    find_invoice,
    invoices_for,
    invoices_of,
)
from procurement.people import Person

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PAGE = 20
CHOICES = 50
# In the order the law asks a person to think of them; each says what becomes of the delay.
DECISIONS: tuple[tuple[str, str, str], ...] = (
    ("approved", "Approuver", "Le délai de paiement continue de courir jusqu’au paiement."),
    ("partial", "Approuver en partie", "Les sommes admises se paient dans le délai ; dites l’écart et pourquoi."),
    (
        "sent_back",
        "Renvoyer pour correction",
        "Mauvais destinataire, service ou engagement : le fournisseur corrige sans refaire sa facture. Le délai part "
        "de la notification du portail au bon destinataire (R2192-15).",
    ),
    (
        "held",
        "Suspendre",
        "Une pièce manque : le délai s’interrompt, une seule fois, et repart quand elle est reçue (R2192-27 à "
        "R2192-29).",
    ),
    (
        "refused",
        "Rejeter",
        "La facture est fausse : elle est close, le délai part de la facture qui la remplace. Dans Chorus Pro : "
        "« Rejetée » ; dans le cycle de vie : 210 « Refusée ».",
    ),
)


def _choices(db: Session, who: Person) -> list[tuple[str, str]]:
    return [(buyer.ref, buyer.name) for buyer in buyers_of(db, who)]


@router.get("/factures", dependencies=[Depends(FINANCE)])
def invoices(request: Request, db: Db, who: Who, avant: Cursor = None) -> Response:
    found = invoices_for(db, who, avant, PAGE)
    older = found[-1].id if len(found) == PAGE else None
    return page(request, "invoices/list.html", copies=found, states=INVOICE_STATES, older=older)


@router.get("/factures/copie", dependencies=[Depends(FINANCE)])
def upload_form(request: Request, db: Db, who: Who) -> Response:
    return page(request, "invoices/upload.html", buyers=_choices(db, who))


@router.post("/factures/copie", dependencies=[Depends(FINANCE)])
async def upload(request: Request, ctx: Ctx, who: Who) -> Response:
    """Stream, examine in a worker process, keep. The same bytes again show the copy that is already there."""
    sink = MemorySink()
    try:
        received = await receive(request, sink, INVOICE_CAP)
        organisation = received.fields.get("organisation", "")
        ref, new = await run_in_threadpool(take_copy, ctx, who, organisation, received, sink.content)
    except (Invalid, Refused, WorkFailed) as error:
        raise await run_in_threadpool(_again, ctx, who, error) from None
    return RedirectResponse(f"/factures/{ref}?ok={'facture' if new else 'facture-connue'}", 303)


def _again(ctx: Context, who: Person, error: Invalid | Refused | WorkFailed) -> PageInvalid:
    fields = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(fields), "invoices/upload.html", {"buyers": _choices(db, who)})


def _context(db: Session, copy: InvoiceCopy, who: Person) -> dict[str, Any]:
    contracts = [] if copy.contract else contracts_for(db, who, None, CHOICES)
    return {
        "copy": copy,
        "contract": copy.contract,
        "contracts": [
            (c.ref, f"{c.number} – {c.holder_name}") for c in contracts if c.organisation_id == copy.organisation_id
        ],
        "state": INVOICE_STATES[copy.state],
        "open": copy.state in ("received", "held"),
        "decisions": [d for d in DECISIONS if d[0] != copy.state],
        "proposed": proposal(copy.report, copy.match),
        "labels": {key: label for key, label, _ in DECISIONS},
        "portal": portal_view(copy),
    }


@router.get("/factures/{ref}", dependencies=[Depends(FINANCE)])
def invoice_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "invoices/invoice.html", **_context(db, find_invoice(db, ref, who), who))


@router.get("/factures/{ref}/fichier", dependencies=[Depends(FINANCE)])
def invoice_file(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
    kind = "application/pdf" if copy.report["container"] == "pdf" else "application/xml"
    return attachment(ctx.storage.get(copy.key), copy.name, kind)


@router.post("/factures/{ref}/decision", dependencies=[Depends(FINANCE)])
def decide(request: Request, db: Db, who: Who, ref: str, decision: Text = "", motive: Text = "") -> Response:
    copy = find_invoice(db, ref, who)
    try:
        if decision not in {key for key, _, _ in DECISIONS}:
            raise Invalid({"decision": "Choisissez une décision."})
        decide_copy(db, copy, decision, motive, who, database.now(db))
    except Invalid as error:
        context = _context(db, copy, who) | {"values": {"decision": decision, "motive": motive}}
        raise PageInvalid(error, "invoices/invoice.html", context) from None
    return RedirectResponse(f"/factures/{ref}?ok=decide", 303)


@router.post("/factures/{ref}/rattacher", dependencies=[Depends(FINANCE)])
def attach(request: Request, ctx: Ctx, who: Who, ref: str, contract: Text = "") -> Response:
    """A person says which contract it is; the invoice is confronted with that one alone."""
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
        try:
            chosen = find_contract(db, contract, who)
        except NotFound:
            wrong = Invalid({"contract": "Choisissez un marché de la liste."})
            raise PageInvalid(wrong, "invoices/invoice.html", _context(db, copy, who)) from None
        asked = structure_of(db, copy.organisation_id)
        records = {
            "version": 1,
            "contracts": [record_of(chosen, invoices_of(db, chosen), leave_out=copy.sha256, structure=asked)],
        }
    match = examine(ctx.storage.get(copy.key), records, chosen=True)["match"]
    with transaction(ctx.database) as db:
        attach_to(db, find_invoice(db, ref, who), find_contract(db, contract, who), match, who, database.now(db))
    return RedirectResponse(f"/factures/{ref}?ok=enregistre", 303)
