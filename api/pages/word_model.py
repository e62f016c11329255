"""The administrators' page of their organisation's own Word model: choose, try, replace, remove."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import ADMINISTRATOR, Who
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.render import page
from api.storage import withdrawn_if_refused
from api.uploads import MemorySink, Received, receive
from dce_templates.office import EXTENSIONS
from dce_templates.word.model import MAX_BYTES
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Organisation, Person, Role
from procurement.rules import rule_table
from procurement.word_model import drop_word_model, keep_word_model

router = APIRouter(include_in_schema=False)
BASE, TEMPLATE = "/administration/{ref}/modele-word", "administration/word_model.html"
DOCX = next(media_type for media_type, extension in EXTENSIONS.items() if extension == "docx")
# A publication writes half a dozen documents in 90 seconds.
TRY = 15.0
UNUSABLE = "Ce modèle ne peut pas servir : ouvrez-le dans Word, enregistrez-le à nouveau en .docx, puis recommencez."


def _mine(db: Session, who: Person, ref: str) -> Organisation:
    """A buyer that this person administers; else NotFound."""
    found = db.scalar(select(Organisation).where(Organisation.ref == ref, Organisation.kind == "buyer"))
    if found is None or not who.has(Role.ADMINISTRATOR, found.id):
        raise NotFound
    return found


def _shown(organisation: Organisation) -> dict[str, Any]:
    """Plain values: the page is also shown again after a refused file."""
    return {
        "ref": organisation.ref, "name": organisation.name, "cap": f"{MAX_BYTES // 10**6} Mo",
        "model": organisation.word_model_key and {
            "name": organisation.word_model_name, "by": organisation.word_model_by,
            "at": organisation.word_model_at, "sha256": organisation.word_model_sha256,
        },
    }  # fmt: skip


@router.get(BASE, dependencies=[Depends(ADMINISTRATOR)])
def word_model(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, TEMPLATE, **_shown(_mine(db, who, ref)))


@router.post(BASE, dependencies=[Depends(ADMINISTRATOR)])
async def choose(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Authorise in a short session, stream, try the model in a worker process, record in a second session."""
    shown = await run_in_threadpool(_authorise, ctx, who, ref)
    sink = MemorySink()
    try:
        received = await receive(request, sink, MAX_BYTES)
        await run_in_threadpool(_keep, ctx, who, ref, received, sink.content)
    except (Invalid, Refused) as error:
        sentence = next(iter(error.fields.values())) if isinstance(error, Invalid) else error.sentence
        raise PageInvalid(Invalid({"file": sentence}), TEMPLATE, shown) from None
    return RedirectResponse(f"/administration/{ref}/modele-word?ok=modele", 303)


def _authorise(ctx: Context, who: Person, ref: str) -> dict[str, Any]:
    with reading(ctx.database) as db:
        return _shown(_mine(db, who, ref))


def _keep(ctx: Context, who: Person, ref: str, received: Received, content: bytes) -> None:
    with reading(ctx.database) as db:
        now = database.now(db)
    try:
        isolate.run("dce_templates.model_preview:sample_rc", content, rule_table().figures, now, seconds=TRY)
    except WorkFailed as error:
        raise Invalid({"file": error.sentence if error.kind == "WordError" else UNUSABLE}) from None
    key = ctx.storage.put(f"models/{ref}", content)
    with withdrawn_if_refused(ctx.storage, [key]), transaction(ctx.database) as db:
        keep_word_model(_mine(db, who, ref), key, received.name, received.sha256, who, database.now(db))


@router.get(f"{BASE}/fichiers/{{name}}", dependencies=[Depends(ADMINISTRATOR)])
def file(ctx: Ctx, who: Who, ref: str, name: str) -> Response:
    """`modele.docx`: as it came; `exemple.docx`: the RC of a sample dossier written in it."""
    with reading(ctx.database) as db:
        organisation, now = _mine(db, who, ref), database.now(db)
        key, own = organisation.word_model_key, organisation.word_model_name
    if key is None or name not in ("modele.docx", "exemple.docx"):
        raise NotFound
    content = ctx.storage.get(key)
    if name == "modele.docx":
        return attachment(content, own, DOCX)
    made = isolate.run("dce_templates.model_preview:sample_rc", content, rule_table().figures, now, seconds=TRY)
    return attachment(made, "EXEMPLE_RC.docx", DOCX)


@router.post(f"{BASE}/retirer", dependencies=[Depends(ADMINISTRATOR)])
def remove(db: Db, who: Who, ref: str) -> Response:
    drop_word_model(_mine(db, who, ref))
    return RedirectResponse(f"/administration/{ref}/modele-word?ok=enregistre", 303)
