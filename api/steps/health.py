"""Pings the providers that calls leave alone, and reads what each organisation's token may do, once a day."""

from datetime import timedelta

from api import db as database
from api.context import Context
from api.remote.api_entreprise import BadAccess, Buyer, access_for, network
from procurement.errors import Unavailable
from procurement.pieces import release
from procurement.providers import keep_ping, providers, to_ping
from procurement.tokens import claim_token, keep_rights
from siret_lookup.health import after_ping, ping, ping_name, privileges
from siret_lookup.sources import SOURCES

PING_EVERY = timedelta(minutes=1)


def ping_one(context: Context) -> bool:
    """One provider whose circuit is open: « ok » lets the next piece be tried at once."""
    base = context.url("api_entreprise")
    with database.reading(context.database) as db:
        now = database.now(db)
        name = to_ping(db, now - PING_EVERY, now) if base else None
    if name is None:
        return False
    answer = ping(name, base, now, network(context))
    with database.transaction(context.database) as db:
        row, now = providers(db, [name])[name], database.now(db)
        held, breaker = row.open_until, after_ping(row.breaker, answer, now)
        keep_ping(row, answer, breaker, now)
        if held is not None and breaker.open_until == now:
            release(db, [key for key in SOURCES if ping_name(key) == name], held, now)
    return True


def read_one_token(context: Context) -> bool:
    """One organisation's token: rights, end, and a warning to its administrators in time."""
    with database.transaction(context.database) as db:
        organisation = claim_token(db, database.now(db))
        if organisation is None:
            return False
        number, buyer = organisation.id, Buyer(organisation.ref, organisation.siret, organisation.token_sealed, "jeton")
        now = database.now(db)
    try:
        found = privileges(access_for(context, buyer), now)
    except (BadAccess, Unavailable, ValueError):
        return True
    with database.transaction(context.database) as db:
        keep_rights(db, number, found, database.now(db))
    return True
