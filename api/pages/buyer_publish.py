"""Publishing, and what can still happen to a published consultation: a longer delay, an end."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import OFFICER, Who
from api.context import Context, Ctx
from api.db import reading, transaction
from api.dossiers import read_moment
from api.errors import PageInvalid
from api.notices import tell
from api.pages.buyer import HUB, hub_context
from api.pages.buyer_check import VERIFY, verify_context
from api.publishing import extend_published, launched_today, publish_draft, still_draft
from procurement.consultation import end, find_for
from procurement.errors import Invalid, Refused
from procurement.events import lock
from procurement.people import Person

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.post("/acheteur/consultations/{ref}/publier", dependencies=[Depends(OFFICER)])
def publish_now(ctx: Ctx, who: Who, ref: str) -> Response:
    """Check as of today, make the documents, keep them, then publish in one short transaction."""
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        still_draft(consultation)
        now = database.now(db)
        context = verify_context(db, consultation, launched_today(consultation, now), now)
    if not context["review"].ready:
        raise PageInvalid(Invalid({"constats": _what_is_left(context)}), VERIFY, context)
    publish_draft(ctx, who, ref)
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=publie", 303)


def _what_is_left(context: dict[str, Any]) -> str:
    checked = context["review"]
    left = len(checked.gaps) + len(checked.blocking)
    return f"La publication attend : {left} point{'s' if left > 1 else ''} à corriger ci-dessous."


@router.post("/acheteur/consultations/{ref}/prolonger", dependencies=[Depends(OFFICER)])
def push_back(ctx: Ctx, who: Who, ref: str, deadline: Text = "") -> Response:
    """Make the documents anew with the later date, then record both in one short transaction."""
    with reading(ctx.database) as db:
        context = hub_context(find_for(db, ref, who), database.now(db))
    try:
        extend_published(ctx, who, ref, read_moment(deadline, "deadline"))
    except Invalid as error:
        raise PageInvalid(error, HUB, context | {"values": {"deadline": deadline}}) from None
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=prolonge", 303)


@router.post("/acheteur/consultations/{ref}/annuler", dependencies=[Depends(OFFICER)])
def cancel(ctx: Ctx, who: Who, ref: str, reason: Text = "") -> Response:
    return _end(ctx, who, ref, "cancelled", reason)


@router.post("/acheteur/consultations/{ref}/sans-suite", dependencies=[Depends(OFFICER)])
def abandon(ctx: Ctx, who: Who, ref: str, reason: Text = "") -> Response:
    return _end(ctx, who, ref, "abandoned", reason)


ENDABLE = {"cancelled": ("draft", "published"), "abandoned": ("opened", "intended", "awarded")}


def _end(ctx: Context, who: Person, ref: str, to: str, reason: str) -> Response:
    with reading(ctx.database) as db:
        context = hub_context(find_for(db, ref, who), database.now(db))
    try:
        with transaction(ctx.database) as db:
            consultation = find_for(db, ref, who)
            lock(db, consultation)
            if consultation.state not in ENDABLE[to]:
                raise Refused("Cette consultation ne peut plus être arrêtée de cette façon : rechargez sa page.")
            if len(reason) > 1000:
                raise Invalid({"reason": "Mille caractères au plus."})
            now = database.now(db)
            end(db, consultation, to, reason, who, now)
            tell(db, consultation, "procédure arrêtée", f"La procédure est arrêtée. Motif : {reason.strip()}", now)
    except Invalid as error:
        raise PageInvalid(error, HUB, context | {"values": {"reason": reason}}) from None
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=annule", 303)
