"""Read a European trusted list (ETSI TS 119 612, versions 5 and 6 of the format) whose signature is checked first.

What is read is what was signed, never the file around it. Nothing is fetched and nothing is dropped in silence: what
is not understood is named.
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput, InvalidSignature
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from signature.errors import Unreadable
from signature.list_services import TSL, moment_of, named, read_services, text_of
from signature.trust import ListOrigin, Trust, TrustedService, TrustList, certificates_of

MAX_BYTES = 30 * 1024 * 1024
ROOT = f"{{{TSL}}}TrustServiceStatusList"
DS = "http://www.w3.org/2000/09/xmldsig#"
TYPES = "http://uri.etsi.org/02231/v2/additionaltypes#"
VERSIONS = ("5", "6")
_STRONG = frozenset({
    SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512,
    SignatureMethod.SHA256_RSA_MGF1, SignatureMethod.SHA384_RSA_MGF1, SignatureMethod.SHA512_RSA_MGF1,
    SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512,
})  # fmt: skip
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})


@dataclass(frozen=True)
class Pointer:
    """Where a list says another one is: its address, its type, and the DER certificates that may sign it."""

    territory: str
    url: str
    mime: str
    signers: tuple[bytes, ...]


@dataclass(frozen=True)
class ReadList:
    """One list. `sha256` is of the file's bytes; `stale`: its next update is past (a closed list has none).

    `services` are the qualified ones (certificates, timestamps); `others` counts the rest by kind; `unread` names
    every service, or part of its history, that was not understood.
    """

    territory: str
    sequence: int
    issued: datetime
    next_update: datetime | None
    sha256: str
    services: tuple[TrustedService, ...]
    unread: tuple[str, ...]
    stale: bool
    pointers: tuple[Pointer, ...]
    kind: str
    information: tuple[str, ...]
    others: tuple[tuple[str, int], ...]

    @property
    def trust_list(self) -> TrustList:
        """What a verification needs of it."""
        origin = ListOrigin(self.territory, self.sequence, self.issued, self.sha256)
        return TrustList(self.services, self.unread, (origin,))


def read_list(xml: bytes, signers: Sequence[bytes], now: datetime) -> ReadList:
    """The list, if one of these DER certificates signed it, was valid when it was issued. Raises Unreadable."""
    root = _signed(xml, signers)
    scheme = root.find(f"{{{TSL}}}SchemeInformation")
    if scheme is None or text_of(root, "SchemeInformation/TSLVersionIdentifier") not in VERSIONS:
        raise Unreadable("La version de cette liste de confiance n’est pas connue : 5 ou 6 est attendu.")
    try:
        return _read(root, scheme, sha256(xml).hexdigest(), now)
    except (ValueError, TypeError) as error:
        raise Unreadable("La liste de confiance est mal formée : un nombre ou une date n’y est pas lisible.") from error


def trust_from_list(xml: bytes, signer_pem: bytes, now: datetime) -> Trust:
    """Trust in the services of one list. Raises Unreadable."""
    return trust_from_kept(xml, certificates_of(signer_pem), now)


def trust_from_kept(xml: bytes, signers: Sequence[bytes], now: datetime) -> Trust:
    """Trust in the services of one list, signed by one of these (DER): anchors, once each. Raises Unreadable."""
    services = (read := read_list(xml, signers, now)).services
    found = dict.fromkeys(der for service in services for der in service.all_certificates)
    return Trust(anchors=tuple(found), trust_list=read.trust_list)


def _read(root: Any, scheme: Any, digest: str, now: datetime) -> ReadList:
    territory = text_of(scheme, "SchemeTerritory")
    services, unread, others = read_services(root, territory)
    closes = text_of(scheme, "NextUpdate/dateTime")
    next_update = moment_of(closes) if closes else None
    return ReadList(
        territory=territory,
        sequence=int(text_of(scheme, "TSLSequenceNumber")),
        issued=moment_of(text_of(scheme, "ListIssueDateTime")),
        next_update=next_update,
        sha256=digest,
        services=services,
        unread=unread,
        stale=next_update is not None and next_update < now,
        pointers=tuple(_pointers(scheme)),
        kind=text_of(scheme, "TSLType").rsplit("/", 1)[-1],
        information=tuple((uri.text or "").strip() for uri in named(scheme, "SchemeInformationURI/URI")),
        others=tuple(sorted(Counter(others).items())),
    )


def _pointers(scheme: Any) -> Iterator[Pointer]:
    for pointer in named(scheme, "PointersToOtherTSL/OtherTSLPointer"):
        yield Pointer(
            territory=next((e.text or "" for e in pointer.iter(f"{{{TSL}}}SchemeTerritory")), ""),
            url=text_of(pointer, "TSLLocation"),
            mime=next((e.text or "" for e in pointer.iter(f"{{{TYPES}}}MimeType")), ""),
            signers=tuple(b64decode(e.text or "") for e in pointer.iter(f"{{{TSL}}}X509Certificate")),
        )


def parse(xml: bytes) -> Any:
    """The root of a trusted list, parsed without entities, network or document type; not yet verified."""
    if len(xml) > MAX_BYTES:
        raise Unreadable("La liste de confiance est trop grande : 30 Mo au plus.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("La liste de confiance n’est pas un fichier XML lisible.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("La liste de confiance porte une déclaration de type (DTD) : elle est refusée.")
    if root.tag != ROOT:
        raise Unreadable("Ce fichier XML n’est pas une liste de confiance (ETSI TS 119 612).")
    return root


def _signed(xml: bytes, signers: Sequence[bytes]) -> Any:
    """The part of the file that was signed, which has to be the list."""
    root = parse(xml)
    signatures = root.findall(f"{{{DS}}}Signature")
    if len(signatures) != 1:
        raise Unreadable("La liste de confiance n’est pas signée.")
    certificate = _signer(signatures[0], signers)
    if certificate is None:
        raise Unreadable("La liste de confiance est signée par un autre certificat que ceux donnés.")
    try:
        issued = moment_of(text_of(root, "SchemeInformation/ListIssueDateTime"))
        results: Any = XAdESVerifier().verify(root, x509_cert=certificate, expect_config=_configuration(issued))
    except InvalidCertificate as error:
        raise Unreadable("Le certificat qui a signé la liste de confiance n’était pas valable à sa date.") from error
    except (InvalidDigest, InvalidSignature) as error:
        raise Unreadable("La liste de confiance a été modifiée après sa signature.") from error
    except (InvalidInput, ValueError, TypeError, etree.LxmlError) as error:
        raise Unreadable("La signature de la liste de confiance n’a pas la forme attendue (XAdES).") from error
    found = [result.signed_xml for result in results if result.signed_xml is not None]
    for element in found:
        if element.tag == ROOT:
            return element
    raise Unreadable("La signature de la liste de confiance ne porte pas sur la liste entière.")


def _configuration(issued: datetime) -> XAdESSignatureConfiguration:
    return XAdESSignatureConfiguration(
        require_x509=True,
        location="./",
        expect_references=True,
        signature_methods=_STRONG,
        digest_algorithms=_DIGESTS,
        verification_time=issued,
    )


def _signer(signature: Any, signers: Sequence[bytes]) -> x509.Certificate | None:
    """The certificate, among those given, that the signature carries."""
    carried = set()
    for element in signature.iterfind(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"):
        try:
            carried.add(b64decode(element.text or ""))
        except ValueError:
            continue
    chosen = next((der for der in signers if der in carried), None)
    return None if chosen is None else x509.load_der_x509_certificate(chosen)
