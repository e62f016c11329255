"""The page of legal staff on a draft: its subject, its data sets, and the clauses that suit it, each with why."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import clause_form as form
from api import db as database
from api.auth import OFFICER, Who
from api.context import Ctx
from api.db import Db, reading, transaction
from api.dossiers import first
from api.errors import PageInvalid
from api.pages.buyer_draft import Typed, draft_of, unchanged
from api.render import page
from api.review import has_adopted
from dce_templates.catalogue import Clause
from procurement.candidacy import sha256_json
from procurement.consultation import Consultation, describe
from procurement.errors import Invalid
from procurement.events import lock
from procurement.library import clauses_for
from procurement.remarks import untouched, waiting

router = APIRouter(include_in_schema=False)
TEMPLATE = "buyer/clauses.html"
HERE = "/acheteur/consultations/{ref}/clauses"


def _context(
    db: Session, consultation: Consultation, data: Mapping[str, Any], clauses: Mapping[str, Clause]
) -> dict[str, Any]:
    return {
        "ref": consultation.ref,
        "number": consultation.number,
        "object": consultation.object,
        "seen": sha256_json(consultation.dossier),
        "values": form.to_shown(data, clauses),
        "sections": form.sections(data, has_adopted(consultation.organisation), clauses),
        "form": form,
        "remarks": waiting(db, consultation),
        "buyer_ref": consultation.organisation.ref,
    }


@router.get(HERE, dependencies=[Depends(OFFICER)])
def clauses_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    consultation = draft_of(db, ref, who)
    return page(request, TEMPLATE, **_context(db, consultation, consultation.dossier, clauses_for(db, consultation)))


@router.post(HERE, dependencies=[Depends(OFFICER)])
def choose(who: Who, ctx: Ctx, ref: str, typed: Typed) -> Response:
    with reading(ctx.database) as db:
        consultation = draft_of(db, ref, who)
        clauses = clauses_for(db, consultation)
        context = _context(db, consultation, form.to_data(typed.values, consultation.dossier, clauses), clauses)
    try:
        with transaction(ctx.database) as db:
            consultation = draft_of(db, ref, who)
            lock(db, consultation)
            unchanged(consultation, first(typed.values, "seen"))
            data, before = form.to_data(typed.values, consultation.dossier, clauses), consultation.dossier
            untouched(db, consultation, form.changed_clauses(before, data, clauses), who, database.now(db))
            describe(db, consultation, data)
    except Invalid as error:
        raise PageInvalid(error, TEMPLATE, context) from None
    checked = first(typed.values, "next") == "check"
    return RedirectResponse(f"/acheteur/consultations/{ref}/{'verifier' if checked else 'clauses'}?ok=enregistre", 303)
