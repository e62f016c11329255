"""Administrators: attach people with evidence, seal the organisation's token. They never read protected answers."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import secretbox
from api.apart import check_token
from api.auth import ADMINISTRATOR, Who, members
from api.context import Context, Ctx
from api.db import Db, transaction
from api.dossiers import tidy
from api.errors import PageInvalid
from api.remote.api_entreprise import COUNTED
from api.render import page
from procurement.belonging import attach_on_paper, company_of
from procurement.candidacy import companies_opened
from procurement.counters import used_in
from procurement.errors import Invalid, NotFound, Refused
from procurement.looks import looked
from procurement.people import BUYER_KINDS, Organisation, Person, Role, attach, create_user, find_user, operator
from procurement.pieces import Piece, called_as
from procurement.powers import powers_of
from procurement.providers import all_providers
from procurement.tokens import forget_token_state
from procurement.trust_lists import states
from siret_lookup.catalogue import PIECES
from siret_lookup.maintenance import windows
from siret_lookup.quotas import BUDGETS, token_id, window_start
from siret_lookup.sources import SOURCES

router = APIRouter(include_in_schema=False)
PROVIDER_STATES = {"closed": ("Interrogé normalement", "success"), "open": ("Laissé au repos", "warning")}
Text = Annotated[str, Form()]


def _mine(db: Db, who: Person, ref: str) -> Organisation:
    """An organisation this person administers, or a company whose answer its buyer has opened; else NotFound."""
    buyers = who.organisations(Role.ADMINISTRATOR)
    organisation = db.scalar(select(Organisation).where(Organisation.ref == ref))
    if organisation is None:
        raise NotFound
    known = organisation.kind == "company" and organisation.siret in companies_opened(db, buyers)
    if not known and organisation.id not in buyers:
        raise NotFound
    return organisation


@router.get("/administration", dependencies=[Depends(ADMINISTRATOR)])
def organisations(request: Request, db: Db, who: Who) -> Response:
    """One's own buyers, and the companies that may be told apart because their answers are open."""
    buyers = who.organisations(Role.ADMINISTRATOR)
    mine = list(db.scalars(select(Organisation).where(Organisation.id.in_(buyers)).order_by(Organisation.name)))
    companies, runs = companies_opened(db, buyers), operator(db)
    posts = runs is not None and runs.id in buyers
    alarms = [f"{state.followed.territory} : {state.alarm}" for state in states(db, database.now(db)) if state.alarm]
    return page(
        request, "administration/list.html", organisations=mine, companies=companies, posts=posts, alarms=alarms
    )


@router.get("/administration/organismes", dependencies=[Depends(ADMINISTRATOR)])
def providers_page(request: Request, db: Db, who: Who, ctx: Ctx) -> Response:
    """How each provider is: called normally, or left alone until when."""
    now = database.now(db)
    rows = [
        (p, PROVIDER_STATES["open" if p.open_until and p.open_until > now else "closed"]) for p in all_providers(db)
    ]
    return page(
        request, "administration/providers.html", providers=rows, budgets=_budgets(db, who, ctx, now), closed=_closed()
    )


def _closed() -> list[tuple[str, str]]:
    """(source, daily window), Paris time."""
    return sorted((SOURCES[key].title, str(window)) for key, window in windows().items())


def _budgets(db: Db, who: Person, ctx: Context, now: datetime) -> list[tuple[str, str, int, int]]:
    """(buyer, budget, used, limit) of this minute for one's own tokens. They serve after an opening only."""
    query = select(Organisation).where(Organisation.id.in_(who.organisations(Role.ADMINISTRATOR)))
    used, found = used_in(db, COUNTED, window_start(now)), []
    for buyer in db.scalars(query.where(Organisation.token_sealed.is_not(None)).order_by(Organisation.name)):
        try:
            token = token_id(secretbox.unseal(ctx.secret, f"token:{buyer.ref}", buyer.token_sealed or b"").decode())
        except ValueError:
            continue  # sealed with another SECRET_KEY: its own page says so
        found += [(buyer.name, group, used.get(f"{token}:{group}", 0), limit) for group, limit in BUDGETS.items()]
    return found


@router.get("/administration/{ref}", dependencies=[Depends(ADMINISTRATOR)])
def organisation_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    organisation = _mine(db, who, ref)
    return page(request, "administration/organisation.html", **context_of(db, who, organisation))


def context_of(db: Db, who: Person, organisation: Organisation) -> dict[str, Any]:
    """A company's other members are its own business: an administrator sees whom it attached itself."""
    shown = members(db, organisation.id)
    if organisation.kind == "company":
        shown = [m for m in shown if m.granted_by == who.email]
    powers = powers_of(db, organisation.id) if organisation.kind == "buyer" else []
    return {
        "organisation": organisation, "members": shown, "number": "", "calls": None, "powers": powers,
        "kinds": BUYER_KINDS,
    }  # fmt: skip


@router.post("/administration/entreprises", dependencies=[Depends(ADMINISTRATOR)])
def company(db: Db, ctx: Ctx, who: Who, siret: Text = "") -> Response:
    """To the page of a company that answered; it is added at the first visit."""
    name = companies_opened(db, who.organisations(Role.ADMINISTRATOR)).get(siret)
    if name is None:
        raise NotFound
    found = company_of(db, siret, name, database.now(db), sandbox=ctx.settings.api_entreprise_url is None)
    if found is None:
        raise Refused("Ce SIRET est celui d’un acheteur public : ses agents ne sont pas des membres d’entreprise.")
    return RedirectResponse(f"/administration/{found.ref}", 303)


@router.post("/administration/{ref}/personnes", dependencies=[Depends(ADMINISTRATOR)])
def add_member(
    request: Request, db: Db, who: Who, ref: str, email: Text = "", name: Text = "", role: Text = "",
    evidence: Text = "",
) -> Response:  # fmt: skip
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
        if organisation.kind == "company" and role == Role.COMPANY:
            attach_on_paper(db, user, organisation, evidence, who, now)
        else:
            attach(db, user, organisation, Role(role), evidence=evidence, granted_by=who.email, now=now)
    except Invalid as error:
        values = {"email": email, "name": name, "role": role, "evidence": evidence}
        context = context_of(db, who, organisation) | {"values": values}
        raise PageInvalid(error, "administration/organisation.html", context) from None
    return RedirectResponse(f"/administration/{ref}?ok=enregistre", 303)


@router.post("/administration/{ref}/appels", dependencies=[Depends(ADMINISTRATOR)])
def calls(request: Request, ctx: Ctx, who: Who, ref: str, number: Text = "") -> Response:
    """Which piece a call answered, from its X-Request-ID: what to tell API Entreprise, never what it answered."""
    with transaction(ctx.database) as db:
        organisation, now = _mine(db, who, ref), database.now(db)
        if not who.has(Role.ADMINISTRATOR, organisation.id):
            raise NotFound
        found = called_as(db, organisation.id, tidy(number)[:100])
        for piece in found:
            looked(db, piece.candidacy, who.email, "Appel retrouvé par son numéro, sans la réponse", now)
        context = context_of(db, who, organisation) | {"number": number.strip(), "calls": [_call(p) for p in found]}
    return page(request, "administration/organisation.html", **context)


def administered(db: Db, who: Person, ref: str) -> Organisation:
    """A buyer that this person administers; else NotFound."""
    organisation = _mine(db, who, ref)
    if organisation.kind != "buyer" or not who.has(Role.ADMINISTRATOR, organisation.id):
        raise NotFound
    return organisation


def _call(piece: Piece) -> tuple[str, str, str, datetime | None]:
    return PIECES[piece.key].title, piece.candidacy.name, piece.candidacy.consultation.number, piece.fetched_at


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
        raise PageInvalid(error, "administration/organisation.html", context_of(db, who, organisation)) from None
    forget_token_state(organisation)
    organisation.token_sealed = secretbox.seal(ctx.secret, f"token:{organisation.ref}", token.strip().encode())
    return RedirectResponse(f"/administration/{ref}?ok=enregistre", 303)
