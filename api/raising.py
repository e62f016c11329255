"""A signed act made to last: proofs of non-revocation and a document timestamp, again before the last one ends."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from api import isolate
from api.context import Context
from api.remote.tsa import request_timestamp
from procurement.errors import Unavailable
from signature.facts import Embedded
from signature.trust import Trust

# The next timestamp comes well before the certificate of the last one ends: half a year is left to mend a failure.
BEFORE = timedelta(days=180)
RETRY = timedelta(hours=1)


@dataclass(frozen=True)
class Lasting:
    """The bytes to keep, their digest (hexadecimal), and when to stamp them again."""

    content: bytes
    sha256: str
    restamp_at: datetime


def raised(context: Context, content: bytes, trust: Trust, now: datetime) -> Lasting:
    """At level B-LTA where proofs and a timestamp can be had, else as it came, to be tried again in an hour."""
    material = Embedded(trust.intermediates, trust.crls, trust.ocsps)
    stamp = stamp_of(context)
    if stamp is not None and material.revocation:
        try:
            signed = isolate.run("signature.making.desk:raised", content, material, stamp)
            until = isolate.run("signature.reading.pades:stamped_until", signed.content)
            return Lasting(signed.content, signed.sha256, max(until - BEFORE, now + RETRY))
        except (Unavailable, isolate.WorkFailed):
            pass  # the signature is good all the same; it is only less durable for now
    return Lasting(content, hashlib.sha256(content).hexdigest(), now + RETRY)


def raised_token(context: Context, content: bytes, trust: Trust) -> bytes:
    """A token with a timestamp and proofs, where they can be had; else as it came."""
    material, stamp = Embedded(trust.intermediates, trust.crls, trust.ocsps), stamp_of(context)
    if stamp is None:
        return content
    try:
        made: bytes = isolate.run("signature.making.beside:raised_token", content, material, stamp).content
    except (Unavailable, isolate.WorkFailed):
        return content
    return made


def stamp_of(context: Context) -> Any:
    """The function that fetches a timestamp, to be called in a worker process; None without a service."""
    url, known = context.url("tsa"), context.settings
    ca_file = str(known.ca_file) if known.ca_file else None
    return partial(request_timestamp, url, proxy=known.https_proxy, ca_file=ca_file) if url else None
