"""The first page and the papers every public service shows."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import db as database
from api.auth import PUBLIC
from api.context import Ctx
from api.db import Db
from api.render import page
from procurement.consultation import public_list
from procurement.errors import NotFound
from procurement.mail import latest_mail

router = APIRouter(include_in_schema=False)
PAGE = 20


@router.get("/", dependencies=[Depends(PUBLIC)])
def home(request: Request, db: Db) -> Response:
    open_now = [c for c in public_list(db, "", None, 10) if c.receives(database.now(db))][:5]
    return page(request, "home/home.html", consultations=open_now)


@router.get("/mentions-legales", dependencies=[Depends(PUBLIC)])
def legal(request: Request) -> Response:
    return page(request, "home/legal.html")


@router.get("/donnees-personnelles", dependencies=[Depends(PUBLIC)])
def privacy(request: Request) -> Response:
    return page(request, "home/privacy.html")


@router.get("/accessibilite", dependencies=[Depends(PUBLIC)])
def accessibility(request: Request) -> Response:
    return page(request, "home/accessibility.html")


@router.get("/aide", dependencies=[Depends(PUBLIC)])
def help_page(request: Request) -> Response:
    return page(request, "home/help.html")


@router.get("/boite", dependencies=[Depends(PUBLIC)])
def trial_box(request: Request, db: Db, ctx: Ctx, avant: int | None = None) -> Response:
    """The demonstration's « boîte d’essai »: there only in the sandbox and without a mail server."""
    if ctx.settings.smtp_url is not None or not request.app.state.sandbox:
        raise NotFound
    return page(request, "home/box.html", mails=latest_mail(db, avant, PAGE), size=PAGE)
