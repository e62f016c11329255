"""« Recours reçu »: the hour, the author, the application; its end. From the first to the last, nothing is signed."""

import hashlib
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import db as database
from api.auth import OFFICER, Who
from api.awarding import to_award
from api.context import Context, Ctx
from api.contracts import SIGNED_CAP
from api.db import Db, reading, transaction
from api.dossiers import read_moment
from api.downloads import attachment
from api.errors import PageInvalid
from api.pages.award import PATH, again, back
from api.uploads import MemorySink, receive
from procurement.appeals import end_appeal, find_appeal, keep_file, receive_appeal
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.post(PATH + "/recours", dependencies=[Depends(OFFICER)])
def appeal_received(
    request: Request, db: Db, who: Who, ref: str, received_at: Text = "", author: Text = "", number: Text = ""
) -> Response:
    """« Recours reçu »: from that hour nothing is signed nor notified."""
    consultation = to_award(db, ref, who)
    try:
        moment = read_moment(received_at, "received_at")
        receive_appeal(db, consultation, moment, author, number, who, database.now(db))
    except Invalid as error:
        raise again(db, consultation, error, received_at=received_at, author=author, number=number) from None
    return back(ref, "recours")


@router.post(PATH + "/recours/{aref}/fin", dependencies=[Depends(OFFICER)])
def appeal_ended(
    request: Request, db: Db, who: Who, ref: str, aref: str, end: Text = "", appeal_motive: Text = ""
) -> Response:
    consultation = to_award(db, ref, who)
    try:
        end_appeal(db, consultation, aref, end, appeal_motive, who, database.now(db))
    except Invalid as error:
        raise again(db, consultation, error, end=end, appeal_motive=appeal_motive) from None
    return back(ref, "recours-fin")


@router.post(PATH + "/recours/{aref}/requete", dependencies=[Depends(OFFICER)])
async def application(request: Request, ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    """The application itself, as it was received (PDF)."""
    await run_in_threadpool(_may_keep, ctx, who, ref, aref)
    sink = MemorySink()
    try:
        received = await receive(request, sink, SIGNED_CAP)
        if not sink.content.startswith(b"%PDF-"):
            raise Refused("La requête est attendue en PDF.")
    except (Refused, Invalid) as error:
        raise await run_in_threadpool(_again, ctx, who, ref, error) from None
    await run_in_threadpool(partial(_keep, ctx, who, ref, aref, received.name, sink.content))
    return back(ref, "requete")


def _may_keep(ctx: Context, who: Person, ref: str, aref: str) -> None:
    with reading(ctx.database) as db:
        find_appeal(db, to_award(db, ref, who), aref)


def _again(ctx: Context, who: Person, ref: str, error: Exception) -> PageInvalid:
    with reading(ctx.database) as db:
        return again(db, to_award(db, ref, who), Invalid({"file": getattr(error, "sentence", "")}))


def _keep(ctx: Context, who: Person, ref: str, aref: str, name: str, content: bytes) -> None:
    key, sha256 = ctx.storage.put("appeals", content), hashlib.sha256(content).hexdigest()
    with transaction(ctx.database) as db:
        keep_file(db, to_award(db, ref, who), aref, key, name, sha256, who, database.now(db))


@router.get(PATH + "/recours/{aref}/requete.pdf", dependencies=[Depends(OFFICER)])
def read_application(ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    with reading(ctx.database) as db:
        appeal = find_appeal(db, to_award(db, ref, who), aref)
        key, name = appeal.file_key, appeal.file_name or "requete.pdf"
    if key is None:
        raise NotFound
    return attachment(ctx.storage.get(key), name, "application/pdf")
