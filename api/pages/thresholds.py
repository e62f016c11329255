"""Above which amount an invoice is decided by two persons: each buyer says, its administrator writes."""

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
