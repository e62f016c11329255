"""The contract's sheet for the accounting officer: made, downloaded, sent by the buyer's own means, acknowledged."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import FINANCE, Who
from api.context import Ctx
from api.contracts import read_date
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.render import page
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid, NotFound, Refused
from procurement.invoicing.handoff import sheet
from procurement.people import Person, Role
from procurement.pes import (
    answer,
    facts_digest,
    facts_of,
    find_sending,
    keep_sending,
    mark_sent,
    next_sequence,
    sendings_of,
)
from procurement.suppliers import BILLED

router = APIRouter(include_in_schema=False)
PATH = "/contrats/{ref}/pes"
Text = Annotated[str, Form()]
STATES = {
    "made": ("À transmettre", "waiting"), "sent": ("Acquittement attendu", "waiting"),
    "acked": ("Acquitté", "success"), "refused": ("Refusé", "danger"),
}  # fmt: skip


def _finance(db: Session, ref: str, who: Person) -> Contract:
    contract = find_contract(db, ref, who)
    if not who.has(Role.FINANCE, contract.organisation_id):
        raise NotFound
    return contract


def _context(db: Session, contract: Contract) -> dict[str, Any]:
    sendings = sendings_of(db, contract)
    try:
        following, blocked = next_sequence(sendings, facts_digest(facts_of(db, contract))), ""
    except Refused as error:
        following, blocked = 0, error.sentence
    return {
        "contract": contract, "sendings": list(reversed(sendings)), "following": following, "blocked": blocked,
        "states": STATES, "ready": contract.state in BILLED,
    }  # fmt: skip


@router.get(PATH, dependencies=[Depends(FINANCE)])
def pes_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "contracts/pes.html", **_context(db, _finance(db, ref, who)))


@router.post(PATH, dependencies=[Depends(FINANCE)])
def make(ctx: Ctx, who: Who, ref: str) -> Response:
    """Read, write the XML, store it, then keep its row if nobody took its number meanwhile."""
    with reading(ctx.database) as db:
        contract = _finance(db, ref, who)
        if contract.state not in BILLED:
            raise Refused("La fiche se prépare une fois le marché notifié.")
        facts = facts_of(db, contract)
        sha256 = facts_digest(facts)
        sequence = next_sequence(sendings_of(db, contract), sha256)
    content = sheet(facts, sequence)
    key = ctx.storage.put("pes", content)
    with transaction(ctx.database) as db:
        keep_sending(
            db, _finance(db, ref, who), sequence=sequence, facts_sha256=sha256,
            content_sha256=hashlib.sha256(content).hexdigest(), key=key, person=who, now=database.now(db),
        )  # fmt: skip
    return RedirectResponse(f"/contrats/{ref}/pes?ok=enregistre", 303)


@router.get(PATH + "/{sref}.xml", dependencies=[Depends(FINANCE)])
def download(ctx: Ctx, who: Who, ref: str, sref: str) -> Response:
    with reading(ctx.database) as db:
        contract = _finance(db, ref, who)
        row = find_sending(db, contract, sref)
        name = f"fiche-{contract.number}-{row.sequence:03d}.xml"
    return attachment(ctx.storage.get(row.key), name, "application/xml")


@router.post(PATH + "/{sref}/transmis", dependencies=[Depends(FINANCE)])
def sent(db: Db, who: Who, ref: str, sref: str) -> Response:
    contract = _finance(db, ref, who)
    mark_sent(db, contract, find_sending(db, contract, sref), who, database.now(db))
    return RedirectResponse(f"/contrats/{ref}/pes?ok=enregistre", 303)


@router.post(PATH + "/{sref}/reponse", dependencies=[Depends(FINANCE)])
def answered(
    request: Request, db: Db, who: Who, ref: str, sref: str, to: Text = "", on: Text = "", reason: Text = ""
) -> Response:
    """What the accounting officer's software answered."""
    contract = _finance(db, ref, who)
    row = find_sending(db, contract, sref)
    try:
        day = read_date(on, "on") if on.strip() else None
        answer(db, contract, row, to, day, reason, who, database.now(db))
    except Invalid as error:
        context = _context(db, contract) | {"values": {"to": to, "on": on, "reason": reason}}
        raise PageInvalid(error, "contracts/pes.html", context) from None
    return RedirectResponse(f"/contrats/{ref}/pes?ok=enregistre", 303)
