"""Alive, ready, and figures for the operator."""

from datetime import timedelta

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from api import db as database
from api.auth import PUBLIC
from api.context import Ctx
from api.guard import from_this_machine
from procurement.contract import paris_day
from procurement.counters import last_beat
from procurement.errors import NotFound
from procurement.publication.deadlines import expected
from procurement.trust_lists import states

router = APIRouter(include_in_schema=False)
EXPECTED = Gauge("mps_essential_data_expected", "Essential data that are still to be published")
LATE = Gauge("mps_essential_data_late", "Essential data whose last day has passed")
WORKER_SILENCE = timedelta(minutes=2)
LISTS = Gauge("mps_trust_list_alarm", "1 where a trusted list is stale, never read, or not read again", ["territory"])


@router.get("/healthz", dependencies=[Depends(PUBLIC)])
def alive() -> Response:
    return JSONResponse({"status": "ok"})


@router.get("/readyz", dependencies=[Depends(PUBLIC)])
def ready(ctx: Ctx) -> Response:
    """Database, storage, a worker's heartbeat under two minutes: 200, else 503 with what is missing."""
    state = {"database": False, "storage": False, "worker": False}
    try:
        with database.reading(ctx.database) as db:
            db.execute(text("SELECT 1"))
            state["database"] = True
            beat = last_beat(db)
            state["worker"] = beat is not None and database.now(db) - beat < WORKER_SILENCE
    except SQLAlchemyError:
        pass
    state["storage"] = ctx.storage.usable()
    return JSONResponse(state, 200 if all(state.values()) else 503)


@router.get("/metrics", dependencies=[Depends(PUBLIC)])
def metrics(request: Request, ctx: Ctx) -> Response:
    """Prometheus text, to this machine only: through a proxy or from elsewhere it does not exist."""
    if not from_this_machine(request):
        raise NotFound
    with database.reading(ctx.database) as db:
        for state in states(db, database.now(db)):
            LISTS.labels(state.followed.territory).set(1 if state.alarm else 0)
        today = paris_day(database.now(db))
        waiting = expected(db)
    LATE.set(sum(1 for each in waiting if each.late(today)))
    EXPECTED.set(len(waiting))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
