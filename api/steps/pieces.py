"""Fetches waiting pieces for the buyer. Claim → call, no transaction open → store the document → record.

A claim pays for its call: where the minute's budget is spent, everything of that buyer under the same budget waits for
the next one, and no try is counted. The same call is never under way twice, and what the same buyer learned of the
company for another consultation is taken over while it is fresh. A worker that dies leaves a lease that expires.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import db as database
from api.context import Context
from api.remote.api_entreprise import (
    BadAccess,
    Buyer,
    CountedQuotas,
    HeldQuotas,
    PaidQuotas,
    access_for,
)
from api.remote.bodacc import ask_bodacc
from procurement.errors import Unavailable
from procurement.events import lock
from procurement.flights import land, take_off
from procurement.pieces import WHOSE, Piece, claim_pieces, hold_back, keep_result, reuse
from procurement.providers import left_alone, providers
from procurement.tokens import REFUSED, alert
from siret_lookup.catalogue import BODACC, PIECES, Beside
from siret_lookup.fetch import fetch
from siret_lookup.health import after_call, is_outage, ping_name
from siret_lookup.http import Access
from siret_lookup.maintenance import closed_until
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.quotas import SEAM, spend
from siret_lookup.siret import Siret
from siret_lookup.source import Source
from siret_lookup.sources import SOURCES

TOGETHER = 16
LEASE = timedelta(seconds=90)
SAME_CALL = timedelta(seconds=5)
# How long an answer serves the same buyer's next consultation, by kind of source.
FRESH: Mapping[str, timedelta] = {
    "identity": timedelta(days=1),
    "capacity": timedelta(days=7),
    "tax": timedelta(days=1),
    "social": timedelta(days=1),
}


@dataclass(frozen=True)
class Job:
    """One claimed piece; `attempt` tells whether the lease was lost to another worker meanwhile.

    `access` is None where no call can be made: `failed` says why. `paid`: when, by this process's clock.
    """

    id: int
    attempt: int
    key: str
    siret: str
    access: Access | None
    failed: PieceResult
    now: datetime
    paid: float

    @property
    def flight(self) -> str:
        return flight_of(PIECES[self.key], self.siret, self.access.token_id if self.access else "")

    @property
    def source(self) -> Source | None:
        """Who is called under the buyer's budget; None for an open service, or where no call can be made."""
        return SOURCES.get(self.key) if self.access else None


Answer = tuple[Job, PieceResult, str | None]


def flight_of(source: Source | Beside, siret: str, token_id: str) -> str:
    """The name of a call: same token, same endpoint, same company."""
    return f"{token_id}:{source.key}:{siret[:9] if source.by == 'siren' else siret}"


def fetch_due(context: Context) -> bool:
    """Claim due pieces, fetch them side by side, record what has come in. True when a call was made.

    Raises, once all are done, where an answer could not be kept: its lease expires and it is asked anew.
    """
    found, jobs = claim(context)
    while found and not jobs:
        found, jobs = claim(context)
    wrong: list[Exception] = []
    with ThreadPoolExecutor(max_workers=TOGETHER, thread_name_prefix="piece") as pool:
        left = {pool.submit(_fetched, context, job) for job in jobs}
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)
            wrong += [error for call in done if isinstance(error := call.exception(), Exception)]
            wrong += record(context, [call.result() for call in done if call.exception() is None])
    if wrong:
        raise ExceptionGroup("answers that could not be kept", wrong)
    return bool(jobs)


def _fetched(context: Context, job: Job) -> Answer:
    result = call(context, job)
    return job, result, context.storage.put("pieces", result.document) if result.document else None


def claim(context: Context) -> tuple[int, list[Job]]:
    """(how many pieces were due, the jobs to do), all in one short transaction."""
    with database.transaction(context.database) as db:
        now = database.now(db)
        due = claim_pieces(db, now, LEASE, TOGETHER)
        jobs = {piece.id: (piece, _job(context, piece, now)) for piece in reuse(db, due, FRESH, now)}
        for refused in (_left_alone, _under_way, _unpaid):
            called = [job for _, job in jobs.values() if job.source]
            for held in refused(db, called, now) if called else ():
                hold_back(db, jobs.pop(held.job.id)[0], held.keys, held.until, now)
        return len(due), [job for _, job in jobs.values()]


def _job(context: Context, piece: Piece, now: datetime) -> Job:
    source = PIECES[piece.key]
    access, failed = _access(context, piece, source, now)
    return Job(piece.id, piece.attempts, piece.key, piece.candidacy.siret, access, failed, now, time.monotonic())


def _access(
    context: Context, piece: Piece, source: Source | Beside, now: datetime
) -> tuple[Access | None, PieceResult]:
    """The buyer's access, or why there is none: a missing or wrong token is `not_authorised`."""
    nothing = PieceResult(source.key, Outcome.UNAVAILABLE, source.title, source.provider, now)
    if isinstance(source, Beside):
        return None, nothing
    try:
        return access_for(context, Buyer.of(piece.candidacy.consultation)), nothing
    except Unavailable as error:
        return None, replace(nothing, detail=error.sentence)
    except ValueError as error:
        # BadAccess, or a token sealed with another SECRET_KEY: the administrator's to repair.
        detail = str(error) if isinstance(error, BadAccess) else "Le jeton de l’acheteur ne peut plus être lu."
        return None, replace(nothing, outcome=Outcome.NOT_AUTHORISED, detail=detail)


@dataclass(frozen=True)
class Held:
    """A job that may not be done before `until`, and the keys that wait with it."""

    job: Job
    until: datetime
    keys: Sequence[str] = ()


def _left_alone(db: Session, jobs: Sequence[Job], now: datetime) -> Iterator[Held]:
    """Those whose provider fails these days, or is closed at this hour."""
    alone = left_alone(db, now)
    for job in jobs:
        name = ping_name(job.key)
        closed = closed_until(job.key, job.access.base_url if job.access else "", now)
        if name in alone or closed is not None:
            until = max(end for end in (alone.get(name or ""), closed) if end is not None)
            yield Held(job, until, [key for key in SOURCES if name is not None and ping_name(key) == name])


def _under_way(db: Session, jobs: Sequence[Job], now: datetime) -> Iterator[Held]:
    """Those whose very call another piece is making."""
    off = take_off(db, {job.id: job.flight for job in jobs}, now + LEASE, now)
    yield from (Held(job, now + SAME_CALL) for job in jobs if job.id not in off)


def _unpaid(db: Session, jobs: Sequence[Job], now: datetime) -> Iterator[Held]:
    """Those whose minute's budget is spent; the others have paid."""
    owed = [(job, job.access.token, SOURCES[job.key].groups) for job in jobs if job.access]
    quotas = HeldQuotas.of(db, [(token, group) for _, token, groups in owed for group in groups], now)
    for job, token, groups in owed:
        for group in groups:
            free_at = spend(quotas, token, group, now)
            if free_at is not None:
                land(db, {job.id: job.flight})
                yield Held(job, free_at, [key for key, source in SOURCES.items() if group in source.groups])
                break


def call(context: Context, job: Job) -> PieceResult:
    """One call for the buyer, already paid for; a remote fault is `unavailable`."""
    if job.key in BESIDE:
        return BESIDE[job.key](context, job)
    if job.access is None:
        return job.failed
    late = time.monotonic() - job.paid
    # Too late for the minute that was paid for: this one is paid too.
    quotas = PaidQuotas() if late < SEAM.total_seconds() / 2 else CountedQuotas(context.database)
    return fetch(job.key, Siret(job.siret), job.access, job.now + timedelta(seconds=late), quotas)


def _bodacc(context: Context, job: Job) -> PieceResult:
    return ask_bodacc(context, job.siret[:9], job.now)


# Key → call, for the open services beside API Entreprise.
BESIDE: Mapping[str, Callable[[Context, Job], PieceResult]] = {BODACC.key: _bodacc}


def record(context: Context, answers: Sequence[Answer]) -> list[Exception]:
    """Write the answers, together; where that fails, each alone: none takes another with it. Gives the faults."""
    try:
        _record(context, answers)
    except Exception as error:
        alone = [[answer] for answer in answers]
        return [error] if len(alone) == 1 else [wrong for each in alone for wrong in record(context, each)]
    return []


def _record(context: Context, answers: Sequence[Answer]) -> None:
    """Nothing is written of a piece that another worker took over since."""
    with database.transaction(context.database) as db:
        land(db, {job.id: job.flight for job, _, _ in answers})
        _note_health(db, answers)
        mine = _still_mine(db, [job for job, _, _ in answers])
        for job, result, stored in answers:
            piece = mine.get(job.id)
            if piece is None:
                continue
            if result.outcome is Outcome.NOT_AUTHORISED:
                alert(db, piece.candidacy.consultation.organisation, "refused", REFUSED, database.now(db))
            keep_result(db, piece, columns(result, stored), result.retry_at, database.now(db))


def _note_health(db: Session, answers: Sequence[Answer]) -> None:
    """A provider that fails thrice in a row is left alone for a while (api/steps/health.py pings it meanwhile)."""
    named = [(name, result) for job, result, _ in answers if job.source and (name := ping_name(job.key))]
    rows, now = providers(db, [name for name, _ in named]), database.now(db)
    for name, result in named:
        row, failed = rows[name], is_outage(result)
        if failed or row.open_until is not None or result.outcome is Outcome.OBTAINED:
            row.keep(after_call(row.breaker, failed, now))


def _still_mine(db: Session, jobs: Sequence[Job]) -> dict[int, Piece]:
    """The consultations are locked first, as everywhere, so that two writers never wait for each other."""
    theirs = select(Piece).where(Piece.id.in_([job.id for job in jobs])).order_by(Piece.id).options(*WHOSE)
    consultations = {piece.candidacy.consultation for piece in db.scalars(theirs)}
    for consultation in sorted(consultations, key=lambda each: each.id):
        lock(db, consultation)
    rows = db.scalars(theirs.with_for_update(of=Piece).execution_options(populate_existing=True))
    attempts = {job.id: job.attempt for job in jobs}
    return {piece.id: piece for piece in rows if piece.state == "waiting" and piece.attempts == attempts[piece.id]}


def columns(result: PieceResult, stored: str | None) -> Mapping[str, Any]:
    """The row's columns for one answer; `detail` and `provider` stand among the facts."""
    said = {"detail": result.detail, "provider": result.provider}
    return {
        "outcome": result.outcome.value,
        "facts": dict(result.facts) | {k: v for k, v in said.items() if v},
        "code": (result.code or "")[:20],
        "source": result.source[:200],
        "request_id": (result.request_id or "")[:100],
        "reply_sha256": result.sha256,
        "document_key": stored,
        "document_name": (result.filename or "")[:200],
        "document_type": (result.media_type or "")[:100],
        "document_sha256": result.document_sha256,
        "valid_until": result.valid_until,
        "valid_strictly_until": result.valid_strictly_until,
        "fetched_at": result.fetched_at,
    }


def result_of(piece: Piece) -> PieceResult | None:
    """The answer back from its row, for siret_lookup.words; None while nothing was answered."""
    if piece.outcome is None or piece.fetched_at is None:
        return None
    return PieceResult(
        key=piece.key,
        outcome=Outcome(piece.outcome),
        source=piece.source,
        provider=str(piece.facts.get("provider", "")),
        fetched_at=piece.fetched_at,
        facts=piece.facts,
        valid_until=piece.valid_until,
        valid_strictly_until=piece.valid_strictly_until,
        retry_at=piece.next_try_at,
        code=piece.code or None,
        detail=str(piece.facts.get("detail", "")) or None,
        request_id=piece.request_id or None,
        sha256=piece.reply_sha256,
    )
