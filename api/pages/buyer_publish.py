"""Publishing, and what can still happen to a published consultation: a longer delay, an end."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate, vault
from api.auth import OFFICER, Who
from api.context import Context, Ctx
from api.db import reading, transaction
from api.dossiers import read_moment
from api.errors import PageInvalid
from api.pages.buyer import HUB, hub_context
from api.pages.buyer_check import VERIFY, verify_context
from api.render import PARIS, french_time
from api.review import has_adopted, motives
from dce_templates.dossier import Dossier
from procurement.candidacy import Candidacy, sha256_json
from procurement.consultation import Consultation, DceFile, describe, end, extend, find_for, publish
from procurement.errors import Invalid, Refused
from procurement.events import lock
from procurement.mail import post
from procurement.people import Person
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.post("/acheteur/consultations/{ref}/publier", dependencies=[Depends(OFFICER)])
def publish_now(ctx: Ctx, who: Who, ref: str) -> Response:
    """Check as of today, make the documents, keep them, then publish in one short transaction."""
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        _still_draft(consultation)
        now = database.now(db)
        seen = sha256_json(consultation.dossier)
        # The launch date chooses the rules: it is the day of the publication, whatever was planned.
        data = consultation.dossier | {"launched_on": now.astimezone(PARIS).date().isoformat()}
        context = verify_context(consultation, data, now)
        adopted, passed = has_adopted(consultation.organisation), motives(consultation)
    checked = context["review"]
    if not checked.ready:
        raise PageInvalid(Invalid({"constats": _what_is_left(context)}), VERIFY, context)
    files = _make(ctx, checked.dossier, ref, now, adopted, passed)
    _record(ctx, who, ref, seen, data, files)
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=publie", 303)


def _still_draft(consultation: Consultation) -> None:
    if consultation.state != "draft":
        raise Refused("Cette consultation n’est plus un brouillon : elle ne se publie qu’une fois.")


def _what_is_left(context: dict[str, Any]) -> str:
    checked = context["review"]
    left = len(checked.gaps) + len(checked.blocking)
    return f"La publication attend : {left} point{'s' if left > 1 else ''} à corriger ci-dessous."


def _make(
    ctx: Context, dossier: Dossier, ref: str, now: datetime, adopted: bool, passed: dict[str, str]
) -> list[DceFile]:
    """The documents, made in a worker process and stored; a publication that then fails leaves only unnamed files."""
    table = rule_table()
    built = isolate.run(
        "dce_templates.build:build", dossier, table.figures, table.rules, ("docx", "pdf"),
        now=now, adopted=adopted, passed_over=passed, seconds=90,
    )  # fmt: skip
    if built.blocked:
        raise Refused("Un contrôle bloque ce dossier : vérifiez-le de nouveau.")
    return [
        DceFile(
            name=file.name,
            media_type=file.media_type,
            size=len(file.content),
            sha256=file.sha256,
            key=ctx.storage.put(f"dce/{ref}", file.content),
        )
        for file in built.files
    ]


def _record(ctx: Context, who: Person, ref: str, seen: str, data: dict[str, Any], files: list[DceFile]) -> None:
    recipient, identity = vault.new_key(ctx.secret, ref)
    with transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        lock(db, consultation)
        _still_draft(consultation)
        if sha256_json(consultation.dossier) != seen:
            raise Refused("Le brouillon a changé pendant la publication : vérifiez-le de nouveau.")
        describe(db, consultation, data)
        publish(db, consultation, files, recipient, identity, who, database.now(db))


@router.post("/acheteur/consultations/{ref}/prolonger", dependencies=[Depends(OFFICER)])
def push_back(ctx: Ctx, who: Who, ref: str, deadline: Text = "") -> Response:
    with reading(ctx.database) as db:
        context = hub_context(find_for(db, ref, who), database.now(db))
    try:
        with transaction(ctx.database) as db:
            consultation = find_for(db, ref, who)
            lock(db, consultation)
            now = database.now(db)
            extend(db, consultation, read_moment(deadline, "deadline"), who, now)
            until = french_time(consultation.deadline)
            _tell(db, consultation, "délai prolongé", f"La date limite est reportée au {until}.", now)
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
            _tell(db, consultation, "procédure arrêtée", f"La procédure est arrêtée. Motif : {reason.strip()}", now)
    except Invalid as error:
        raise PageInvalid(error, HUB, context | {"values": {"reason": reason}}) from None
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=annule", 303)


def _addresses(db: Session, consultation: Consultation) -> Iterable[str]:
    """Whoever answers, or started to; the officer is never shown them before the opening."""
    query = select(Candidacy.contact_email).where(
        Candidacy.consultation_id == consultation.id, Candidacy.state.in_(("draft", "submitted"))
    )
    return sorted(set(db.scalars(query)))


def _tell(db: Session, consultation: Consultation, subject: str, sentence: str, now: datetime) -> None:
    body = f"Bonjour,\n\n{consultation.number} « {consultation.object} »\n\n{sentence}\n\n{consultation.organisation.name}\n"
    for address in _addresses(db, consultation):
        title = f"{consultation.number} – {subject}"
        post(db, to=address, subject=title, body=body, now=now, consultation_id=consultation.id)
