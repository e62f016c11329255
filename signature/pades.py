"""Adapter over pyHanko's signing: PAdES B and T with the key of a PKCS#12 file. What is fetched is a function given."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Literal

from asn1crypto import cms, core, tsp
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.timestamps import TimeStamper

from signature.errors import SignatureError

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)

Level = Literal["B", "T"]
Timestamp = Callable[[bytes], bytes]
_NOT_YET = {"LT", "LTA"}


@dataclass(frozen=True)
class Pkcs12:
    """The content of a .p12 or .pfx file and its password."""

    content: bytes
    password: str = field(repr=False)


@dataclass(frozen=True)
class Signed:
    """A signed PDF with its digest (hexadecimal) and the level reached."""

    content: bytes
    sha256: str
    level: str


def sign_pades(
    pdf: bytes,
    key: Pkcs12,
    level: str,
    timestamp: Timestamp | None,
    now: datetime,
    reason: str | None = None,
    location: str | None = None,
) -> Signed:
    """Add one signature (ETSI EN 319 142-1, ETSI.CAdES.detached) in an incremental update.

    `timestamp` takes an RFC 3161 request and gives the answer, both DER; what it raises goes through unchanged.
    Raises SignatureError: wrong password, broken or expired certificate, unreadable or protected PDF, level.
    """
    _check_level(level, timestamp)
    signer = _signer(key, now)
    writer = _writer(pdf)
    stamper = _FunctionTimeStamper(timestamp) if level == "T" and timestamp is not None else None
    content = _signed(writer, signer, stamper, now, reason, location)
    return Signed(content, hashlib.sha256(content).hexdigest(), level)


def _check_level(level: str, timestamp: Timestamp | None) -> None:
    if level in _NOT_YET:
        raise SignatureError(f"Le niveau {level} n’est pas encore produit ici ; choisissez B ou T.")
    if level not in ("B", "T"):
        raise SignatureError(f"Le niveau « {level} » n’existe pas ; choisissez B ou T.")
    if level == "T" and timestamp is None:
        raise SignatureError("Le niveau T demande un service d’horodatage.")


def _signer(key: Pkcs12, now: datetime) -> Any:
    try:
        pair = pkcs12.load_key_and_certificates(key.content, key.password.encode() or None)
    except ValueError as error:
        wrong = "password" in str(error).lower()
        raise SignatureError(
            "Le mot de passe du fichier de clé n’est pas le bon."
            if wrong
            else "Le fichier de clé est illisible : un fichier PKCS#12 (.p12 ou .pfx) est attendu."
        ) from error
    if pair[0] is None or pair[1] is None:
        raise SignatureError("Le fichier de clé ne contient pas une clé avec son certificat.")
    if not pair[1].not_valid_before_utc <= now <= pair[1].not_valid_after_utc:
        until = pair[1].not_valid_after_utc.strftime("%d/%m/%Y")
        expired = now > pair[1].not_valid_after_utc
        raise SignatureError(
            f"Le certificat a expiré le {until} : il ne peut plus signer."
            if expired
            else "Le certificat n’est pas encore valable : il ne peut pas encore signer."
        )
    return SimpleSigner.load_pkcs12_data(key.content, (), key.password.encode() or None)


def _writer(pdf: bytes) -> Any:
    try:
        writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
        encrypted = writer.prev.encrypted
        usable = encrypted or ("/Pages" in writer.prev.root and writer.prev.root["/Pages"]["/Count"] > 0)
    except Exception as error:
        raise SignatureError("Le document n’est pas un PDF lisible : il ne peut être signé.") from error
    if encrypted:
        raise SignatureError("Le PDF est protégé (chiffré) : enlevez la protection avant de le signer.")
    if not usable:
        raise SignatureError("Le PDF n’a aucune page : il ne peut être signé.")
    return writer


def _signed(writer: Any, signer: Any, stamper: Any, now: datetime, reason: str | None, location: str | None) -> bytes:
    metadata = PdfSignatureMetadata(
        field_name=_free_name(writer),
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        location=location,
    )
    try:
        output: BytesIO = asyncio.run(_run(PdfSigner(metadata, signer, timestamper=stamper), writer, now))
        return output.getvalue()
    except SigningError as error:
        raise SignatureError("Le document n’accepte pas une signature de plus (il est verrouillé).") from error
    except Exception as error:
        if stamper is not None and stamper.failure is not None:
            raise stamper.failure from None
        raise SignatureError("Le document n’a pas pu être signé : sa structure n’est pas prise en charge.") from error


async def _run(signer: Any, writer: Any, now: datetime) -> BytesIO:
    """As PdfSigner.async_sign_pdf, with the time given instead of the machine's."""
    session = signer.init_signing_session(writer)
    session.system_time = now
    reserved = await session.estimate_signature_container_size(None)
    prepared = session.prepare_tbs_document(validation_info=None, bytes_reserved=reserved)
    digest, output = prepared.digest_tbs_document()
    attributes = PdfCMSSignedAttributes(signing_time=now)
    done = await prepared.perform_signature(document_digest=digest.document_digest, pdf_cms_signed_attrs=attributes)
    await done.post_signature_processing(output)
    return BytesIO(output.getvalue())


def _free_name(writer: Any) -> str:
    taken = {name for name, _, _ in enumerate_sig_fields(writer.prev)}
    number = 1
    while f"Signature{number}" in taken:
        number += 1
    return f"Signature{number}"


class _FunctionTimeStamper(TimeStamper):
    """pyHanko's timestamper over a plain function; the token is checked against what was asked."""

    def __init__(self, fetch: Timestamp) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fetch = fetch
        self.failure: Exception | None = None

    async def async_request_tsa_response(self, req: Any) -> Any:
        try:
            return _answer(self.fetch(req.dump()), req)
        except Exception as error:
            self.failure = error
            raise


class _Response(core.Sequence):  # type: ignore[misc]
    """TimeStampResp; asn1crypto's own takes the token for mandatory, and a refusal has none (RFC 3161, 2.4.2)."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


def _answer(content: bytes, request: Any) -> Any:
    try:
        response = _Response.load(content)
        status = response["status"]["status"].native
        token: Any = response["time_stamp_token"]["content"] if status == "granted" else None
        info: Any = token["encap_content_info"]["content"].parsed if token is not None else None
        same = info is not None and info["message_imprint"].dump() == request["message_imprint"].dump()
        same = same and info["nonce"].native == request["nonce"].native
    except Exception as error:
        raise SignatureError("La réponse du service d’horodatage est illisible.") from error
    if info is None:
        raise SignatureError("Le service d’horodatage a refusé la demande.")
    if not same:
        raise SignatureError("Le jeton du service d’horodatage ne correspond pas à la demande.")
    return response


def sign(
    pdf: bytes,
    p12: bytes,
    password: str,
    level: str,
    timestamp: Timestamp | None,
    now: str,
    reason: str | None = None,
    location: str | None = None,
) -> Signed:
    """`sign_pades` for a worker process: plain values, the moment in ISO 8601 with its offset."""
    return sign_pades(pdf, Pkcs12(p12, password), level, timestamp, datetime.fromisoformat(now), reason, location)
