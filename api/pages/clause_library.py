"""The buyer's library: every clause with what it is, where it is used, and the versions that were written of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import clause_editing as editing
from api import db as database
from api.auth import OFFICER, Who
from api.context import Ctx
from api.db import Db, transaction
from api.dossiers import tidy
from api.render import page
from dce_templates.catalogue import Clause, catalogue
from dce_templates.clause_lines import PLACES, to_typed
from procurement.errors import NotFound
from procurement.library import (
    ClauseVersion,
    drafts_with,
    in_force,
    start,
    uses_of,
    versions_of,
)
from procurement.people import Organisation, Person, buyers_of, fold

router = APIRouter(include_in_schema=False)
HOME, ONE = "/acheteur/clauses", "/acheteur/clauses/{buyer}/{clause}"
PAGE = 20
VIEWS: Mapping[str, str] = {"": "Toutes", "votre": "Les vôtres", "cours": "En cours", "modele": "Modèle changé"}
Text = Annotated[str, Form()]
Number = Annotated[int, Query(ge=1, le=10_000)]


@dataclass(frozen=True, slots=True)
class Line:
    """One clause of the list: what is in force, what is being written, whether its model changed."""

    id: str
    title: str
    place: str
    said: str
    open: ClauseVersion | None
    stale: bool
    own: bool


def _chosen(buyers: list[Organisation], ref: str) -> Organisation:
    """The buyer asked for, else the first. Raises NotFound."""
    found = [buyer for buyer in buyers if ref in ("", buyer.ref)]
    if not found:
        raise NotFound
    return found[0]


def buyer_of(db: Session, who: Person, ref: str) -> Organisation:
    """The buyer asked for, of those this officer works for. Raises NotFound."""
    return _chosen(buyers_of(db, who), ref)


def _lines(clauses: Mapping[str, Clause], own: list[ClauseVersion]) -> Iterator[Line]:
    approved = {row.clause: row for row in own if row.state == "approved"}
    opened = {row.clause: row for row in own if row.state in ("draft", "proposed")}
    for name in sorted({*clauses, *opened}):
        clause, mine, writing = clauses.get(name), approved.get(name), opened.get(name)
        title = clause.meta.title if clause else writing.title if writing else ""
        said = f"Votre version {mine.version}" if mine else f"Modèle {clause.meta.version}" if clause else "Pas encore"
        stale = any(row.stale(catalogue()) for row in (mine, writing) if row)
        place = PLACES[clause.meta.place] if clause else "–"
        yield Line(name, title or "Sans titre pour l’instant", place, said, writing, stale, mine is not None)


def _wanted(line: Line, words: list[str], view: str) -> bool:
    kept = {"votre": line.own, "cours": line.open is not None, "modele": line.stale}.get(view, True)
    return kept and all(word in fold(f"{line.id} {line.title}") for word in words)


@router.get(HOME, dependencies=[Depends(OFFICER)])
def library(
    request: Request, db: Db, who: Who, acheteur: str = "", q: str = "", vue: str = "", rang: Number = 1
) -> Response:
    """The clauses in the order of their numbers, twenty to a page; what waits for a second reader comes first."""
    buyers = buyers_of(db, who)
    buyer = _chosen(buyers, acheteur)
    own = versions_of(db, buyer.id)
    lines = [line for line in _lines(in_force(db, buyer.id), own) if _wanted(line, fold(q).split()[:6], vue)]
    shown = lines[(rang - 1) * PAGE : rang * PAGE]
    pages = [request.url.include_query_params(rang=number).query for number in (rang - 1, rang + 1)]
    return page(
        request, "clause_library/library.html", buyer=buyer, buyers=buyers, lines=shown, total=len(lines),
        waiting=[row for row in own if row.state == "proposed"], q=q, view=vue, views=VIEWS, states=editing.STATES,
        previous=f"{HOME}?{pages[0]}" if rang > 1 else None,
        following=f"{HOME}?{pages[1]}" if len(lines) > rang * PAGE else None,
    )  # fmt: skip


@router.get(ONE, dependencies=[Depends(OFFICER)])
def clause_page(request: Request, db: Db, who: Who, buyer: str, clause: str) -> Response:
    """What is in force, in full; its versions; the consultations that carry it."""
    organisation = buyer_of(db, who, buyer)
    own = versions_of(db, organisation.id, clause)
    current = in_force(db, organisation.id).get(clause)
    if current is None and not own:
        raise NotFound
    now, model = database.now(db), catalogue().get(clause)
    mine = next((row for row in own if row.state == "approved"), None)
    context: dict[str, Any] = {
        "buyer": organisation, "id": clause, "current": current, "own": own, "mine": mine, "model": model,
        "open": next((row for row in own if row.state in ("draft", "proposed")), None),
        "uses": uses_of(db, organisation.id, clause), "drafts": drafts_with(db, organisation.id, clause),
        "blocks": editing.sample_blocks(current, now) if current else [], "states": editing.STATES, "places": PLACES,
        "comparison": None,
    }  # fmt: skip
    if mine and model and mine.stale(catalogue()):
        title = f"Votre version {mine.version}"
        context["comparison"] = editing.compare(title, to_typed(mine.read), to_typed(model))
    return page(request, "clause_library/clause.html", **context)


@router.post("/acheteur/clauses/{buyer}", dependencies=[Depends(OFFICER)])
def write_new(who: Who, ctx: Ctx, buyer: str) -> Response:
    """A clause of one's own, from nothing."""
    with transaction(ctx.database) as db:
        typed = {**editing.BLANK, "valid_from": database.now(db).date().isoformat()}
        row = start(db, buyer_of(db, who, buyer).id, None, typed, who, database.now(db))
        ref = row.ref
    return RedirectResponse(f"/acheteur/versions/{ref}/modifier", 303)


@router.post(ONE, dependencies=[Depends(OFFICER)])
def write_version(who: Who, ctx: Ctx, buyer: str, clause: str, text: Text = "") -> Response:
    """A new version of a clause, from what is in force; `text`: as somebody rewrote it in Word."""
    with transaction(ctx.database) as db:
        organisation = buyer_of(db, who, buyer)
        current = in_force(db, organisation.id).get(clause)
        if current is None:
            raise NotFound
        typed = to_typed(current) | ({"text": tidy(text)[: editing.LONGEST]} if text.strip() else {})
        ref = start(db, organisation.id, current, typed, who, database.now(db)).ref
    return RedirectResponse(f"/acheteur/versions/{ref}/modifier", 303)
