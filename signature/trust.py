"""Whom a verification trusts: pure data (DER bytes), so that it travels to a worker process."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signature.errors import Unreadable
from signature.periods import Period, period_at

Kind = Literal["CA/QC", "TSA/QTST"]


@dataclass(frozen=True)
class TrustedService:
    """One service of a trusted list (ETSI TS 119 612): a DER certificate and when it was granted.

    `for_signatures` is AdditionalServiceInformation ForeSignatures; `granted_until` is None while it is granted.
    A service read from a list has its whole `history` (newest first), which then decides; `keys` are the public keys
    it is known by, `others` its further certificates.
    """

    certificate: bytes
    kind: Kind
    granted_from: datetime
    granted_until: datetime | None = None
    for_signatures: bool = True
    name: str = ""
    territory: str = ""
    keys: tuple[bytes, ...] = ()
    history: tuple[Period, ...] = ()
    others: tuple[bytes, ...] = ()

    @property
    def all_certificates(self) -> tuple[bytes, ...]:
        """Every certificate of the service, DER."""
        return (self.certificate, *self.others)

    @property
    def periods(self) -> tuple[Period, ...]:
        """The history, or what the two dates say of a service that has none."""
        if self.history:
            return self.history
        granted = Period("granted", self.granted_from, self.kind, () if self.for_signatures else ("ForeSeals",))
        end = (Period("withdrawn", self.granted_until, self.kind),) if self.granted_until else ()
        return (*end, granted)

    def period_at(self, moment: datetime) -> Period | None:
        """The status that held at a moment, None before the service existed."""
        return period_at(self.periods, moment)

    def granted_at(self, moment: datetime, kind: str | None = None) -> bool:
        """Was the service granted (as that kind) at that moment? The status is read then, not today."""
        period = self.period_at(moment)
        return period is not None and period.kind == (kind or self.kind) and period.counts_at(moment)

    def known_by(self, keys: Collection[bytes]) -> bool:
        """Is one of these public keys the service's own?"""
        return any(key in keys for key in self.keys or (public_key(self.certificate),))


@dataclass(frozen=True)
class ListOrigin:
    """Which trusted list was read: `sha256` (hexadecimal) is of the file's bytes."""

    territory: str
    sequence: int
    issued: datetime
    sha256: str


@dataclass(frozen=True)
class TrustList:
    """The services one list names, or several lists together; `unread` names what could not be understood.

    `origins`: the files they were read from, for the reports; none where the services were given by hand.
    """

    services: tuple[TrustedService, ...]
    unread: tuple[str, ...] = ()
    origins: tuple[ListOrigin, ...] = ()

    def grants(self, chain: Sequence[bytes], kind: Kind, moments: Iterable[datetime]) -> TrustedService | None:
        """The service of that kind on the chain (DER) granted at every moment; recognised by key, never by name."""
        needed = tuple(moments)
        for service in self.known(chain):
            if all(service.granted_at(moment, kind) for moment in needed):
                return service
        return None

    def known(self, chain: Sequence[bytes]) -> list[TrustedService]:
        """The services whose key is on the chain (DER), granted or not."""
        keys = {public_key(certificate) for certificate in chain}
        return [service for service in self.services if service.known_by(keys)]


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
        lists = [each for each in (self.trust_list, other.trust_list) if each is not None]
        return Trust(
            self.anchors + other.anchors,
            self.intermediates + other.intermediates,
            self.crls + other.crls,
            self.ocsps + other.ocsps,
            _together(lists) if lists else None,
        )


def _together(lists: Sequence[TrustList]) -> TrustList:
    return TrustList(
        tuple(service for each in lists for service in each.services),
        tuple(name for each in lists for name in each.unread),
        tuple(origin for each in lists for origin in each.origins),
    )


def public_key(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo of a DER certificate."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def trust_from_files(anchors: Iterable[bytes], certificates: Iterable[bytes], crls: Iterable[bytes]) -> Trust:
    """Trust from the contents of PEM (one or several per file) or DER files. Raises Unreadable."""
    return Trust(
        anchors=tuple(der for content in anchors for der in certificates_of(content)),
        intermediates=tuple(der for content in certificates for der in certificates_of(content)),
        crls=tuple(_crl(content) for content in crls),
    )


def certificates_of(content: bytes) -> tuple[bytes, ...]:
    """The certificates of a file, PEM (one or several) or DER, in DER. Raises Unreadable."""
    try:
        if b"-----BEGIN" in content:
            found = x509.load_pem_x509_certificates(content)
        else:
            found = [x509.load_der_x509_certificate(content)]
    except ValueError as error:
        raise Unreadable("Un certificat donné est illisible : un fichier PEM ou DER est attendu.") from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def _crl(content: bytes) -> bytes:
    try:
        load = x509.load_pem_x509_crl if b"-----BEGIN" in content else x509.load_der_x509_crl
        return load(content).public_bytes(Encoding.DER)
    except ValueError as error:
        raise Unreadable("Une liste de révocation donnée est illisible : un fichier PEM ou DER est attendu.") from error
