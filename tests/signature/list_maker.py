"""Trusted lists made and signed by the tests: certificates of every kind, periods, qualifiers, pointers."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import SignatureMethod
from signxml.xades.xades import XAdESSigner

Key = ec.EllipticCurvePrivateKey
BASE = "http://uri.etsi.org/TrstSvc"
NAMESPACES = (
    'xmlns="http://uri.etsi.org/02231/v2#" '
    'xmlns:sie="http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#" '
    'xmlns:tslx="http://uri.etsi.org/02231/v2/additionaltypes#" '
    'xmlns:xades="http://uri.etsi.org/01903/v1.3.2#"'
)
LONG_AGO, FAR = datetime(2010, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
ISSUED = datetime(2025, 11, 1, tzinfo=UTC)
NEXT = datetime(2026, 4, 1, tzinfo=UTC)

QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
COMPLIANCE = bytes.fromhex("3008060604008E460101")
SSCD = bytes.fromhex("3008060604008E460104")
ESIGN = bytes.fromhex("3013060604008E4601063009060704008E46010601")
ESEAL = bytes.fromhex("3013060604008E4601063009060704008E46010602")


@dataclass(frozen=True)
class Pair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def pair(
    name: str,
    issuer: Pair | None = None,
    *,
    start: datetime = LONG_AGO,
    end: datetime = FAR,
    statements: bytes = b"",
    policies: Sequence[str] = (),
    usage: str = "content_commitment",
    key: Key | None = None,
) -> Pair:
    """A certificate on a new key, signed by `issuer` or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Essai"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(_usages(usage), critical=True)
    )
    if statements:
        content = bytes((0x30, len(statements))) + statements
        builder = builder.add_extension(x509.UnrecognizedExtension(QC_STATEMENTS, content), critical=False)
    if policies:
        found = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in policies]
        builder = builder.add_extension(x509.CertificatePolicies(found), critical=False)
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _usages(wanted: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name == wanted for name in names})


def at(text: str) -> datetime:
    """A day in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def period(
    status: str = "granted",
    start: datetime | str = "2016-07-01",
    *,
    uses: Sequence[str] = ("ForeSignatures",),
    extra: str = "",
    kind: str = "CA/QC",
) -> dict[str, Any]:
    """One status of a service; `extra` is further Extension elements."""
    moment = at(start) if isinstance(start, str) else start
    return {"status": status, "start": moment, "uses": tuple(uses), "extra": extra, "kind": kind}


def service(certificates: Sequence[bytes], *periods: dict[str, Any], name: str = "AC qualifiée") -> str:
    """A TSPService; the newest period first. Its certificates are told in the present information only."""
    present, *history = periods
    older = "".join(f"<ServiceHistoryInstance>{_info(p, (), name)}</ServiceHistoryInstance>" for p in history)
    return (
        f"<TSPService><ServiceInformation>{_info(present, certificates, name)}</ServiceInformation>"
        f"{f'<ServiceHistory>{older}</ServiceHistory>' if older else ''}</TSPService>"
    )


def _info(told: dict[str, Any], certificates: Sequence[bytes], name: str) -> str:
    identities = "".join(
        f"<DigitalId><X509Certificate>{b64encode(der).decode()}</X509Certificate></DigitalId>" for der in certificates
    )
    uses = "".join(
        f'<Extension Critical="true"><AdditionalServiceInformation><URI xml:lang="en">'
        f"{BASE}/TrustedList/SvcInfoExt/{use}</URI></AdditionalServiceInformation></Extension>"
        for use in told["uses"]
    )
    extensions = uses + told["extra"]
    return (
        f"<ServiceTypeIdentifier>{BASE}/Svctype/{told['kind']}</ServiceTypeIdentifier>"
        f'<ServiceName><Name xml:lang="fr">{name}</Name></ServiceName>'
        f"<ServiceDigitalIdentity>{identities}</ServiceDigitalIdentity>"
        f"<ServiceStatus>{BASE}/TrustedList/Svcstatus/{told['status']}</ServiceStatus>"
        f"<StatusStartingTime>{iso(told['start'])}</StatusStartingTime>"
        + (f"<ServiceInformationExtensions>{extensions}</ServiceInformationExtensions>" if extensions else "")
    )


def qualified(qualifiers: Sequence[str], criteria: str) -> str:
    """A Qualifications extension with one element; `criteria` is a CriteriaList."""
    names = "".join(f'<sie:Qualifier uri="{BASE}/TrustedList/SvcInfoExt/{name}"/>' for name in qualifiers)
    return (
        '<Extension Critical="true"><sie:Qualifications><sie:QualificationElement>'
        f"<sie:Qualifiers>{names}</sie:Qualifiers>{criteria}"
        "</sie:QualificationElement></sie:Qualifications></Extension>"
    )


def criteria(*inside: str, joined: str = "all") -> str:
    """A CriteriaList; `all`, `atLeastOne` or `none` of what is inside."""
    return f'<sie:CriteriaList assert="{joined}">{"".join(inside)}</sie:CriteriaList>'


def key_usage(**bits: bool) -> str:
    """Bits by their ASN.1 name."""
    told = "".join(f'<sie:KeyUsageBit name="{bit}">{str(on).lower()}</sie:KeyUsageBit>' for bit, on in bits.items())
    return f"<sie:KeyUsage>{told}</sie:KeyUsage>"


def policy_set(*oids: str) -> str:
    told = "".join(
        f"<sie:PolicyIdentifier><xades:Identifier>{oid}</xades:Identifier></sie:PolicyIdentifier>" for oid in oids
    )
    return f"<sie:PolicySet>{told}</sie:PolicySet>"


ALWAYS = criteria(key_usage(keyCertSign=False))


def pointer(territory: str, url: str, signers: Sequence[bytes], mime: str = "application/vnd.etsi.tsl+xml") -> str:
    """An OtherTSLPointer."""
    identities = "".join(
        "<ServiceDigitalIdentity><DigitalId><X509Certificate>"
        f"{b64encode(der).decode()}</X509Certificate></DigitalId></ServiceDigitalIdentity>"
        for der in signers
    )
    return (
        f"<OtherTSLPointer><ServiceDigitalIdentities>{identities}</ServiceDigitalIdentities>"
        f"<TSLLocation>{url}</TSLLocation><AdditionalInformation>"
        f"<OtherInformation><SchemeTerritory>{territory}</SchemeTerritory></OtherInformation>"
        f"<OtherInformation><tslx:MimeType>{mime}</tslx:MimeType></OtherInformation>"
        "</AdditionalInformation></OtherTSLPointer>"
    )


def tsl(
    *services: str,
    territory: str = "FR",
    sequence: int = 7,
    issued: datetime = ISSUED,
    next_update: datetime | None = NEXT,
    pointers: Sequence[str] = (),
    information: Sequence[str] = ("https://exemple.fr/",),
    kind: str = "EUgeneric",
    version: int = 6,
) -> bytes:
    """A list without its signature."""
    told = "".join(f'<URI xml:lang="en">{uri}</URI>' for uri in information)
    closes = f"<NextUpdate><dateTime>{iso(next_update)}</dateTime></NextUpdate>" if next_update else "<NextUpdate/>"
    provider = (
        "<TrustServiceProviderList><TrustServiceProvider><TSPInformation>"
        '<TSPName><Name xml:lang="fr">Prestataire</Name></TSPName></TSPInformation>'
        f"<TSPServices>{''.join(services)}</TSPServices></TrustServiceProvider></TrustServiceProviderList>"
    )
    return (
        f'<TrustServiceStatusList {NAMESPACES} Id="liste" TSLTag="http://uri.etsi.org/19612/TSLTag"><SchemeInformation>'
        f"<TSLVersionIdentifier>{version}</TSLVersionIdentifier><TSLSequenceNumber>{sequence}</TSLSequenceNumber>"
        f"<TSLType>{BASE}/TrustedList/TSLType/{kind}</TSLType>"
        f"<SchemeInformationURI>{told}</SchemeInformationURI><SchemeTerritory>{territory}</SchemeTerritory>"
        f"<PointersToOtherTSL>{''.join(pointers)}</PointersToOtherTSL>"
        f"<ListIssueDateTime>{iso(issued)}</ListIssueDateTime>{closes}</SchemeInformation>"
        f"{provider if services else ''}</TrustServiceStatusList>"
    ).encode()


def signed(xml: bytes, signer: Pair) -> bytes:
    """The list with an enveloped XAdES signature."""
    maker = XAdESSigner(signature_algorithm=SignatureMethod.ECDSA_SHA256)
    element = maker.sign(etree.fromstring(xml), key=signer.key, cert=[signer.certificate])
    return etree.tostring(element, xml_declaration=True, encoding="UTF-8")
