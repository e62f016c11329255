"""Fetches waiting pieces for the buyer. Claim → call, no transaction open → store the document → record.

A claim pays for its call: where the minute's budget is spent, everything of that buyer under the same budget waits for
the next one, and no try is counted. The same call is never under way twice, and what the same buyer learned of the
company for another consultation is taken over while it is fresh. A worker that dies leaves a lease that expires.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from api import db as database
from api.context import Context
from api.remote.api_entreprise import (
    BadAccess,
    Buyer,
    PaidQuotas,
    SessionQuotas,
    access_for,
)
from api.remote.bodacc import ask_bodacc
from procurement.errors import Unavailable
from procurement.events import lock
from procurement.flights import land, take_off
from procurement.pieces import Piece, claim_piece, hold_back, keep_result, reuse
from procurement.providers import open_until, provider
from procurement.tokens import REFUSED, alert
from siret_lookup.catalogue import BODACC, PIECES, Beside
from siret_lookup.fetch import fetch
from siret_lookup.health import after_call, is_outage, ping_name
from siret_lookup.http import Access
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.quotas import spend
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

    `access` is None where no call can be made: `failed` says why.
    """

    id: int
    attempt: int
    key: str
    siret: str
    access: Access | None
    failed: PieceResult
    now: datetime

    @property
    def flight(self) -> str:
        return flight_of(PIECES[self.key], self.siret, self.access.token_id if self.access else "")


def flight_of(source: Source | Beside, siret: str, token_id: str) -> str:
    """The name of a call: same token, same endpoint, same company."""
    return f"{token_id}:{source.key}:{siret[:9] if source.by == 'siren' else siret}"


def fetch_one(context: Context) -> bool:
    """Claim due pieces and fetch them side by side, each from the moment it is claimed. True when a call was made."""
    calls: list[Future[None]] = []
    with ThreadPoolExecutor(max_workers=TOGETHER, thread_name_prefix="piece") as pool:
        found = True
        while found and len(calls) < TOGETHER:
            found, job = claim(context)
            calls += [pool.submit(_fetched, context, job)] if job else []
    for made in calls:
        made.result()
    return bool(calls)


def _fetched(context: Context, job: Job) -> None:
    record(context, job, call(context, job))


def claim(context: Context) -> tuple[bool, Job | None]:
    """(whether a piece was due, the job to do). A transaction per piece: two workers never wait for each other's."""
    with database.transaction(context.database) as db:
        now = database.now(db)
        piece = claim_piece(db, now, LEASE)
        if piece is None:
            return False, None
        source, candidacy = PIECES[piece.key], piece.candidacy
        if reuse(db, piece, FRESH[source.kind], source.by == "siren", now):
            return True, None
        access, failed = _access(context, piece, source, now)
        if access is not None and isinstance(source, Source) and not _may_call(db, piece, source, access, now):
            return True, None
        return True, Job(piece.id, piece.attempts, piece.key, candidacy.siret, access, failed, now)


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


def _may_call(db: Session, piece: Piece, source: Source, access: Access, now: datetime) -> bool:
    """Pay for the call, or give the piece back until it can be made."""
    alone = open_until(db, ping_name(source.key) or "")
    if alone is not None and alone > now:
        hold_back(db, piece, [k for k in SOURCES if ping_name(k) == ping_name(source.key)], alone, now)
        return False
    flight = flight_of(source, piece.candidacy.siret, access.token_id)
    if not take_off(db, flight, piece.id, now + LEASE, now):
        hold_back(db, piece, (), now + SAME_CALL, now)
        return False
    for group in source.groups:
        free_at = spend(SessionQuotas(db), access.token, group, now)
        if free_at is not None:
            land(db, flight, piece.id)
            hold_back(db, piece, [k for k, s in SOURCES.items() if group in s.groups], free_at, now)
            return False
    return True


def call(context: Context, job: Job) -> PieceResult:
    """One call for the buyer, already paid for; a remote fault is `unavailable`."""
    if job.key in BESIDE:
        return BESIDE[job.key](context, job)
    if job.access is None:
        return job.failed
    return fetch(job.key, Siret(job.siret), job.access, job.now, PaidQuotas())


def _bodacc(context: Context, job: Job) -> PieceResult:
    return ask_bodacc(context, job.siret[:9], job.now)


# Key → call, for the open services beside API Entreprise.
BESIDE: Mapping[str, Callable[[Context, Job], PieceResult]] = {BODACC.key: _bodacc}


def record(context: Context, job: Job, result: PieceResult) -> None:
    """Store the document, then write the answer; nothing where another worker took over since."""
    stored = context.storage.put("pieces", result.document) if result.document else None
    with database.transaction(context.database) as db:
        land(db, job.flight, job.id)
        _note_health(db, job, result)
        piece = _still_mine(db, job)
        if piece is not None:
            if result.outcome is Outcome.NOT_AUTHORISED:
                alert(db, piece.candidacy.consultation.organisation, "refused", REFUSED, database.now(db))
            keep_result(db, piece, columns(result, stored), result.retry_at, database.now(db))


def _note_health(db: Session, job: Job, result: PieceResult) -> None:
    """A provider that fails thrice in a row is left alone for a while (api/steps/health.py pings it meanwhile)."""
    name = ping_name(job.key) if job.access is not None and job.key in SOURCES else None
    if name is None:
        return
    failed, now = is_outage(result), database.now(db)
    if failed or open_until(db, name) is not None or result.outcome is Outcome.OBTAINED:
        row = provider(db, name)
        row.keep(after_call(row.breaker, failed, now))


def _still_mine(db: Session, job: Job) -> Piece | None:
    """The consultation is locked first, as everywhere, so that two writers never wait for each other."""
    piece = db.get_one(Piece, job.id)
    lock(db, piece.candidacy.consultation)
    db.refresh(piece, with_for_update=True)
    return piece if piece.state == "waiting" and piece.attempts == job.attempt else None


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
