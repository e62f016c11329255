"""Signing in with ProConnect, out of it, and the proof of belonging that its `siret` claim is.

State and nonce wait in a sealed cookie of this browser: nothing is stored for a stranger, and a link made elsewhere
finds no cookie here. The cookie goes with the first answer; the provider takes a code once.
"""

import base64
import json
import secrets
from datetime import datetime, timedelta

import structlog
from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import errors, secretbox
from api.auth import COOKIE, PUBLIC, SIGNED_IN, brake, close_session, open_session
from api.context import Context, Ctx
from api.db import reading, transaction
from api.pages.account import inside, signed_in
from api.public_register import name_of
from api.remote import oidc
from api.remote.api_entreprise import network
from api.remote.oidc import OidcFault, Provider
from api.render import french_date
from procurement.belonging import Proof, company_of, prove
from procurement.errors import Invalid, NotFound
from procurement.federation import account_for
from procurement.people import User
from siret_lookup.siret import Siret, SiretError, parse_siret

router = APIRouter(include_in_schema=False)
START, BACK = "/connexion/proconnect", "/connexion/proconnect/retour"
ATTEMPT = "mps_oidc"
ATTEMPT_LIFE = timedelta(minutes=10)
NOT_OURS = "Cette connexion n’a pas été commencée dans ce navigateur, ou date de plus de dix minutes : recommencez."
SAID_NO = "ProConnect ne vous a pas connecté : vous avez renoncé, ou vous n’avez pas l’accès. Recommencez si besoin."
log = structlog.get_logger("mps.oidc")


def provider_of(ctx: Context) -> Provider:
    """Raises NotFound where this install has no provider."""
    settings = ctx.settings
    if settings.oidc_issuer is None or settings.oidc_client_id is None or settings.oidc_client_secret is None:
        raise NotFound
    secret, back = settings.oidc_client_secret.get_secret_value(), settings.public_url.rstrip("/") + BACK
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret, back, network(ctx))


@router.get(START, dependencies=[Depends(PUBLIC)])
def start(request: Request, ctx: Ctx, suite: str = "/") -> Response:
    """Off to the provider, with a state and a nonce that only this browser holds."""
    provider = provider_of(ctx)
    machine = request.client.host if request.client else "?"
    with transaction(ctx.database) as db:
        brake(db, f"oidc-from:{machine}", 60, 15)
        now = database.now(db)
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    try:
        url = oidc.authorization_url(provider, oidc.discover(provider), state, nonce)
    except OidcFault as fault:
        return _fault(request, fault)
    until = (now + ATTEMPT_LIFE).isoformat()
    response = RedirectResponse(url, 303)
    kept = _sealed(ctx, {"state": state, "nonce": nonce, "suite": inside(suite), "until": until})
    secure = ctx.settings.public_url.startswith("https://")
    life = int(ATTEMPT_LIFE.total_seconds())
    response.set_cookie(ATTEMPT, kept, max_age=life, path=START, httponly=True, samesite="lax", secure=secure)
    return response


def _sealed(ctx: Context, attempt: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(secretbox.seal(ctx.secret, "oidc-attempt", json.dumps(attempt).encode())).decode()


def _attempt(ctx: Context, request: Request, now: datetime) -> dict[str, str] | None:
    """What this browser began, None where it began nothing, or too long ago."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(ATTEMPT, ""))
        found: dict[str, str] = json.loads(secretbox.unseal(ctx.secret, "oidc-attempt", sealed))
    except ValueError:
        return None
    return found if datetime.fromisoformat(found["until"]) > now else None


@router.get(BACK, dependencies=[Depends(PUBLIC)])
def back(request: Request, ctx: Ctx, state: str = "", code: str = "", error: str = "", iss: str = "") -> Response:
    """The provider's answer: an account, a session, and where a SIRET is claimed, a proof."""
    provider = provider_of(ctx)
    with reading(ctx.database) as db:
        attempt = _attempt(ctx, request, database.now(db))
    try:
        if attempt is None or not secrets.compare_digest(attempt["state"].encode(), state.encode()):
            raise OidcFault(403, NOT_OURS)
        if iss not in ("", provider.issuer):  # RFC 9207: another provider's answer
            raise OidcFault(*oidc.UNSAFE)
        response = _answered(ctx, provider, attempt, code, error)
    except OidcFault as fault:
        response = _fault(request, fault)
    response.delete_cookie(ATTEMPT, path=START)
    return response


def _answered(ctx: Context, provider: Provider, attempt: dict[str, str], code: str, error: str) -> Response:
    if error or not code:
        log.warning("sign-in refused", code=error[:40])
        raise OidcFault(403, SAID_NO) if error == "access_denied" else OidcFault(*_told(error))
    metadata = oidc.discover(provider)
    with reading(ctx.database) as db:
        now = database.now(db)
    who = oidc.identity(provider, metadata, code, attempt["nonce"], now)
    siret = _siret(who.siret)
    name = name_of(ctx, siret, now) if siret else ""
    sealed = secretbox.seal(ctx.secret, "oidc-id-token", who.id_token.encode())
    try:
        with transaction(ctx.database) as db:
            now = database.now(db)
            user = account_for(db, issuer=provider.issuer, subject=who.subject, email=who.email, name=who.name, now=now)
            if siret:
                _prove(db, ctx, user, siret, name, now)
            token = open_session(db, user, sealed)
    except Invalid:
        raise OidcFault(422, "ProConnect n’a pas donné d’adresse électronique : connectez-vous par un code.") from None
    return signed_in(ctx, token, attempt["suite"])


def _told(error: str) -> tuple[int, str]:
    return oidc.DOWN if error in ("server_error", "temporarily_unavailable") else oidc.MISFIT


def _siret(claimed: str) -> Siret | None:
    """The claimed establishment; one that is none proves nothing, and stops nobody."""
    try:
        return parse_siret(claimed)
    except SiretError:
        return None


def _prove(db: Session, ctx: Context, user: User, siret: Siret, name: str, now: datetime) -> None:
    """Each sign-in renews the proof. A public buyer's SIRET proves no belonging to a company."""
    company = company_of(db, siret.value, name, now, sandbox=ctx.settings.api_entreprise_url is None)
    if company is not None:
        prove(db, user, company, Proof("proconnect", f"ProConnect, le {french_date(now)}", "ProConnect"), now)


def _fault(request: Request, fault: OidcFault) -> Response:
    return errors.answer(request, fault.status, fault.sentence)


@router.post("/deconnexion", dependencies=[Depends(SIGNED_IN)])
def sign_out(request: Request, ctx: Ctx) -> Response:
    """Here first, whatever happens there; then at the provider, for a session that began there."""
    with transaction(ctx.database) as db:
        sealed = close_session(db, request.cookies.get(COOKIE, ""))
    response = RedirectResponse(_sign_out_there(ctx, sealed) or "/", 303)
    response.delete_cookie(COOKIE)
    return response


def _sign_out_there(ctx: Context, sealed: bytes | None) -> str:
    """The provider's address, "" where there is nothing to end, or it does not answer."""
    if sealed is None or ctx.settings.oidc_issuer is None:
        return ""
    try:
        id_token = secretbox.unseal(ctx.secret, "oidc-id-token", sealed).decode()
        metadata = oidc.discover(provider_of(ctx))
    except (OidcFault, ValueError):
        return ""
    home = ctx.settings.public_url.rstrip("/") + "/"
    return oidc.end_session_url(metadata, id_token, secrets.token_urlsafe(32), home)
