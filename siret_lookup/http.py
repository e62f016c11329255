"""One way out to API Entreprise: the token goes to the API's host only, documents come from listed hosts only."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import requests
import urllib3

from siret_lookup.envelope import Failure, read_failure, unavailable
from siret_lookup.quotas import token_id
from siret_lookup.siret import SiretError, parse_siret
from siret_lookup.sniff import sniff

PRODUCTION_DOCUMENT_HOSTS = frozenset({"entreprise.api.gouv.fr", "storage.entreprise.api.gouv.fr"})
OBJECT_LENGTH = 50
_JSON_BYTES = 2_000_000
_DOCUMENT_BYTES = 20_000_000
_CHUNK = 65_536
_TOO_BIG = "La réponse du service est trop volumineuse."
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadAccess(ValueError):
    """A setting of the buyer's access that cannot work; the message is a French sentence, without the token."""


@dataclass(frozen=True, slots=True)
class Network:
    """How to leave the machine: explicit proxies (`{"https": url}`) and authorities file, never the environment's."""

    proxies: Mapping[str, str] = field(default_factory=dict)
    ca_file: str | None = None
    connect_seconds: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One buyer's access for one purpose.

    `recipient` is the SIRET of the public body entitled to the data, `object` what the data is for (under 50
    characters). `document_hosts` are `host` or `host:port`. Time-outs are totals, in seconds. Raises BadAccess.
    """

    base_url: str
    token: str = field(repr=False)
    recipient: str
    object: str
    context: str = "Marchés publics"
    document_hosts: frozenset[str] = PRODUCTION_DOCUMENT_HOSTS
    network: Network = Network()
    json_seconds: float = 5.0
    document_seconds: float = 12.0
    download_seconds: float = 20.0

    def __post_init__(self) -> None:
        if not self.token or not all("!" <= c <= "~" for c in self.token):
            raise BadAccess("Le jeton API Entreprise est vide ou contient un caractère impossible.")
        if not self.object.strip() or len(self.object) >= OBJECT_LENGTH:
            raise BadAccess(f"L’objet de l’appel est obligatoire et compte moins de {OBJECT_LENGTH} caractères.")
        if urlsplit(self.base_url).scheme not in ("http", "https"):
            raise BadAccess("L’adresse d’API Entreprise doit commencer par https://.")
        try:
            parse_siret(self.recipient)
        except SiretError as error:
            raise BadAccess(f"Le SIRET de l’acheteur ne convient pas. {error.sentence}") from None

    @property
    def token_id(self) -> str:
        """The token's fingerprint, to count and compare by."""
        return token_id(self.token)


@dataclass(frozen=True, slots=True)
class Reply:
    """A 200 answer: `body` is its JSON object, `sha256` of the bytes received."""

    body: Mapping[str, object]
    sha256: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Any other answer, or none: then `status` is None. `body` is the answer's JSON object, {} where it has none."""

    failure: Failure
    sha256: str | None = None
    request_id: str | None = None
    status: int | None = None
    body: Mapping[str, object] = field(default_factory=dict)
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document fetched at once from its short-lived address."""

    content: bytes = field(repr=False)
    media_type: str
    extension: str
    sha256: str


def get(
    access: Access, path: str, params: Mapping[str, str], *, now: datetime, seconds: float | None = None
) -> Reply | Refusal:
    """GET one endpoint of the API with the three mandatory parameters. Never raises for a remote fault."""
    mandatory = {"context": access.context, "object": access.object, "recipient": access.recipient}
    return get_json(
        access.base_url.rstrip("/") + path,
        {**params, **mandatory},
        now=now,
        network=access.network,
        seconds=seconds or access.json_seconds,
        headers={"Authorization": f"Bearer {access.token}"},
    )


def get_json(
    url: str,
    params: Mapping[str, str],
    *,
    now: datetime,
    network: Network,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Reply | Refusal:
    """GET a JSON object. Never raises for a remote fault."""
    try:
        status, received, content = _exchange(url, params, headers or {}, network, seconds, _JSON_BYTES)
    except _Unreachable as error:
        return Refusal(unavailable(str(error), now))
    digest, request_id = hashlib.sha256(content).hexdigest(), received.get("X-Request-ID")
    body = _object(content)
    if status != 200:
        failure = read_failure(status, received, content, now)
        return Refusal(failure, digest, request_id, status, body or {}, received.get("Location"))
    if body is None:
        return Refusal(unavailable("La réponse du service est illisible.", now), digest, request_id)
    return Reply(body, digest, request_id)


def download(access: Access, url: str, *, now: datetime) -> Document | Failure:
    """Fetch a document from an allow-listed host, without the token. Never raises for a remote fault."""
    if not document_allowed(access, url):
        return unavailable("Le document est proposé à une adresse qui n’est pas autorisée.", now, timedelta(hours=1))
    try:
        status, received, content = _exchange(url, {}, {}, access.network, access.download_seconds, _DOCUMENT_BYTES)
    except _Unreachable as error:
        return unavailable(str(error), now)
    if status == 429 or status >= 500:
        return read_failure(status, received, content, now)
    if status != 200 or not content:
        return unavailable("Le lien du document a expiré ou ne répond pas.", now, timedelta(minutes=1))
    media_type, extension = sniff(content)
    return Document(content, media_type, extension, hashlib.sha256(content).hexdigest())


def document_allowed(access: Access, url: str) -> bool:
    """Whether a document's address is https (http on this machine only) on one of the listed hosts, without login."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        return False
    named = host if port is None else f"{host}:{port}"
    return "@" not in parts.netloc and named in access.document_hosts


def _object(content: bytes) -> dict[str, object] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


class _Unreachable(Exception):
    pass


def _exchange(
    url: str, params: Mapping[str, str], headers: Mapping[str, str], network: Network, seconds: float, cap: int
) -> tuple[int, Mapping[str, str], bytes]:
    deadline = time.monotonic() + seconds
    with requests.Session() as session:
        session.trust_env = False
        session.headers["User-Agent"] = "mps (marches publics)"
        try:
            with session.get(
                url,
                params=params,
                headers=headers,
                timeout=(min(network.connect_seconds, seconds), seconds),
                proxies=dict(network.proxies),
                verify=network.ca_file or True,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, response.headers, _read(response, deadline, cap)
        except requests.Timeout as error:
            raise _Unreachable("Le service n’a pas répondu à temps.") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _Unreachable("Le service est injoignable.") from error


def _read(response: requests.Response, deadline: float, cap: int) -> bytes:
    if (response.headers.get("Content-Length") or "").isdigit() and int(response.headers["Content-Length"]) > cap:
        raise _Unreachable(_TOO_BIG)
    content = bytearray()
    # read1 returns what has come: a reply sent drop by drop meets the deadline, not only the socket's time-out.
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        content += chunk
        if len(content) > cap:
            raise _Unreachable(_TOO_BIG)
        if time.monotonic() > deadline:
            raise _Unreachable("Le service n’a pas répondu à temps.")
    return bytes(content)
