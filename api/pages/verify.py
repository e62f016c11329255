"""Anyone may have a signed PDF explained; nothing is kept."""

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import db as database
from api.auth import PUBLIC, brake
from api.context import Context, Ctx
from api.contracts import SIGNED_CAP, trust_of, verify_signature
from api.db import transaction
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.render import page
from api.uploads import MemorySink, Received, receive
from procurement.errors import Invalid, Refused

router = APIRouter(include_in_schema=False)
TRIES, MINUTES = 60, 10


@router.get("/verifier", dependencies=[Depends(PUBLIC)])
def form(request: Request) -> Response:
    return page(request, "verify/verify.html", report=None, name="")


@router.post("/verifier/fichiers", dependencies=[Depends(PUBLIC)])
async def check(request: Request, ctx: Ctx) -> Response:
    """The verdict on one file. Sixty files per machine in ten minutes: the work is heavy and the door is public."""
    machine = request.client.host if request.client else "?"
    await run_in_threadpool(_brake, ctx, machine)
    sink = MemorySink()
    try:
        received = await receive(request, sink, SIGNED_CAP)
        return await run_in_threadpool(_answer, request, ctx, received, sink.content)
    except (Invalid, Refused, WorkFailed) as error:
        fields = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
        raise PageInvalid(Invalid(fields), "verify/verify.html", {"report": None, "name": ""}) from None


def _brake(ctx: Context, machine: str) -> None:
    with transaction(ctx.database) as db:
        brake(db, f"verify-from:{machine}", TRIES, MINUTES)


def _answer(request: Request, ctx: Context, received: Received, content: bytes) -> Response:
    with database.reading(ctx.database) as db:
        now = database.now(db)
    report = verify_signature(content, trust_of(ctx, request.app.state.sandbox, now), now)
    return page(request, "verify/verify.html", report=report, name=received.name)
