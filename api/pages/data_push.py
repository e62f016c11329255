"""The administrators' page of their buyer's data set: where essential data are sent, with which key, what was taken."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import secretbox
from api.auth import ADMINISTRATOR, Who
from api.context import Ctx
from api.db import Db
from api.errors import PageInvalid
from api.pages.administration import administered
from api.render import page
from procurement.errors import Invalid, Refused
from procurement.people import Organisation
from procurement.publication.push import ask_push, check_dataset, keep_push, push_of, receipts_of

router = APIRouter(include_in_schema=False)
BASE, TEMPLATE = "/administration/{ref}/donnees-ouvertes", "administration/data_push.html"
Text = Annotated[str, Form()]


def _context(db: Session, organisation: Organisation, where: str) -> dict[str, Any]:
    push = push_of(db, organisation.id)
    return {
        "organisation": organisation,
        "push": push,
        "receipts": receipts_of(db, push),
        "platform": where,
        "values": {"dataset": push.dataset if push else ""},
    }


@router.get(BASE, dependencies=[Depends(ADMINISTRATOR)])
def data_set(request: Request, db: Db, ctx: Ctx, who: Who, ref: str) -> Response:
    return page(request, TEMPLATE, **_context(db, administered(db, who, ref), ctx.url("datagouv")))


@router.post(BASE, dependencies=[Depends(ADMINISTRATOR)])
def keep(db: Db, ctx: Ctx, who: Who, ref: str, dataset: Text = "", key: Text = "") -> Response:
    """Name the data set and seal its key, which is never shown again; an empty key keeps the one that is there."""
    organisation = administered(db, who, ref)
    known = push_of(db, organisation.id)
    try:
        named = check_dataset(dataset)
        if key.strip():
            if not (key.strip().isascii() and key.strip().isprintable() and 10 <= len(key.strip()) <= 500):
                raise Invalid({"key": "Cette clé ne ressemble pas à celles que donne la plateforme."})
            sealed = secretbox.seal(ctx.secret, f"datagouv:{organisation.ref}", key.strip().encode())
        elif known is not None and known.dataset == named:
            sealed = known.key_sealed
        else:
            raise Invalid({"key": "Donnez la clé d’API du compte qui publie dans ce jeu de données."})
    except Invalid as error:
        context = _context(db, organisation, ctx.url("datagouv")) | {"values": {"dataset": dataset}}
        raise PageInvalid(error, TEMPLATE, context) from None
    keep_push(db, organisation, named, sealed, database.now(db))
    return RedirectResponse(f"{BASE.format(ref=ref)}?ok=enregistre", 303)


@router.post(BASE + "/envoyer", dependencies=[Depends(ADMINISTRATOR)])
def send_again(db: Db, who: Who, ref: str) -> Response:
    """The whole file, once more."""
    organisation = administered(db, who, ref)
    if push_of(db, organisation.id) is None:
        raise Refused("Donnez d’abord le jeu de données et sa clé.")
    ask_push(db, organisation.id, database.now(db))
    return RedirectResponse(f"{BASE.format(ref=ref)}?ok=enregistre", 303)
