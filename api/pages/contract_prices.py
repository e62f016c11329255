"""The price list of a contract: taken from the offer that won, or from a CSV file; then read line by line."""

from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import BUYER, OFFICER, Who
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.pages.pli_prices import CAP, priced
from api.render import page
from api.review import read
from api.unsealing import clear_chunks
from api.uploads import MemorySink, Received, receive
from procurement.candidacy import CandidacyFile
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid, NotFound, Refused
from procurement.execution.prices import ContractPrice, Priced, keep_prices, prices_of, read_prices
from procurement.people import Person, Role

router = APIRouter(include_in_schema=False)
BASE, TEMPLATE = "/contrats/{ref}/prix", "contracts/prices.html"
PAGE = 100
CSV_CAP = 2_000_000


def _context(db: Session, contract: Contract, who: Person, first: int = 0) -> dict[str, Any]:
    known: list[ContractPrice] = prices_of(db, contract)
    return {
        "contract": contract,
        "prices": known[first : first + PAGE],
        "count": len(known),
        "next": first + PAGE if len(known) > first + PAGE else None,
        "officer": who.has(Role.OFFICER, contract.organisation_id),
        "workbook": _workbook(contract),
        "cap": f"{CSV_CAP // 10**6} Mo",
    }


def _workbook(contract: Contract) -> CandidacyFile | None:
    """The price workbook of the offer that won, where the dossier asked for one."""
    return next((file for file in contract.candidacy.files if priced(contract.consultation, file)), None)


@router.get(BASE, dependencies=[Depends(BUYER)])
def prices(request: Request, db: Db, who: Who, ref: str, depuis: int = 0) -> Response:
    return page(request, TEMPLATE, **_context(db, find_contract(db, ref, who), who, min(max(depuis, 0), 10**6)))


@router.post(f"{BASE}/offre", dependencies=[Depends(OFFICER)])
def from_the_offer(ctx: Ctx, who: Who, ref: str) -> Response:
    """Read the workbook again in a worker process, then keep its prices."""
    with transaction(ctx.database) as db:
        contract, now = _officer(db, ref, who), database.now(db)
        file, (dossier, _) = _workbook(contract), read(contract.consultation.dossier)
        consultation = contract.consultation
    if file is None or dossier is None:
        raise NotFound
    if file.size > CAP:
        raise Refused("Ce fichier est trop gros : ce n’est pas le classeur de prix qui a été envoyé.")
    content = b"".join(clear_chunks(ctx, consultation, file.key, now))
    try:
        report: Any = isolate.run("dce_templates.read_prices:read_prices_plain", dossier, content, None)
    except WorkFailed as error:
        raise Refused(error.sentence) from None
    lines = [
        Priced(line["code"], line["label"], line["unit"], Decimal(line["price"]))
        for line in report["lines"]
        if line["price"] is not None
    ]
    if len(lines) < len(report["lines"]):
        raise Refused("Un prix manque dans le classeur de l’offre : déposez la liste en CSV.")
    _keep(ctx, who, ref, lines, file.name)
    return RedirectResponse(f"/contrats/{ref}/prix?ok=enregistre", 303)


@router.post(f"{BASE}/fichier", dependencies=[Depends(OFFICER)])
async def from_a_file(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    shown = await run_in_threadpool(_authorise, ctx, who, ref)
    sink = MemorySink()
    try:
        received = await receive(request, sink, CSV_CAP)
        await run_in_threadpool(_take, ctx, who, ref, received, sink.content)
    except (Invalid, Refused) as error:
        sentence = next(iter(error.fields.values())) if isinstance(error, Invalid) else error.sentence
        raise PageInvalid(Invalid({"file": sentence}), TEMPLATE, shown) from None
    return RedirectResponse(f"/contrats/{ref}/prix?ok=enregistre", 303)


def _take(ctx: Context, who: Person, ref: str, received: Received, content: bytes) -> None:
    _keep(ctx, who, ref, read_prices(content), f"{received.name}, {received.sha256}")


def _keep(ctx: Context, who: Person, ref: str, lines: list[Priced], source: str) -> None:
    with transaction(ctx.database) as db:
        keep_prices(db, _officer(db, ref, who), lines, source, who, database.now(db))


def _authorise(ctx: Context, who: Person, ref: str) -> dict[str, Any]:
    with reading(ctx.database) as db:
        return _context(db, _officer(db, ref, who), who)


def _officer(db: Session, ref: str, who: Person) -> Contract:
    contract = find_contract(db, ref, who)
    if not who.has(Role.OFFICER, contract.organisation_id):
        raise NotFound
    return contract
