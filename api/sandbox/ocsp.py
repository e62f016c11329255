"""The sandbox's OCSP responder (RFC 6960): what the issuing authority issued is good or revoked, the rest unknown."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.sandbox import alone, pki
from api.sandbox.certificates import Authority

QUERY, REPLY = "application/ocsp-request", "application/ocsp-response"
MAX_BYTES = 16_384
FRESH = timedelta(hours=1)


def routes(folder: Path, clock: Callable[[], datetime]) -> list[Route]:
    """`POST /ocsp` with the request as its body, `GET /ocsp/{request in base64}` (RFC 6960, appendix A)."""
    answer = responder(folder, clock)

    def get(request: Request) -> Response:
        return Response(answer(_decoded(request.path_params["query"])), media_type=REPLY)

    post = alone.asked("/ocsp", answer, QUERY, REPLY, MAX_BYTES, "La demande OCSP")
    return [post, Route("/ocsp/{query:path}", get, methods=["GET"])]


def _decoded(query: str) -> bytes:
    try:
        return base64.b64decode(unquote(query), validate=True)
    except (binascii.Error, ValueError):
        return b""


def responder(folder: Path, clock: Callable[[], datetime]) -> Callable[[bytes], bytes]:
    """The responder without HTTP: a DER OCSPRequest in, a DER OCSPResponse out."""
    pki.ensure(folder, clock())
    issuing = pki.certificate(folder, "issuing")

    def answer(body: bytes) -> bytes:
        try:
            request = ocsp.load_der_ocsp_request(body)
            fit = _names(issuing, request)
        except (ValueError, NotImplementedError):  # unreadable, or several certificates at once
            return _failure(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        if not fit:
            return _failure(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        moment = clock()
        return _signed(folder, request, pki.delegate(folder, "ocsp", moment), moment)

    return answer


def _failure(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def _names(issuer: x509.Certificate, request: ocsp.OCSPRequest) -> bool:
    """Is the certificate asked about one of this issuer's (RFC 6960, 4.1.1: hashes of its name and of its key)?"""
    spki = issuer.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    expected = tuple(_hash(request.hash_algorithm, part) for part in (issuer.subject.public_bytes(), spki))
    return expected == (request.issuer_name_hash, request.issuer_key_hash)


def _hash(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _signed(folder: Path, request: ocsp.OCSPRequest, own: Authority, now: datetime) -> bytes:
    since = pki.revoked_since(folder, request.serial_number)
    known = pki.is_issued(folder, request.serial_number)
    status = ocsp.OCSPCertStatus.GOOD if known else ocsp.OCSPCertStatus.UNKNOWN
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        request.issuer_name_hash,
        request.issuer_key_hash,
        request.serial_number,
        request.hash_algorithm,
        ocsp.OCSPCertStatus.REVOKED if since else status,
        this_update=now.replace(microsecond=0),
        next_update=now.replace(microsecond=0) + FRESH,
        revocation_time=since,
        revocation_reason=x509.ReasonFlags.unspecified if since else None,
    )
    for extension in request.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            builder = builder.add_extension(extension.value, critical=False)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, own.certificate).certificates([own.certificate])
    return builder.sign(own.key, hashes.SHA256()).public_bytes(Encoding.DER)
