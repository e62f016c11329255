"""Signing in and out, and proving an address with a code."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import (
    COOKIE,
    PUBLIC,
    SIGNED_IN,
    Who,
    brake,
    check_password,
    open_session,
    release,
    revoke_token,
    send_code,
    tokens_of,
    use_code,
)
from api.context import Context, Ctx
from api.db import Db, database_of, transaction
from api.errors import PageInvalid
from api.render import page
from procurement.errors import Invalid
from procurement.people import Organisation, clean_email

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


def inside(path: str) -> str:
    """Only a path of this site is followed after signing in."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path else "/"


def signed_in(ctx: Ctx, token: str, path: str) -> Response:
    response = RedirectResponse(inside(path), 303)
    secure = ctx.settings.public_url.startswith("https://")
    response.set_cookie(COOKIE, token, max_age=12 * 3600, httponly=True, samesite="lax", secure=secure)
    return response


MINUTES = 15


def _limits(request: Request, email: str) -> dict[str, int]:
    """Ten tries per address and machine, thirty per machine, a hundred per address: no stranger locks an owner out."""
    machine, address = request.client.host if request.client else "?", email.strip().lower()[:80]
    return {f"signin:{machine}:{address}": 10, f"signin-from:{machine}": 30, f"signin-to:{address}": 100}


def _brakes(request: Request, email: str) -> None:
    """Tries per quarter of an hour: each is counted before it is made, so that many at once get no more."""
    with transaction(database_of(request)) as db:
        for name, limit in _limits(request, email).items():
            brake(db, name, limit, MINUTES)


def _succeeded(request: Request, db: Session, email: str) -> None:
    """Only failures stay counted: this try is given back, and none that failed before it."""
    for name in _limits(request, email):
        release(db, name, MINUTES)


def ways_in(ctx: Context) -> dict[str, Any]:
    """What the sign-in page offers on this install."""
    return {"proconnect": ctx.settings.oidc_issuer is not None}


@router.get("/connexion", dependencies=[Depends(PUBLIC)])
def sign_in_form(request: Request, ctx: Ctx, suite: str = "/") -> Response:
    return page(request, "account/sign_in.html", values={"suite": inside(suite)}, **ways_in(ctx))


@router.post("/connexion", dependencies=[Depends(PUBLIC)])
def sign_in(request: Request, ctx: Ctx, email: Text = "", password: Text = "", suite: Text = "/") -> Response:
    values = {"email": email, "suite": inside(suite)}
    _brakes(request, email)
    with transaction(ctx.database) as db:
        user = check_password(db, email, password)
        token = open_session(db, user) if user else ""
        if user:
            _succeeded(request, db, email)
    if not token:
        wrong = Invalid({"password": "Adresse ou mot de passe inconnus."})
        raise PageInvalid(wrong, "account/sign_in.html", {"values": values} | ways_in(ctx))
    return signed_in(ctx, token, suite)


@router.get("/inscription", dependencies=[Depends(PUBLIC)])
def code_form(request: Request, suite: str = "/") -> Response:
    return page(request, "account/ask_code.html", values={"suite": inside(suite)})


@router.post("/inscription", dependencies=[Depends(PUBLIC)])
def ask_code(request: Request, ctx: Ctx, email: Text = "", name: Text = "", suite: Text = "/") -> Response:
    values = {"email": email, "name": name, "suite": inside(suite)}
    try:
        address = clean_email(email)
        if not name.strip():
            raise Invalid({"name": "Écrivez votre nom."})
    except Invalid as error:
        raise PageInvalid(error, "account/ask_code.html", {"values": values}) from None
    _brakes(request, address)
    with transaction(ctx.database) as db:
        send_code(db, address, name.strip()[:200])
    return RedirectResponse("/inscription/code?" + urlencode({"email": address, "suite": inside(suite)}), 303)


@router.get("/inscription/code", dependencies=[Depends(PUBLIC)])
def code_answer_form(request: Request, email: str = "", suite: str = "/") -> Response:
    return page(request, "account/code.html", values={"email": email, "suite": inside(suite)})


@router.post("/inscription/code", dependencies=[Depends(PUBLIC)])
def answer_code(request: Request, ctx: Ctx, email: Text = "", code: Text = "", suite: Text = "/") -> Response:
    values = {"email": email, "suite": inside(suite)}
    address = email.strip().lower()
    _brakes(request, address)
    try:
        with transaction(ctx.database) as db:
            token = open_session(db, use_code(db, address, code))
            _succeeded(request, db, address)
    except Invalid as error:
        raise PageInvalid(error, "account/code.html", {"values": values}) from None
    return signed_in(ctx, token, suite)


@router.get("/compte", dependencies=[Depends(SIGNED_IN)])
def account(request: Request, db: Db, who: Who) -> Response:
    ids = {organisation for _, organisation in who.roles}
    organisations = {o.id: o for o in db.query(Organisation).filter(Organisation.id.in_(ids))}
    tokens, now = tokens_of(db, who.id), database.now(db)
    return page(request, "account/account.html", organisations=organisations, tokens=tokens, now=now)


@router.post("/compte/jetons/{token}", dependencies=[Depends(SIGNED_IN)])
def revoke(db: Db, who: Who, token: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
    """One's own token of the API, from now on refused."""
    revoke_token(db, who.id, token)
    return RedirectResponse("/compte?ok=revoque", 303)
