"""Service fait of a contract: what was delivered and accepted, by officers and finance, with its paper."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import BUYER, Who
from api.context import Ctx
from api.contract_record import EVERYONE, About, Step, Typed, carry_out, find_for_writing, frame, must_be
from api.db import Db
from api.render import page
from procurement.contract import Contract, find_contract
from procurement.execution.documents import by_subject, papers_of
from procurement.execution.parts import ORDERED, Part, parts_of
from procurement.execution.receptions import Reception, cancel, find_reception, receive, receptions_of
from procurement.people import Person

router = APIRouter(include_in_schema=False)
LIST = "contracts/receptions.html"
BASE = "/contrats/{ref}/service-fait"


def _context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    receptions, parts = receptions_of(db, contract), parts_of(db, contract)
    done = [each for each in receptions if each.state == "done"]
    return frame(contract, who) | {
        "receptions": receptions,
        "totals": totals(contract, parts, done),
        "parts": [(part.number, f"{part.title} – {part.label}") for part in parts if part.state in ORDERED],
        "papers": by_subject(papers_of(db, contract)),
    }


def totals(contract: Contract, parts: list[Part], done: list[Reception]) -> list[tuple[str, Decimal, Decimal]]:
    """(what, euros HT certified, euros HT that it may reach), each part in force then the whole contract."""
    by: dict[str, Decimal] = {}
    for each in done:
        by[each.part] = by.get(each.part, Decimal(0)) + each.amount_ht
    rows = [(part.title, by.get(part.number, Decimal(0)), part.amount_ht) for part in parts if part.state in ORDERED]
    return [*rows, ("Tout le marché", sum(by.values(), Decimal(0)), contract.amount_now)]


@router.get(BASE, dependencies=[Depends(BUYER)])
def receptions_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, LIST, **_context(db, find_contract(db, ref, who), who))


def _receive(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    on, label, part = typed.day("on"), typed.text("label", 1000), typed.text("part", 20)
    amount, code = typed.euros("amount_ht", needed=True), typed.text("code", 50)
    quantity = typed.number("quantity")
    if quantity is not None and quantity <= 0:
        typed.wrong["quantity"] = "La quantité est positive."
    if part and part not in {each.number for each in parts_of(db, contract) if each.state in ORDERED}:
        typed.wrong["part"] = "Choisissez une tranche ou une commande en vigueur."
    typed.hold()
    row = receive(
        db, contract, on=on, label=label, amount_ht=amount or Decimal(0), part=part, code=code, quantity=quantity,
        person=who, now=now,
    )  # fmt: skip
    return About("reception", row.ref)


def _started(db: Session, contract: Contract) -> None:
    must_be(contract, "in_effect", "ended")


@router.post(BASE, dependencies=[Depends(BUYER)])
async def keep(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    await carry_out(request, ctx, who, ref, Step(EVERYONE, _receive, LIST, _context, _started))
    return RedirectResponse(f"/contrats/{ref}/service-fait?ok=enregistre", 303)


@router.post(BASE + "/{rref}/annuler", dependencies=[Depends(BUYER)])
def cross_out(db: Db, who: Who, ref: str, rref: str) -> Response:
    contract = find_for_writing(db, ref, who, EVERYONE)
    cancel(db, contract, find_reception(db, contract, rref), who, database.now(db))
    return RedirectResponse(f"/contrats/{ref}/service-fait?ok=enregistre", 303)
