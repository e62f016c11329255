"""Delegations of signature, kept by a buyer's administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import ADMINISTRATOR, Who
from api.contracts import read_date, read_euros
from api.db import Db
from api.errors import PageInvalid
from api.pages.administration import administered, context_of
from procurement.errors import Invalid, NotFound
from procurement.people import find_user
from procurement.powers import end, grant

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.post("/administration/{ref}/delegations", dependencies=[Depends(ADMINISTRATOR)])
def add_power(
    request: Request, db: Db, who: Who, ref: str, signatory: Text = "", capacity: Text = "", act: Text = "",
    ceiling: Text = "", valid_from: Text = "", valid_until: Text = "",
) -> Response:  # fmt: skip
    """Who may sign, up to what amount, between which dates, by which act."""
    organisation = administered(db, who, ref)
    typed = {
        "signatory": signatory, "capacity": capacity, "act": act, "ceiling": ceiling, "valid_from": valid_from,
        "valid_until": valid_until,
    }  # fmt: skip
    try:
        try:
            user = find_user(db, signatory)
        except NotFound:
            raise Invalid({"signatory": "Aucun compte n’a cette adresse."}) from None
        grant(
            db, organisation, user, capacity=capacity, act=act,
            ceiling=read_euros(ceiling, "ceiling") if ceiling.strip() else None,
            valid_from=read_date(valid_from, "valid_from"),
            valid_until=read_date(valid_until, "valid_until") if valid_until.strip() else None,
            by=who.email, now=database.now(db),
        )  # fmt: skip
    except Invalid as error:
        context = context_of(db, who, organisation) | {"values": typed}
        raise PageInvalid(error, "administration/organisation.html", context) from None
    return RedirectResponse(f"/administration/{ref}?ok=enregistre#delegations", 303)


@router.post("/administration/{ref}/delegations/{pref}/fin", dependencies=[Depends(ADMINISTRATOR)])
def end_power(db: Db, who: Who, ref: str, pref: str) -> Response:
    end(db, administered(db, who, ref), pref, who.email, database.now(db))
    return RedirectResponse(f"/administration/{ref}?ok=enregistre#delegations", 303)
