"""One clause of one draft: as it will read there, and what people say of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import OFFICER, Who
from api.clause_form import choice_of, to_shown
from api.context import Ctx
from api.db import Db, reading, transaction
from api.dossiers import first
from api.errors import PageInvalid
from api.pages.buyer_draft import CHANGED, Typed, draft_of
from api.render import page
from api.review import read
from dce_templates.blocks import drawn
from dce_templates.catalogue import Clause, ClauseError, clause_text
from dce_templates.dossier import ClauseChoice
from dce_templates.markup import read_blocks
from dce_templates.view import view
from procurement.candidacy import sha256_json
from procurement.consultation import Consultation, describe, find_for
from procurement.errors import Invalid, NotFound, Refused
from procurement.library import clauses_for, taken_choices
from procurement.people import Person
from procurement.remarks import ClauseHold, give_back, holds, remark, remarks_of, settle, take
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
PATH, TEMPLATE = "/acheteur/consultations/{ref}/clauses/{clause}", "buyer/remarks.html"


def _context(db: Session, consultation: Consultation, name: str, who: Person) -> dict[str, Any]:
    """In plain values: it is also shown after a rolled-back transaction."""
    now = database.now(db)
    clauses = clauses_for(db, consultation)
    if name not in clauses:
        raise NotFound
    rows = remarks_of(db, consultation, name)
    return {
        "ref": consultation.ref, "number": consultation.number, "draft": consultation.state == "draft", "id": name,
        "title": clauses[name].meta.title, "version": clauses[name].meta.version,
        "buyer_ref": consultation.organisation.ref, **_words(consultation.dossier, clauses[name]),
        "values": to_shown(consultation.dossier, {name: clauses[name]}), "clause": clauses[name],
        "held": _held(holds(db, consultation, now).get(name), who),
        "seen": sha256_json(taken_choices(consultation.dossier).get(name)),
        "remarks": [(r.ref, r.by, r.at, r.text, r.settled_by, r.settled_at) for r in rows],
    }  # fmt: skip


def _held(row: ClauseHold | None, who: Person) -> dict[str, Any]:
    """Who has the clause in hand, if anybody."""
    return {"mine": row is not None and row.by == who.email, "by": row.by if row else "", "until": row and row.until}


def _words(data: Mapping[str, Any], clause: Clause) -> dict[str, Any]:
    """The clause filled with what the dossier says; or why it cannot be yet."""
    said: dict[str, Any] = {"taken": clause.meta.id in taken_choices(data), "blocks": [], "gap": ""}
    dossier, gaps = read(data)
    if dossier is None:
        return said | {"gap": f"{gaps[0].label} : {gaps[0].sentence}"}
    choice = next((c for c in dossier.clauses if c.id == clause.meta.id), ClauseChoice(id=clause.meta.id))
    figures = rule_table().in_force(dossier.launched_on).figures
    try:
        blocks = read_blocks(clause_text(clause, choice, view(dossier, figures)), "cl")
    except ClauseError as error:
        return said | {"gap": str(error)}
    return said | {"blocks": drawn(blocks)}


@router.get(PATH, dependencies=[Depends(OFFICER)])
def clause_of_draft(request: Request, db: Db, who: Who, ref: str, clause: str) -> Response:
    return page(request, TEMPLATE, **_context(db, find_for(db, ref, who), clause, who))


@router.post(PATH, dependencies=[Depends(OFFICER)])
def say(who: Who, ctx: Ctx, ref: str, clause: str, remark_text: Annotated[str, Form(alias="remark")] = "") -> Response:
    with reading(ctx.database) as db:
        context = _context(db, find_for(db, ref, who), clause, who)
    try:
        with transaction(ctx.database) as db:
            remark(db, find_for(db, ref, who), clause, remark_text, who, database.now(db))
    except Invalid as error:
        raise PageInvalid(error, TEMPLATE, context | {"values": context["values"] | {"remark": remark_text}}) from None
    return RedirectResponse(f"{PATH.format(ref=ref, clause=clause)}?ok=remarque", 303)


def _taken(consultation: Consultation, name: str) -> dict[str, Any]:
    """What the dossier says of a clause that it takes. Raises Refused where it does not."""
    found = taken_choices(consultation.dossier).get(name)
    if found is None:
        raise Refused("Ce dossier ne prend pas cette clause.")
    return found


@router.post(PATH + "/reprendre", dependencies=[Depends(OFFICER)])
def take_up(db: Db, who: Who, ref: str, clause: str) -> Response:
    """Take the clause in hand: nobody else changes it meanwhile."""
    consultation = draft_of(db, ref, who)
    _taken(consultation, clause)
    take(db, consultation, clause, who, database.now(db))
    return RedirectResponse(f"{PATH.format(ref=ref, clause=clause)}#valeurs", 303)


@router.post(PATH + "/valeurs", dependencies=[Depends(OFFICER)])
def write(who: Who, ctx: Ctx, ref: str, clause: str, typed: Typed) -> Response:
    """The values of this clause alone; the rest of the dossier may have changed meanwhile."""
    with reading(ctx.database) as db:
        consultation = draft_of(db, ref, who)
        known = clauses_for(db, consultation)
        context = _context(db, consultation, clause, who) | {"values": typed.values}
    try:
        with transaction(ctx.database) as db:
            consultation = draft_of(db, ref, who)
            take(db, consultation, clause, who, database.now(db))
            if first(typed.values, "seen") != sha256_json(_taken(consultation, clause)):
                raise Invalid({"form": CHANGED})
            chosen = choice_of(typed.values, known[clause])
            kept = [
                chosen if isinstance(c, dict) and c.get("id") == clause else c for c in consultation.dossier["clauses"]
            ]
            describe(db, consultation, consultation.dossier | {"clauses": kept})
            give_back(db, consultation, clause)
    except Invalid as error:
        raise PageInvalid(error, TEMPLATE, context) from None
    return RedirectResponse(f"{PATH.format(ref=ref, clause=clause)}?ok=enregistre", 303)


@router.post(PATH + "/remarques/{row}", dependencies=[Depends(OFFICER)])
def answered(db: Db, who: Who, ref: str, clause: str, row: str) -> Response:
    settle(db, find_for(db, ref, who), clause, row, who, database.now(db))
    return RedirectResponse(f"{PATH.format(ref=ref, clause=clause)}?ok=enregistre", 303)
