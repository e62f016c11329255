"""The service's seal at work, in a worker process (api/isolate.py): a PDF or a file in, the sealed one out."""

from collections.abc import Callable
from datetime import datetime

from api.sandbox.seal import sandbox_key
from api.seal_key import SealKey
from procurement.errors import Unavailable
from signature.making.asic import sign_asic
from signature.making.keys import Key
from signature.making.pades import Signed, archived, sign_pades, signed_of
from signature.making.stamps import StampRefused, Timestamp
from signature.making.tokens import open_token


def pdf(content: bytes, seal: SealKey, stamp: Timestamp | None, now: datetime, reason: str) -> Signed:
    """PAdES-B-T; B where no time can be had, to be raised later. Raises SignatureError."""
    key = _key(seal, now)
    return _timed(lambda time: sign_pades(content, key, "T" if time else "B", time, now, reason).content, stamp)


def file(content: bytes, name: str, seal: SealKey, stamp: Timestamp | None, now: datetime) -> Signed:
    """An ASiC-S container of the file, CAdES-B-T; B where no time can be had. Raises SignatureError."""
    key = _key(seal, now)
    return _timed(lambda time: sign_asic(content, name, key, time, now), stamp)


def stamped(content: bytes, stamp: Timestamp) -> Signed:
    """A sealed PDF with a document timestamp. Raises SignatureError, and what `stamp` raises."""
    return signed_of(archived(content, stamp), "T")


def _key(seal: SealKey, now: datetime) -> Key:
    return open_token(seal.place, seal.chain, now) if seal.place else sandbox_key(seal.folder, now)


def _timed(make: Callable[[Timestamp | None], bytes], stamp: Timestamp | None) -> Signed:
    """With a time where it can be had: the seal itself does not wait for it."""
    if stamp is not None:
        try:
            return signed_of(make(stamp), "T")
        except (Unavailable, StampRefused):
            pass
    return signed_of(make(None), "B")
