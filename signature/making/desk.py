"""Signing with a key at hand, as a worker process does it: plain values in, one `Signed` out, in each format."""

from datetime import datetime

from signature.errors import SignatureError
from signature.facts import Embedded
from signature.making.cades import Attributes, sign_cades
from signature.making.keys import Pkcs12, open_key
from signature.making.pades import (
    Prepared,
    Signed,
    archived,
    check_level,
    finish,
    kept,
    prepare,
    sign_pades,
    signed_of,
)
from signature.making.stamps import Timestamp
from signature.making.xades import sign_xades


def pades(
    pdf: bytes,
    key: Pkcs12,
    level: str,
    timestamp: Timestamp | None,
    now: str,
    material: Embedded,
    reason: str | None = None,
    location: str | None = None,
) -> Signed:
    """A PAdES signature; `now` in ISO 8601 with its offset. Raises SignatureError."""
    return sign_pades(pdf, key, level, timestamp, datetime.fromisoformat(now), reason, location, material)


def xades(
    content: bytes,
    key: Pkcs12,
    level: str,
    timestamp: Timestamp | None,
    now: str,
    material: Embedded,
    name: str,
    enveloped: bool,
) -> Signed:
    """A XAdES signature beside a file called `name`, or inside an XML one, up to LT. Raises SignatureError."""
    _not_archived(level, "XAdES", ("B", "T", "LT"))
    check_level(level, timestamp, material)
    at = datetime.fromisoformat(now)
    stamp, proofs = (None if level == "B" else timestamp), (material if level == "LT" else None)
    return signed_of(sign_xades(content, name, open_key(key, at), at, stamp, proofs, enveloped=enveloped), level)


def cades(content: bytes, key: Pkcs12, level: str, timestamp: Timestamp | None, now: str, material: Embedded) -> Signed:
    """A CAdES token beside any file, B or T. Raises SignatureError."""
    _not_archived(level, "CAdES", ("B", "T"))
    check_level(level, timestamp, material)
    at = datetime.fromisoformat(now)
    return signed_of(sign_cades(content, open_key(key, at), None if level == "B" else timestamp, at), level)


def _not_archived(level: str, form: str, known: tuple[str, ...]) -> None:
    if level in ("LT", "LTA") and level not in known:
        raise SignatureError(f"Le niveau {level} n’est pas produit ici en {form} ; choisissez {', '.join(known)}.")


def prepared(pdf: bytes, chain: tuple[bytes, ...], now: str, reason: str) -> Prepared:
    """A PDF with room for a signature made elsewhere: by a provider, or in a browser. Raises SignatureError."""
    return prepare(pdf, chain, datetime.fromisoformat(now), reason)


def finished(
    content: bytes,
    place: tuple[int, int],
    signed_attributes: bytes,
    chain: tuple[bytes, ...],
    value: bytes,
    timestamp: Timestamp | None,
) -> bytes:
    """What `prepared` made, taken up again from what was kept of it, with its signature. Raises SignatureError."""
    return finish(Prepared(content, *place, Attributes(chain, signed_attributes)), value, timestamp)


def raised(pdf: bytes, material: Embedded, timestamp: Timestamp) -> Signed:
    """A signed PDF at level B-LTA: proofs of non-revocation, then a document timestamp over everything."""
    return signed_of(archived(kept(pdf, material), timestamp), "LTA")
