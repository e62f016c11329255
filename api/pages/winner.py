"""The company's side of the contract: download the acte d’engagement, bring it back signed, acknowledge reception."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.billing_card import engagement_rows
from api.context import Context, Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.errors import PageInvalid
from api.render import page
from api.signing import NotTaken, circuit_of, take_file
from procurement.candidacy import find_own
from procurement.contract import (
    Contract,
    acknowledge,
    contract_of,
    paris_day,
)
from procurement.deliveries import plan
from procurement.errors import Invalid, NotFound
from procurement.execution.engagements import quoted
from procurement.people import Person
from procurement.signers import Signer, leader_of

router = APIRouter(include_in_schema=False)
PATH = "/candidatures/{ref}/contrat"
Report = Mapping[str, Any]


def mine(db: Session, ref: str, who: Person) -> Contract:
    """The contract of the account's own candidacy; anyone else gets NotFound."""
    contract = contract_of(db, find_own(db, ref, who))
    if contract is None:
        raise NotFound
    return contract


def _context(db: Session, contract: Contract, ref: str, report: Report | None = None) -> dict[str, Any]:
    circuit = circuit_of(db, contract.act)
    return circuit | {
        "leader": next((s for s in circuit["signers"] if s.siret == contract.holder_siret), None),
        "contract": contract,
        "consultation": contract.consultation,
        "buyer": contract.organisation,
        "ref": ref,
        "engagements": engagement_rows(quoted(db, contract), "Demandez-le à l’acheteur s’il l’exige."),
        "report": report or contract.act.signature_report,
        "failed": report is not None,
        "file_name": f"{contract.act.file_stem}.pdf",
    }


@router.get(PATH, dependencies=[Depends(SIGNED_IN)])
def contract_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "winner/contract.html", **_context(db, mine(db, ref, who), ref))


@router.get(PATH + "/acte-engagement.pdf", dependencies=[Depends(SIGNED_IN)])
def download(ctx: Ctx, who: Who, ref: str) -> Response:
    """The very bytes to sign: the act, with the signatures of those who signed before."""
    with reading(ctx.database) as db:
        contract = mine(db, ref, who)
        act = contract.act
        key = act.key if act.state == "awaiting_signature" else act.unsigned_key
        name = f"{act.file_stem}.pdf"
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.get(PATH + "/acte-engagement-signe.pdf", dependencies=[Depends(SIGNED_IN)])
def download_signed(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        contract = mine(db, ref, who)
        key, name = contract.act.signed_key, f"{contract.act.file_stem}-signe.pdf"
    if key is None:
        raise NotFound
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.post(PATH + "/signature-recue", dependencies=[Depends(SIGNED_IN)])
async def receive_signed(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Authorise, stream, then verify the very bytes; nothing is kept unless all holds."""
    find = partial(_leader, ref=ref, who=who)
    await take_file(request, ctx, find, who, partial(_again, ctx, who, ref))
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=signe", 303)


def _leader(db: Session, *, ref: str, who: Person) -> Signer:
    return leader_of(db, mine(db, ref, who).act)


def _again(ctx: Context, who: Person, ref: str, error: Exception) -> PageInvalid:
    """The same page with what was wrong, and the verdict where there is one."""
    cause, report = (error.error, error.report) if isinstance(error, NotTaken) else (error, None)
    fields = cause.fields if isinstance(cause, Invalid) else {"file": getattr(error, "sentence", "")}
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(fields), "winner/contract.html", _context(db, mine(db, ref, who), ref, report))


@router.post(PATH + "/reception", dependencies=[Depends(SIGNED_IN)])
def acknowledge_reception(request: Request, db: Db, who: Who, ref: str) -> Response:
    """One press, dated by the database's clock: the contract takes effect (R2182-4)."""
    contract = mine(db, ref, who)
    now = database.now(db)
    acknowledge(db, contract, paris_day(now), f"account:{who.id}", now)
    plan(db, contract, now)
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=recu", 303)
