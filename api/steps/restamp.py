"""Stamps a signed act again before its last timestamp ends, or once a service that did not answer is back."""

import structlog

from api import db as database
from api import isolate
from api.context import Context
from api.raising import raised
from api.trusted import judged
from procurement.act import Act, claim_restamp, keep_restamped
from procurement.errors import DomainError

log = structlog.get_logger("mps.restamp")


def restamp_one(context: Context) -> bool:
    """Claim, judge with fresh proofs, stamp, record. True when one was tried; a failure waits for its next hour."""
    with database.transaction(context.database) as db:
        act = claim_restamp(db, database.now(db))
        if act is None or act.signed_key is None or act.signed_sha256 is None:
            return False
        number, ref, key, sha256 = act.id, act.ref, act.signed_key, act.signed_sha256
        now = database.now(db)
    content = context.storage.get(key)
    try:
        report, trust = judged(context, content, sandbox=bool(context.services), whole=True)
    except (DomainError, isolate.WorkFailed) as error:
        log.error("act not judged", act=ref, exc_info=error)
        return True
    if any(signature["indication"] != "TOTAL-PASSED" for signature in report["signatures"]):
        log.error("act no longer holds", act=ref, report=report)
        return True
    lasting = raised(context, content, trust, now)
    changed = lasting.sha256 != sha256
    new = context.storage.put("contracts", lasting.content) if changed else key
    with database.transaction(context.database) as db:
        row = db.get_one(Act, number)
        kept = keep_restamped(db, row, sha256, new, lasting.sha256, lasting.restamp_at, database.now(db))
    if changed and not kept:
        context.storage.delete(new)
    return True
