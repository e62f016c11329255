"""Administrators: attach people with evidence, seal the organisation's token. They never read protected answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import secretbox
from api.apart import check_token
from api.auth import ADMINISTRATOR, Who, members
from api.context import Ctx
from api.db import Db
from api.errors import PageInvalid
from api.render import page
from procurement.errors import Invalid, NotFound
from procurement.people import Organisation, Person, Role, attach, create_organisation, create_user, find_user
from procurement.providers import all_providers
from procurement.tokens import forget_token_state
from siret_lookup.siret import SiretError, parse_siret

router = APIRouter(include_in_schema=False)
PROVIDER_STATES = {"closed": ("Interrogé normalement", "success"), "open": ("Laissé au repos", "warning")}
Text = Annotated[str, Form()]


def _mine(db: Db, who: Person, ref: str) -> Organisation:
    """An organisation this person administers, or a company (any administrator attaches, for now)."""
    organisation = db.scalar(select(Organisation).where(Organisation.ref == ref))
    if organisation is None:
        raise NotFound
    if organisation.kind != "company" and not who.has(Role.ADMINISTRATOR, organisation.id):
        raise NotFound
    return organisation


@router.get("/administration", dependencies=[Depends(ADMINISTRATOR)])
def organisations(request: Request, db: Db, who: Who) -> Response:
    mine = who.organisations(Role.ADMINISTRATOR)
    query = select(Organisation).where(Organisation.id.in_(mine) | (Organisation.kind == "company"))
    return page(
        request,
        "administration/list.html",
        organisations=list(db.scalars(query.order_by(Organisation.name).limit(100))),
    )


@router.get("/administration/organismes", dependencies=[Depends(ADMINISTRATOR)])
def providers_page(request: Request, db: Db, who: Who) -> Response:
    """How each provider is: called normally, or left alone until when."""
    now = database.now(db)
    rows = [
        (p, PROVIDER_STATES["open" if p.open_until and p.open_until > now else "closed"]) for p in all_providers(db)
    ]
    return page(request, "administration/providers.html", providers=rows)


@router.get("/administration/{ref}", dependencies=[Depends(ADMINISTRATOR)])
def organisation_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    organisation = _mine(db, who, ref)
    return page(request, "administration/organisation.html", **_context(db, organisation))


def _context(db: Db, organisation: Organisation) -> dict[str, Any]:
    return {"organisation": organisation, "members": members(db, organisation.id)}


@router.post("/administration/entreprises", dependencies=[Depends(ADMINISTRATOR)])
def add_company(request: Request, db: Db, who: Who, name: Text = "", siret: Text = "") -> Response:
    try:
        if not name.strip():
            raise Invalid({"name": "Écrivez le nom de l’entreprise."})
        try:
            number = parse_siret(siret).value
        except SiretError as error:
            raise Invalid({"siret": error.sentence}) from None
        company = create_organisation(db, name=name, siret=number, kind="company", now=database.now(db))
    except Invalid as error:
        mine = who.organisations(Role.ADMINISTRATOR)
        query = select(Organisation).where(Organisation.id.in_(mine) | (Organisation.kind == "company"))
        context: dict[str, object] = {
            "organisations": list(db.scalars(query.order_by(Organisation.name).limit(100))),
            "values": {"name": name, "siret": siret},
        }
        raise PageInvalid(error, "administration/list.html", context) from None
    return RedirectResponse(f"/administration/{company.ref}?ok=enregistre", 303)


@router.post("/administration/{ref}/personnes", dependencies=[Depends(ADMINISTRATOR)])
def add_member(
    request: Request,
    db: Db,
    who: Who,
    ref: str,
    email: Text = "",
    name: Text = "",
    role: Text = "",
    evidence: Text = "",
) -> Response:
    """Attach a person; a new address gets an account that its owner opens with a code."""
    organisation = _mine(db, who, ref)
    now = database.now(db)
    try:
        if role not in {r.value for r in Role}:
            raise Invalid({"role": "Choisissez un rôle."})
        try:
            user = find_user(db, email)
        except NotFound:
            user = create_user(db, email=email, name=name or email, now=now)
        if organisation.kind == "company" and user.email == who.email:
            raise Invalid({"email": "Un administrateur ne se rattache pas lui-même : demandez à un collègue."})
        attach(db, user, organisation, Role(role), evidence=evidence, granted_by=who.email, now=now)
    except Invalid as error:
        values = {"email": email, "name": name, "role": role, "evidence": evidence}
        context = _context(db, organisation) | {"values": values}
        raise PageInvalid(error, "administration/organisation.html", context) from None
    return RedirectResponse(f"/administration/{ref}?ok=enregistre", 303)


@router.post("/administration/{ref}/jeton", dependencies=[Depends(ADMINISTRATOR)])
def keep_token(request: Request, db: Db, who: Who, ctx: Ctx, ref: str, token: Text = "") -> Response:
    """Seal the organisation's API Entreprise token; it is never shown again."""
    organisation = _mine(db, who, ref)
    if not who.has(Role.ADMINISTRATOR, organisation.id):
        raise NotFound
    try:
        if len(token.strip()) < 10:
            raise Invalid({"token": "Collez le jeton reçu d’API Entreprise."})
        check_token(db, token.strip())
    except Invalid as error:
        raise PageInvalid(error, "administration/organisation.html", _context(db, organisation)) from None
    forget_token_state(organisation)
    organisation.token_sealed = secretbox.seal(ctx.secret, f"token:{organisation.ref}", token.strip().encode())
    return RedirectResponse(f"/administration/{ref}?ok=enregistre", 303)
