"""Sealing small secrets (tokens, keys of consultations) with SECRET_KEY: AES-GCM under a key derived per purpose."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def _key(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), b"mps:" + purpose.encode(), hashlib.sha256)


def seal(secret: str, purpose: str, clear: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(_key(secret, purpose)).encrypt(nonce, clear, purpose.encode())


def unseal(secret: str, purpose: str, sealed: bytes) -> bytes:
    """Raises ValueError when the key changed or the bytes did."""
    try:
        return AESGCM(_key(secret, purpose)).decrypt(sealed[:12], sealed[12:], purpose.encode())
    except InvalidTag as error:
        raise ValueError("this secret was sealed with another SECRET_KEY, or changed") from error
