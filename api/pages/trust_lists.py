"""The trusted lists that the service follows, for administrators: what is held, since when, what fails."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import db as database
from api.auth import ADMINISTRATOR
from api.context import Ctx
from api.db import Db
from api.remote.lists import address_of
from api.render import page
from procurement.trust_lists import ListState, states

router = APIRouter(include_in_schema=False)


@router.get("/administration/listes", dependencies=[Depends(ADMINISTRATOR)])
def lists_page(request: Request, db: Db, ctx: Ctx) -> Response:
    """Sequence, dates, number of services, and one sentence where somebody must look."""
    rows = [_row(state) for state in states(db, database.now(db))]
    return page(request, "administration/lists.html", rows=rows, address=address_of(ctx))


def _row(state: ListState) -> dict[str, Any]:
    row, version = state.followed, state.version
    if state.alarm:
        words = ("À regarder", "danger")
    elif row.problem:
        words = ("Dernière lecture manquée", "warning")
    else:
        words = ("Lue", "success") if version else ("Sera lue dans un instant", "waiting")
    return {
        "territory": "Liste des listes (UE)" if row.territory == "EU" else row.territory,
        "badge": words,
        "sentence": " ".join(part for part in (state.alarm, row.problem) if part),
        "read_at": row.read_at,
        "version": version,
        "counts": row.territory != "EU",
    }
