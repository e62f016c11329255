"""Making PAdES signatures (EN 319 142-1) in an incremental update: prepare, sign anywhere, finish; then raise.

The PDF is prepared by pyHanko, the CMS container is ours (`signature.making.cades`), so that the key may be a file's,
a token's, a provider's or a browser's. What is fetched is a function given.
"""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from asn1crypto.ocsp import OCSPResponse
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata, PdfSigner, PdfTimeStamper
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko.sign.validation import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from signature.errors import SignatureError
from signature.facts import Embedded
from signature.making.cades import Attributes, attributes, enclose
from signature.making.keys import Key, Pkcs12, check_dates, open_key, public_of
from signature.making.stamps import FunctionTimeStamper, Timestamp

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)

LEVELS = ("B", "T", "LT", "LTA")
# Bytes kept in a PDF for a CMS file without its chain, and for a timestamp with its own: every reader reads them.
OWN_ROOM, STAMP_ROOM = 4_096, 12_288


@dataclass(frozen=True)
class Signed:
    """A signed file with its digest (hexadecimal) and the level reached."""

    content: bytes
    sha256: str
    level: str


@dataclass(frozen=True)
class Prepared:
    """A PDF with an empty place for its signature, and what is to be signed (`to_sign`, with SHA-256)."""

    content: bytes
    start: int
    end: int
    attributes: Attributes

    @property
    def to_sign(self) -> bytes:
        return self.attributes.der

    @property
    def digest(self) -> bytes:
        """SHA-256 of `to_sign`, for keys that sign a digest."""
        return hashlib.sha256(self.attributes.der).digest()


def prepare(
    pdf: bytes,
    chain: tuple[bytes, ...],
    now: datetime,
    reason: str | None = None,
    location: str | None = None,
    *,
    stamped: bool = True,
) -> Prepared:
    """Make room for one signature by the first certificate of `chain` (DER), and for its timestamp if `stamped`.

    Raises SignatureError.
    """
    certificate = public_of(chain)
    check_dates(certificate, now)
    writer, store = _writer(pdf), SimpleCertificateStore()  # type: ignore[no-untyped-call]
    own = asn1_x509.Certificate.load(chain[0])
    signer = ExternalSigner(own, store, signature_value=256)
    metadata = PdfSignatureMetadata(
        field_name=_free_name(writer),
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        location=location,
        name=own.subject.native.get("common_name") if isinstance(own.subject.native.get("common_name"), str) else None,
    )
    room = 2 * (sum(map(len, chain)) + OWN_ROOM + (STAMP_ROOM if stamped else 0))
    try:
        place, output = asyncio.run(_emptied(PdfSigner(metadata, signer), writer, now, room))
    except SigningError as error:
        raise SignatureError("Le document n’accepte pas une signature de plus (il est verrouillé).") from error
    except Exception as error:
        raise SignatureError("Le document n’a pas pu être signé : sa structure n’est pas prise en charge.") from error
    signed = attributes(place.document_digest, chain, None)
    return Prepared(output, place.reserved_region_start, place.reserved_region_end, signed)


async def _emptied(signer: Any, writer: Any, now: datetime, room: int) -> tuple[Any, bytes]:
    """As PdfSigner.async_digest_doc_for_signing, with the time given instead of the machine's."""
    session = signer.init_signing_session(writer)
    session.system_time = now
    prepared = session.prepare_tbs_document(validation_info=None, bytes_reserved=room)
    place, output = prepared.digest_tbs_document()
    return place, output.getvalue()


def finish(prepared: Prepared, value: bytes, timestamp: Timestamp | None = None) -> bytes:
    """The signed PDF, level T with `timestamp`, else B. Raises SignatureError where `value` is not of that key."""
    container = enclose(prepared.attributes, value, timestamp)
    output = BytesIO(prepared.content)
    place = PreparedByteRangeDigest(b"", prepared.start, prepared.end)
    try:
        place.fill_with_cms(output, container)
    except Exception as error:
        raise SignatureError("La signature est plus grande que la place prévue dans le document.") from error
    return output.getvalue()


def kept(pdf: bytes, material: Embedded) -> bytes:
    """The PDF with certificates, CRLs and OCSP answers added to its security store (level LT of a stamped one)."""
    output = BytesIO(pdf)
    DocumentSecurityStore.add_dss(
        output,
        None,
        certs=[asn1_x509.Certificate.load(der) for der in material.certificates],
        crls=[asn1_crl.CertificateList.load(der) for der in material.crls],
        ocsps=[OCSPResponse.load(der) for der in material.ocsps],
        force_write=False,
        file_credential=None,
    )
    return output.getvalue()


def archived(pdf: bytes, timestamp: Timestamp) -> bytes:
    """The PDF with one more document timestamp, over everything it holds."""
    stamper = FunctionTimeStamper(timestamp)
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    try:
        output = asyncio.run(
            PdfTimeStamper(stamper).async_timestamp_pdf(writer, "sha256", bytes_reserved=2 * STAMP_ROOM)
        )
        return bytes(output.getvalue())
    except Exception as error:
        if stamper.failure is not None:
            raise stamper.failure from None
        raise SignatureError(
            "Le document n’a pas pu être horodaté : sa structure n’est pas prise en charge."
        ) from error


def sign_pades(
    pdf: bytes,
    key: Pkcs12 | Key,
    level: str,
    timestamp: Timestamp | None,
    now: datetime,
    reason: str | None = None,
    location: str | None = None,
    material: Embedded | None = None,
) -> Signed:
    """Add one signature (ETSI.CAdES.detached). LT and LTA need `material`, the proofs of non-revocation.

    `timestamp` takes an RFC 3161 request and gives the answer, both DER; what it raises goes through unchanged.
    Raises SignatureError: wrong password, broken or expired certificate, unreadable or protected PDF, level.
    """
    check_level(level, timestamp, material)
    opened = key if isinstance(key, Key) else open_key(key, now)
    prepared = prepare(pdf, opened.chain, now, reason, location, stamped=level != "B")
    content = finish(prepared, opened.sign(prepared.to_sign), None if level == "B" else timestamp)
    if level in ("LT", "LTA") and material is not None:
        content = kept(content, material)
    if level == "LTA" and timestamp is not None:
        content = archived(content, timestamp)
    return signed_of(content, level)


def signed_of(content: bytes, level: str) -> Signed:
    """A signed file with its digest."""
    return Signed(content, hashlib.sha256(content).hexdigest(), level)


def check_level(level: str, timestamp: Timestamp | None, material: Embedded | None) -> None:
    """Raises SignatureError where the level is unknown, or lacks what it is made of."""
    if level not in LEVELS:
        raise SignatureError(f"Le niveau « {level} » n’existe pas ; choisissez B, T, LT ou LTA.")
    if level != "B" and timestamp is None:
        raise SignatureError(f"Le niveau {level} demande un service d’horodatage.")
    if level in ("LT", "LTA") and (material is None or not material.revocation):
        raise SignatureError(f"Le niveau {level} demande les listes de révocation (CRL) ou les réponses OCSP.")


def _writer(pdf: bytes) -> Any:
    """PDF/A wants the next object on a line of its own; what typst writes has no last line end."""
    try:
        writer = IncrementalPdfFileWriter(BytesIO(pdf if pdf.endswith(b"\n") else pdf + b"\n"), strict=False)
        encrypted = writer.prev.encrypted
        usable = encrypted or ("/Pages" in writer.prev.root and writer.prev.root["/Pages"]["/Count"] > 0)
    except Exception as error:
        raise SignatureError("Le document n’est pas un PDF lisible : il ne peut être signé.") from error
    if encrypted:
        raise SignatureError("Le PDF est protégé (chiffré) : enlevez la protection avant de le signer.")
    if not usable:
        raise SignatureError("Le PDF n’a aucune page : il ne peut être signé.")
    return writer


def _free_name(writer: Any) -> str:
    taken = {name for name, _, _ in enumerate_sig_fields(writer.prev)}
    number = 1
    while f"Signature{number}" in taken:
        number += 1
    return f"Signature{number}"
