"""Whom a verification trusts: pure data (DER bytes), so that it travels to a worker process."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signature.errors import Unreadable

Kind = Literal["CA/QC", "TSA/QTST"]


@dataclass(frozen=True)
class TrustedService:
    """One service of a trusted list (ETSI TS 119 612): a DER certificate and when it was granted.

    `for_signatures` is AdditionalServiceInformation ForeSignatures; `granted_until` is None while it is granted.
    """

    certificate: bytes
    kind: Kind
    granted_from: datetime
    granted_until: datetime | None = None
    for_signatures: bool = True

    def granted_at(self, moment: datetime) -> bool:
        """Was the service granted at that moment? The status is read then, not today."""
        return self.granted_from <= moment and (self.granted_until is None or moment < self.granted_until)


@dataclass(frozen=True)
class TrustList:
    """The services one list names."""

    services: tuple[TrustedService, ...]

    def grants(self, chain: Sequence[bytes], kind: Kind, moments: Iterable[datetime]) -> TrustedService | None:
        """The service of that kind on the chain (DER) granted at every moment; recognised by key, never by name."""
        keys = {public_key(certificate) for certificate in chain}
        needed = tuple(moments)
        for service in self.services:
            listed = service.kind == kind and public_key(service.certificate) in keys
            if listed and all(service.granted_at(moment) for moment in needed):
                return service
        return None


@dataclass(frozen=True)
class Trust:
    """Anchors, intermediates, CRLs and OCSP answers in DER; without `trust_list` nothing is said of qualification."""

    anchors: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    trust_list: TrustList | None = None

    def with_more(self, other: "Trust") -> "Trust":
        """Both together; the services of both lists where there are two."""
        lists = [each.services for each in (self.trust_list, other.trust_list) if each is not None]
        return Trust(
            self.anchors + other.anchors,
            self.intermediates + other.intermediates,
            self.crls + other.crls,
            self.ocsps + other.ocsps,
            TrustList(tuple(service for services in lists for service in services)) if lists else None,
        )


def public_key(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo of a DER certificate."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def trust_from_files(anchors: Iterable[bytes], certificates: Iterable[bytes], crls: Iterable[bytes]) -> Trust:
    """Trust from the contents of PEM (one or several per file) or DER files. Raises Unreadable."""
    return Trust(
        anchors=tuple(der for content in anchors for der in _certificates(content)),
        intermediates=tuple(der for content in certificates for der in _certificates(content)),
        crls=tuple(_crl(content) for content in crls),
    )


def _certificates(content: bytes) -> list[bytes]:
    try:
        if b"-----BEGIN" in content:
            found = x509.load_pem_x509_certificates(content)
        else:
            found = [x509.load_der_x509_certificate(content)]
    except ValueError as error:
        raise Unreadable("Un certificat donné est illisible : un fichier PEM ou DER est attendu.") from error
    return [certificate.public_bytes(Encoding.DER) for certificate in found]


def _crl(content: bytes) -> bytes:
    try:
        load = x509.load_pem_x509_crl if b"-----BEGIN" in content else x509.load_der_x509_crl
        return load(content).public_bytes(Encoding.DER)
    except ValueError as error:
        raise Unreadable("Une liste de révocation donnée est illisible : un fichier PEM ou DER est attendu.") from error
