"""Remote signing services as the settings name them; kept apart from their client, so that settings stay light."""

import json
import re
from dataclasses import dataclass
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

Version = Literal["v1", "v2"]
# Public: what api/sandbox/csc.py takes.
SANDBOX_TOKEN = "sandbox-token-csc"  # noqa: S105
_NAMES = ("key", "name", "url", "version", "token")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class CscProvider:
    """One service with the Cloud Signature Consortium's API; `url` is what comes before `/csc/v1` or `/csc/v2`."""

    key: str
    name: str
    url: str
    version: Version
    token: SecretStr


def parse_providers(value: object) -> object:
    """The setting's text → providers; anything else goes through. Raises ValueError, one French sentence."""
    if not isinstance(value, str):
        return value
    try:
        listed = json.loads(value or "[]")
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise ValueError("une liste JSON est attendue")
    found = tuple(_provider(number, each) for number, each in enumerate(listed, 1))
    if len({provider.key for provider in found}) < len(found):
        raise ValueError("deux services ont la même « key »")
    return found


def _provider(number: int, given: object) -> CscProvider:
    if not isinstance(given, dict) or set(given) != set(_NAMES) or not all(isinstance(v, str) for v in given.values()):
        raise ValueError(f"le service n° {number} doit avoir exactement {', '.join(_NAMES)}, en texte")
    key, name, url, version, token = (given[field] for field in _NAMES)
    if not re.fullmatch(r"[a-z0-9-]{1,40}", key) or not name.strip():
        raise ValueError(f"le service n° {number} a besoin d’un « name », et d’une « key » en minuscules sans espace")
    if not _safe(url):
        raise ValueError(f"l’« url » du service {key} doit commencer par https://")
    if version not in get_args(Version):
        raise ValueError(f"la « version » du service {key} doit être v1 ou v2")
    if not token or not all("!" <= character <= "~" for character in token):
        raise ValueError(f"le « token » du service {key} est vide ou contient un caractère impossible")
    return CscProvider(key, name.strip(), url.rstrip("/"), cast(Version, version), SecretStr(token))


def _safe(url: str) -> bool:
    """PINs go there: encrypted, or no further than this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username)
    return plain and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))
