"""The sandbox's certification authority: invented, made once in a folder, trusted by nobody outside.

Layout of the folder (0700, keys 0600): `{root,issuing,tsa}.{pem,key}`, `revoked/<serial>` (ISO date),
`signers/*.p12`. CRLs are signed when asked for, hence always fresh.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.settings import ROOT
from signature.trust import Trust, TrustedService, TrustList

FOLDER = ROOT / "var" / "sandbox" / "pki"
Key = ec.EllipticCurvePrivateKey
ROOT_NAME = "AC racine bac à sable mps"
ISSUING_NAME = "AC émettrice bac à sable mps"
TSA_NAME = "Horodatage bac à sable mps"
ORGANISATION = "Bac à sable mps (sans valeur)"
YEAR = timedelta(days=365)

# ETSI EN 319 412-5: QcCompliance (0.4.0.1862.1.1), QcType (0.4.0.1862.1.6) with esign (…6.1) or eseal (…6.2).
QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_QC_COMPLIANCE = bytes.fromhex("3008 0606 04008E460101")
_QC_TYPE = bytes.fromhex("3013 0606 04008E460106 3009 0607 04008E460106")


@dataclass(frozen=True)
class Authority:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key


def ensure(folder: Path, now: datetime | None = None) -> Path:
    """Make the authorities if the folder has none yet (safe when several processes do it at once)."""
    if (folder / "root.pem").exists():
        return folder
    moment = now or datetime.now(UTC)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".pki-", dir=folder.parent))
    _make_authorities(draft, moment)
    try:
        draft.rename(folder)
    except OSError:  # someone else was faster
        shutil.rmtree(draft)
    return folder


def _make_authorities(folder: Path, now: datetime) -> None:
    root_key, issuing_key, tsa_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    span = (now - 5 * YEAR, now + 15 * YEAR)
    root = _certificate(_name(ROOT_NAME, ORGANISATION), root_key, None, span, _for_authority(None))
    issuing = _certificate(
        _name(ISSUING_NAME, ORGANISATION), issuing_key, Authority(root, root_key), span, _for_authority(0)
    )
    authority = Authority(issuing, issuing_key)
    tsa = _certificate(_name(TSA_NAME, ORGANISATION), tsa_key, authority, span, _for_tsa())
    for name, certificate, key in (("root", root, root_key), ("issuing", issuing, issuing_key), ("tsa", tsa, tsa_key)):
        _write(folder / f"{name}.pem", certificate.public_bytes(Encoding.PEM))
        _write(folder / f"{name}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name in ("revoked", "signers"):
        (folder / name).mkdir(mode=0o700)


def authority(folder: Path, name: str) -> Authority:
    """`root`, `issuing` or `tsa`, read from the folder."""
    key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    return Authority(certificate(folder, name), cast(Key, key))


def certificate(folder: Path, name: str) -> x509.Certificate:
    """The certificate of `root`, `issuing` or `tsa`."""
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def signed(key: Key, content: bytes) -> bytes:
    """ECDSA with SHA-256, in DER."""
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def issue_signer(
    folder: Path,
    name: str,
    organisation: str,
    siret: str,
    password: str,
    *,
    expired: bool = False,
    revoked: bool = False,
    seal: bool = False,
    key_usage_ok: bool = True,
    now: datetime | None = None,
) -> Path:
    """A signer's PKCS#12 file (0600) with its chain. `expired`: ended a day ago; `revoked`: since an hour ago.

    The key is software, hence a qualified claim without a device: AdES with a qualified certificate at best.
    """
    moment = now or datetime.now(UTC)
    ensure(folder, moment)
    key, issuer = ec.generate_private_key(ec.SECP256R1()), authority(folder, "issuing")
    span = (
        (moment - 3 * YEAR, moment - timedelta(days=1)) if expired else (moment - timedelta(days=1), moment + 2 * YEAR)
    )
    subject = _name(organisation if seal else name, organisation, siret)
    extensions = [(_key_usage(key_usage_ok), True), (_qc_statements(seal), False)]
    leaf = _certificate(subject, key, issuer, span, extensions)
    if revoked:
        _write(folder / "revoked" / str(leaf.serial_number), (moment - timedelta(hours=1)).isoformat().encode())
    chain = [issuer.certificate, certificate(folder, "root")]
    label = (organisation if seal else name).encode()
    content = pkcs12.serialize_key_and_certificates(label, key, leaf, chain, BestAvailableEncryption(password.encode()))
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "signataire"
    path = folder / "signers" / f"{slug}-{leaf.serial_number % 10**8:08d}.p12"
    _write(path, content)
    return path


def crl(folder: Path, name: str, now: datetime | None = None) -> bytes:
    """A CRL in DER signed now by `root` or `issuing`, good for a day; the root's is empty."""
    moment = now or datetime.now(UTC)
    issuer = authority(folder, name)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(moment - timedelta(minutes=1))
        .next_update(moment + timedelta(days=1))
        .add_extension(x509.CRLNumber(int(moment.timestamp())), critical=False)
        .add_extension(_authority_key(issuer), critical=False)
    )
    for path in sorted((folder / "revoked").iterdir()) if name == "issuing" else ():
        since = datetime.fromisoformat(path.read_text())
        revoked = x509.RevokedCertificateBuilder().serial_number(int(path.name)).revocation_date(since).build()
        builder = builder.add_revoked_certificate(revoked)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def sandbox_trust(folder: Path, now: datetime | None = None) -> Trust:
    """Trust in the sandbox: its root, fresh CRLs, and a list that stands in for a European trusted list."""
    ensure(folder, now)
    root, issuing, tsa = (certificate(folder, name) for name in ("root", "issuing", "tsa"))
    services = (
        TrustedService(issuing.public_bytes(Encoding.DER), "CA/QC", issuing.not_valid_before_utc),
        TrustedService(tsa.public_bytes(Encoding.DER), "TSA/QTST", tsa.not_valid_before_utc),
    )
    return Trust(
        anchors=(root.public_bytes(Encoding.DER),),
        intermediates=(issuing.public_bytes(Encoding.DER),),
        crls=(crl(folder, "root", now), crl(folder, "issuing", now)),
        trust_list=TrustList(services),
    )


def create_app(folder: Path, clock: Callable[[], datetime]) -> Starlette:
    """Downloads: `/root.pem`, `/issuing.pem`, `/tsa.pem`, `/root.crl`, `/issuing.crl`."""
    ensure(folder, clock())

    def download(request: Request) -> Response:
        name, kind = request.path_params["name"], request.path_params["kind"]
        if kind == "pem" and name in ("root", "issuing", "tsa"):
            return Response((folder / f"{name}.pem").read_bytes(), media_type="application/x-pem-file")
        if kind == "crl" and name in ("root", "issuing"):
            return Response(crl(folder, name, clock()), media_type="application/pkix-crl")
        return PlainTextResponse("Ce fichier n’existe pas.", 404)

    return Starlette(routes=[Route("/{name}.{kind}", download)])


def _certificate(
    subject: x509.Name,
    key: Key,
    issuer: Authority | None,
    span: tuple[datetime, datetime],
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(_authority_key(issuer), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


def _for_authority(length: int | None) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.BasicConstraints(ca=True, path_length=length), True), (_usages("key_cert_sign", "crl_sign"), True)]


def _for_tsa() -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (_usages("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
    ]


def _key_usage(fit: bool) -> x509.KeyUsage:
    return _usages("content_commitment") if fit else _usages("key_encipherment")


def _usages(*wanted: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in wanted for name in names})


def _qc_statements(seal: bool) -> x509.UnrecognizedExtension:
    statements = _QC_COMPLIANCE + _QC_TYPE + (b"\x02" if seal else b"\x01")
    return x509.UnrecognizedExtension(QC_STATEMENTS, bytes((0x30, len(statements))) + statements)


def _authority_key(issuer: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _name(common: str, organisation: str, siret: str = "") -> x509.Name:
    parts = [(NameOID.COUNTRY_NAME, "FR"), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common)]
    if siret:
        parts[2:2] = [
            (NameOID.ORGANIZATION_IDENTIFIER, f"NTRFR-{siret[:9]}"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, f"0002 {siret}"),
        ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
