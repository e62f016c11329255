"""Fetches waiting pieces for the buyer. Claim → call, no transaction open → store the document → record.

A worker that dies in the middle leaves a lease that expires: another worker fetches the piece.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from api import db as database
from api.context import Context
from api.remote.api_entreprise import BadAccess, Buyer, CountedQuotas, access_for
from procurement.errors import Unavailable
from procurement.events import lock
from procurement.pieces import Piece, claim_piece, keep_result
from siret_lookup.fetch import fetch
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.siret import Siret
from siret_lookup.sources import SOURCES

TOGETHER = 8


@dataclass(frozen=True)
class Job:
    """One claimed piece; `attempt` tells whether the lease was lost to another worker meanwhile."""

    id: int
    attempt: int
    key: str
    siret: str
    buyer: Buyer
    now: datetime


def fetch_one(context: Context) -> bool:
    """Claim up to eight due pieces, fetch them side by side, record each. True when there was one."""
    jobs = _claim(context)
    if not jobs:
        return False
    with ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="piece") as pool:
        for job, result in zip(jobs, pool.map(lambda job: call(context, job), jobs), strict=True):
            record(context, job, result)
    return True


def _claim(context: Context) -> list[Job]:
    jobs: list[Job] = []
    with database.transaction(context.database) as db:
        while len(jobs) < TOGETHER and (piece := claim_piece(db, now := database.now(db))):
            candidacy = piece.candidacy
            buyer = Buyer.of(candidacy.consultation)
            jobs.append(Job(piece.id, piece.attempts, piece.key, candidacy.siret, buyer, now))
            db.flush()
    return jobs


def call(context: Context, job: Job) -> PieceResult:
    """One call for the buyer; a missing or wrong token is `not_authorised`, a remote fault `unavailable`."""
    source = SOURCES[job.key]
    nothing = PieceResult(job.key, Outcome.UNAVAILABLE, source.title, source.provider, job.now)
    try:
        access = access_for(context, job.buyer)
    except Unavailable as error:
        return replace(nothing, detail=error.sentence)
    except ValueError as error:
        # BadAccess, or a token sealed with another SECRET_KEY: the administrator's to repair.
        detail = str(error) if isinstance(error, BadAccess) else "Le jeton de l’acheteur ne peut plus être lu."
        return replace(nothing, outcome=Outcome.NOT_AUTHORISED, detail=detail)
    return fetch(job.key, Siret(job.siret), access, job.now, CountedQuotas(context.database))


def record(context: Context, job: Job, result: PieceResult) -> None:
    """Store the document, then write the answer; nothing where another worker took over since."""
    stored = context.storage.put("pieces", result.document) if result.document else None
    with database.transaction(context.database) as db:
        piece = _still_mine(db, job)
        if piece is not None:
            keep_result(db, piece, columns(result, stored), result.retry_at, database.now(db))


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
