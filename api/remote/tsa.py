"""Timestamping over HTTP (RFC 3161): one bounded POST, no redirect, no proxy taken from the environment."""

import requests

from procurement.errors import Unavailable

MAX_BYTES = 64 * 1024
_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def request_timestamp(
    url: str, request: bytes, *, seconds: float = 10.0, proxy: str | None = None, ca_file: str | None = None
) -> bytes:
    """Send a DER TimeStampReq, give the DER TimeStampResp back unread. Raises Unavailable."""
    with requests.Session() as session:
        session.trust_env = False
        if proxy:
            session.proxies = {"http": proxy, "https": proxy}
        try:
            answer = session.post(
                url, data=request, headers=_HEADERS, timeout=seconds, allow_redirects=False, stream=True,
                verify=ca_file or True,
            )  # fmt: skip
            content = answer.raw.read(MAX_BYTES + 1, decode_content=False)
        except (requests.RequestException, OSError, ValueError) as error:
            raise Unavailable("Le service d’horodatage ne répond pas : réessayez plus tard.") from error
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if answer.status_code != 200 or kind != "application/timestamp-reply" or len(content) > MAX_BYTES:
        raise Unavailable("Le service d’horodatage a donné une réponse inattendue : réessayez plus tard.")
    return bytes(content)
