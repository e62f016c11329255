"""The officer's own documents of a draft: CCTP, annexes. Streamed with a cap, told from their bytes."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import OFFICER, Who
from api.context import Context, Ctx
from api.db import reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.pages.buyer import HUB, PIECE_CAP, hub_context
from api.storage import withdrawn_if_refused
from api.uploads import MemorySink, Received, receive
from procurement.consultation import DceFile, add_piece, find_for, remove_piece, takes_pieces
from procurement.errors import Invalid, NotFound
from procurement.people import Person

router = APIRouter(include_in_schema=False)
BASE = "/acheteur/consultations/{ref}"
# Names that the documents made here have.
OURS = re.compile(r"(rc|ae|ccap|avis|annexe-donnees|annexe-rgpd)_.*|manifest\.json", re.IGNORECASE)
FileId = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _authorise(ctx: Context, who: Person, ref: str) -> None:
    with reading(ctx.database) as db:
        takes_pieces(find_for(db, ref, who))


@router.post(f"{BASE}/joindre", dependencies=[Depends(OFFICER)])
async def join(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Authorise in a short session, stream, look at the bytes in a worker process, record in a second session."""
    await run_in_threadpool(_authorise, ctx, who, ref)
    sink = MemorySink()
    try:
        received = await receive(request, sink, PIECE_CAP)
        await run_in_threadpool(_keep, ctx, who, ref, received, sink.content)
    except Invalid as error:
        again = Invalid({"file": next(iter(error.fields.values()))})
        raise PageInvalid(again, HUB, await run_in_threadpool(_shown, ctx, who, ref)) from None
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=fichier", 303)


def _shown(ctx: Context, who: Person, ref: str) -> dict[str, object]:
    with reading(ctx.database) as db:
        return hub_context(find_for(db, ref, who), database.now(db))


def _keep(ctx: Context, who: Person, ref: str, received: Received, content: bytes) -> None:
    if len(received.name) > 120:
        raise Invalid({"file": "Le nom de ce fichier dépasse 120 caractères."})
    if OURS.fullmatch(received.name):
        raise Invalid({"file": "Ce nom est celui d’un document produit ici : renommez le fichier."})
    try:
        kind = isolate.run("dce_templates.office:media_type", content, received.name)
    except WorkFailed as error:
        raise Invalid({"file": error.sentence}) from None
    key = ctx.storage.put(f"dce/{ref}", content)
    piece = DceFile(name=received.name, media_type=kind, size=received.size, sha256=received.sha256, key=key)
    with withdrawn_if_refused(ctx.storage, [piece.key]), transaction(ctx.database) as db:
        add_piece(db, find_for(db, ref, who), piece, who, database.now(db))


@router.post(f"{BASE}/pieces/{{file_id}}/enlever", dependencies=[Depends(OFFICER)])
def take_out(ctx: Ctx, who: Who, ref: str, file_id: FileId) -> Response:
    """Its bytes are swept later: no row names them any more."""
    with transaction(ctx.database) as db:
        remove_piece(db, find_for(db, ref, who), file_id, who, database.now(db))
    return RedirectResponse(f"/acheteur/consultations/{ref}?ok=enregistre", 303)


@router.get(f"{BASE}/pieces/{{file_id}}/{{name}}", dependencies=[Depends(OFFICER)])
def read_again(ctx: Ctx, who: Who, ref: str, file_id: FileId, name: str) -> Response:
    with reading(ctx.database) as db:
        found = [f for f in find_for(db, ref, who).files if f.id == file_id and f.name == name]
        if not found:
            raise NotFound
        key, media_type = found[0].key, found[0].media_type
    return attachment(ctx.storage.get(key), name, media_type)
