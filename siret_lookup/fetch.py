"""Fetch one piece, or several side by side. A remote fault is an outcome, never an exception."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from siret_lookup.body import Reading, Unreadable, open_body
from siret_lookup.envelope import Failure, unavailable
from siret_lookup.http import Access, Refusal, Reply, download, get
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.quotas import QuotaStore, spend
from siret_lookup.siret import Siret
from siret_lookup.source import Source
from siret_lookup.sources import SOURCES

SPENT = "Le nombre d’appels permis par minute est atteint."


def fetch(source_key: str, siret: Siret, access: Access, now: datetime, quotas: QuotaStore) -> PieceResult:
    """Fetch one piece with its document. Raises KeyError for a source that SOURCES does not know, nothing else."""
    source = SOURCES[source_key]
    blank = PieceResult(source.key, Outcome.UNAVAILABLE, source.title, source.provider, now)
    free_at = spend(quotas, access.token, source.group, now)
    if free_at is not None:
        return replace(blank, retry_at=free_at, detail=SPENT)
    seconds = access.document_seconds if source.document else access.json_seconds
    reply = get(access, source.path_for(siret), {}, now=now, seconds=seconds)
    blank = replace(blank, sha256=reply.sha256, request_id=reply.request_id)
    if isinstance(reply, Refusal):
        return _failed(blank, reply.failure)
    return _read(blank, source, siret, reply, access)


def fetch_all(
    keys: Sequence[str], siret: Siret, access: Access, now: datetime, quotas: QuotaStore
) -> list[PieceResult]:
    """Fetch several pieces at the same time, in the order asked; a key given twice is fetched once."""
    unique = list(dict.fromkeys(keys))
    if not unique:
        return []
    with ThreadPoolExecutor(max_workers=min(len(unique), 8), thread_name_prefix="piece") as pool:
        return list(pool.map(lambda key: fetch(key, siret, access, now, quotas), unique))


def _read(blank: PieceResult, source: Source, siret: Siret, reply: Reply, access: Access) -> PieceResult:
    try:
        reading = source.read(open_body(reply.body))
    except Unreadable:
        illegible = unavailable("La réponse du service n’a pas la forme publiée.", blank.fetched_at, timedelta(hours=1))
        return _failed(blank, illegible)
    result = replace(
        blank,
        outcome=reading.outcome,
        facts=reading.facts,
        valid_from=reading.valid_from,
        valid_until=reading.valid_until,
        valid_strictly_until=reading.valid_strictly_until,
        detail=reading.detail,
    )
    return _with_document(result, siret, reading, access) if reading.document_url else result


def _with_document(result: PieceResult, siret: Siret, reading: Reading, access: Access) -> PieceResult:
    document = download(access, reading.document_url or "", now=result.fetched_at)
    if isinstance(document, Failure):
        return _failed(result, document)
    if document.media_type != "application/pdf":
        odd = unavailable("Le document reçu n’est pas un PDF.", result.fetched_at, timedelta(hours=1))
        return _failed(result, odd)
    return replace(
        result,
        document=document.content,
        media_type=document.media_type,
        filename=f"{result.key}-{siret.value}.{document.extension}",
        document_sha256=document.sha256,
    )


def _failed(result: PieceResult, failure: Failure) -> PieceResult:
    return replace(
        result,
        outcome=failure.outcome,
        code=failure.code,
        detail=failure.detail,
        retry_at=failure.retry_at,
    )
