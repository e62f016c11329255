"""The holder's side of subcontracting: it declares a subcontractor, signs the DC4, follows the buyer's answer.

In a group its mandataire declares for every member; another member reads what concerns its own subcontractors.
"""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.context import Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.pages.winner import PATH as CONTRACT
from api.render import page
from api.subcontracting import Typed, dc4_of, declared, list_context, modified, row_context
from procurement.contract import Contract
from procurement.errors import NotFound
from procurement.people import Person
from procurement.subcontract import Subcontract, find_subcontract, withdraw_subcontract
from procurement.suppliers import Side, find_side

router = APIRouter(include_in_schema=False)
PATH = CONTRACT + "/sous-traitants"
ONE = PATH + "/{sref}"


def _led(db: Session, *, ref: str, who: Person) -> Contract:
    """For whoever may declare. Raises NotFound for another member."""
    side = find_side(db, ref, who)
    if not side.leads:
        raise NotFound
    return side.contract


def _row(db: Session, ref: str, sref: str, who: Person) -> tuple[Side, Subcontract]:
    side = find_side(db, ref, who)
    return side, find_subcontract(db, side.contract, sref, side.sees)


def _listed(contract: Contract, ref: str, who: Person, *, leads: bool) -> dict[str, Any]:
    """Whoever deposited the answer comes from there, the others from what they bill."""
    here = CONTRACT.format(ref=ref)
    crumbs = [("Mes marchés", "/mes-marches"), (contract.number, f"{here}/facturation")]
    if contract.candidacy.account_id == who.id:
        answer = (contract.consultation.number, f"/candidatures/{ref}")
        crumbs = [("Mes réponses", "/candidatures"), answer, ("Marché", here)]
    return {
        "here": PATH.format(ref=ref), "crumbs": crumbs, "officer": False, "buyer_side": False, "leads": leads,
    }  # fmt: skip


def _shown(db: Session, row: Subcontract, ref: str, who: Person) -> dict[str, Any]:
    return row_context(db, row, who) | _listed(row.contract, ref, who, leads=find_side(db, ref, who).leads)


@router.get(PATH, dependencies=[Depends(SIGNED_IN)])
def subcontractors(request: Request, db: Db, who: Who, ref: str) -> Response:
    side = find_side(db, ref, who)
    listed = _listed(side.contract, ref, who, leads=side.leads)
    context = list_context(db, side.contract, side.sees)
    return page(request, "subcontracts/list.html", **context, **listed, declares=side.leads)


@router.post(PATH, dependencies=[Depends(SIGNED_IN)])
def declare(ctx: Ctx, who: Who, ref: str, typed: Annotated[Typed, Form()]) -> Response:
    """R2193-3: after the notification, the holder hands over a declaration; it signs it next."""
    find = partial(_led, ref=ref, who=who)
    sref = declared(ctx, find, typed, f"account:{who.id}", lambda contract: _listed(contract, ref, who, leads=True))
    return RedirectResponse(f"{ONE.format(ref=ref, sref=sref)}?ok=sous-traitant", 303)


@router.get(ONE, dependencies=[Depends(SIGNED_IN)])
def subcontractor(request: Request, db: Db, who: Who, ref: str, sref: str) -> Response:
    _, row = _row(db, ref, sref, who)
    return page(request, "subcontracts/subcontract.html", **_shown(db, row, ref, who))


@router.get(ONE + "/dc4.pdf", dependencies=[Depends(SIGNED_IN)])
def document(ctx: Ctx, who: Who, ref: str, sref: str) -> Response:
    with reading(ctx.database) as db:
        key, name = dc4_of(_row(db, ref, sref, who)[1])
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.post(ONE + "/modifier", dependencies=[Depends(SIGNED_IN)])
def modify(ctx: Ctx, who: Who, ref: str, sref: str, typed: Annotated[Typed, Form()]) -> Response:
    """An acte spécial modificatif, signed and accepted as the first one was."""
    find, actor = partial(_led, ref=ref, who=who), f"account:{who.id}"
    made = modified(ctx, find, sref, typed, actor, lambda db, row: _shown(db, row, ref, who))
    return RedirectResponse(f"{ONE.format(ref=ref, sref=made)}?ok=sous-traitant", 303)


@router.post(ONE + "/retirer", dependencies=[Depends(SIGNED_IN)])
def withdraw(db: Db, who: Who, ref: str, sref: str) -> Response:
    row = find_subcontract(db, _led(db, ref=ref, who=who), sref)
    withdraw_subcontract(db, row, f"account:{who.id}", database.now(db))
    return RedirectResponse(f"{ONE.format(ref=ref, sref=sref)}?ok=sous-traitant-retire", 303)
