"""Tranches, orders and subsequent contracts of a contract: planned, then affirmed or issued, dropped or ended."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import BUYER, OFFICER, Who
from api.context import Context, Ctx
from api.contract_paper import order, totals
from api.contract_record import (
    About,
    Sent,
    Step,
    Typed,
    carry_out,
    find_for_writing,
    frame,
    may_move,
    must_be,
    page_again,
)
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.render import page
from api.uploads import receive_form
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid
from procurement.execution.documents import by_subject, papers_of
from procurement.execution.engagements import engagements_of
from procurement.execution.order_lines import lines_of, priced, read_order, total, write_lines
from procurement.execution.parties import holder_now, parties_of
from procurement.execution.parts import (
    KINDS,
    Part,
    Planned,
    affirm,
    find_part,
    maximum,
    next_part_number,
    ordered,
    parts_of,
    plan_part,
    settle,
)
from procurement.execution.prices import count_prices
from procurement.execution.terms import terms_of
from procurement.people import Person, Role

router = APIRouter(include_in_schema=False)
WRITERS = (Role.OFFICER,)
CSV_CAP, LONGEST = 500_000, 50_000
LIST, ONE = "contracts/parts.html", "contracts/part.html"
BASE = "/contrats/{ref}/commandes"
STATES = {
    "planned": ("Prévue, sans effet", "waiting"),
    "affirmed": ("En vigueur", "success"),
    "dropped": ("Abandonnée", "neutral"),
    "ended": ("Terminée", "info"),
}
AFFIRMED = {"tranche": "Affermir", "order": "Émettre", "subsequent": "Notifier"}


def _list(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    parts, most = parts_of(db, contract), maximum(db, contract)
    floor = terms_of(db, contract).floor_ht
    return frame(contract, who, WRITERS) | {
        "parts": parts,
        "states": STATES,
        "kinds": list(KINDS.items()),
        "ordered": ordered(parts),
        "planned": sum((part.amount_ht for part in parts if part.state == "planned"), Decimal(0)),
        "most": most,
        "left": most - ordered(parts),
        "floor": floor,
        "listed": count_prices(db, contract),
        "numbers": {kind: next_part_number(parts, kind) for kind in KINDS},
    }


def _one(db: Session, contract: Contract, part: Part, who: Person) -> dict[str, Any]:
    lines = lines_of(db, part)
    return frame(contract, who, WRITERS) | {
        "part": part,
        "lines": lines,
        "totals": totals(part, terms_of(db, contract)),
        "listed": count_prices(db, contract),
        "values": {"lines-lignes": "\n".join(f"{line.code} ; {line.quantity.replace('.', ',')}" for line in lines)},
        "state": STATES[part.state],
        "verb": AFFIRMED[part.kind],
        "papers": by_subject(papers_of(db, contract)).get(part.ref, []),
        "engagements": [e for e in engagements_of(db, contract) if e.part == part.number],
    }


@router.get(BASE, dependencies=[Depends(BUYER)])
def parts_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, LIST, **_list(db, find_contract(db, ref, who), who))


@router.post(BASE, dependencies=[Depends(OFFICER)])
def plan(db: Db, who: Who, ref: str, sent: Sent) -> Response:
    contract, typed = find_for_writing(db, ref, who, WRITERS), Typed(sent.fields)
    must_be(contract, *(state for state in Contract.MOVES if state != "ended"))
    try:
        wanted = read_order(typed.text("lines", LONGEST).encode())
        lines = priced(db, contract, wanted)
        amount = total(lines) if lines else typed.euros("amount_ht", needed=True)
        said = Planned(
            typed.text("kind", 20), typed.text("number", 100), typed.text("label", 1000), amount or Decimal(0),
            typed.day("starts_on"), typed.day("ends_on"),
        )  # fmt: skip
        typed.hold()
        part = plan_part(db, contract, said, who, database.now(db))
        if wanted:
            write_lines(db, contract, part, wanted, who, database.now(db))
    except Invalid as error:
        raise page_again(error, LIST, _list(db, contract, who), sent.fields) from None
    return RedirectResponse(f"/contrats/{ref}/commandes/{part.ref}?ok=enregistre", 303)


@router.get(BASE + "/{pref}", dependencies=[Depends(BUYER)])
def part_page(request: Request, db: Db, who: Who, ref: str, pref: str) -> Response:
    contract = find_contract(db, ref, who)
    return page(request, ONE, **_one(db, contract, find_part(db, contract, pref), who))


@router.get(BASE + "/{pref}/bon-de-commande.pdf", dependencies=[Depends(BUYER)])
def order_pdf(ctx: Ctx, who: Who, ref: str, pref: str) -> Response:
    """Made on demand from the rows, to be signed and sent; the signed one is kept with the part."""
    with reading(ctx.database) as db:
        contract = find_contract(db, ref, who)
        part, now = find_part(db, contract, pref), database.now(db)
        holder = holder_now(parties_of(db, contract))
        terms, lines = terms_of(db, contract), lines_of(db, part)
        said = order(contract, part, lines, holder, terms, engagements_of(db, contract), now)
        name = f"{contract.number}-{part.number}.pdf"
    content: bytes = isolate.run("api.contract_paper_pdf:render", said, now, seconds=45)
    return attachment(content, name, "application/pdf")


@router.post(BASE + "/{pref}/lignes", dependencies=[Depends(OFFICER)])
async def lines_of_part(request: Request, ctx: Ctx, who: Who, ref: str, pref: str) -> Response:
    """From the text, or from the CSV file where one is given."""
    await run_in_threadpool(_authorise, ctx, who, ref, pref)
    fields: dict[str, str] = {}
    try:
        files, fields = await receive_form(request, CSV_CAP, 1, needed=False)
        await run_in_threadpool(_write, ctx, who, ref, pref, files, fields)
    except Invalid as error:
        raise await run_in_threadpool(_again, ctx, who, ref, pref, error, fields) from None
    return RedirectResponse(f"/contrats/{ref}/commandes/{pref}?ok=enregistre", 303)


def _authorise(ctx: Context, who: Person, ref: str, pref: str) -> None:
    with reading(ctx.database) as db:
        find_part(db, find_for_writing(db, ref, who, WRITERS), pref)


def _write(
    ctx: Context, who: Person, ref: str, pref: str, files: list[tuple[str, bytes]], fields: dict[str, str]
) -> None:
    wanted = read_order(files[0][1], "file") if files else read_order(fields.get("lines", "").encode())
    with transaction(ctx.database) as db:
        contract = find_for_writing(db, ref, who, WRITERS)
        part, field = find_part(db, contract, pref), "file" if files else "lines"
        write_lines(db, contract, part, wanted, who, database.now(db), field)


def _again(ctx: Context, who: Person, ref: str, pref: str, error: Invalid, fields: dict[str, str]) -> PageInvalid:
    with reading(ctx.database) as db:
        contract = find_for_writing(db, ref, who, WRITERS)
        return page_again(error, ONE, _one(db, contract, find_part(db, contract, pref), who), fields, "lignes")


MOVES = {"affermir": "affirmed", "abandonner": "dropped", "terminer": "ended"}


def _step(pref: str, what: str) -> Step:
    """`affermir`, `abandonner` or `terminer`, with the paper that says so."""

    def verb(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
        part, on = find_part(db, contract, pref), typed.day("on")
        typed.hold()
        if what == "affermir":
            affirm(db, contract, part, on, who, now)
        else:
            settle(db, contract, part, MOVES[what], on, who, now)
        return About("order", part.ref)

    def again(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
        return _one(db, contract, find_part(db, contract, pref), who)

    def guard(db: Session, contract: Contract) -> None:
        may_move(find_part(db, contract, pref), MOVES[what])

    return Step(WRITERS, verb, ONE, again, guard, at=what)


async def _move(request: Request, ctx: Ctx, who: Who, ref: str, pref: str, what: str) -> Response:
    await carry_out(request, ctx, who, ref, _step(pref, what))
    return RedirectResponse(f"/contrats/{ref}/commandes/{pref}?ok=enregistre", 303)


@router.post(BASE + "/{pref}/affermir", dependencies=[Depends(OFFICER)])
async def affirm_part(request: Request, ctx: Ctx, who: Who, ref: str, pref: str) -> Response:
    return await _move(request, ctx, who, ref, pref, "affermir")


@router.post(BASE + "/{pref}/abandonner", dependencies=[Depends(OFFICER)])
async def drop_part(request: Request, ctx: Ctx, who: Who, ref: str, pref: str) -> Response:
    return await _move(request, ctx, who, ref, pref, "abandonner")


@router.post(BASE + "/{pref}/terminer", dependencies=[Depends(OFFICER)])
async def end_part(request: Request, ctx: Ctx, who: Who, ref: str, pref: str) -> Response:
    return await _move(request, ctx, who, ref, pref, "terminer")
