"""Essential data for the buyer: what is to be published and by when, and per contract what was, or what is missing."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import BUYER, OFFICER, Who
from api.context import Context, Ctx
from api.contracts import read_euros
from api.db import Db, reading, transaction
from api.errors import PageInvalid
from api.render import page
from api.steps.essential import CHECK, SECONDS
from dce_templates.dossier import DossierError, parse_dossier
from procurement.contract import Contract, find_contract, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person, Role
from procurement.publication.deadlines import due_on, expected
from procurement.publication.decp import CONCESSION, ConcessionYear, kind_of, to_text, year_object
from procurement.publication.essential import CHOICES, FULL, YEAR, Essential, append_act, complete, essential_of
from procurement.publication.mapping import Plan, is_concession, plan
from procurement.publication.push import ask_push
from procurement.publication.rules import asks_origin
from procurement.publication.words import acts_in_words, in_words

router = APIRouter(include_in_schema=False)
PAGE = 50
HERE = "/contrats/{ref}/donnees-essentielles"
STATES = {
    "waiting": ("En cours de contrôle", "waiting"),
    "held": ("À compléter", "warning"),
    "published": ("Publiées", "success"),
}
Text = Annotated[str, Form()]
Number = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/donnees-essentielles", dependencies=[Depends(BUYER)])
def due_page(request: Request, db: Db, who: Who, no: Number = 1) -> Response:
    """« À publier avant le … », the most urgent first."""
    mine, today = who.organisations(Role.OFFICER, Role.FINANCE), paris_day(database.now(db))
    found = expected(db, mine)
    rows = [(each, STATES[each.essential.state], each.late(today)) for each in found[(no - 1) * PAGE : no * PAGE]]
    following = f"/donnees-essentielles?no={no + 1}" if len(found) > no * PAGE else None
    former = f"/donnees-essentielles?no={no - 1}" if no > 1 else None
    return page(request, "essential/due.html", rows=rows, total=len(found), following=following, former=former)


@router.get(HERE, dependencies=[Depends(BUYER)])
def contract_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "essential/contract.html", **_context(db, find_contract(db, ref, who), who))


def _context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    essential = _row(db, contract)
    today = paris_day(database.now(db))
    made, problem = _plan(db, contract, essential, today)
    known = essential.whole if essential.record else made.record
    said = {name: str(value) for name, value in essential.said.items()}
    for share in ("origin_eu", "origin_fr"):
        if share in said:
            said[share] = f"{Decimal(said[share]) * 100:f}"
    return {
        "contract": contract,
        "essential": essential,
        "state": STATES[essential.state],
        "rows": in_words(known) if known else [],
        "acts": acts_in_words(essential),
        "missing": dict(made.missing) if essential.state != "published" else {},
        "problem": problem,
        "due_on": None if problem else due_on(contract, essential),
        "asked": _asked(contract, known),
        "concession": bool(known) and kind_of(known) == CONCESSION,
        "officer": who.has(Role.OFFICER, contract.organisation_id),
        "values": said,
        "choices": CHOICES,
    }


def _row(db: Session, contract: Contract) -> Essential:
    """The kept row, or one that is not kept while the contract is not in effect: reading writes nothing."""
    found = db.query(Essential).filter_by(contract_id=contract.id).one_or_none()
    return found or Essential(contract_id=contract.id, state="waiting", said={}, grouping="", findings=[], record="")


def _plan(db: Session, contract: Contract, essential: Essential, today: date) -> tuple[Plan, str]:
    try:
        return plan(db, contract, essential, today), ""
    except DossierError as error:
        return Plan(FULL), str(error)


def _asked(contract: Contract, known: dict[str, Any]) -> list[str]:
    """The fields of the form that this contract may need."""
    asked = ["framework", "execution"] if "modalitesExecution" in known else []
    asked += ["origin_eu", "origin_fr"] if asks_origin(str(known.get("codeCPV", ""))) else []
    asked += ["grouping"] if len(known.get("titulaires", [])) > 1 else []
    return [*asked, "starts_on", "subsidy"] if known and kind_of(known) == CONCESSION else asked


@router.post(HERE, dependencies=[Depends(OFFICER)])
def keep(
    db: Db, who: Who, ref: str, origin_eu: Text = "", origin_fr: Text = "", grouping: Text = "", execution: Text = "",
    framework: Text = "", starts_on: Text = "", subsidy: Text = "", whole: Text = "",
) -> Response:  # fmt: skip
    """What an officer completes; the record is checked again at once."""
    contract = _mine(db, ref, who)
    if contract.received_on is None:
        raise Refused("Le marché n’est pas encore en vigueur : ses données essentielles se publient après.", "R2196-1")
    said = {
        "origin_eu": origin_eu, "origin_fr": origin_fr, "grouping": grouping, "execution": execution,
        "framework": framework, "starts_on": starts_on, "subsidy": subsidy, "whole": whole,
    }  # fmt: skip
    essential = essential_of(db, contract)
    if essential.record:
        raise Refused("Ces données sont publiées : elles ne se réécrivent pas, une modification s’y ajoute.")
    try:
        complete(db, essential, said, who, database.now(db))
    except Invalid as error:
        context = _context(db, contract, who) | {"values": said}
        raise PageInvalid(error, "essential/contract.html", context) from None
    return RedirectResponse(f"{HERE.format(ref=ref)}?ok=enregistre", 303)


def _mine(db: Session, ref: str, who: Person) -> Contract:
    contract = find_contract(db, ref, who)
    if not who.has(Role.OFFICER, contract.organisation_id):
        raise NotFound
    return contract


@router.post(HERE + "/annee", dependencies=[Depends(OFFICER)])
def add_year(ctx: Ctx, who: Who, ref: str, year: Text = "", invested: Text = "", tariffs: Text = "") -> Response:
    """One year of a concession: checked beside what was published, then appended."""
    typed = {"year": year, "invested": invested, "tariffs": tariffs}
    try:
        with reading(ctx.database) as db:
            essential, today = _published_concession(db, ref, who), paris_day(database.now(db))
            number, made = _year(typed, today)
            if any(act.kind == YEAR and act.number == number for act in essential.acts):
                raise Invalid({"year": "Les données de cette année sont déjà publiées."})
            text, act = to_text(essential.with_acts([(YEAR, made)])), to_text(made)
        for _, sentence in isolate.run(CHECK, text, today, seconds=SECONDS):
            raise Invalid({"tariffs": sentence})
        with transaction(ctx.database) as db:
            essential = _published_concession(db, ref, who)
            append_act(db, essential, YEAR, number, act, database.now(db))
            ask_push(db, essential.contract.organisation_id, database.now(db))
    except Invalid as error:
        raise _again(ctx, who, ref, error, typed) from None
    return RedirectResponse(f"{HERE.format(ref=ref)}?ok=enregistre", 303)


def _again(ctx: Context, who: Person, ref: str, error: Invalid, typed: dict[str, str]) -> PageInvalid:
    with reading(ctx.database) as db:
        context = _context(db, _mine(db, ref, who), who)
        return PageInvalid(error, "essential/contract.html", context | {"values": context["values"] | typed})


def _published_concession(db: Session, ref: str, who: Person) -> Essential:
    contract = _mine(db, ref, who)
    essential = _row(db, contract)
    if not essential.record or not is_concession(parse_dossier(contract.consultation.dossier)):
        raise Refused("Les données annuelles sont celles d’une concession déjà publiée.", "R3131-1")
    return essential


def _year(typed: dict[str, str], today: date) -> tuple[int, dict[str, Any]]:
    """(year, object). `tariffs`: one « title ; price » per line. Raises Invalid."""
    wrong, rows = {}, []
    if not (typed["year"].isascii() and typed["year"].isdigit() and 2000 <= int(typed["year"]) <= today.year):
        wrong["year"] = "Une année écoulée, en quatre chiffres, est attendue."
    for line in filter(str.strip, typed["tariffs"].splitlines()):
        title, _, price = line.rpartition(";")
        try:
            rows.append((title.strip(), read_euros(price, "tariffs")))
        except Invalid:
            wrong["tariffs"] = f"« {line.strip()[:60]} » : écrivez l’intitulé, un point-virgule, puis le prix."
        if not title.strip():
            wrong["tariffs"] = f"« {line.strip()[:60]} » : l’intitulé du tarif manque."
    if not rows and "tariffs" not in wrong:
        wrong["tariffs"] = "Donnez au moins un tarif."
    try:
        spent = read_euros(typed["invested"], "invested") if typed["invested"].strip() != "0" else Decimal(0)
    except Invalid as error:
        wrong |= error.fields
    if wrong:
        raise Invalid(wrong)
    return int(typed["year"]), year_object(ConcessionYear(today, spent, tuple(rows)))
