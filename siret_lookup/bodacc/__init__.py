"""BODACC: the collective proceedings of a SIREN, from all its notices. Open data, no token.

A buyer reads it after the opening, beside the declaration on honour; facts and a question to ask, never a decision.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from siret_lookup.bodacc.notices import Notice, names, read_notice
from siret_lookup.bodacc.state import Proceedings, current
from siret_lookup.body import Json, Unreadable, rows
from siret_lookup.fetch import SPENT
from siret_lookup.http import Network, Refusal, get_json
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import QuotaStore, spend_open
from siret_lookup.siret import Siren

PATH = "/api/explore/v2.1/catalog/datasets/annonces-commerciales/records"
PER_PAGE = 100
# More than any company has: past it nothing is concluded from a part.
MOST = 2_000
_SECONDS = 10.0


def find_proceedings(
    siren: Siren, bodacc_url: str, now: datetime, quotas: QuotaStore, network: Network | None = None
) -> Proceedings:
    """Read every notice of this SIREN, page after page, then tell its situation. Never raises for a remote fault.

    A page that does not come leaves the whole unavailable: half a history may tell the contrary of the whole.
    """
    nothing = Proceedings(siren.value, Outcome.UNAVAILABLE, now)
    try:
        notices = list(_notices(siren.value, bodacc_url.rstrip("/") + PATH, now, quotas, network or Network()))
    except _Interrupted as stop:
        return replace(nothing, retry_at=stop.retry_at, detail=stop.detail)
    except (Unreadable, RecursionError):
        return replace(nothing, detail="La réponse du service n’a pas la forme publiée.")
    return current(siren.value, notices, now)


class _Interrupted(Exception):
    def __init__(self, detail: str | None, retry_at: datetime | None) -> None:
        super().__init__(detail)
        self.detail, self.retry_at = detail, retry_at


_INCOMPLETE = "La réponse du service est incomplète."


def _notices(siren: str, url: str, now: datetime, quotas: QuotaStore, network: Network) -> Iterator[Notice]:
    offset, total, seen = 0, 1, set[object]()
    while offset < total:
        body = _page(siren, url, offset, now, quotas, network)
        found, total = rows(body, "results"), _total(body)
        if total > MOST or (not found and offset < total):
            raise _Interrupted(_INCOMPLETE, None)
        yield from (read_notice(record) for record in found if names(record, siren))
        seen |= {record.get("id") for record in found}
        offset += len(found)
    # A notice published meanwhile moves the others from one page to the next.
    if len(seen) < total:
        raise _Interrupted(_INCOMPLETE, None)


def _page(siren: str, url: str, offset: int, now: datetime, quotas: QuotaStore, network: Network) -> Json:
    free_at = spend_open(quotas, "bodacc", now)
    if free_at is not None:
        raise _Interrupted(SPENT, free_at)
    params = {"where": _where(siren), "order_by": "dateparution desc, id desc", "limit": str(PER_PAGE)}
    reply = get_json(url, {**params, "offset": str(offset)}, now=now, network=network, seconds=_SECONDS)
    if isinstance(reply, Refusal):
        raise _Interrupted(reply.failure.detail, reply.failure.retry_at)
    return reply.body


def _where(siren: str) -> str:
    spaced = f"{siren[:3]} {siren[3:6]} {siren[6:]}"
    return f'familleavis="collective" and (registre like "{siren}" or registre like "{spaced}")'


def _total(body: Json) -> int:
    total = body.get("total_count")
    if not isinstance(total, int) or isinstance(total, bool):
        raise Unreadable("total_count is missing")
    return total
