"""The officer's draft: the form, saved even when incomplete, and its documents before publication."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import OFFICER, Who
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.dossiers import LABELS, check_draft, first, to_dossier, to_values, typed_values
from api.downloads import attachment
from api.drafts import starting_dossier
from api.errors import PageInvalid
from api.publishing import word_model
from api.render import page
from api.review import read
from dce_templates.assemble import assemble
from dce_templates.blocks import Kind, drawn
from dce_templates.catalogue import Clause, ClauseError, taken_by
from dce_templates.dossier import Dossier
from procurement.candidacy import sha256_json
from procurement.consultation import Consultation, describe, draft, find_for
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock
from procurement.library import clauses_for
from procurement.people import Organisation, Person, buyers_of
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
FORM = "buyer/form.html"
PRICES = "prix.xlsx"
CHANGED = (
    "Ce brouillon a été enregistré entre-temps dans une autre fenêtre. Votre saisie est ci-dessous : enregistrez de"
    " nouveau pour qu’elle remplace l’autre."
)
TITLES: dict[str, str] = {
    "rc": "Règlement de la consultation (RC)",
    "ae": "Acte d’engagement (AE)",
    "ccap": "Cahier des clauses administratives (CCAP)",
    "data": "Annexe technique : données",
    "personal": "Annexe : données personnelles",
    "cctp": "Cadre de CCTP, à compléter dans Word",
}


class Raw(BaseModel):
    """Every field as it was typed: a draft takes what it is given."""

    model_config = ConfigDict(extra="allow")

    @property
    def values(self) -> dict[str, Any]:
        return self.model_extra or {}


Typed = Annotated[Raw, Form()]


def _mine(db: Session, who: Person, ref: str) -> list[Organisation]:
    """The buyers this officer writes for, the one asked first."""
    found = buyers_of(db, who)
    if ref and ref not in {o.ref for o in found}:
        raise NotFound
    return sorted(found, key=lambda o: o.ref != ref)


def _form(organisation: Organisation, values: Mapping[str, Any], ref: str = "", number: str = "") -> dict[str, Any]:
    """What the form's page needs, in plain values: it is also shown after a rolled-back transaction."""
    return {
        "action": f"/acheteur/consultations/{ref}/modifier" if ref else "/acheteur/consultations/nouvelle",
        "ref": ref,
        "number": number,
        "buyer": {"ref": organisation.ref, "name": organisation.name, "siret": organisation.siret},
        "others": [],
        "labels": LABELS,
        "values": values,
        "seen": "",
    }


@router.get("/acheteur/consultations/nouvelle", dependencies=[Depends(OFFICER)])
def new_form(request: Request, db: Db, who: Who, ctx: Ctx, acheteur: str = "") -> Response:
    chosen, *others = _mine(db, who, acheteur)
    data = starting_dossier(db, chosen, ctx.settings.public_url, database.now(db))
    context = _form(chosen, to_values(data)) | {"others": others}
    return page(request, FORM, **context)


@router.post("/acheteur/consultations/nouvelle", dependencies=[Depends(OFFICER)])
def create(who: Who, ctx: Ctx, typed: Typed) -> Response:
    with reading(ctx.database) as db:
        context = _form(_mine(db, who, first(typed.values, "buyer"))[0], typed_values(typed.values))
    try:
        with transaction(ctx.database) as db:
            organisation = _mine(db, who, context["buyer"]["ref"])[0]
            data = to_dossier(typed.values, {}, organisation)
            check_draft(data)
            ref = draft(db, organisation, data, who, database.now(db)).ref
    except Invalid as error:
        raise PageInvalid(error, FORM, context) from None
    except IntegrityError:
        twin = Invalid({"reference": "Une autre consultation porte déjà ce numéro."})
        raise PageInvalid(twin, FORM, context) from None
    return _after(ref, typed)


@router.get("/acheteur/consultations/{ref}/modifier", dependencies=[Depends(OFFICER)])
def edit_form(request: Request, db: Db, who: Who, ref: str) -> Response:
    consultation = draft_of(db, ref, who)
    context = _form(consultation.organisation, to_values(consultation.dossier), ref, consultation.number)
    return page(request, FORM, **context | {"seen": sha256_json(consultation.dossier)})


@router.post("/acheteur/consultations/{ref}/modifier", dependencies=[Depends(OFFICER)])
def edit(who: Who, ctx: Ctx, ref: str, typed: Typed) -> Response:
    with reading(ctx.database) as db:
        consultation = draft_of(db, ref, who)
        context = _form(consultation.organisation, typed_values(typed.values), ref, consultation.number)
        context["seen"] = sha256_json(consultation.dossier)
    try:
        with transaction(ctx.database) as db:
            consultation = draft_of(db, ref, who)
            lock(db, consultation)
            unchanged(consultation, first(typed.values, "seen"))
            data = to_dossier(typed.values, consultation.dossier, consultation.organisation)
            check_draft(data)
            describe(db, consultation, data)
    except Invalid as error:
        raise PageInvalid(error, FORM, context) from None
    return _after(ref, typed)


def draft_of(db: Session, ref: str, who: Person) -> Consultation:
    """The consultation while it can be rewritten. Raises NotFound, Refused."""
    consultation = find_for(db, ref, who)
    if consultation.state != "draft":
        raise Refused("Ce dossier est publié : il ne se réécrit plus. Prolongez le délai ou annulez.")
    return consultation


def unchanged(consultation: Consultation, seen: str) -> None:
    """Two tabs: the second to save is told, and keeps what it typed."""
    if seen != sha256_json(consultation.dossier):
        raise Invalid({"form": CHANGED})


def _after(ref: str, typed: Raw) -> Response:
    step = {"check": "/verifier", "clauses": "/clauses"}.get(first(typed.values, "next"), "")
    return RedirectResponse(f"/acheteur/consultations/{ref}{step}?ok=enregistre", 303)


@router.get("/acheteur/consultations/{ref}/apercu/{doc}", dependencies=[Depends(OFFICER)])
def preview(request: Request, db: Db, who: Who, ref: str, doc: str) -> Response:
    """The document as it would be: read on the page, whatever the checks say."""
    if doc not in TITLES:
        raise NotFound
    kind: Kind = doc  # type: ignore[assignment]
    consultation = find_for(db, ref, who)
    dossier, gaps = read(consultation.dossier)
    context: dict[str, Any] = {"c": consultation, "doc": doc, "titles": TITLES, "gaps": gaps, "document": None}
    if dossier is not None:
        figures = rule_table().in_force(dossier.launched_on).figures
        try:
            document = assemble(kind, dossier, figures, clauses=clauses_for(db, consultation))
        except ClauseError as error:
            raise Refused(f"L’aperçu ne peut pas être fait. {error}") from None
        context |= {"document": document, "blocks": drawn(document.blocks)}
    return page(request, "buyer/preview.html", **context)


@router.get("/acheteur/consultations/{ref}/projet/{name}", dependencies=[Depends(OFFICER)])
def draft_file(ctx: Ctx, who: Who, ref: str, name: str) -> Response:
    """`rc.docx`, `ccap.pdf`, `prix.xlsx`…: a document of the draft, made on demand in a worker process."""
    kind, _, extension = name.partition(".")
    if name != PRICES and (kind not in TITLES or extension not in ("docx", "pdf")):
        raise NotFound
    dossier, now, clauses, model = _readable(ctx, who, ref)
    if name == PRICES and not dossier.price_lines:
        raise NotFound
    return _build_one(
        dossier, clauses, () if name == PRICES else (kind,), extension, now, word_model(ctx, model)
    )  # fmt: skip


def _readable(ctx: Context, who: Person, ref: str) -> tuple[Dossier, datetime, dict[str, Clause], str | None]:
    """The draft, now, the library, and the key of the buyer's own Word model."""
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        dossier, gaps = read(consultation.dossier)
        now, clauses = database.now(db), clauses_for(db, consultation)
        model = consultation.organisation.word_model_key
    if dossier is None:
        raise Refused(f"Ce document attend encore des réponses. {gaps[0].label} : {gaps[0].sentence}")
    return dossier, now, clauses, model


def _build_one(
    dossier: Dossier, clauses: dict[str, Clause], kinds: tuple[str, ...], extension: str, now: datetime,
    model: bytes | None,
) -> Response:  # fmt: skip
    table = rule_table()
    built = isolate.run(
        "dce_templates.build:build", dossier, table.figures, table.rules, (extension,),
        now=now, kinds=kinds, checked=False, clauses=taken_by(dossier, clauses), model=model, seconds=60,
    )  # fmt: skip
    file = built.files[0]
    return attachment(file.content, f"PROJET_{file.name}", file.media_type)
