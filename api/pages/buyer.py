"""The officer's home, the hub of one consultation and its register."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api import db as database
from api.auth import OFFICER, Who
from api.context import Ctx
from api.db import Db
from api.pages.buyer_draft import TITLES
from api.render import page
from api.review import has_adopted
from api.seal import key_of
from api.wording import open_lines, register_line, state_of, time_left, to_the_second
from procurement.consultation import Consultation, find_for, list_for
from procurement.events import chain_holds, register
from procurement.people import buyers_of
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
HUB = "buyer/hub.html"
PAGE, LINES = 20, 50
PIECE_CAP = 30_000_000
STEPS = [
    "Rédiger",
    "Vérifier et publier",
    "Recevoir les réponses",
    "Ouvrir, analyser",
    "Attribuer",
    "Signer et notifier",
]
Cursor = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Rank = Annotated[int, Query(ge=0, le=2**31 - 1)]


@router.get("/acheteur", dependencies=[Depends(OFFICER)])
def home(request: Request, db: Db, who: Who, avant: Cursor = None) -> Response:
    buyers = buyers_of(db, who)
    found = list_for(db, who, avant, PAGE + 1)
    now = database.now(db)
    rows = [(c, state_of(c, now)) for c in found[:PAGE]]
    following = f"/acheteur?avant={rows[-1][0].id}" if len(found) > PAGE else None
    to_adopt = [o for o in buyers if not has_adopted(o)]
    return page(
        request, "buyer/home.html", rows=rows, buyers=buyers, following=following, to_adopt=to_adopt, table=rule_table()
    )


@router.get("/acheteur/consultations/{ref}", dependencies=[Depends(OFFICER)])
def hub(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, HUB, **hub_context(find_for(db, ref, who), database.now(db)))


def _step(consultation: Consultation, now: datetime) -> int:
    if consultation.state == "published":
        return 4 if consultation.closed(now) else 3
    return {"draft": 1, "opened": 4, "intended": 5, "awarded": 6, "signed": 6, "notified": 6}.get(consultation.state, 0)


def hub_context(consultation: Consultation, now: datetime) -> dict[str, Any]:
    """What the hub shows, in plain values: it is also shown again after a refused form."""
    c = consultation
    deadline = c.deadline
    return {
        "c": {
            "ref": c.ref, "number": c.number, "object": c.object, "state": c.state, "reason": c.reason,
            "buyer": c.organisation.name, "published_at": c.published_at, "opened_at": c.opened_at,
            "offers_here": c.offers_here, "offers_elsewhere": c.offers_elsewhere, "version": c.dce_version,
            "modified_at": c.modified_at,
        },
        "shown": state_of(c, now),
        "open_now": c.receives(now),
        "closed": c.state == "published" and c.closed(now),
        "deadline": to_the_second(deadline) if deadline else "",
        "left": time_left(deadline, now) if deadline else "",
        "steps": STEPS,
        "step": _step(c, now),
        "titles": TITLES,
        "has_prices": bool(c.dossier.get("price_lines")),
        "files": [
            {"id": f.id, "name": f.name, "size": f.size, "sha256": f.sha256, "origin": f.origin}
            for f in c.current_files
        ],
        "cap": f"{PIECE_CAP // 10**6} Mo",
        "overrides": [{"rule": o.rule, "motive": o.motive, "by": o.by, "at": o.at} for o in c.overrides],
    }  # fmt: skip


@router.get("/acheteur/consultations/{ref}/registre", dependencies=[Depends(OFFICER)])
def event_register(request: Request, db: Db, ctx: Ctx, who: Who, ref: str, apres: Rank = 0) -> Response:
    """Oldest first, by rank among the lines that may be shown: numbers of the chain would betray how many answer."""
    consultation = find_for(db, ref, who)
    events = open_lines(consultation, list(register(db, consultation)))
    base = f"/acheteur/consultations/{ref}/registre?apres="
    return page(
        request,
        "buyer/register.html",
        c=consultation,
        lines=[register_line(event) for event in events[apres : apres + LINES]],
        holds=chain_holds(db, consultation),
        sealed=key_of(ctx) is not None,
        before=f"{base}{max(0, apres - LINES)}" if apres else None,
        following=f"{base}{apres + LINES}" if len(events) > apres + LINES else None,
    )
