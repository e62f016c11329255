"""What anyone may read, without an account: the list, one consultation, its documents."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api import db as database
from api.auth import PUBLIC
from api.bundle import zipped
from api.context import Context, Ctx
from api.db import Db, reading
from api.downloads import attachment, streamed
from api.kept import for_strangers, until_next
from api.render import page
from api.review import read
from api.wording import public_state_of, time_left, to_the_second
from dce_templates.files import slug
from dce_templates.view import view
from procurement.consultation import Consultation, DceFile, find_public, public_list
from procurement.errors import NotFound
from procurement.publication.public import public_contract
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
PAGE = 50
Cursor = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
FileId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/consultations", dependencies=[Depends(PUBLIC)])
async def listing(request: Request, ctx: Ctx, q: str = "", avant: Cursor = None) -> Response:
    return await for_strangers(request, lambda: _listing(request, ctx, q, avant))


def _listing(request: Request, ctx: Context, q: str, avant: int | None) -> tuple[Response, float]:
    text = q.replace("\x00", "").strip()[:200]
    with reading(ctx.database) as db:
        found = public_list(db, text, avant, PAGE + 1)
        now = database.now(db)
    rows = [(c, public_state_of(c, now)) for c in found[:PAGE]]
    following = str(request.url.include_query_params(avant=rows[-1][0].id).query) if len(found) > PAGE else ""
    shown = page(
        request,
        "consultations/list.html",
        rows=rows,
        values={"q": text},
        first=avant is None,
        following=f"/consultations?{following}" if following else None,
    )
    return shown, until_next((c.deadline for c in found), now)


@router.get("/consultations/{ref}", dependencies=[Depends(PUBLIC)])
def public_page(request: Request, db: Db, ref: str) -> Response:
    """All that a company needs to decide whether to answer."""
    consultation = find_public(db, ref)
    now = database.now(db)
    return page(
        request,
        "consultations/page.html",
        c=consultation,
        buyer=consultation.organisation,
        shown=public_state_of(consultation, now),
        open_now=consultation.receives(now),
        deadline=to_the_second(consultation.deadline) if consultation.deadline else "",
        left=time_left(consultation.deadline, now) if consultation.deadline else "",
        files=consultation.current_files,
        former=former_versions(consultation),
        contract=public_contract(db, consultation) if consultation.state == "notified" else None,
        **_told(consultation),
    )


def former_versions(consultation: Consultation) -> list[tuple[int, list[DceFile]]]:
    """(version, its files), newest first, without the one in force."""
    before = range(consultation.dce_version - 1, 0, -1)
    return [(version, [f for f in consultation.files if f.version == version]) for version in before]


def _told(consultation: Consultation) -> dict[str, Any]:
    """The dossier in ready words; nothing but the row where it cannot be read."""
    dossier, _ = read(consultation.dossier)
    written = str(consultation.dossier.get("deadline") or "")
    extended = bool(written) and consultation.deadline != datetime.fromisoformat(written)
    if dossier is None:
        return {"w": None, "extended": extended}
    figures = rule_table().in_force(dossier.launched_on).figures
    return {"w": view(dossier, figures), "extended": extended}


@router.get("/consultations/{ref}/dce.zip", dependencies=[Depends(PUBLIC)])
def whole(ctx: Ctx, ref: str) -> Response:
    """Every document with manifest.json, free, without account."""
    with reading(ctx.database) as db:
        consultation = find_public(db, ref)
        name = f"DCE_{slug(consultation.number)}.zip"
        files = [(f.name, f.key) for f in consultation.current_files]
    return streamed(zipped((n, ctx.storage.chunks(key)) for n, key in files), name, "application/zip")


@router.get("/consultations/{ref}/dce/{file_id}/{name}", dependencies=[Depends(PUBLIC)])
def one_file(ctx: Ctx, ref: str, file_id: FileId, name: str) -> Response:
    with reading(ctx.database) as db:
        found = [f for f in find_public(db, ref).files if f.id == file_id and f.name == name]
        if not found:
            raise NotFound
        key, media_type = found[0].key, found[0].media_type
    return attachment(ctx.storage.get(key), name, media_type)
