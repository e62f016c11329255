"""Sends a buyer's essential data to its data set: claim, make the file, send, keep the receipt."""

import hashlib
from dataclasses import dataclass

import structlog

from api import db as database
from api import secretbox
from api.context import Context
from api.open_data import records
from api.remote.api_entreprise import network
from api.remote.datagouv import PushRefused, Target, address, send
from procurement.errors import Unavailable
from procurement.publication.decp import to_json
from procurement.publication.push import DataPush, Sent, claim_push, push_failed, push_sent

log = structlog.get_logger("mps.data_push")


@dataclass(frozen=True)
class _Due:
    """One claimed file, out of any transaction."""

    number: int
    attempt: int
    organisation: int
    ref: str
    siret: str
    sandbox: bool
    dataset: str
    resource: str
    key_sealed: bytes


def push_one(context: Context) -> bool:
    """True when a file was sent, or tried."""
    due = _claim(context)
    if due is None:
        return False
    try:
        sent = _send(context, due)
    except (PushRefused, Unavailable) as error:
        log.warning("essential data not pushed", dataset=due.dataset, problem=error.sentence)
        retry = error.retry_after if isinstance(error, Unavailable) else None
        with database.transaction(context.database) as db:
            row, now = db.get_one(DataPush, due.number, with_for_update=True), database.now(db)
            push_failed(row, due.attempt, error.sentence, retry, now)
        return True
    with database.transaction(context.database) as db:
        row = db.get_one(DataPush, due.number, with_for_update=True)
        push_sent(db, row, due.attempt, sent, database.now(db))
    return True


def _claim(context: Context) -> _Due | None:
    """A read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        if db.query(DataPush.id).filter(DataPush.try_at <= database.now(db)).first() is None:
            return None
    with database.transaction(context.database) as db:
        row = claim_push(db, database.now(db))
        if row is None:
            return None
        buyer = row.organisation
        sandbox = buyer.sandbox or context.settings.api_entreprise_url is None
        return _Due(
            row.id, row.attempts, buyer.id, buyer.ref, buyer.siret, sandbox, row.dataset, row.resource, row.key_sealed
        )


def _send(context: Context, due: _Due) -> Sent:
    base = address(context, sandbox=due.sandbox)
    try:
        key = secretbox.unseal(context.secret, f"datagouv:{due.ref}", due.key_sealed).decode()
    except ValueError:
        raise PushRefused("La clé a été scellée avec un autre MPS_SECRET_KEY : donnez-la de nouveau.") from None
    with database.reading(context.database) as db:
        made = list(records(db, due.sandbox, organisation=due.organisation))
    content = to_json(made)
    taken = send(
        Target(base, due.dataset, key, due.resource), f"decp-{due.siret}.json", content, network(context)
    )  # fmt: skip
    return Sent(taken.resource, taken.url, hashlib.sha256(content).hexdigest(), len(content), len(made))
