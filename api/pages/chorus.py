"""Chorus Pro for a buyer: its account, kept by an administrator; a status told again, by finance."""

from datetime import datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import ADMINISTRATOR, FINANCE, Who
from api.chorus import portal_of, seal, switches_of
from api.context import Context, Ctx
from api.contracts import read_date
from api.db import Db, reading
from api.errors import PageInvalid
from api.pages.administration import administered
from api.render import PARIS, page
from procurement.chorus import (
    APPROVALS,
    account_of,
    ask_again,
    keep_account,
    missing,
    stop_account,
    structure_of,
)
from procurement.chorus_status import WORDS, tell_again
from procurement.errors import Invalid, NotFound, Refused, Unavailable
from procurement.invoice_copy import find_invoice
from procurement.people import Organisation

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
TEMPLATE = "administration/chorus.html"
SHOWN = 50


def _context(db: Session, ctx: Context, organisation: Organisation) -> dict[str, Any]:
    account = account_of(db, organisation.id)
    rows = missing(db, account, SHOWN) if account else []
    return {
        "organisation": organisation,
        "account": account,
        "structure": structure_of(db, organisation.id),
        "notices": [(row, WORDS.get(row.status, row.status)) for row in rows],
        "approvals": [(key, label, "") for key, label in APPROVALS.items()],
        "address": ctx.url("chorus"),
        "tried": None,
        "values": {
            "login": account.login if account else "", "client_id": account.client_id if account else "",
            "approval": account.approval if account else "SERVICE_FAIT", "since": "",
        },
    }  # fmt: skip


@router.get("/administration/{ref}/chorus", dependencies=[Depends(ADMINISTRATOR)])
def account_page(request: Request, db: Db, ctx: Ctx, who: Who, ref: str) -> Response:
    """The account without its secrets, the last reading, what the portal announced and is not here."""
    return page(request, TEMPLATE, **_context(db, ctx, administered(db, who, ref)))


@router.post("/administration/{ref}/chorus", dependencies=[Depends(ADMINISTRATOR)])
def keep(
    request: Request, db: Db, ctx: Ctx, who: Who, ref: str, login: Text = "", password: Text = "",
    client_id: Text = "", client_secret: Text = "", approval: Text = "", since: Text = "",
) -> Response:  # fmt: skip
    """Seal the account; both secrets are never shown again, and stay where nothing is typed."""
    organisation = administered(db, who, ref)
    try:
        keep_account(
            db, organisation, login=login, client_id=client_id, approval=approval, since=_since(since),
            sealed=seal(ctx, organisation.ref, password.strip(), client_secret.strip()), by=who.email,
            now=database.now(db),
        )  # fmt: skip
    except Invalid as error:
        typed = {"login": login, "client_id": client_id, "approval": approval, "since": since}
        raise PageInvalid(error, TEMPLATE, _context(db, ctx, organisation) | {"values": typed}) from None
    return RedirectResponse(f"/administration/{ref}/chorus?ok=chorus", 303)


def _since(text: str) -> datetime | None:
    """The beginning of that day in Paris."""
    return datetime.combine(read_date(text, "since"), time(), PARIS) if text.strip() else None


@router.post("/administration/{ref}/chorus/essai", dependencies=[Depends(ADMINISTRATOR)])
def attempt(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Ask PISTE for a token and the portal for the buyer's structure; nothing is kept of it."""
    with reading(ctx.database) as db:
        organisation = administered(db, who, ref)
        account = account_of(db, organisation.id)
        if account is None:
            raise NotFound
        _ = account.organisation
    try:
        found = switches_of(portal_of(ctx, account), organisation.siret)
        tried = ("success", "La connexion est bonne", f"Chorus Pro connaît cet acheteur : {found.name}.")
    except (Unavailable, Refused) as error:
        tried = ("danger", "La connexion ne se fait pas", error.sentence)
    with reading(ctx.database) as db:
        context = _context(db, ctx, administered(db, who, ref)) | {"tried": tried}
        return page(request, TEMPLATE, **context)


@router.post("/administration/{ref}/chorus/relire", dependencies=[Depends(ADMINISTRATOR)])
def read_now(db: Db, who: Who, ref: str) -> Response:
    """Read at once, and try again what was given up."""
    account = account_of(db, administered(db, who, ref).id)
    if account is None or account.stopped_at is not None:
        raise NotFound
    now = database.now(db)
    ask_again(db, account, now)
    account.due_at = account.structure_due_at = now
    return RedirectResponse(f"/administration/{ref}/chorus?ok=chorus-relire", 303)


@router.post("/administration/{ref}/chorus/arret", dependencies=[Depends(ADMINISTRATOR)])
def stop(db: Db, who: Who, ref: str) -> Response:
    account = account_of(db, administered(db, who, ref).id)
    if account is None:
        raise NotFound
    stop_account(account, who.email, database.now(db))
    return RedirectResponse(f"/administration/{ref}/chorus?ok=chorus-arret", 303)


@router.post("/factures/{ref}/portail", dependencies=[Depends(FINANCE)])
def again(db: Db, who: Who, ref: str) -> Response:
    """The same status is sent to the portal once more."""
    tell_again(db, find_invoice(db, ref, who), database.now(db))
    return RedirectResponse(f"/factures/{ref}?ok=portail#chorus", 303)
