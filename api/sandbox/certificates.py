"""How the sandbox's certificates are written: names, uses, qualified statements, addresses. No folder, no clock."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
Extensions = list[tuple[x509.ExtensionType, bool]]  # with « critical »

# ETSI EN 319 412-5: QcCompliance (0.4.0.1862.1.1), QcSSCD (…1.4, the key is in a device), QcType (…1.6) with
# esign (…1.6.1) or eseal (…1.6.2).
QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_QC_COMPLIANCE = bytes.fromhex("3008 0606 04008E460101")
_QC_DEVICE = bytes.fromhex("3008 0606 04008E460104")
_QC_TYPE = bytes.fromhex("3013 0606 04008E460106 3009 0607 04008E460106")
# ETSI TS 119 612, 5.7.1: the certificate signs trusted lists.
LIST_SIGNING = x509.ObjectIdentifier("0.4.0.2231.3.0")


@dataclass(frozen=True)
class Authority:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key


def build(
    subject: x509.Name,
    public_key: PublicKey,
    issuer: Authority | Key,
    span: tuple[datetime, datetime],
    extensions: Extensions,
) -> x509.Certificate:
    """One certificate; its own key as issuer makes it self-signed. `span`: not before, not after."""
    signed_by = issuer if isinstance(issuer, Authority) else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by.certificate.subject if signed_by else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if signed_by:
        builder = builder.add_extension(authority_key(signed_by), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key if isinstance(issuer, Authority) else issuer, hashes.SHA256())


def for_authority(length: int | None) -> Extensions:
    return [(x509.BasicConstraints(ca=True, path_length=length), True), (_usages("key_cert_sign", "crl_sign"), True)]


def for_tsa() -> Extensions:
    return [
        (_usages("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
    ]


def for_ocsp() -> Extensions:
    """A delegated responder, whose own status nobody asks (RFC 6960, 4.2.2.2)."""
    return [
        (_usages("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
    ]


def for_lists() -> Extensions:
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usages("digital_signature"), True),
        (x509.ExtendedKeyUsage([LIST_SIGNING]), False),
    ]


def for_signer(*, seal: bool, device: bool, key_usage_ok: bool = True, base: str = "") -> Extensions:
    """A signer's or a seal's; `base` is where `issuing.cer`, `issuing.crl` and `ocsp` answer, if it is to be named."""
    usage = _usages("content_commitment") if key_usage_ok else _usages("key_encipherment")
    return [(usage, True), (_qc_statements(seal, device), False), *(_addresses(base) if base else [])]


def _addresses(base: str) -> Extensions:
    issuers, ocsp, crl = (x509.UniformResourceIdentifier(f"{base}/{n}") for n in ("issuing.cer", "ocsp", "issuing.crl"))
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, issuers),
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, ocsp),
    ]
    points = [x509.DistributionPoint([crl], relative_name=None, reasons=None, crl_issuer=None)]
    return [(x509.AuthorityInformationAccess(access), False), (x509.CRLDistributionPoints(points), False)]


def _qc_statements(seal: bool, device: bool) -> x509.UnrecognizedExtension:
    statements = _QC_COMPLIANCE + (_QC_DEVICE if device else b"") + _QC_TYPE + (b"\x02" if seal else b"\x01")
    return x509.UnrecognizedExtension(QC_STATEMENTS, bytes((0x30, len(statements))) + statements)


def _usages(*wanted: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in wanted for name in names})


def authority_key(issuer: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def name_of(common: str, organisation: str, siret: str = "") -> x509.Name:
    """A French subject; with a SIRET, the organisation's identifiers as ETSI EN 319 412-1 and the RGS write them."""
    parts = [(NameOID.COUNTRY_NAME, "FR"), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common)]
    if siret:
        parts[2:2] = [
            (NameOID.ORGANIZATION_IDENTIFIER, f"NTRFR-{siret[:9]}"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, f"0002 {siret}"),
        ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
