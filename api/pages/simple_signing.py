"""A company signs a small contract by a code mailed to its account's address: « signature simple », nothing more."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import COOKIE, SIGNED_IN, Who, proconnect_of
from api.context import Context, Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.pages.signing import PATH
from api.render import page
from api.signing import Find
from api.simple_signing import code_state, drawn_act, evidence_file, read_words, send_code, sign_simply, why_not
from procurement.errors import Invalid, NotFound, Refused, Unavailable
from procurement.people import Person
from procurement.signers import Signer, find_signer
from procurement.signing import may_sign

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
TEMPLATE = "signing/code.html"
HERE = PATH + "/par-code"


def _find(ref: str, who: Person) -> Find:
    return partial(_found, ref=ref, who=who)


def _found(db: Session, *, ref: str, who: Person) -> Signer:
    return find_signer(db, ref, who)


def _context(ctx: Context, find: Find, who: Person) -> dict[str, Any]:
    with reading(ctx.database) as db:
        signer = find(db)
        may_sign(db, signer, who, database.now(db))
        refused, act = why_not(db, ctx, signer), signer.act
        until = "" if refused else code_state(db, signer, who, database.now(db))
        shown = {
            "signer": signer,
            "act": act,
            "contract": act.contract,
            "buyer": act.contract.organisation,
            "consultation": act.contract.consultation,
            "sha256": act.sha256,
            "until": until,
            "email": who.email,
            "verified": who.verified,
            "refused": refused,
            "sentence": read_words(act),
            "values": {},
        }
    return shown | {"pictures": [] if refused else drawn_act(ctx, find, who)}


@router.get(HERE, dependencies=[Depends(SIGNED_IN)])
def code_page(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """The act, its digest, and the code to ask or to type."""
    return page(request, TEMPLATE, **_context(ctx, _find(ref, who), who))


@router.get(PATH + "/preuve", dependencies=[Depends(SIGNED_IN)])
def own_evidence(db: Db, who: Who, ref: str) -> Response:
    """What is kept of one's own simple signature."""
    signer = find_signer(db, ref, who)
    if signer.evidence is None:
        raise NotFound
    name = f"preuve-signature-{signer.act.contract.number}-{signer.siret}.json"
    return attachment(evidence_file(signer.evidence), name, "application/json")


@router.post(HERE + "/envoi", dependencies=[Depends(SIGNED_IN)])
def ask(ctx: Ctx, who: Who, ref: str) -> Response:
    send_code(ctx, _find(ref, who), who)
    return RedirectResponse(f"{HERE.format(ref=ref)}?ok=code", 303)


@router.post(HERE, dependencies=[Depends(SIGNED_IN)])
def sign(request: Request, ctx: Ctx, who: Who, ref: str, code: Text = "", read: Text = "") -> Response:
    """The code typed is the signature. What is refused keeps nothing, but a wrong try is counted."""
    find, address = _find(ref, who), request.client.host if request.client else ""
    sandbox: bool = request.app.state.sandbox
    with reading(ctx.database) as db:
        identity = proconnect_of(db, request.cookies.get(COOKIE, ""))
    try:
        sign_simply(ctx, find, who, code, read == "1", address, identity, sandbox=sandbox)
    except NotFound:
        raise
    except (Invalid, Refused, Unavailable, WorkFailed) as error:
        if not isinstance(error, Invalid):
            error = Invalid({"code": error.sentence})
        raise PageInvalid(error, TEMPLATE, _context(ctx, find, who) | {"values": {"read": read}}) from None
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=signe-code", 303)
