"""Signing with a key at hand, as a worker process does it: plain values in, one `Signed` out, in each format."""

from datetime import datetime

from signature.errors import SignatureError
from signature.facts import Embedded
from signature.making.cades import sign_cades
from signature.making.keys import Pkcs12, open_key
from signature.making.pades import Signed, check_level, sign_pades, signed_of
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
