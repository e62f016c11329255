"""Who an establishment is, and what took its place: open data only, from the nearest source that answers.

The local copy of Sirene first, where there is one; then Insee through API Entreprise; in reserve the Annuaire des
entreprises. An establishment that the copy does not know, or calls closed, is asked afresh: a copy is a month old.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import structlog

from api.context import Context
from api.remote.api_entreprise import BadAccess, Buyer, CountedQuotas, network, open_access
from procurement.errors import Unavailable
from siret_lookup.directory import identity_in_reserve, or_in_reserve
from siret_lookup.fetch import fetch
from siret_lookup.identity import Identity, open_identity
from siret_lookup.outcome import Outcome
from siret_lookup.sirene import BadMirror, Mirror, lookup, successors
from siret_lookup.sirene_api import SireneAccess, fetch_links
from siret_lookup.siret import Siret
from siret_lookup.succession import Link

log = structlog.get_logger("mps.identities")


@lru_cache(8)
def _mirror(path: Path) -> Mirror:
    return Mirror(path)


def mirror_of(ctx: Context) -> Mirror | None:
    """The local copy of Sirene; None where there is none, or where it cannot be read (said in the log)."""
    path = ctx.settings.sirene_mirror
    if path is None:
        return None
    try:
        return _mirror(path)
    except BadMirror:
        log.warning("sirene mirror unreadable")
        return None


def look_up(ctx: Context, buyer: Buyer | None, number: Siret, now: datetime) -> Identity | None:
    """The identity, or why there is none; None where this install has no way to ask. No transaction may be open.

    `buyer` is whom the data are for: without one API Entreprise is not asked, which wants a public body as recipient.
    """
    known = _from_mirror(ctx, number)
    if known is not None and known.establishment_state == "active":
        return known
    quotas, directory = CountedQuotas(ctx.database), ctx.url("recherche_entreprises")
    try:
        access = open_access(ctx, buyer) if buyer else None
    except (BadAccess, Unavailable):
        access = None
    if access is None:
        found = identity_in_reserve(number, directory, now, quotas, network(ctx)) if directory else None
        return found if found is not None and found.outcome is Outcome.OBTAINED else known or found
    identity = open_identity(number, access, now, quotas)
    if directory:
        identity = or_in_reserve(identity, directory, quotas, network(ctx))
    return identity if identity.outcome is Outcome.OBTAINED else known or identity


def _from_mirror(ctx: Context, number: Siret) -> Identity | None:
    mirror = mirror_of(ctx)
    try:
        return lookup(mirror, number) if mirror else None
    except BadMirror:
        log.warning("sirene mirror unreadable")
        return None


def links_of(ctx: Context, buyer: Buyer | None, number: Siret, now: datetime) -> tuple[Link, ...]:
    """Successions in which this establishment is the predecessor, from the first source that knows some."""
    return _links_of_mirror(ctx, number) or _links_of_api(ctx, buyer, number, now) or _links_of_sirene(ctx, number, now)


def _links_of_mirror(ctx: Context, number: Siret) -> tuple[Link, ...]:
    mirror = mirror_of(ctx)
    try:
        known = successors(mirror, number) if mirror else ()
    except BadMirror:
        return ()
    return tuple(Link(number.value, s.siret, _day(s.day), s.head_office_moved, s.economic_continuity) for s in known)


def _day(text: object) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) and text else None


def _links_of_api(ctx: Context, buyer: Buyer | None, number: Siret, now: datetime) -> tuple[Link, ...]:
    try:
        access = open_access(ctx, buyer) if buyer else None
    except (BadAccess, Unavailable):
        access = None
    if access is None:
        return ()
    rows = fetch("insee_successions", number, access, now, CountedQuotas(ctx.database)).facts.get("successors")
    return tuple(_link(number, row) for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()


def _link(number: Siret, row: Mapping[str, object]) -> Link:
    return Link(
        number.value,
        str(row["siret"]),
        _day(row.get("on")),
        row.get("head_office_moved") is True,
        row.get("economic_continuity") is True,
    )


def _links_of_sirene(ctx: Context, number: Siret, now: datetime) -> tuple[Link, ...]:
    key = ctx.settings.sirene_key
    if key is None:
        return ()
    access = SireneAccess(ctx.url("sirene"), key.get_secret_value(), network(ctx))
    return fetch_links(number, access, now, CountedQuotas(ctx.database)).successors
