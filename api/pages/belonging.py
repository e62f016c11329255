"""« Appartenance »: what a person has proven, the ways to prove, and who else is a member. Never needed to deposit."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who, brake
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.errors import PageInvalid
from api.letters import evidence, holds, new_code, seal_code
from api.public_register import HeadOffice, head_office
from api.render import page
from procurement import belonging, letter
from procurement.belonging import WAYS, Proof, company_of, company_seen_by, members_of, proofs_of, prove
from procurement.errors import Invalid, Refused
from procurement.people import Person, User
from siret_lookup.siret import Siret, SiretError, parse_siret

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
HERE = "/compte/appartenance"
TEMPLATE = "belonging/belonging.html"


@router.get(HERE, dependencies=[Depends(SIGNED_IN)])
def own_proofs(request: Request, ctx: Ctx, who: Who) -> Response:
    return page(request, TEMPLATE, **_context(ctx, who))


def _context(ctx: Context, who: Person) -> dict[str, Any]:
    with reading(ctx.database) as db:
        now = database.now(db)
        proofs = [
            {"company": p.organisation, "way": WAYS.get(p.way, p.evidence), "at": p.proven_at or p.created_at,
             "until": p.proven_until}
            for p in proofs_of(db, who.id, now)
        ]  # fmt: skip
        waiting = letter.own_letters(db, who, now)
    return {"proofs": proofs, "letters": waiting, "proconnect": ctx.settings.oidc_issuer is not None}


def _again(ctx: Context, who: Person, errors: dict[str, str], **values: str) -> PageInvalid:
    return PageInvalid(Invalid(errors), TEMPLATE, _context(ctx, who) | {"values": values})


@router.post(f"{HERE}/courriers", dependencies=[Depends(SIGNED_IN)])
def ask_letter(ctx: Ctx, who: Who, siret: Text = "") -> Response:
    """The address comes from open data, fetched with no transaction open; a masked one closes this way."""
    with transaction(ctx.database) as db:
        brake(db, f"siret:{who.id}", 60, 15)
        now = database.now(db)
    try:
        number = parse_siret(siret)
    except SiretError as error:
        raise _again(ctx, who, {"siret": error.sentence}, siret=siret) from None
    office = head_office(ctx, number, now)
    if office.problem:
        raise _again(ctx, who, {"siret": office.problem}, siret=siret)
    _keep(ctx, who, number, office)
    return RedirectResponse(f"{HERE}?ok=courrier", 303)


def _keep(ctx: Context, who: Person, number: Siret, office: HeadOffice) -> None:
    code, hashed = new_code()
    with transaction(ctx.database) as db:
        now = database.now(db)
        if belonging.is_buyer(db, number.value):
            raise Refused("Ce SIRET est celui d’un acheteur public : son administrateur y rattache ses agents.")
        made = letter.ask(db, who, number.value, office.name, list(office.address), hashed, now)
        seal_code(ctx, made, code)


@router.post(f"{HERE}/courriers/{{ref}}", dependencies=[Depends(SIGNED_IN)])
def give_code(ctx: Ctx, who: Who, ref: str, code: Text = "") -> Response:
    """The code of the letter; a wrong one is counted, then said."""
    field = f"code-{ref}"
    try:
        typed = letter.read_code(code)
    except Invalid as error:
        raise _again(ctx, who, {field: error.fields["code"]}) from None
    with transaction(ctx.database) as db:
        now = database.now(db)
        found = letter.find_own_letter(db, ref, who)
        problem = letter.give_back(found, typed, holds, now)
        if not problem:
            company = company_of(db, found.siret, found.name, now, sandbox=ctx.settings.api_entreprise_url is None)
            if company is None:
                raise Refused("Ce SIRET est celui d’un acheteur public.")
            proof = Proof("letter", evidence(found, now), "courrier au siège")
            prove(db, db.get_one(User, who.id), company, proof, now)
    if problem:
        raise _again(ctx, who, {field if "restants" in problem else "form": problem})
    return RedirectResponse(f"{HERE}?ok=prouve", 303)


@router.get(f"{HERE}/{{ref}}", dependencies=[Depends(SIGNED_IN)])
def company_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    """Who else is a proven member, how, since when and on whose word: for proven members only."""
    now = database.now(db)
    company = company_seen_by(db, ref, who, now)
    members = [
        {"user": m.user, "evidence": m.evidence, "by": m.granted_by, "at": m.proven_at or m.created_at,
         "until": m.proven_until}
        for m in members_of(db, company, now)
    ]  # fmt: skip
    return page(request, "belonging/company.html", company=company, members=members)


@router.post(f"{HERE}/{{ref}}/membres/{{member}}/fin", dependencies=[Depends(SIGNED_IN)])
def end_proof(db: Db, who: Who, ref: str, member: str) -> Response:
    now: datetime = database.now(db)
    company = company_seen_by(db, ref, who, now)
    belonging.end(db, company, member, who, now)
    still = belonging.proof_of(db, who.id, company.siret, now) is not None
    return RedirectResponse((f"{HERE}/{ref}" if still else HERE) + "?ok=enregistre", 303)
