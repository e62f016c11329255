"""Modifications of a contract: drafted, read against the law, written as an act, agreed, notified or dropped."""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.amending import Reading, limits, may_sign_here, open_circuit, read_act
from api.auth import BUYER, OFFICER, Who
from api.context import Context, Ctx
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
from api.identities import look_up
from api.remote.api_entreprise import Buyer
from api.render import page
from api.signing import circuit_of
from api.storage import withdrawn_if_refused
from dce_templates.french import percent
from procurement.contract import Contract, find_contract, paris_day
from procurement.errors import Invalid, Refused, Unavailable
from procurement.events import lock
from procurement.execution.amendments import (
    BASES,
    Amendment,
    Change,
    agree,
    amendments_of,
    draft_amendment,
    drop,
    find_amendment,
    no_other,
    notify_amendment,
)
from procurement.execution.documents import by_subject, papers_of
from procurement.execution.parties import holder_now, parties_of
from procurement.execution.terms import terms_of
from procurement.people import Person, Role
from procurement.rules import rule_table
from procurement.signers import is_party
from siret_lookup.siret import SiretError, parse_siret

router = APIRouter(include_in_schema=False)
WRITERS = (Role.OFFICER,)
LIST, ONE = "contracts/amendments.html", "contracts/amendment.html"
BASE = "/contrats/{ref}/modifications"
OPEN = ("draft", "agreed")
STATES = {
    "draft": ("Écrite, à accepter", "waiting"),
    "agreed": ("Acceptée, à notifier", "info"),
    "notified": ("Notifiée, en vigueur", "success"),
    "dropped": ("Abandonnée", "neutral"),
}
TYPES = {"pdf": "application/pdf", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}


def _list(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    amendments, kind = amendments_of(db, contract), terms_of(db, contract).kind
    notified = [each for each in amendments if each.state == "notified"]
    return frame(contract, who, WRITERS) | {
        "amendments": amendments,
        "states": STATES,
        "bases": list(BASES.items()),
        "bases_by_key": BASES,
        "under_way": any(each.state in OPEN for each in amendments),
        "change": contract.amount_now - contract.amount,
        "share": _share(contract.amount_now - contract.amount, contract.amount),
        "limits": [
            (each, _share(each.used, contract.amount), _share(each.limit, contract.amount))
            for each in limits(contract, notified, kind, paris_day(database.now(db)))
        ],
    }


def _share(part: Decimal, whole: Decimal) -> str:
    """« 12,5 % » of a positive amount."""
    return percent(round(part / whole, 4))


def _read(db: Session, contract: Contract, amendment: Amendment) -> Reading:
    former = [
        each for each in amendments_of(db, contract) if each.state == "notified" and each.number < amendment.number
    ]
    holders = [party for party in parties_of(db, contract) if party.siret != amendment.to_siret]
    return read_act(contract, amendment, former, holder_now(holders), paris_day(database.now(db)))


def _one(db: Session, contract: Contract, amendment: Amendment, who: Person) -> dict[str, Any]:
    return frame(contract, who, WRITERS) | {
        "amendment": amendment,
        "state": STATES[amendment.state],
        "basis": BASES[amendment.basis],
        "share": _share(amendment.amount_change, contract.amount),
        "read": _read(db, contract, amendment) if amendment.state in OPEN else None,
        "papers": by_subject(papers_of(db, contract)).get(amendment.ref, []),
        "circuit": _circuit(db, amendment, who),
    }


def _circuit(db: Session, amendment: Amendment, who: Person) -> dict[str, Any] | None:
    """Who signs its act, and the lines that this person signs; None where it is not signed here."""
    if amendment.act is None:
        return None
    shown, waits = circuit_of(db, amendment.act), amendment.act.state == "awaiting_signature"
    return shown | {
        "to_sign": [s for s in shown["signers"] if waits and s.state == "waiting" and is_party(s, who)],
        "report": amendment.act.signature_report,
    }


@router.get(BASE, dependencies=[Depends(BUYER)])
def amendments_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, LIST, **_list(db, find_contract(db, ref, who), who))


@router.post(BASE, dependencies=[Depends(OFFICER)])
def draft(ctx: Ctx, who: Who, ref: str, sent: Sent) -> Response:
    """The new holder's name is asked of the directory where it is not typed, before anything is written."""
    typed = Typed(sent.fields)
    try:
        with reading(ctx.database) as db:
            contract = find_for_writing(db, ref, who, WRITERS)
            must_be(contract, "in_effect")
            no_other(amendments_of(db, contract))
            buyer, now = Buyer.of(contract.consultation), database.now(db)
        change = _change(ctx, typed, buyer, now)
        with transaction(ctx.database) as db:
            contract = find_for_writing(db, ref, who, WRITERS)
            made = draft_amendment(db, contract, change, who, database.now(db)).ref
    except Invalid as error:
        with reading(ctx.database) as db:
            context = _list(db, find_for_writing(db, ref, who, WRITERS), who)
        raise page_again(error, LIST, context, sent.fields) from None
    return RedirectResponse(f"/contrats/{ref}/modifications/{made}?ok=enregistre", 303)


def _change(ctx: Context, typed: Typed, buyer: Buyer, now: datetime) -> Change:
    siret, name = typed.text("to_siret", 30), typed.text("to_name", 300)
    if siret:
        try:
            number = parse_siret(siret)
        except SiretError as error:
            typed.wrong["to_siret"] = error.sentence
        else:
            siret, name = number.value, name or _name_of(ctx, buyer, number, now)
    amount, months = typed.euros("amount") or Decimal(0), typed.whole("months")
    change = Change(
        typed.text("basis", 20), typed.text("reason", 2000), amount, months, siret, name,
        typed.text("review_clause", 300),
    )  # fmt: skip
    typed.hold()
    return change


def _name_of(ctx: Context, buyer: Buyer, number: Any, now: datetime) -> str:
    try:
        found = look_up(ctx, buyer, number, now)
    except Unavailable:
        return ""
    return (found.name or "") if found else ""


@router.get(BASE + "/{aref}", dependencies=[Depends(BUYER)])
def amendment_page(request: Request, db: Db, who: Who, ref: str, aref: str) -> Response:
    contract = find_contract(db, ref, who)
    return page(request, ONE, **_one(db, contract, find_amendment(db, contract, aref), who))


def _document(ctx: Context, who: Person, ref: str, aref: str, extension: str) -> Response:
    with reading(ctx.database) as db:
        contract = find_contract(db, ref, who)
        amendment, now = find_amendment(db, contract, aref), database.now(db)
        read, name = _read(db, contract, amendment), f"{contract.number}-avenant-{amendment.number}.{extension}"
        act = amendment.act
    if act is not None and extension == "pdf":
        return attachment(ctx.storage.get(act.key), name, TYPES[extension])
    return attachment(_written(read, now, extension), name, TYPES[extension])


def _written(read: Reading, now: datetime, extension: str) -> bytes:
    """The document, made in a worker process. Raises Refused where it cannot be, or where a check blocks."""
    if read.act is None:
        raise Refused(f"L’avenant ne peut pas s’écrire ici : {read.gap}")
    if read.blocked:
        raise Refused("Un contrôle bloque cet avenant : voyez sa page.")
    table = rule_table()
    built = isolate.run(
        "dce_templates.acts.build:build_amendment", read.act, table.figures, table.contracts, (extension,), now=now,
        seconds=60,
    )  # fmt: skip
    content: bytes = built.files[0].content
    return content


@router.get(BASE + "/{aref}/avenant.pdf", dependencies=[Depends(BUYER)])
def act_pdf(ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    return _document(ctx, who, ref, aref, "pdf")


@router.get(BASE + "/{aref}/avenant.docx", dependencies=[Depends(BUYER)])
def act_docx(ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    return _document(ctx, who, ref, aref, "docx")


@router.post(BASE + "/{aref}/signer", dependencies=[Depends(OFFICER)])
def to_sign(ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    """Write the act, keep it, ask the holder then the buyer to sign it."""
    with reading(ctx.database) as db:
        contract, now = find_for_writing(db, ref, who, WRITERS), database.now(db)
        amendment = find_amendment(db, contract, aref)
        may_sign_here(contract, amendment, holder_now(parties_of(db, contract)))
        read = _read(db, contract, amendment)
    content = _written(read, now, "pdf")
    key = ctx.storage.put("contracts", content)
    with withdrawn_if_refused(ctx.storage, [key]), transaction(ctx.database) as db:
        contract, now = find_for_writing(db, ref, who, WRITERS), database.now(db)
        amendment = find_amendment(db, contract, aref)
        lock(db, contract.consultation)
        db.refresh(amendment)
        may_sign_here(contract, amendment, holder_now(parties_of(db, contract)))
        open_circuit(db, contract, amendment, key, hashlib.sha256(content).hexdigest(), who.email, now)
    return RedirectResponse(f"/contrats/{ref}/modifications/{aref}?ok=enregistre", 303)


def _step(aref: str, what: str) -> Step:
    """`accepter`: the signed act comes with it; `notifier`: its day, and the proof of the reception."""

    def verb(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
        amendment = find_amendment(db, contract, aref)
        if what == "accepter":
            agree(db, contract, amendment, who.email, now)
        else:
            on = typed.day("notified_on")
            typed.hold()
            notify_amendment(db, contract, amendment, on, who, now)
        return About("amendment", amendment.ref)

    def again(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
        return _one(db, contract, find_amendment(db, contract, aref), who)

    def guard(db: Session, contract: Contract) -> None:
        may_move(find_amendment(db, contract, aref), "agreed" if what == "accepter" else "notified")

    needed = "Joignez l’avenant signé, ou la décision si l’acheteur décide seul." if what == "accepter" else ""
    return Step(WRITERS, verb, ONE, again, guard, needed)


@router.post(BASE + "/{aref}/accepter", dependencies=[Depends(OFFICER)])
async def agree_amendment(request: Request, ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    await carry_out(request, ctx, who, ref, _step(aref, "accepter"))
    return RedirectResponse(f"/contrats/{ref}/modifications/{aref}?ok=enregistre", 303)


@router.post(BASE + "/{aref}/notifier", dependencies=[Depends(OFFICER)])
async def notify(request: Request, ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    await carry_out(request, ctx, who, ref, _step(aref, "notifier"))
    return RedirectResponse(f"/contrats/{ref}/modifications/{aref}?ok=enregistre", 303)


@router.post(BASE + "/{aref}/abandonner", dependencies=[Depends(OFFICER)])
def drop_amendment(db: Db, who: Who, ref: str, aref: str) -> Response:
    contract = find_for_writing(db, ref, who, WRITERS)
    drop(db, contract, find_amendment(db, contract, aref), who, database.now(db))
    return RedirectResponse(f"/contrats/{ref}/modifications/{aref}?ok=enregistre", 303)
