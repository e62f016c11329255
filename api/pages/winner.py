"""The company's side of the contract: download the acte d’engagement, bring it back signed, acknowledge reception."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.context import Context, Ctx
from api.contracts import SIGNED_CAP, check_additions, trust_of, verify_signature
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.render import page
from api.uploads import MemorySink, receive
from procurement.candidacy import find_own
from procurement.contract import (
    Contract,
    acknowledge,
    awaits_signature,
    check_report,
    contract_of,
    keep_signed,
    paris_day,
    same_document,
)
from procurement.deliveries import plan
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person

router = APIRouter(include_in_schema=False)
PATH = "/candidatures/{ref}/contrat"
Report = Mapping[str, Any]


def _mine(db: Session, ref: str, who: Person) -> Contract:
    """The contract of the account's own candidacy; anyone else gets NotFound."""
    contract = contract_of(db, find_own(db, ref, who))
    if contract is None:
        raise NotFound
    return contract


def _context(contract: Contract, ref: str, report: Report | None = None) -> dict[str, Any]:
    return {
        "contract": contract,
        "consultation": contract.consultation,
        "buyer": contract.organisation,
        "ref": ref,
        "report": report or contract.signature_report,
        "failed": report is not None,
        "file_name": f"acte-engagement-{contract.number}.pdf",
    }


@router.get(PATH, dependencies=[Depends(SIGNED_IN)])
def contract_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "winner/contract.html", **_context(_mine(db, ref, who), ref))


@router.get(PATH + "/acte-engagement.pdf", dependencies=[Depends(SIGNED_IN)])
def download(ctx: Ctx, who: Who, ref: str) -> Response:
    """The very bytes to sign."""
    with reading(ctx.database) as db:
        contract = _mine(db, ref, who)
        key, name = contract.unsigned_key, f"acte-engagement-{contract.number}.pdf"
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.get(PATH + "/acte-engagement-signe.pdf", dependencies=[Depends(SIGNED_IN)])
def download_signed(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        contract = _mine(db, ref, who)
        key, name = contract.signed_key, f"acte-engagement-{contract.number}-signe.pdf"
    if key is None:
        raise NotFound
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.post(PATH + "/signature-recue", dependencies=[Depends(SIGNED_IN)])
async def receive_signed(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Authorise, stream, then verify the very bytes; nothing is kept unless all holds."""
    await run_in_threadpool(_authorise, ctx, who, ref)
    sink = MemorySink()
    try:
        await receive(request, sink, SIGNED_CAP)
    except (Invalid, Refused) as error:
        raise await run_in_threadpool(_again, ctx, who, ref, error.sentence, error) from None
    sandbox: bool = request.app.state.sandbox
    await run_in_threadpool(_verify_and_keep, ctx, who, ref, sink.content, sandbox)
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=signe", 303)


def _authorise(ctx: Context, who: Person, ref: str) -> None:
    with reading(ctx.database) as db:
        awaits_signature(_mine(db, ref, who))


def _again(
    ctx: Context, who: Person, ref: str, sentence: str, error: Exception | None = None, report: Report | None = None
) -> PageInvalid:
    """The same page with what was wrong, and the verdict where there is one."""
    fields = error.fields if isinstance(error, Invalid) else {"file": sentence}
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(fields), "winner/contract.html", _context(_mine(db, ref, who), ref, report))


def _verify_and_keep(ctx: Context, who: Person, ref: str, signed: bytes, sandbox: bool) -> None:
    with reading(ctx.database) as db:
        contract, now = _mine(db, ref, who), database.now(db)
        created_at = contract.created_at
    unsigned = ctx.storage.get(contract.unsigned_key)
    awaits_signature(contract)
    report = None
    try:
        same_document(contract, unsigned, signed)
        report = verify_signature(signed, trust_of(ctx, sandbox, now), now, created_at)
        check_report(report, contract.holder_siret)
        check_additions(unsigned, signed)
    except (Refused, WorkFailed) as error:
        raise _again(ctx, who, ref, error.sentence, error, report) from None
    key = ctx.storage.put("contracts", signed)
    with transaction(ctx.database) as db:
        kept = _mine(db, ref, who)
        keep_signed(
            db, kept, key=key, unsigned=unsigned, signed=signed, report=report, person=who, now=database.now(db)
        )


@router.post(PATH + "/reception", dependencies=[Depends(SIGNED_IN)])
def acknowledge_reception(request: Request, db: Db, who: Who, ref: str) -> Response:
    """One press, dated by the database's clock: the contract takes effect (R2182-4)."""
    contract = _mine(db, ref, who)
    now = database.now(db)
    acknowledge(db, contract, paris_day(now), f"account:{who.id}", now)
    plan(db, contract, now)
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=recu", 303)
