"""The buyer's side of subcontracting: what was declared, a declaration of its own, its answer to each."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import BUYER, OFFICER, Who
from api.context import Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.errors import PageInvalid
from api.render import page
from api.subcontracting import Typed, dc4_of, declared, list_context, modified, row_context
from procurement.act import Act
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid, NotFound
from procurement.people import Person, Role
from procurement.signing import remind, sign_by_hand
from procurement.subcontract import (
    Subcontract,
    end_subcontract,
    find_subcontract,
    refuse_subcontract,
    withdraw_subcontract,
)

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PATH = "/contrats/{ref}/sous-traitants"
ONE = PATH + "/{sref}"


def _officers(db: Session, *, ref: str, who: Person) -> Contract:
    """A contract of a buyer of which this person is an officer; NotFound for others."""
    contract = find_contract(db, ref, who)
    if not who.has(Role.OFFICER, contract.organisation_id):
        raise NotFound
    return contract


def _row(db: Session, ref: str, sref: str, who: Person) -> Subcontract:
    return find_subcontract(db, _officers(db, ref=ref, who=who), sref)


def _act(db: Session, ref: str, sref: str, who: Person) -> Act:
    act = _row(db, ref, sref, who).act
    if act is None:
        raise NotFound
    return act


def _listed(contract: Contract, who: Person) -> dict[str, Any]:
    here = PATH.format(ref=contract.ref)
    crumbs = [("Marchés et factures", "/contrats"), (contract.number, f"/contrats/{contract.ref}")]
    return {
        "here": here,
        "crumbs": crumbs,
        "buyer_side": True,
        "leads": False,
        "officer": who.has(Role.OFFICER, contract.organisation_id),
    }


def _shown(db: Session, row: Subcontract, who: Person) -> dict[str, Any]:
    return row_context(db, row, who) | _listed(row.contract, who)


def _back(ref: str, sref: str, flash: str) -> Response:
    return RedirectResponse(f"{ONE.format(ref=ref, sref=sref)}?ok={flash}", 303)


@router.get(PATH, dependencies=[Depends(BUYER)])
def subcontractors(request: Request, db: Db, who: Who, ref: str) -> Response:
    contract = find_contract(db, ref, who)
    listed = _listed(contract, who)
    return page(request, "subcontracts/list.html", **list_context(db, contract), **listed, declares=listed["officer"])


@router.post(PATH, dependencies=[Depends(OFFICER)])
def declare(ctx: Ctx, who: Who, ref: str, typed: Annotated[Typed, Form()]) -> Response:
    """The officer holds the holder's request: the DC4 is written here, the holder signs it first."""
    find = partial(_officers, ref=ref, who=who)
    sref = declared(ctx, find, typed, who.email, lambda contract: _listed(contract, who))
    return _back(ref, sref, "sous-traitant")


@router.get(ONE, dependencies=[Depends(BUYER)])
def subcontractor(request: Request, db: Db, who: Who, ref: str, sref: str) -> Response:
    contract = find_contract(db, ref, who)
    row = find_subcontract(db, contract, sref)
    return page(request, "subcontracts/subcontract.html", **_shown(db, row, who))


@router.get(ONE + "/dc4.pdf", dependencies=[Depends(BUYER)])
def document(ctx: Ctx, who: Who, ref: str, sref: str) -> Response:
    with reading(ctx.database) as db:
        key, name = dc4_of(find_subcontract(db, find_contract(db, ref, who), sref))
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.post(ONE + "/modifier", dependencies=[Depends(OFFICER)])
def modify(ctx: Ctx, who: Who, ref: str, sref: str, typed: Annotated[Typed, Form()]) -> Response:
    """An acte spécial modificatif: the same circuit; the act in force stands until it is accepted."""
    find = partial(_officers, ref=ref, who=who)
    made = modified(ctx, find, sref, typed, who.email, lambda db, row: _shown(db, row, who))
    return _back(ref, made, "sous-traitant")


@router.post(ONE + "/refuser", dependencies=[Depends(OFFICER)])
def refuse(request: Request, db: Db, who: Who, ref: str, sref: str, motive: Text = "") -> Response:
    row = _row(db, ref, sref, who)
    try:
        refuse_subcontract(db, row, motive, who, database.now(db))
    except Invalid as error:
        raise PageInvalid(error, "subcontracts/subcontract.html", _shown(db, row, who)) from None
    return _back(ref, sref, "sous-traitant-refuse")


@router.post(ONE + "/retirer", dependencies=[Depends(OFFICER)])
def withdraw(db: Db, who: Who, ref: str, sref: str) -> Response:
    withdraw_subcontract(db, _row(db, ref, sref, who), who.email, database.now(db))
    return _back(ref, sref, "sous-traitant-retire")


@router.post(ONE + "/terminer", dependencies=[Depends(OFFICER)])
def end(db: Db, who: Who, ref: str, sref: str) -> Response:
    end_subcontract(db, _row(db, ref, sref, who), who, database.now(db))
    return _back(ref, sref, "sous-traitant-fini")


@router.post(ONE + "/relancer", dependencies=[Depends(OFFICER)])
def remind_signers(db: Db, who: Who, ref: str, sref: str) -> Response:
    """A mail to each company that has not signed yet."""
    remind(db, _act(db, ref, sref, who), who, database.now(db))
    return _back(ref, sref, "rappel")


@router.post(ONE + "/signe-a-la-main", dependencies=[Depends(OFFICER)])
def signed_by_hand(db: Db, who: Who, ref: str, sref: str) -> Response:
    """The officer holds the paper original, signed by every party."""
    sign_by_hand(db, _act(db, ref, sref, who), who, database.now(db))
    return _back(ref, sref, "signe-main")
