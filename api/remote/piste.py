"""The API gateway of the State: a token of PISTE, then each call a POST of JSON with the technical account's header.

Login, password, secret and token travel in headers and bodies only; no exception keeps the request that held them.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests
import urllib3
from pydantic import SecretStr

from procurement.errors import Refused, Unavailable
from siret_lookup.http import Network

SECONDS = 60.0
MAX_BYTES = 20 << 20
_CHUNK = 65_536
_EARLY = 30.0
_SILENT = "Chorus Pro ne répond pas : nouvel essai dans un moment."
ODD = "Chorus Pro a donné une réponse inattendue : nouvel essai dans un moment."
_BUSY = "Chorus Pro demande d’attendre : nouvel essai dans un moment."
_CLOSED = (
    "PISTE refuse notre accès à Chorus Pro : vérifiez l’application, ses API cochées et leurs conditions acceptées."
)
_BAD_CLIENT = "PISTE refuse l’identifiant ou le secret de l’application : vérifiez-les."


class PortalRefused(Refused):
    """The portal says no, with its own words; `code` is its codeRetour."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"Chorus Pro refuse : {words or 'sans explication'} (code {code}).")
        self.code = code


class AccessRefused(Unavailable):
    """The credentials do not open: somebody must look, trying again alone changes nothing."""


class TooLarge(Exception):
    """The group of invoices is above the portal's 120 MB: ask for fewer at once (413)."""


@dataclass(frozen=True)
class Portal:
    """Where to call and as whom. `base` is what comes before `/cpro/…`."""

    base: str
    token_url: str
    client_id: str
    client_secret: SecretStr
    login: str
    password: SecretStr
    network: Network = field(default_factory=Network)

    @property
    def account(self) -> str:
        clear = f"{self.login}:{self.password.get_secret_value()}"
        return base64.b64encode(clear.encode()).decode()


# The token of PISTE, kept until a little before its end.

_lock = threading.Lock()
_tokens: dict[str, tuple[str, float]] = {}


def _token_name(portal: Portal) -> str:
    secret = f"{portal.token_url}\n{portal.client_id}\n{portal.client_secret.get_secret_value()}"
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(portal: Portal, refused: str = "") -> str:
    """The one kept, unless it is the one just refused. Raises Unavailable."""
    name = _token_name(portal)
    with _lock:
        token, until = _tokens.get(name, ("", 0.0))
    if token and token != refused and time.monotonic() < until:
        return token
    token, seconds = _new_token(portal)
    with _lock:
        _tokens[name] = token, time.monotonic() + max(0.0, seconds - _EARLY)
    return token


def _new_token(portal: Portal) -> tuple[str, float]:
    form = {
        "grant_type": "client_credentials", "client_id": portal.client_id,
        "client_secret": portal.client_secret.get_secret_value(), "scope": "openid",
    }  # fmt: skip
    status, body, wait = _exchange(portal, portal.token_url, {"data": form}, {}, MAX_BYTES)
    told = _object(body)
    if status in (400, 401, 403):
        raise AccessRefused(_BAD_CLIENT)
    if status != 200:
        raise Unavailable(_BUSY if status == 429 else _SILENT, wait)
    token, seconds = told.get("access_token"), told.get("expires_in")
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token) or not isinstance(seconds, int | float):
        raise Unavailable(ODD)
    return token, float(seconds)


# One call.


def call(portal: Portal, method: str, asked: Mapping[str, Any], cap: int = MAX_BYTES) -> dict[str, Any]:
    """POST `/cpro/{method}`; its JSON object where codeRetour is 0.

    Raises PortalRefused with the portal's own words, TooLarge (413), AccessRefused, Unavailable.
    """
    token = _token(portal)
    status, content, wait = _post(portal, method, asked, token, cap)
    if status == 401:
        status, content, wait = _post(portal, method, asked, _token(portal, token), cap)
    if status in (401, 403):
        raise AccessRefused(_CLOSED)
    if status == 413:
        raise TooLarge
    if status == 429:
        raise Unavailable(_BUSY, wait)
    body = _object(content)
    code, words = body.get("codeRetour"), str(body.get("libelle") or "")[:300]
    if isinstance(code, int) and code != 0 and 200 <= status < 500:
        raise PortalRefused(code, words)
    if status != 200:
        raise Unavailable(_SILENT if status >= 500 else ODD, wait)
    if code != 0:
        raise Unavailable(ODD)
    return body


def _post(portal: Portal, method: str, asked: Mapping[str, Any], token: str, cap: int) -> tuple[int, bytes, int]:
    headers = {"Authorization": f"Bearer {token}", "cpro-account": portal.account, "Content-Type": "application/json"}
    content = {"data": json.dumps(asked).encode()}
    return _exchange(portal, f"{portal.base.rstrip('/')}/cpro/{method}", content, headers, cap)


def _exchange(
    portal: Portal, url: str, content: Mapping[str, Any], headers: Mapping[str, str], cap: int
) -> tuple[int, bytes, int]:
    """Status, bytes, seconds to wait. It swallows the transport's exceptions whole: they hold the request."""
    deadline = time.monotonic() + SECONDS
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = dict(portal.network.proxies)
        session.headers["User-Agent"] = "mps (marches publics)"
        try:
            with session.post(
                url, headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                timeout=(portal.network.connect_seconds, SECONDS), verify=portal.network.ca_file or True,
                allow_redirects=False, stream=True, **content,
            ) as answer:  # fmt: skip
                return answer.status_code, _read(answer, cap, deadline), _wait(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            pass
    raise Unavailable(_SILENT)


def _read(answer: requests.Response, cap: int, deadline: float) -> bytes:
    content = bytearray()
    for chunk in answer.raw.stream(_CHUNK, decode_content=False):
        content += chunk
        if time.monotonic() > deadline or len(content) > cap:
            raise TimeoutError
    return bytes(content)


def _wait(answer: requests.Response) -> int:
    told = answer.headers.get("Retry-After", "")
    return min(int(told), 86_400) if told.isascii() and told.isdigit() else 30


def _object(content: bytes) -> dict[str, Any]:
    """The JSON object, empty where it is none."""
    try:
        body = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
