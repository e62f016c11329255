"""Reads each trusted list again, once a day: fetched, its signature checked in a worker process, its file kept."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from api import db as database
from api import isolate
from api.context import Context
from api.remote.api_entreprise import network
from api.remote.fetch import fetch
from api.remote.lists import address_of, fetch_list, same_place
from procurement.errors import Unavailable
from procurement.trust_lists import (
    LOTL,
    FollowedList,
    Reading,
    claim,
    current,
    follow_lotl,
    follow_territories,
    is_older,
    keep_failure,
    keep_reading,
)
from signature.trust import certificates_of

SECONDS = 60.0
MOST_PIVOTS = 20
log = structlog.get_logger("mps.trust_lists")


class _Bad(Exception):
    """This list is not believed; the message is a French sentence."""


@dataclass(frozen=True)
class _Due:
    """What to read, out of any transaction."""

    number: int
    territory: str
    url: str
    signers: tuple[bytes, ...]
    now: datetime


def read_one(context: Context) -> bool:
    """One list whose time has come. True when one was tried."""
    address = address_of(context)
    if not address:
        return False
    due = _claim(context, address)
    if due is None:
        return False
    try:
        xml, found = _read(context, due)
    except (Unavailable, isolate.WorkFailed, _Bad) as error:
        sentence = getattr(error, "sentence", str(error))
        log.warning("trusted list not read", territory=due.territory, problem=sentence)
        with database.transaction(context.database) as db:
            keep_failure(db.get_one(FollowedList, due.number), sentence, database.now(db))
        return True
    _keep(context, due, xml, found)
    return True


def _claim(context: Context, address: str) -> _Due | None:
    """A read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        now = database.now(db)
        known = db.query(FollowedList).filter_by(territory=LOTL).one_or_none()
        idle = known is not None and known.url == address
        if idle and not db.query(FollowedList).filter(FollowedList.due_at <= now).first():
            return None
    signers = _signers(context, address)
    with database.transaction(context.database) as db:
        now = database.now(db)
        follow_lotl(db, address, signers, now)
        db.flush()
        row = claim(db, now)
        if row is None:
            return None
        return _Due(row.id, row.territory, row.url, row.signer_certificates, now)


def _signers(context: Context, address: str) -> tuple[bytes, ...]:
    """Who may sign the list of lists: the setting, the sandbox's own, else (none) those of the Official Journal."""
    given: Path | None = context.settings.trust_list_cert
    if given is not None:
        return certificates_of(given.read_bytes())
    if address == context.services.get("trust_list"):
        signer = address.rpartition(".")[0] + ".pem"
        return certificates_of(fetch(signer, network(context), 64 * 1024, 10.0, "Le signataire du bac à sable"))
    return ()


def _read(context: Context, due: _Due) -> tuple[bytes, Any]:
    """The bytes, and a Lotl or a ReadList. Raises Unavailable, WorkFailed, _Bad."""
    net = network(context)
    xml = fetch_list(due.url, net)
    if due.territory != LOTL:
        found = isolate.run("signature.lists:read_list", xml, due.signers, due.now, seconds=SECONDS)
        if found.territory != due.territory:
            raise _Bad(f"La liste lue est celle d’un autre territoire ({found.territory}).")
        return xml, found
    urls = isolate.run("signature.lotl:pivot_urls", xml, seconds=SECONDS)
    if len(urls) > MOST_PIVOTS or not all(same_place(url, due.url) for url in urls):
        raise _Bad("La liste des listes renvoie à des pivots qui ne sont pas sur son serveur : ils ne sont pas suivis.")
    pivots = [(url, fetch_list(url, net)) for url in urls]
    return xml, isolate.run("signature.lotl:read_lotl", xml, due.signers, due.now, pivots, seconds=SECONDS)


def _keep(context: Context, due: _Due, xml: bytes, found: Any) -> None:
    with database.reading(context.database) as db:
        before = current(db, db.get_one(FollowedList, due.number))
        older = is_older(before, found.sequence)
        known = before is not None and before.sha256 == found.sha256
    key = "" if known or older else context.storage.put("lists", xml)
    needed = False
    with database.transaction(context.database) as db:
        row, now = db.get_one(FollowedList, due.number), database.now(db)
        if older or is_older(current(db, row), found.sequence):
            keep_failure(row, "Cette version est plus ancienne que celle déjà lue : elle est écartée.", now)
        else:
            services, unread = len(getattr(found, "services", ())), getattr(found, "unread", ())
            reading = Reading(found.sha256, found.sequence, found.issued, found.next_update, services, unread)
            needed = keep_reading(db, row, reading, key, now)
            if due.territory == LOTL:
                named = {place: (pointer.url, pointer.signers) for place, pointer in found.pointers.items()}
                follow_territories(db, named, context.settings.territories, now)
    if key and not needed:
        context.storage.delete(key)
