"""RFC 3161 from the asking side: the request goes to a function given, its answer is checked against what was asked."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from asn1crypto import cms, core, tsp
from pyhanko.sign.timestamps import TimeStamper

import signature.asn1  # noqa: F401 – a token is kept as it came
from signature.errors import SignatureError

Timestamp = Callable[[bytes], bytes]


class StampRefused(SignatureError):
    """The time-stamping service answered, but not with a good token for what was asked."""


class _Response(core.Sequence):  # type: ignore[misc]
    """TimeStampResp; asn1crypto's own takes the token for mandatory, and a refusal has none (RFC 3161, 2.4.2)."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


def token_of(timestamp: Timestamp, digest: bytes) -> Any:
    """The token (ContentInfo) over a SHA-256 digest. Raises StampRefused, and what `timestamp` raises."""
    imprint = tsp.MessageImprint({"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest})
    request = tsp.TimeStampReq(
        {"version": 1, "message_imprint": imprint, "nonce": secrets.randbits(63), "cert_req": True}
    )
    return checked(timestamp(request.dump()), request)["time_stamp_token"]


def stamped(timestamp: Timestamp, content: bytes) -> bytes:
    """The token in DER over the SHA-256 of `content`."""
    return bytes(token_of(timestamp, hashlib.sha256(content).digest()).dump())


def checked(content: bytes, request: Any) -> Any:
    """The answer, once it is granted and for this very request. Raises StampRefused."""
    try:
        response = _Response.load(content)
        status = response["status"]["status"].native
        token: Any = response["time_stamp_token"]["content"] if status == "granted" else None
        info: Any = token["encap_content_info"]["content"].parsed if token is not None else None
        same = info is not None and info["message_imprint"].dump() == request["message_imprint"].dump()
        same = same and info["nonce"].native == request["nonce"].native
    except Exception as error:
        raise StampRefused("La réponse du service d’horodatage est illisible.") from error
    if info is None:
        raise StampRefused("Le service d’horodatage a refusé la demande.")
    if not same:
        raise StampRefused("Le jeton du service d’horodatage ne correspond pas à la demande.")
    return response


class FunctionTimeStamper(TimeStamper):
    """pyHanko's timestamper over a plain function, for document timestamps."""

    def __init__(self, fetch: Timestamp) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fetch = fetch
        self.failure: Exception | None = None

    async def async_request_tsa_response(self, req: Any) -> Any:
        try:
            return checked(self.fetch(req.dump()), req)
        except Exception as error:
            self.failure = error
            raise
