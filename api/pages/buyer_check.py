"""The checks of a draft, passing over one with a motive, and the table of rules that a buyer adopts in one act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import OFFICER, Who
from api.clause_form import changed_clauses
from api.context import Ctx
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.pages.buyer_draft import TITLES
from api.render import page
from api.review import has_adopted, read, review
from dce_templates import french
from dce_templates.catalogue import taken_by
from dce_templates.check_tools import patched
from dce_templates.dossier import Dossier
from dce_templates.law import UNVERIFIED
from dce_templates.prices import TITLES as TITLES_OF_PRICES
from dce_templates.prices import schedule_kinds
from procurement.consultation import Consultation, describe, find_for, pass_over
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock
from procurement.library import clauses_for
from procurement.people import adopt_rules, buyers_of
from procurement.remarks import untouched
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
VERIFY = "buyer/verify.html"
PRICES_SHOWN = 100
MARKS = {"T": "texte lu", "S": "source secondaire", "X": "usage mesuré"}
Text = Annotated[str, Form()]


def verify_context(db: Session, consultation: Consultation, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What the page of findings needs, in plain values."""
    buyer = consultation.organisation
    found = review(consultation, data, now, clauses_for(db, consultation, data))
    return {
        "ref": consultation.ref,
        "number": consultation.number,
        "object": consultation.object,
        "draft": consultation.state == "draft",
        "review": found,
        "prices": _prices(found.dossier),
        "adopted": has_adopted(buyer),
        "buyer": {"ref": buyer.ref, "name": buyer.name},
        "overrides": {o.rule: (o.motive, o.by, o.at) for o in consultation.overrides},
        "table": rule_table(),
        "titles": TITLES,
        "passing": "",
    }


def _prices(dossier: Dossier | None) -> dict[str, Any] | None:
    """The price lines as they were understood."""
    if dossier is None or not dossier.price_lines:
        return None
    rows = [
        (line.code, line.label, line.unit, "" if line.quantity is None else french.number(line.quantity))
        for line in dossier.price_lines[:PRICES_SHOWN]
    ]
    kinds = schedule_kinds(dossier.price.form, dossier.price_lines)
    return {"rows": rows, "total": len(dossier.price_lines), "schedules": [TITLES_OF_PRICES[kind] for kind in kinds]}


@router.get("/acheteur/consultations/{ref}/verifier", dependencies=[Depends(OFFICER)])
def verify(request: Request, db: Db, who: Who, ref: str) -> Response:
    consultation = find_for(db, ref, who)
    return page(request, VERIFY, **verify_context(db, consultation, consultation.dossier, database.now(db)))


@router.get("/acheteur/consultations/{ref}/verifier/fichiers/{name}", dependencies=[Depends(OFFICER)])
def sources(ctx: Ctx, who: Who, ref: str, name: str) -> Response:
    """`sources.pdf`, `.docx` or `.csv`: what the checks stand on. Made on demand, never published."""
    stem, _, extension = name.partition(".")
    if stem != "sources" or extension not in ("pdf", "docx", "csv"):
        raise NotFound
    with reading(ctx.database) as db:
        consultation, now, table = find_for(db, ref, who), database.now(db), rule_table()
        (dossier, gaps), adopted = read(consultation.dossier), has_adopted(consultation.organisation)
        clauses = clauses_for(db, consultation)
    if dossier is None:
        raise Refused(f"Ce document attend encore des réponses. {gaps[0].label} : {gaps[0].sentence}")
    made = isolate.run(
        "dce_templates.sources:build_sources", dossier, table.figures, table.rules, (extension,),
        now=now, table=table.name, adopted=adopted, clauses=taken_by(dossier, clauses), seconds=60,
    )  # fmt: skip
    return attachment(made[0].content, made[0].name, made[0].media_type)


@router.post("/acheteur/consultations/{ref}/verifier/{rule}", dependencies=[Depends(OFFICER)])
def pass_one_over(ctx: Ctx, who: Who, ref: str, rule: str, motive: Text = "") -> Response:
    """Keep a motive for one blocking finding; only what blocks now, and may be passed over."""
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        context = verify_context(db, consultation, consultation.dossier, database.now(db))
    try:
        with transaction(ctx.database) as db:
            consultation = find_for(db, ref, who)
            lock(db, consultation)
            now = database.now(db)
            _may_pass(db, consultation, rule, now)
            if len(motive) > 1000:
                raise Invalid({"motive": "Mille caractères au plus."})
            pass_over(db, consultation, rule, motive, who, now)
    except Invalid as error:
        fields = {f"motive-{rule}": sentence for sentence in error.fields.values()}
        values = {f"motive-{rule}": motive}
        raise PageInvalid(Invalid(fields), VERIFY, context | {"passing": rule, "values": values}) from None
    return RedirectResponse(f"/acheteur/consultations/{ref}/verifier?ok=motif", 303)


@router.post("/acheteur/consultations/{ref}/verifier/{rule}/corriger", dependencies=[Depends(OFFICER)])
def correct(ctx: Ctx, who: Who, ref: str, rule: str, label: Text = "") -> Response:
    """Make the correction that the page proposes, if the finding still stands; nothing else changes."""
    with transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        lock(db, consultation)
        now = database.now(db)
        clauses = clauses_for(db, consultation)
        found = review(consultation, consultation.dossier, now, clauses).findings
        patch = next((f.patch for f, _ in found if f.id == rule and f.patch and f.patch.label == label), None)
        if patch is None:
            raise Refused("Ce point n’est plus à corriger ainsi : relisez la page.")
        data, before = patched(consultation.dossier, patch), consultation.dossier
        untouched(db, consultation, changed_clauses(before, data, clauses), who, now)
        describe(db, consultation, data)
    return RedirectResponse(f"/acheteur/consultations/{ref}/verifier?ok=corrige", 303)


def _may_pass(db: Session, consultation: Consultation, rule: str, now: datetime) -> None:
    if consultation.state != "draft":
        raise Refused("Cette consultation n’est plus un brouillon.")
    if any(o.rule == rule for o in consultation.overrides):
        return
    found = [
        f
        for f, _ in review(consultation, consultation.dossier, now, clauses_for(db, consultation)).blocking
        if f.id == rule
    ]
    if not found:
        raise NotFound
    if not all(f.can_be_passed_over for f in found):
        raise Refused("Ce point rend le dossier impossible : il se corrige, aucun motif ne le remplace.")


@router.get("/acheteur/regles", dependencies=[Depends(OFFICER)])
def rules(request: Request, db: Db, who: Who) -> Response:
    """The shipped table, line by line, with who read the text; the unverified lines are not there."""
    table = rule_table()
    rows = [r for r in (*table.rules, *table.contracts) if r.origin.mark not in UNVERIFIED]
    buyers = [(o, has_adopted(o)) for o in buyers_of(db, who)]
    return page(request, "buyer/rules.html", table=table, rules=rows, buyers=buyers, marks=MARKS)


@router.post("/acheteur/regles/adopter", dependencies=[Depends(OFFICER)])
def adopt(db: Db, who: Who, buyer: Text = "", suite: Text = "") -> Response:
    """One act for the whole table; its fingerprint names exactly what was read."""
    for organisation in buyers_of(db, who):
        if organisation.ref == buyer:
            adopt_rules(organisation, rule_table().sha256, f"{who.name} ({who.email})"[:200], database.now(db))
            back = f"/acheteur/consultations/{suite}/verifier" if suite.isalnum() else "/acheteur/regles"
            return RedirectResponse(f"{back}?ok=adopte", 303)
    raise NotFound
