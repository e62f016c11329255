"""A document edited in Word, read against the dossier in a worker process; nothing is kept."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import isolate
from api.auth import OFFICER, Who
from api.context import Context, Ctx
from api.db import Db, reading
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.publishing import named
from api.render import page
from api.review import read
from api.uploads import MemorySink, receive
from dce_templates.catalogue import taken_by
from dce_templates.dossier import Dossier
from procurement.consultation import Consultation, find_for
from procurement.errors import Invalid, Refused
from procurement.library import clauses_for
from procurement.people import Person
from procurement.rules import rule_table

router = APIRouter(include_in_schema=False)
PATH, TEMPLATE = "/acheteur/consultations/{ref}/relire", "buyer/reread.html"
WORD_CAP = 20_000_000
# Longer reports are cut: the command line gives them whole.
MOST = 30


@router.get(PATH, dependencies=[Depends(OFFICER)])
def form(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, TEMPLATE, **_shown(find_for(db, ref, who)))


@router.post(PATH, dependencies=[Depends(OFFICER)])
async def reread(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Authorise in a short session, stream, compare in a worker process."""
    shown, dossier, options = await run_in_threadpool(_known, ctx, who, ref)
    sink = MemorySink()
    try:
        received = await receive(request, sink, WORD_CAP)
        report = await run_in_threadpool(_compare, dossier, options, sink.content)
    except (Invalid, Refused, WorkFailed) as error:
        sentence = next(iter(error.fields.values())) if isinstance(error, Invalid) else error.sentence
        raise PageInvalid(Invalid({"file": sentence}), TEMPLATE, shown) from None
    return page(request, TEMPLATE, **shown | {"report": report, "name": received.name})


def _shown(consultation: Consultation) -> dict[str, Any]:
    """What the page says before any file, in plain values."""
    dossier, gaps = read(consultation.dossier)
    return {
        "ref": consultation.ref, "buyer_ref": consultation.organisation.ref, "number": consultation.number,
        "object": consultation.object,
        "gap": f"{gaps[0].label} : {gaps[0].sentence}" if dossier is None and gaps else "",
        "cap": f"{WORD_CAP // 10**6} Mo", "most": MOST, "report": None, "name": "",
    }  # fmt: skip


def _known(ctx: Context, who: Person, ref: str) -> tuple[dict[str, Any], Dossier, dict[str, Any]]:
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        shown, (dossier, _) = _shown(consultation), read(consultation.dossier)
        # A draft's documents do not name the pieces yet.
        pieces = named(consultation) if consultation.published_at else []
        clauses = clauses_for(db, consultation)
    if dossier is None:
        raise Refused("Ce dossier attend encore des réponses : complétez-le avant de relire un document.")
    return shown, dossier, {"pieces": pieces, "clauses": taken_by(dossier, clauses)}


def _compare(dossier: Dossier, options: dict[str, Any], content: bytes) -> dict[str, Any]:
    table = rule_table()
    found: dict[str, Any] = isolate.run(
        "dce_templates.drift:drift_plain", content, dossier, table.figures, table.rules, **options
    )
    return found
