"""The sandbox's timestamping authority: RFC 3161 over HTTP, with the refusals the RFC names."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette

from api.sandbox import alone, pki
from api.sandbox.certificates import Authority

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
MAX_BYTES = 16_384
POLICY = "2.999.3161"  # the arc of examples: this authority has no policy
DIGESTS = {"sha256": 32, "sha384": 48, "sha512": 64}


def create_app(folder: Path, clock: Callable[[], datetime]) -> Starlette:
    """`POST /` takes a TimeStampReq and answers a TimeStampResp; a bad one gets status « rejection » and its reason."""
    stamp = responder(folder, clock)
    return Starlette(routes=[alone.asked("/", stamp, QUERY, REPLY, MAX_BYTES, "La demande d’horodatage")])


def responder(folder: Path, clock: Callable[[], datetime]) -> Callable[[bytes], bytes]:
    """The authority without HTTP: a DER TimeStampReq in, a DER TimeStampResp out."""
    pki.ensure(folder, clock())
    own = pki.authority(folder, "tsa")
    chain = [own.certificate, pki.certificate(folder, "issuing")]

    def stamp(body: bytes) -> bytes:
        request, failure = _read(body)
        if failure:
            return _rejection(*failure)
        token = _token(own, _info(request, clock()), chain if request["cert_req"].native else [])
        granted = tsp.PKIStatusInfo({"status": "granted"})
        answer: bytes = tsp.TimeStampResp({"status": granted, "time_stamp_token": token}).dump()
        return answer

    return stamp


def _info(request: Any, moment: datetime) -> bytes:
    """TSTInfo in DER, to the second; the nonce is given back."""
    values = {
        "version": "v1",
        "policy": POLICY,
        "message_imprint": request["message_imprint"],
        "serial_number": secrets.randbits(63),
        "gen_time": moment.replace(microsecond=0),
    }
    if request["nonce"].native is not None:
        values["nonce"] = request["nonce"]
    encoded: bytes = tsp.TSTInfo(values).dump()
    return encoded


def _token(own: Authority, info: bytes, chain: list[x509.Certificate]) -> Any:
    """A CMS SignedData over TSTInfo, with the signing certificate designated (RFC 5816)."""
    certificate = _asn1(own.certificate)
    digest = {"algorithm": "sha256"}
    identifier = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(certificate.dump()).digest()})
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identifier]})]},
        ]
    )
    signer = {
        "version": "v1",
        "sid": {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
        "digest_algorithm": digest,
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
        "signature": pki.signed(own.key, attributes.dump()),
    }
    signer["sid"] = cms.SignerIdentifier("issuer_and_serial_number", signer["sid"])
    data = {
        "version": "v3",
        "digest_algorithms": [digest],
        "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info)},
        "signer_infos": [signer],
    }
    if chain:
        data["certificates"] = [cms.CertificateChoices("certificate", _asn1(each)) for each in chain]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})


def _asn1(certificate: x509.Certificate) -> Any:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


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
    with alone.running(create_app(folder, clock)) as url:
        yield url
