"""What each buyer says once of itself: above which amount two persons decide, and what kind of buyer it is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import ADMINISTRATOR, Who
from api.contracts import read_euros
from api.db import Db
from api.errors import PageInvalid
from api.pages.administration import administered, context_of
from procurement.errors import Invalid
from procurement.people import BUYER_KINDS
from procurement.second_person import set_threshold

router = APIRouter(include_in_schema=False)
MOST = 10**10


@router.post("/administration/{ref}/seuil", dependencies=[Depends(ADMINISTRATOR)])
def keep_threshold(request: Request, db: Db, who: Who, ref: str, second_above: Annotated[str, Form()] = "") -> Response:
    """Euros TTC; nothing typed: one person decides whatever the amount."""
    organisation = administered(db, who, ref)
    try:
        value = read_euros(second_above, "second_above") if second_above.strip() else None
        if value is not None and not (0 <= value <= MOST and value == round(value, 2)):
            raise Invalid({"second_above": "Le seuil va de 0 à dix milliards d’euros, au centime près."})
    except Invalid as error:
        context = context_of(db, who, organisation) | {"values": {"second_above": second_above}}
        raise PageInvalid(error, "administration/organisation.html", context) from None
    set_threshold(db, organisation, value, who, database.now(db))
    return RedirectResponse(f"/administration/{ref}?ok=enregistre#seuil", 303)


@router.post("/administration/{ref}/genre", dependencies=[Depends(ADMINISTRATOR)])
def set_kind(db: Db, who: Who, ref: str, public_kind: Annotated[str, Form()] = "") -> Response:
    """What caps the retention of an SME (R2191-33) and fills the next dossiers."""
    organisation = administered(db, who, ref)
    if public_kind not in BUYER_KINDS:
        error, context = Invalid({"public_kind": "Choisissez dans la liste."}), context_of(db, who, organisation)
        raise PageInvalid(error, "administration/organisation.html", context)
    organisation.public_kind = public_kind
    return RedirectResponse(f"/administration/{ref}?ok=enregistre#genre", 303)
