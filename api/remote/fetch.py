"""One bounded exchange over HTTP for what is public: no redirect, nothing taken from the environment, a deadline."""

import time
from collections.abc import Mapping

import requests
import urllib3

from procurement.errors import Unavailable
from siret_lookup.http import Network

_CHUNK = 65_536


def fetch(
    url: str, net: Network, cap: int, seconds: float, sentence: str, *,
    body: bytes | None = None, headers: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """GET, or POST a body; the answer's bytes, `cap` at most. Raises Unavailable: `sentence`, and why."""
    deadline = time.monotonic() + seconds
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["User-Agent"] = "mps (marches publics)"
            with session.request(
                "GET" if body is None else "POST", url, data=body, headers=dict(headers or {}),
                timeout=(min(net.connect_seconds, seconds), seconds), proxies=dict(net.proxies),
                verify=net.ca_file or True, allow_redirects=False, stream=True,
            ) as answer:  # fmt: skip
                if answer.status_code != 200:
                    raise Unavailable(f"{sentence} : réponse {answer.status_code}.")
                return _read(answer, cap, deadline, sentence)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise Unavailable(f"{sentence} : le service ne répond pas.") from error


def _read(answer: requests.Response, cap: int, deadline: float, sentence: str) -> bytes:
    content = bytearray()
    while chunk := answer.raw.read1(_CHUNK, decode_content=True):
        content += chunk
        if len(content) > cap:
            raise Unavailable(f"{sentence} : la réponse est trop grande.")
        if time.monotonic() > deadline:
            raise Unavailable(f"{sentence} : le service est trop lent.")
    return bytes(content)
