"""Files of a draft: streamed, sealed before they touch a disk; the end of the upload counts against the deadline."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.errors import PageInvalid
from api.pages.candidacies import TEMPLATE, shown
from api.storage import withdrawn_if_refused
from api.uploads import Received, SealingSink, receive
from procurement.candidacy import CandidacyFile, add_file, check_room, editable, find_own, find_own_locked, remove_file
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person

router = APIRouter(include_in_schema=False)
KINDS = {"candidature": "candidacy", "offre": "offer"}
ENVELOPE = 10_000  # what a form puts around its file, at most: a file is not refused before it is counted


@dataclass(frozen=True)
class Permission:
    """What the upload needs, so that no session is open while bytes flow."""

    kind: str
    recipient: str
    started_at: datetime


def _authorise(ctx: Context, who: Person, ref: str, word: str, announced: int) -> Permission:
    if word not in KINDS:
        raise NotFound
    with reading(ctx.database) as db:
        candidacy, now = find_own(db, ref, who), database.now(db)
        editable(candidacy)
        check_room(candidacy, max(1, announced - ENVELOPE), ctx.settings.max_candidacy_mb * 10**6)
        consultation = candidacy.consultation
        if KINDS[word] == "offer" and not consultation.offers_here:
            raise Refused(f"L’offre se dépose ailleurs : {consultation.offers_elsewhere}")
        return Permission(KINDS[word], consultation.seal_recipient or "", now)


@router.post("/candidatures/{ref}/fichiers/{word}", dependencies=[Depends(SIGNED_IN)])
async def upload(request: Request, ctx: Ctx, who: Who, ref: str, word: str) -> Response:
    """Authorise in a short session, stream and seal, record in a second one."""
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() and len(length) < 16 else 0
    allowed = await run_in_threadpool(_authorise, ctx, who, ref, word, announced)
    sink = SealingSink(allowed.recipient)
    try:
        received = await receive(request, sink, ctx.settings.max_upload_mb * 10**6)
        await run_in_threadpool(_keep, ctx, who, ref, allowed, sink, received)
    except Invalid as error:
        await run_in_threadpool(sink.abort)
        again = Invalid({f"file-{allowed.kind}": next(iter(error.fields.values()))})
        context: dict[str, object] = {"candidacy": await run_in_threadpool(shown, ctx, who, ref)}
        raise PageInvalid(again, TEMPLATE, context) from None
    finally:
        sink.path.unlink(missing_ok=True)
    return RedirectResponse(f"/candidatures/{ref}?ok=fichier", 303)


def _keep(ctx: Context, who: Person, ref: str, allowed: Permission, sink: SealingSink, received: Received) -> None:
    key = ctx.storage.put("plis", sink.path)
    with withdrawn_if_refused(ctx.storage, [key]), transaction(ctx.database) as db:
        candidacy = find_own_locked(db, ref, who)
        check_room(candidacy, received.size, ctx.settings.max_candidacy_mb * 10**6)
        file = CandidacyFile(
            kind=allowed.kind, name=received.name, size=received.size, sha256=received.sha256, key=key,
            started_at=allowed.started_at, received_at=database.now(db),
        )  # fmt: skip
        add_file(candidacy, file)


@router.post("/candidatures/{ref}/enlever/{file}", dependencies=[Depends(SIGNED_IN)])
def take_out(db: Db, who: Who, ref: str, file: str) -> Response:
    candidacy = find_own_locked(db, ref, who)
    remove_file(db, candidacy, file)
    return RedirectResponse(f"/candidatures/{ref}?ok=enregistre", 303)
