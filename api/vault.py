"""The plis: sealed with age to a key of the consultation, itself wrapped by SECRET_KEY, used after the deadline.

The wrapping is a promise of this server, not a proof: whoever holds SECRET_KEY and the database can read early. Pages
say so. The guard below is on the clock of the database, whoever asks.
"""

from datetime import datetime
from typing import BinaryIO

import pyrage

from api import secretbox
from procurement.consultation import Consultation
from procurement.errors import Refused


class Broken(ValueError):
    """Sealed bytes that this consultation's key does not open."""


def new_key(secret: str, ref: str) -> tuple[str, bytes]:
    """(age recipient, wrapped identity) for the consultation `ref`."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), secretbox.seal(secret, f"plis:{ref}", str(identity).encode())


def seal_stream(recipient: str, clear: BinaryIO, sealed: BinaryIO) -> None:
    """Seal while reading: the clear bytes never touch a disk."""
    pyrage.encrypt_io(clear, sealed, [pyrage.x25519.Recipient.from_str(recipient)])


def seal_bytes(recipient: str, clear: bytes) -> bytes:
    return bytes(pyrage.encrypt(clear, [pyrage.x25519.Recipient.from_str(recipient)]))


def open_bytes(secret: str, consultation: Consultation, sealed: bytes, now: datetime) -> bytes:
    """Unseal one value. Raises Refused before the deadline and before the opening, Broken where it was altered."""
    identity = _identity(secret, consultation, now)
    try:
        return bytes(pyrage.decrypt(sealed, [identity]))
    except pyrage.DecryptError as error:
        raise Broken from error


def open_stream(secret: str, consultation: Consultation, sealed: BinaryIO, clear: BinaryIO, now: datetime) -> None:
    """Unseal while reading and writing, under the same guard."""
    identity = _identity(secret, consultation, now)
    try:
        pyrage.decrypt_io(sealed, clear, [identity])
    except pyrage.DecryptError as error:
        raise Broken from error


def _identity(secret: str, consultation: Consultation, now: datetime) -> pyrage.x25519.Identity:
    if not consultation.closed(now) or consultation.opened_at is None or consultation.seal_identity is None:
        raise Refused("Les plis restent scellés jusqu’à l’ouverture, après la date limite.", "R2132-9")
    clear = secretbox.unseal(secret, f"plis:{consultation.ref}", consultation.seal_identity)
    return pyrage.x25519.Identity.from_str(clear.decode())
