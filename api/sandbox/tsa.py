"""The sandbox's timestamping authority: RFC 3161 over HTTP, with the refusals the RFC names."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from asn1crypto import core, keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.sandbox import pki

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
MAX_BYTES = 16_384
DIGESTS = {"sha256": 32, "sha384": 48, "sha512": 64}


def create_app(folder: Path, clock: Callable[[], datetime]) -> Starlette:
    """`POST /` takes a TimeStampReq and answers a TimeStampResp; a bad one gets status « rejection » and its reason."""
    stamp = responder(folder, clock)

    async def post(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != QUERY:
            return PlainTextResponse(f"Le type {QUERY} est attendu.", 415)
        if int(request.headers.get("content-length", MAX_BYTES + 1)) > MAX_BYTES:
            return PlainTextResponse("La demande d’horodatage est trop grande.", 413)
        return Response(stamp(await request.body()), media_type=REPLY)

    return Starlette(routes=[Route("/", post, methods=["POST"])])


def responder(folder: Path, clock: Callable[[], datetime]) -> Callable[[bytes], bytes]:
    """The authority without HTTP: a DER TimeStampReq in, a DER TimeStampResp out."""
    pki.ensure(folder, clock())
    own = pki.authority(folder, "tsa")
    certificate = asn1_x509.Certificate.load(own.certificate.public_bytes(Encoding.DER))
    key = keys.PrivateKeyInfo.load(own.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    chain.register(asn1_x509.Certificate.load(pki.certificate(folder, "issuing").public_bytes(Encoding.DER)))

    def stamp(body: bytes) -> bytes:
        request, failure = _read(body)
        if failure:
            return _rejection(*failure)
        moment = clock().replace(microsecond=0)
        stamper = DummyTimeStamper(certificate, key, certs_to_embed=chain, fixed_dt=moment)
        answer: bytes = stamper.request_tsa_response(request).dump()
        return answer

    return stamp


def _read(body: bytes) -> tuple[Any, tuple[str, str] | None]:
    """The request, or the reason of its refusal (PKIFailureInfo name and sentence)."""
    try:
        request = tsp.TimeStampReq.load(body, strict=True)
        version = request["version"].native
        algorithm = request["message_imprint"]["hash_algorithm"]["algorithm"].native
        digest = request["message_imprint"]["hashed_message"].native
        policy, extensions = request["req_policy"].native, request["extensions"].native
    except Exception:
        return None, ("bad_data_format", "La demande n’est pas un TimeStampReq lisible.")
    if version != "v1":
        return None, ("bad_request", "Seule la version 1 est prise en charge.")
    if algorithm not in DIGESTS:
        return None, ("bad_alg", "L’algorithme d’empreinte n’est pas accepté (SHA-256, SHA-384, SHA-512).")
    if len(digest) != DIGESTS[algorithm]:
        return None, ("bad_data_format", "L’empreinte n’a pas la longueur de son algorithme.")
    if policy:
        return None, ("unaccepted_policy", "La politique demandée n’est pas celle de ce service.")
    if extensions:
        return None, ("unaccepted_extensions", "Aucune extension n’est prise en charge.")
    return request, None


class _Refusal(core.Sequence):  # type: ignore[misc]
    """TimeStampResp without a token, which asn1crypto's own takes for mandatory."""

    _fields = [("status", tsp.PKIStatusInfo)]


def _rejection(failure: str, sentence: str) -> bytes:
    status = {"status": "rejection", "status_string": [sentence], "fail_info": {failure}}
    answer: bytes = _Refusal({"status": tsp.PKIStatusInfo(status)}).dump()
    return answer


@contextmanager
def running(folder: Path, clock: Callable[[], datetime]) -> Iterator[str]:
    """This service alone on a free loopback port, in a thread; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(folder, clock), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
