"""Fetch one piece, or several side by side. A remote fault is an outcome, never an exception."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from siret_lookup.body import Reading, Unreadable, open_body
from siret_lookup.envelope import Failure, unavailable
from siret_lookup.http import Access, Document, Refusal, Reply, document_allowed, download, get
from siret_lookup.maintenance import CLOSED, closed_until
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.quotas import QuotaStore, spend
from siret_lookup.siret import Siret
from siret_lookup.sniff import CERTIFICATES, is_whole
from siret_lookup.source import Source
from siret_lookup.sources import SOURCES

_LATER = timedelta(hours=1)
_ELSEWHERE = "Le certificat se lit sur le site de l’organisme : aucune copie n’a été gardée."
_NO_CERTIFICATE = "Le document reçu n’est ni un PDF ni une image."
SPENT = "Le nombre d’appels permis par minute est atteint."


def fetch(
    source_key: str, siret: Siret, access: Access, now: datetime, quotas: QuotaStore, year: int | None = None
) -> PieceResult:
    """Fetch one piece with its document; `year` is the last one wanted of a source that answers by year.

    Raises KeyError for a source that SOURCES does not know, nothing else.
    """
    source = SOURCES[source_key]
    blank = PieceResult(source.key, Outcome.UNAVAILABLE, source.title, source.provider, now)
    closed = closed_until(source.key, access.base_url, now)
    if closed is not None:
        return replace(blank, retry_at=closed, detail=CLOSED)
    free_at = _spend(source, access.token, now, quotas)
    if free_at is not None:
        return replace(blank, retry_at=free_at, detail=SPENT)
    seconds = access.document_seconds if source.document else access.json_seconds
    reply = get(access, source.path_for(siret, now, year), source.params, now=now, seconds=seconds)
    blank = replace(blank, sha256=reply.sha256, request_id=reply.request_id)
    if isinstance(reply, Refusal):
        return _failed(blank, _negative(source, reply.failure))
    return _read(blank, source, siret, reply, access)


def fetch_all(
    keys: Sequence[str],
    siret: Siret,
    access: Access,
    now: datetime,
    quotas: QuotaStore,
    year: int | None = None,
) -> list[PieceResult]:
    """Fetch several pieces at the same time, in the order asked; a key given twice is fetched once."""
    unique = list(dict.fromkeys(keys))
    if not unique:
        return []
    with ThreadPoolExecutor(max_workers=min(len(unique), 8), thread_name_prefix="piece") as pool:
        return list(pool.map(lambda key: fetch(key, siret, access, now, quotas, year), unique))


def _spend(source: Source, token: str, now: datetime, quotas: QuotaStore) -> datetime | None:
    # The download's budget is set aside before the call: five tax certificates a minute are too few to waste one.
    return next((free_at for group in source.groups if (free_at := spend(quotas, token, group, now))), None)


def _negative(source: Source, failure: Failure) -> Failure:
    if failure.outcome is Outcome.NOT_FOUND and failure.code in source.negative_codes:
        return replace(failure, outcome=Outcome.REFUSED_BY_AUTHORITY)
    return failure


def _read(blank: PieceResult, source: Source, siret: Siret, reply: Reply, access: Access) -> PieceResult:
    try:
        reading = source.read(open_body(reply.body))
    except Unreadable:
        illegible = unavailable("La réponse du service n’a pas la forme publiée.", blank.fetched_at, _LATER)
        return _failed(blank, illegible)
    result = replace(
        blank,
        outcome=reading.outcome,
        facts=reading.facts,
        valid_from=reading.valid_from,
        valid_until=reading.valid_until,
        valid_strictly_until=reading.valid_strictly_until,
        detail=reading.detail,
        code=reading.code,
        retry_at=blank.fetched_at + (reading.retry_in or _LATER) if reading.outcome.waiting else None,
    )
    return _with_document(result, source, siret, reading, access) if reading.document_url else result


def _with_document(result: PieceResult, source: Source, siret: Siret, reading: Reading, access: Access) -> PieceResult:
    url = reading.document_url or ""
    if source.facts_stand and not document_allowed(access, url):
        return replace(result, detail=_ELSEWHERE)
    document = download(access, url, now=result.fetched_at)
    if isinstance(document, Failure):
        return _failed(result, document)
    if document.media_type not in CERTIFICATES and source.facts_stand:
        return replace(result, detail=_ELSEWHERE)
    if (fault := _fault_of(document)) is not None:
        return _failed(result, unavailable(fault, result.fetched_at, _LATER))
    return replace(
        result,
        document=document.content,
        media_type=document.media_type,
        filename=f"{result.key}-{siret.value}.{document.extension}",
        document_sha256=document.sha256,
    )


def _fault_of(document: Document) -> str | None:
    if document.media_type not in CERTIFICATES:
        return _NO_CERTIFICATE
    return None if is_whole(document.content, document.media_type) else "Le document reçu est incomplet."


def _failed(result: PieceResult, failure: Failure) -> PieceResult:
    return replace(
        result,
        outcome=failure.outcome,
        code=failure.code,
        detail=failure.detail,
        retry_at=failure.retry_at,
    )
