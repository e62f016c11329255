"""Pieces that a company gives itself: asked by the buyer of the intended winner, uploaded, read beside the answer."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import OFFICER, SIGNED_IN, Who
from api.awarding import to_award
from api.context import Context, Ctx
from api.contracts import read_date
from api.db import Db, reading, transaction
from api.downloads import streamed
from api.errors import PageInvalid
from api.pages.award import PATH as AWARD
from api.pages.award import again
from api.pages.opening import BASE
from api.render import page
from api.storage import withdrawn_if_refused
from api.uploads import MemorySink, Received, receive
from procurement.candidacy import find_own, find_own_locked, find_received
from procurement.consultation import find_for
from procurement.errors import DomainError, Invalid, NotFound
from procurement.looks import looked
from procurement.people import Person
from procurement.piece_requests import Document, find_request, give, may_give, request_missing, requests_of
from siret_lookup.catalogue import PIECES
from siret_lookup.sniff import CERTIFICATES, is_whole, sniff

router = APIRouter(include_in_schema=False)
TEMPLATE = "candidacies/requested.html"
HERE = "/candidatures/{ref}/pieces-demandees"
CAP = 10 * 10**6
Text = Annotated[str, Form()]
Keys = Annotated[Sequence[str], Form()]


@router.post(AWARD + "/demander-pieces", dependencies=[Depends(OFFICER)])
def ask_company(db: Db, who: Who, ref: str, keys: Keys = (), due_on: Text = "") -> Response:
    """What the officer ticked of what is missing, with a day."""
    consultation = to_award(db, ref, who)
    try:
        request_missing(db, consultation, keys, read_date(due_on, "due_on"), who, database.now(db))
    except Invalid as error:
        raise again(db, consultation, error, due_on=due_on) from None
    return RedirectResponse(f"{AWARD.format(ref=ref)}?ok=pieces", 303)


@router.get(f"{BASE}/plis/{{cref}}/fournies/pieces/{{asked}}", dependencies=[Depends(OFFICER)])
def read_given(ctx: Ctx, who: Who, ref: str, cref: str, asked: str) -> Response:
    with transaction(ctx.database) as db:
        candidacy = find_received(db, find_for(db, ref, who), cref)
        found = find_request(db, candidacy, asked)
        if found.document_key is None:
            raise NotFound
        looked(db, candidacy, who.email, f"Document fourni : {found.title}"[:200], database.now(db))
        key, name, kind = found.document_key, found.document_name, found.document_type
    return streamed(ctx.storage.chunks(key), name, kind)


@router.get(HERE, dependencies=[Depends(SIGNED_IN)])
def requested_page(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    return page(request, TEMPLATE, **_shown(ctx, who, ref))


def _shown(ctx: Context, who: Person, ref: str) -> dict[str, Any]:
    """What the buyer asked, in its own words: never what an authority answered."""
    with reading(ctx.database) as db:
        candidacy, now = find_own(db, ref, who), database.now(db)
        rows = []
        for row in requests_of(db, candidacy):
            try:
                may_give(db, row, now)
                closed = ""
            except DomainError as error:
                closed = error.sentence
            rows.append({"row": row, "title": row.title, "accepted": PIECES[row.key].substitute, "closed": closed})
        return {"ref": ref, "number": candidacy.consultation.number, "name": candidacy.name, "rows": rows}


@router.post(HERE + "/{asked}", dependencies=[Depends(SIGNED_IN)])
async def upload(request: Request, ctx: Ctx, who: Who, ref: str, asked: str) -> Response:
    """Authorise in a short session, stream, look at the first and last bytes, record in a second session."""
    await run_in_threadpool(_authorise, ctx, who, ref, asked)
    sink = MemorySink()
    try:
        received = await receive(request, sink, CAP)
        await run_in_threadpool(_keep, ctx, who, ref, asked, received, sink.content)
    except Invalid as error:
        wrong = Invalid({f"file-{asked}": next(iter(error.fields.values()))})
        raise PageInvalid(wrong, TEMPLATE, await run_in_threadpool(_shown, ctx, who, ref)) from None
    return RedirectResponse(f"{HERE.format(ref=ref)}?ok=fichier", 303)


def _authorise(ctx: Context, who: Person, ref: str, asked: str) -> None:
    with reading(ctx.database) as db:
        may_give(db, find_request(db, find_own(db, ref, who), asked), database.now(db))


def _keep(ctx: Context, who: Person, ref: str, asked: str, received: Received, content: bytes) -> None:
    media_type, extension = sniff(content)
    if media_type not in CERTIFICATES or not is_whole(content, media_type):
        raise Invalid({"file": "Déposez un PDF ou une image (JPEG, PNG), entier."})
    name = received.name if received.name.lower().endswith(f".{extension}") else f"{received.name}.{extension}"
    key = ctx.storage.put("given", content)
    with withdrawn_if_refused(ctx.storage, [key]), transaction(ctx.database) as db:
        found = find_request(db, find_own_locked(db, ref, who), asked)
        give(db, found, Document(key, name, media_type, received.sha256), who, database.now(db))
