"""How a contract ends: its ending, its last account (décompte général), the retention given back.

Officers end it; the account and the retention are kept by officers and finance.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import BUYER, OFFICER, Who
from api.context import Ctx
from api.contract_record import EVERYONE, About, Step, Typed, carry_out, frame, must_be
from api.contract_summary import ACCOUNT_STATES
from api.db import Db
from api.render import page
from procurement.account import withheld_of
from procurement.contract import Contract, find_contract
from procurement.errors import Refused
from procurement.execution.documents import papers_of
from procurement.execution.endings import REASONS, end
from procurement.execution.final_account import MOVES_WORDS, FinalAccount, ask_account, final_account_of, settle_account
from procurement.execution.receptions import receptions_of
from procurement.execution.terms import terms_of, write_terms
from procurement.people import Person, Role
from procurement.renewals import contract_end

router = APIRouter(include_in_schema=False)
PAGE = "contracts/ending.html"
BASE = "/contrats/{ref}/fin"
KINDS = ("ending", "account", "guarantee")


def _context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    account, terms = final_account_of(db, contract), terms_of(db, contract)
    held = withheld_of(db, contract)
    done = [each.amount_ht for each in receptions_of(db, contract) if each.state == "done"]
    return frame(contract, who) | {
        "officer": who.has(Role.OFFICER, contract.organisation_id),
        "reasons": list(REASONS.items()),
        "reason": REASONS.get(contract.end_reason, ""),
        "term": terms.ends_on or contract_end(contract),
        "done": sum(done, Decimal(0)),
        "account": account,
        "account_state": ACCOUNT_STATES[account.state] if account else None,
        "account_moves": _moves(account),
        "retention": Decimal(terms.retention_rate) != 0 or held > 0,
        "held": held,
        "guarantee": terms.guarantee,
        "released_on": terms.retention_released_on,
        "papers": [paper for paper in papers_of(db, contract) if paper.kind in KINDS],
    }


def _moves(account: FinalAccount | None) -> list[tuple[str, str]]:
    if account is None:
        return []
    return [(to, words) for to, words in MOVES_WORDS.items() if to in FinalAccount.MOVES[account.state]]


@router.get(BASE, dependencies=[Depends(BUYER)])
def ending_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, PAGE, **_context(db, find_contract(db, ref, who), who))


def _end(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    reason, on, words = typed.text("reason", 20), typed.day("on"), typed.text("words", 1000)
    typed.hold()
    end(db, contract, reason, on, words, who, now)
    return About("ending", contract.ref)


def _ask(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    on, amount = typed.day("on"), typed.euros("amount", needed=True)
    typed.hold()
    return About("account", ask_account(db, contract, on, amount or Decimal(0), who, now).ref)


def _settle(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    to, on, amount, words = typed.text("to", 20), typed.day("on"), typed.euros("amount"), typed.text("words", 2000)
    if to not in MOVES_WORDS:
        typed.wrong["to"] = "Dites où en est le décompte."
    typed.hold()
    return About("account", settle_account(db, contract, to, on, amount, words, who, now).ref)


def _release(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    on = typed.day("retention_released_on")
    if on is None:
        typed.wrong.setdefault("retention_released_on", "Dites quel jour la retenue est libérée.")
    typed.hold()
    write_terms(db, contract, {"retention_released_on": on}, who, now)
    return About("guarantee", contract.ref)


# A form that the page does not show is refused, not corrected.
def _running(db: Session, contract: Contract) -> None:
    must_be(contract, "in_effect")


def _not_asked(db: Session, contract: Contract) -> None:
    if final_account_of(db, contract) is not None:
        raise Refused("Le projet de décompte final est déjà reçu.")


def _asked(db: Session, contract: Contract) -> None:
    account = final_account_of(db, contract)
    if account is None or not FinalAccount.MOVES[account.state]:
        raise Refused("Le projet de décompte final n’est pas encore reçu, ou le décompte est définitif.")


def _held(db: Session, contract: Contract) -> None:
    terms = terms_of(db, contract)
    held = Decimal(terms.retention_rate) != 0 or withheld_of(db, contract) > 0
    if not held or terms.retention_released_on:
        raise Refused("Ce marché n’a pas de retenue de garantie à libérer.")


async def _do(request: Request, ctx: Ctx, who: Who, ref: str, step: Step) -> Response:
    await carry_out(request, ctx, who, ref, step)
    return RedirectResponse(f"/contrats/{ref}/fin?ok=enregistre", 303)


@router.post(BASE, dependencies=[Depends(OFFICER)])
async def end_contract(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    return await _do(request, ctx, who, ref, Step((Role.OFFICER,), _end, PAGE, _context, _running, at="fin"))


@router.post(BASE + "/decompte", dependencies=[Depends(BUYER)])
async def account_asked(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    return await _do(request, ctx, who, ref, Step(EVERYONE, _ask, PAGE, _context, _not_asked, at="projet"))


@router.post(BASE + "/decompte/suite", dependencies=[Depends(BUYER)])
async def account_settled(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    return await _do(request, ctx, who, ref, Step(EVERYONE, _settle, PAGE, _context, _asked, at="suite"))


@router.post(BASE + "/retenue", dependencies=[Depends(BUYER)])
async def retention_released(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    return await _do(request, ctx, who, ref, Step(EVERYONE, _release, PAGE, _context, _held, at="retenue"))
