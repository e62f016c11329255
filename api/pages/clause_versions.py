"""One version of a clause: written, proposed, read side by side by a second person, approved, retired."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import clause_editing as editing
from api import db as database
from api.auth import OFFICER, Who
from api.context import Ctx
from api.db import Db, reading, transaction
from api.dossiers import first
from api.errors import PageInvalid
from api.pages.buyer_draft import Typed
from api.render import page
from dce_templates.clause_lines import FIELDS, PARTS, PLACES
from dce_templates.facts import FACTS
from procurement import library
from procurement.candidacy import sha256_json
from procurement.errors import Invalid, NotFound, Refused
from procurement.library import ClauseVersion, find_version
from procurement.people import Organisation

router = APIRouter(include_in_schema=False)
HERE, EDIT = "/acheteur/versions/{ref}", "/acheteur/versions/{ref}/modifier"
FORM, READ = "clause_library/form.html", "clause_library/version.html"
CHANGED = "Une autre personne a enregistré ce texte entre-temps : relisez votre saisie ci-dessous avant d’enregistrer."
Text = Annotated[str, Form()]


def _form(db: Session, row: ClauseVersion, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the form needs, in plain values: it is also shown after a rolled-back transaction."""
    return {
        "ref": row.ref, "clause": row.clause, "version": row.version, "buyer": _buyer(db, row), "values": values,
        "seen": sha256_json(row.typed), "parts": PARTS, "labels": FIELDS, "places": list(PLACES.items()),
        "facts": FACTS,
    }  # fmt: skip


def _buyer(db: Session, row: ClauseVersion) -> dict[str, str]:
    found = db.get_one(Organisation, row.organisation_id)
    return {"ref": found.ref, "name": found.name}


def _draft(db: Session, ref: str, who: Who) -> ClauseVersion:
    row = find_version(db, ref, who)
    if row.state != "draft":
        raise Refused(library.NO_DRAFT)
    return row


@router.get(EDIT, dependencies=[Depends(OFFICER)])
def edit_form(request: Request, db: Db, who: Who, ref: str) -> Response:
    row = _draft(db, ref, who)
    held = row.held_by_other(who, database.now(db))
    by = (row.locked_by, row.locked_until) if held else None
    return page(request, FORM, held=by, **_form(db, row, row.typed))


@router.post(EDIT, dependencies=[Depends(OFFICER)])
def edit(who: Who, ctx: Ctx, ref: str, typed: Typed) -> Response:
    """Keep what was typed, then propose it where asked: what is wrong is told on the form, and saved all the same."""
    with reading(ctx.database) as db:
        context = _form(db, _draft(db, ref, who), typed.values) | {"held": None}
    try:
        said = editing.typed_of(typed.values)
        with transaction(ctx.database) as db:
            row = _draft(db, ref, who)
            if first(typed.values, "seen") != sha256_json(row.typed):
                raise Invalid({"form": CHANGED})
            library.save(db, row, said, said["title"], who, database.now(db))
        context["seen"] = sha256_json(said)
        if first(typed.values, "next") != "propose":
            return RedirectResponse(EDIT.format(ref=ref) + "?ok=enregistre", 303)
        with transaction(ctx.database) as db:
            row, now = _draft(db, ref, who), database.now(db)
            known = library.in_force(db, row.organisation_id or 0)
            library.propose(db, row, *editing.read_version(row, said, known, who, now), who, now)
    except Invalid as error:
        raise PageInvalid(error, FORM, context) from None
    return RedirectResponse(HERE.format(ref=ref) + "?ok=propose", 303)


def _shown(db: Session, row: ClauseVersion, who: Who) -> dict[str, Any]:
    """What the page of a version needs, in plain values."""
    own = library.versions_of(db, row.organisation_id or 0, row.clause)
    title, before = editing.base_of(row, own)
    now = database.now(db)
    proposed = row.state not in ("draft", "dropped")
    return {
        "ref": row.ref, "clause": row.clause, "version": row.version, "title": row.title, "state": row.state,
        "shown": editing.STATES.get(row.state, ("Abandonnée", "neutral")), "buyer": _buyer(db, row),
        "author": row.author, "may_approve": library.may_approve(db, row, who),
        "comparison": editing.compare(title, before, editing.fields_of(row)) if row.state != "dropped" else None,
        "blocks": editing.sample_blocks(row.read, now) if proposed else [],
        "steps": [(editing.STEPS[s.kind], s.by, s.at, s.text) for s in row.steps],
        "held": (row.locked_by, row.locked_until) if row.held_by_other(who, now) else None,
        "sha256": row.sha256, "acting": "",
    }  # fmt: skip


@router.get(HERE, dependencies=[Depends(OFFICER)])
def version_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, READ, **_shown(db, find_version(db, ref, who), who))


Act = Callable[[Session, ClauseVersion, str, Who, Any], object]
# What a person does to a version, and what they are told after.
ACTS: Mapping[str, tuple[Act, str]] = {
    "approuver": (lambda db, row, text, who, now: library.approve(db, row, who, now), "approuve"),
    "renvoyer": (library.send_back, "renvoye"),
    "retirer": (library.retire, "clause-retiree"),
    "remarque": (library.comment, "remarque"),
    "abandonner": (lambda db, row, text, who, now: library.drop(db, row, who, now), "abandonne"),
    "lu": (lambda db, row, text, who, now: library.acknowledge(db, row, who, now), "lu"),
}


@router.post(HERE + "/reprendre", dependencies=[Depends(OFFICER)])
def take_up(who: Who, ctx: Ctx, ref: str) -> Response:
    """Take the text in hand, for a quarter of an hour at a time."""
    with transaction(ctx.database) as db:
        row = _draft(db, ref, who)
        if not library.hold(db, row, who, database.now(db)):
            raise Refused(f"{row.locked_by} a ce texte en main : attendez la fin de son quart d’heure.")
    return RedirectResponse(EDIT.format(ref=ref), 303)


@router.post(HERE + "/{act}", dependencies=[Depends(OFFICER)])
def do(who: Who, ctx: Ctx, ref: str, act: str, remark: Text = "") -> Response:
    if act not in ACTS:
        raise NotFound
    with reading(ctx.database) as db:
        context = _shown(db, find_version(db, ref, who), who) | {"acting": act, "values": {f"remark-{act}": remark}}
    verb, told = ACTS[act]
    try:
        with transaction(ctx.database) as db:
            verb(db, find_version(db, ref, who), remark, who, database.now(db))
    except Invalid as error:
        fields = {f"remark-{act}": sentence for sentence in error.fields.values()}
        raise PageInvalid(Invalid(fields), READ, context) from None
    back = f"/acheteur/clauses/{context['buyer']['ref']}/{context['clause']}" if act in ("abandonner", "lu") else ""
    return RedirectResponse(f"{back or HERE.format(ref=ref)}?ok={told}", 303)
