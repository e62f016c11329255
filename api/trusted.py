"""Whom the service trusts, and its verdict on a file: trusted lists held, revocation asked of the authorities.

In the sandbox its own invented authority is trusted as well.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from api import db as database
from api import isolate
from api.context import Context
from api.contracts import verify_signature
from api.db import reading
from api.remote.api_entreprise import network
from api.remote.revocation import ask
from api.sandbox import pki
from procurement.errors import DomainError
from procurement.trust_lists import Held, held
from signature.trust import Trust

SECONDS = 60.0
MOST = 64
log = structlog.get_logger("mps.trusted")
# sha256 of a list → what it says; reading one takes a second, and they change once a month.
_read: dict[str, Trust] = {}


def trust_of(context: Context, sandbox: bool, now: datetime) -> Trust:
    """The services of every list held. No transaction may be open. Raises Unavailable."""
    own = pki.sandbox_trust(Path(context.services.get("pki", str(pki.FOLDER))), now) if sandbox else Trust()
    with reading(context.database) as db:
        lists = held(db)
    for each in lists:
        own = own.with_more(_trust(context, each, now))
    return own


def _trust(context: Context, each: Held, now: datetime) -> Trust:
    """What one list says; nothing where its file is lost or damaged, which the log tells."""
    found = _read.get(each.sha256)
    if found is None:
        try:
            xml = context.storage.get(each.key)
            found = isolate.run("signature.lists:trust_from_kept", xml, each.signers, now, seconds=SECONDS)
        except (DomainError, isolate.WorkFailed) as error:
            log.error("trusted list lost", territory=each.territory, key=each.key, exc_info=error)
            return Trust()
        if len(_read) >= MOST:
            _read.clear()
        _read[each.sha256] = found
    return found


def grounds(
    context: Context,
    content: bytes,
    *,
    sandbox: bool,
    files: Mapping[str, bytes] | None = None,
    whole: bool = False,
) -> tuple[Trust, datetime]:
    """What a verdict on these bytes rests on, and the moment it is for. No transaction may be open.

    Revocation is asked of the authorities where the verdict lacks it, or always (`whole`) for a file to be kept.
    Raises WorkFailed, Unavailable.
    """
    now = _now(context)
    trust = trust_of(context, sandbox, now)
    if not whole:
        report = verify_signature(content, trust, now, None, files)
        if all(signature["indication"] != "INDETERMINATE" for signature in report["signatures"]):
            return trust, now
    needs = isolate.run("signature.needs:needs", content, trust, now.isoformat(), files)
    return (trust.with_more(ask(needs, network(context))), _now(context)) if needs else (trust, now)


def judged(
    context: Context,
    content: bytes,
    *,
    sandbox: bool,
    not_before: datetime | None = None,
    files: Mapping[str, bytes] | None = None,
    whole: bool = False,
) -> tuple[dict[str, Any], Trust]:
    """Our verdict now on these very bytes, with its `grounds`. Raises WorkFailed, Unavailable."""
    trust, now = grounds(context, content, sandbox=sandbox, files=files, whole=whole)
    return verify_signature(content, trust, now, not_before, files), trust


def _now(context: Context) -> datetime:
    with reading(context.database) as db:
        return database.now(db)
