"""A key that never leaves its token, through PKCS#11. The module is started for one signature, then ended."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pkcs11 import KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PinIncorrect, PinLenRange, PinLocked, PKCS11Error

from signature.errors import SignatureError
from signature.making.keys import Key, as_der, check_dates, public_of
from signature.token_uri import TokenPlace

# A module has one state per process.
_one_at_a_time = Lock()


class PinRefused(SignatureError):
    """Wrong PIN: not to be tried again, a token locks itself after a few."""


def open_token(place: TokenPlace, chain: tuple[bytes, ...], now: datetime) -> Key:
    """The key there, with its certificates (DER, its own first). Raises SignatureError where it cannot sign at `now`.

    Signing raises SignatureError too: module, token, PIN, key, or a key that is not the certificate's.
    """
    check_dates(public_of(chain), now)
    return Key(chain, lambda content: _signed(place, chain, content))


def _signed(place: TokenPlace, chain: tuple[bytes, ...], content: bytes) -> bytes:
    try:
        with _session(place) as session:
            value = _raw(_private(session, place), content)
    except (PinIncorrect, PinLenRange, PinLocked) as error:
        raise PinRefused("Le code PIN du jeton de cachet est refusé.") from error
    except (PKCS11Error, OSError, RuntimeError) as error:
        name = type(error).__name__
        raise SignatureError(f"Le jeton qui garde la clé du cachet ne peut être employé ({name}).") from error
    value = as_der(chain, value)
    _check(chain, value, content)
    return value


def _private(session: Any, place: TokenPlace) -> Any:
    named = {"label": place.label or None, "id": place.id or None}
    return session.get_key(object_class=ObjectClass.PRIVATE_KEY, **{k: v for k, v in named.items() if v})


def _raw(key: Any, content: bytes) -> bytes:
    if key.key_type is KeyType.RSA:
        return bytes(key.sign(content, mechanism=Mechanism.SHA256_RSA_PKCS))
    return bytes(key.sign(hashlib.sha256(content).digest(), mechanism=Mechanism.ECDSA))


def _check(chain: tuple[bytes, ...], value: bytes, content: bytes) -> None:
    public = public_of(chain).public_key()
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(value, content, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(value, content, ec.ECDSA(hashes.SHA256()))
        else:
            raise SignatureError("La clé du cachet est d’un type qui ne sert pas à signer ici (RSA ou ECDSA).")
    except InvalidSignature as error:
        raise SignatureError("La clé du jeton n’est pas celle du certificat de cachet.") from error


@contextmanager
def _session(place: TokenPlace) -> Iterator[Any]:
    """The module started in its environment, a session, and all of it ended."""
    with _one_at_a_time:
        with _environment(place.environment):
            library = pkcs11.lib(place.module)
        try:
            named: dict[str, Any] = {}
            if place.token:
                named["token_label"] = place.token
            if place.serial:
                named["token_serial"] = place.serial.encode()
            pin = Path(place.pin_file).read_text().strip() if place.pin_file else place.pin
            with library.get_token(**named).open(user_pin=pin or None) as session:
                yield session
        finally:
            library.finalize()


@contextmanager
def _environment(values: tuple[tuple[str, str], ...]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name, _ in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old
