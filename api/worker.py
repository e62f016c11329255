"""The worker: runs each step as long as it finds work, then rests. Any number of workers share the database.

A step is claim (short transaction, lease) → act (no transaction open) → record. A dead worker's lease expires.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog

from api import db as database
from api.context import Context
from api.steps import (
    billing,
    chorus,
    data_push,
    deliveries,
    essential,
    health,
    mail,
    pieces,
    purge,
    receipts,
    renewals,
    restamp,
    silence,
    sweep,
    trust_lists,
)
from procurement.counters import beat

REST = 0.5
log = structlog.get_logger("mps.worker")

# name → step; a step returns True when it did something.
STEPS: Mapping[str, Callable[[Context], bool]] = {
    "send_mail": mail.send_one,
    "fetch_pieces": pieces.fetch_due,
    "make_receipts": receipts.make_one,
    "stamp_receipts": receipts.stamp_one,
    "ping_providers": health.ping_one,
    "read_tokens": health.read_one_token,
    "read_trust_lists": trust_lists.read_one,
    "read_chorus": chorus.read_one,
    "fetch_invoices": chorus.fetch_some,
    "tell_chorus": chorus.tell_one,
    "read_structures": chorus.read_structure,
    "stamp_again": restamp.restamp_one,
    "accept_by_silence": silence.accept_one,
    "renew_proofs": renewals.renew_one,
    "publish_essential_data": essential.publish_one,
    "push_essential_data": data_push.push_one,
    "watch_essential_data": essential.warn_once,
    "follow_deliveries": deliveries.follow_once,
    "watch_ceilings": billing.recount_one,
    "remind_finance": billing.remind_once,
    "purge": purge.purge_once,
    "sweep_storage": sweep.sweep_once,
}


def run_once(context: Context) -> int:
    """Run every step until none finds work; returns how many pieces of work were done."""
    done = 0
    busy = True
    while busy:
        busy = False
        for name, step in STEPS.items():
            if _guarded(name, step, context):
                done, busy = done + 1, True
    return done


def _guarded(name: str, step: Callable[[Context], bool], context: Context) -> bool:
    """One failing row must not stop the others: its lease expires and it is tried again."""
    try:
        return step(context)
    except Exception as error:
        log.error("step failed", step=name, exc_info=error)
        return False


def run(context: Context, stop: threading.Event) -> None:
    """Work until `stop` is set, with a heartbeat for /readyz."""
    while not stop.is_set():
        _guarded("heartbeat", _beat, context)
        if not run_once(context):
            stop.wait(REST)


def _beat(context: Context) -> bool:
    with database.transaction(context.database, shown=False) as db:
        beat(db, database.now(db))
    return True


@contextmanager
def running(context: Context) -> Iterator[None]:
    """Work on a thread of this process until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(context, stop), name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=15)
