"""« Mes informations »: what deposits kept for the next ones, where each value comes from, and how to take it out."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.db import Db
from api.render import french_date, page
from procurement.contract import paris_day
from procurement.people import Person
from procurement.space import KEPT, Given, forget, kept_for

router = APIRouter(include_in_schema=False)
HERE = "/compte/informations"


@router.get(HERE, dependencies=[Depends(SIGNED_IN)])
def kept(request: Request, db: Db, who: Who) -> Response:
    now = database.now(db)
    rows = [
        _row(given, name, who) | {"ended": given.ended(paris_day(now))} for given, name in kept_for(db, who.id, now)
    ]
    return page(request, "space/informations.html", rows=rows)


def _row(given: Given, name: str, who: Person) -> dict[str, Any]:
    own = given.account_id == who.id
    whose = "Votre réponse" if own else f"Réponse de {name}"
    return {
        "ref": given.ref if own else "",
        "label": KEPT[given.key],
        "value": given.value,
        "siret": given.siret,
        "origin": f"{whose} du {french_date(given.given_at)}, consultation {given.origin}",
        "until": given.valid_until,
    }


@router.post(f"{HERE}/{{ref}}/retirer", dependencies=[Depends(SIGNED_IN)])
def take_out(db: Db, who: Who, ref: str) -> Response:
    forget(db, who.id, ref)
    return RedirectResponse(f"{HERE}?ok=oublie", 303)
