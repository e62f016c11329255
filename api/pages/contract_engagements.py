"""What invoices must quote and which accounts are paid: engagements one by one or from a CSV file, bank accounts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import BUYER, FINANCE, Who
from api.context import Context, Ctx
from api.contract_record import Sent, Typed, find_for_writing, frame, page_again
from api.db import Db, reading, transaction
from api.errors import PageInvalid
from api.invoices import buyers_of
from api.render import page
from api.uploads import receive_form
from procurement.contract import Contract, find_contract, set_service
from procurement.errors import Invalid, Refused
from procurement.execution.engagements import (
    Line,
    close_engagement,
    engagements_of,
    keep_lines,
    open_engagement,
    read_csv,
)
from procurement.execution.parties import (
    accounts_of,
    confirm_account,
    find_account,
    propose_account,
    refuse_account,
)
from procurement.execution.parts import parts_of
from procurement.people import Organisation, Person, Role
from procurement.suppliers import paid_of

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
WRITERS = (Role.FINANCE,)
PAGE, IMPORT = "contracts/engagements.html", "contracts/import.html"
CSV_CAP = 10 * 10**6
ACCOUNT_STATES = {
    "proposed": ("Attend une seconde personne", "waiting"),
    "confirmed": ("Peut être payé", "success"),
    "refused": ("Écarté", "danger"),
    "closed": ("Fermé", "info"),
}


# Before the pages of one contract: « engagements » is no ref.
@router.get("/contrats/engagements", dependencies=[Depends(FINANCE)])
def import_form(request: Request, db: Db, who: Who) -> Response:
    return page(request, IMPORT, **_choices(db, who))


def _choices(db: Session, who: Person) -> dict[str, Any]:
    buyers = [(buyer.ref, buyer.name) for buyer in buyers_of(db, who)]
    return {"buyers": buyers, "done": None}


@router.post("/contrats/engagements", dependencies=[Depends(FINANCE)])
async def import_file(request: Request, ctx: Ctx, who: Who) -> Response:
    """The finance software's file for one buyer: all of it is kept, or nothing."""
    try:
        files, fields = await receive_form(request, CSV_CAP, 1, needed=False)
        done = await run_in_threadpool(_import, ctx, who, fields.get("organisation", ""), files)
    except (Invalid, Refused) as error:
        wrong = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
        raise await run_in_threadpool(_import_again, ctx, who, wrong) from None
    return await run_in_threadpool(_imported, request, ctx, who, done)


def _imported(request: Request, ctx: Context, who: Person, done: dict[str, Any]) -> Response:
    with reading(ctx.database) as db:
        choices = _choices(db, who)
    return page(request, IMPORT, **choices | {"done": done})


def _import(ctx: Context, who: Person, organisation: str, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    if not files:
        raise Invalid({"file": "Choisissez le fichier de votre logiciel financier."})
    lines = read_csv(files[0][1])
    with transaction(ctx.database) as db:
        mine = {buyer.ref: buyer for buyer in buyers_of(db, who)}
        if organisation not in mine:
            raise Invalid({"organisation": "Choisissez un acheteur de la liste."})
        kept, unknown = keep_lines(db, db.get_one(Organisation, mine[organisation].id), lines, who, database.now(db))
    return {"name": files[0][0], "lines": len(lines), "kept": kept, "unknown": unknown}


def _import_again(ctx: Context, who: Person, wrong: dict[str, str]) -> PageInvalid:
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(wrong), IMPORT, _choices(db, who))


def _context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    engagements, companies = engagements_of(db, contract), paid_of(db, contract)
    return frame(contract, who, WRITERS) | {
        "engagements": engagements,
        "parts": [(part.number, f"{part.title} – {part.label}") for part in parts_of(db, contract)],
        "accounts": accounts_of(db, contract),
        "account_states": ACCOUNT_STATES,
        "companies": {company.siret: company.name for company in companies},
        "who": who.email,
        "values": {"service": contract.service},
    }


@router.get("/contrats/{ref}/engagements", dependencies=[Depends(BUYER)])
def engagements_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, PAGE, **_context(db, find_contract(db, ref, who), who))


def _back(ref: str) -> Response:
    return RedirectResponse(f"/contrats/{ref}/engagements?ok=enregistre", 303)


@router.post("/contrats/{ref}/facturation", dependencies=[Depends(FINANCE)])
def keep_billing(db: Db, who: Who, ref: str, sent: Sent) -> Response:
    """The service code of the contract, and an engagement where one is written."""
    contract, now, typed = find_for_writing(db, ref, who, WRITERS), database.now(db), Typed(sent.fields)
    try:
        service, number = typed.text("service", 1000), typed.text("engagement", 1000)
        amount, part = typed.euros("amount_ht"), typed.text("part", 20)
        if amount is not None and amount < 0:
            typed.wrong["amount_ht"] = "Le montant de l’engagement est positif."
        if not number and (amount is not None or part):
            typed.wrong["engagement"] = "Écrivez le numéro de l’engagement : sans lui, rien de cela n’est gardé."
        typed.hold()
        set_service(db, contract, service, who, now)
        if number:
            open_engagement(db, contract, Line(contract.number, number, service, amount, part), who, now)
    except Invalid as error:
        raise page_again(error, PAGE, _context(db, contract, who), sent.fields) from None
    return _back(ref)


@router.post("/contrats/{ref}/engagements/clore", dependencies=[Depends(FINANCE)])
def close(db: Db, who: Who, ref: str, number: Text = "") -> Response:
    contract = find_for_writing(db, ref, who, WRITERS)
    try:
        close_engagement(db, contract, number, who, database.now(db))
    except Invalid as error:
        raise page_again(error, PAGE, _context(db, contract, who), {}) from None
    return _back(ref)


@router.post("/contrats/{ref}/comptes", dependencies=[Depends(FINANCE)])
def add_account(db: Db, who: Who, ref: str, siret: Text = "", iban: Text = "", call_back: Text = "") -> Response:
    """The company's first account counts at once; another one waits for a second person."""
    contract = find_for_writing(db, ref, who, WRITERS)
    try:
        if siret not in {party.siret for party in paid_of(db, contract)}:
            raise Invalid({"siret": "Choisissez une entreprise du marché."})
        propose_account(db, contract, siret, iban, call_back, who, database.now(db))
    except Invalid as error:
        typed = {"siret": siret, "iban": iban, "call_back": call_back}
        raise page_again(error, PAGE, _context(db, contract, who), typed) from None
    return _back(ref)


@router.post("/contrats/{ref}/comptes/{aref}/confirmer", dependencies=[Depends(FINANCE)])
def second_person_confirms(db: Db, who: Who, ref: str, aref: str) -> Response:
    contract = find_for_writing(db, ref, who, WRITERS)
    confirm_account(db, contract, find_account(db, contract, aref), who, database.now(db))
    return _back(ref)


@router.post("/contrats/{ref}/comptes/{aref}/refuser", dependencies=[Depends(FINANCE)])
def second_person_refuses(db: Db, who: Who, ref: str, aref: str) -> Response:
    contract = find_for_writing(db, ref, who, WRITERS)
    refuse_account(db, contract, find_account(db, contract, aref), who, database.now(db))
    return _back(ref)
