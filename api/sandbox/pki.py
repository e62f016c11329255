"""The sandbox's certification authority: invented, made once in a folder, trusted by nobody outside.

Layout of the folder (0700, keys 0600): `{root,issuing,tsa}.{pem,key}`, made first; `{ocsp,list,lotl}.{pem,key}`, made
when first needed; `issued/<serial>`, `revoked/<serial>` (ISO date), `signers/*.p12`. CRLs are signed when asked for,
hence always fresh.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.sandbox import certificates
from api.sandbox.certificates import Authority, Key, PublicKey, authority_key, name_of
from api.settings import ROOT
from signature.trust import Trust, TrustedService, TrustList

FOLDER = ROOT / "var" / "sandbox" / "pki"
ROOT_NAME = "AC racine bac à sable mps"
ISSUING_NAME = "AC émettrice bac à sable mps"
TSA_NAME = "Horodatage bac à sable mps"
ORGANISATION = "Bac à sable mps (sans valeur)"
YEAR = timedelta(days=365)
AUTHORITIES = ("root", "issuing", "tsa")


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
    root = Authority(_own(ROOT_NAME, root_key, root_key, span, certificates.for_authority(None)), root_key)
    issuing = Authority(_own(ISSUING_NAME, issuing_key, root, span, certificates.for_authority(0)), issuing_key)
    tsa = Authority(_own(TSA_NAME, tsa_key, issuing, span, certificates.for_tsa()), tsa_key)
    for name, made in zip(AUTHORITIES, (root, issuing, tsa), strict=True):
        _keep(folder, name, made)
    for name in ("issued", "revoked", "signers"):
        (folder / name).mkdir(mode=0o700)


def _own(
    name: str,
    key: Key,
    issuer: Authority | Key,
    span: tuple[datetime, datetime],
    extensions: certificates.Extensions,
) -> x509.Certificate:
    return certificates.build(name_of(name, ORGANISATION), key.public_key(), issuer, span, extensions)


def _keep(folder: Path, name: str, made: Authority) -> None:
    write(folder / f"{name}.key", made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write(folder / f"{name}.pem", made.certificate.public_bytes(Encoding.PEM))


# name → common name, issuer (none: self-signed), what it is for.
_DELEGATES: dict[str, tuple[str, str, Callable[[], certificates.Extensions]]] = {
    "ocsp": ("Répondeur OCSP bac à sable mps", "issuing", certificates.for_ocsp),
    "list": ("Signataire de la liste de confiance bac à sable mps", "", certificates.for_lists),
    "lotl": ("Signataire de la liste des listes bac à sable mps", "", certificates.for_lists),
}


def delegate(folder: Path, name: str, now: datetime) -> Authority:
    """`ocsp`, `list` or `lotl`, made when first asked for (safe when several processes do it at once)."""
    ensure(folder, now)
    with locked(folder):
        if not (folder / f"{name}.pem").exists():
            common, issuer, extensions = _DELEGATES[name]
            key, root = ec.generate_private_key(ec.SECP256R1()), certificate(folder, "root")
            span = (root.not_valid_before_utc, root.not_valid_after_utc)
            signed_by = authority(folder, issuer) if issuer else key
            _keep(folder, name, Authority(_own(common, key, signed_by, span, extensions()), key))
    return authority(folder, name)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time makes something in the folder."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def authority(folder: Path, name: str) -> Authority:
    """`root`, `issuing`, `tsa` or a delegate already made, read from the folder."""
    key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    return Authority(certificate(folder, name), cast(Key, key))


def certificate(folder: Path, name: str) -> x509.Certificate:
    """The certificate of that name."""
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
    base: str = "",
    /,
    *,
    expired: bool = False,
    revoked: bool = False,
    seal: bool = False,
    key_usage_ok: bool = True,
    device: bool = False,
    now: datetime | None = None,
) -> Path:
    """A signer's PKCS#12 file (0600) with its chain. `expired`: ended a day ago; `revoked`: since an hour ago.

    The key is software, hence a qualified claim without a device: AdES with a qualified certificate at best; `device`
    adds the statement that it is in one. `base`: where the certificate says that its issuer, CRL and OCSP are.
    """
    moment = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    span = (
        (moment - 3 * YEAR, moment - timedelta(days=1)) if expired else (moment - timedelta(days=1), moment + 2 * YEAR)
    )
    extensions = certificates.for_signer(seal=seal, device=device, key_usage_ok=key_usage_ok, base=base)
    label = organisation if seal else name
    leaf = _issue(folder, key.public_key(), name_of(label, organisation, siret), span, extensions, moment)
    if revoked:
        revoke(folder, leaf.serial_number, moment - timedelta(hours=1))
    chain = [certificate(folder, "issuing"), certificate(folder, "root")]
    encryption = BestAvailableEncryption(password.encode())
    content = pkcs12.serialize_key_and_certificates(label.encode(), key, leaf, chain, encryption)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "signataire"
    path = folder / "signers" / f"{slug}-{leaf.serial_number % 10**8:08d}.p12"
    write(path, content)
    return path


def issue_for_key(
    folder: Path,
    public_key: PublicKey,
    name: str,
    organisation: str,
    siret: str,
    *,
    seal: bool = False,
    device: bool = True,
    base: str = "",
    now: datetime | None = None,
) -> bytes:
    """The DER certificate of a key made elsewhere, on a token for instance: qualified, two years."""
    moment = now or datetime.now(UTC)
    subject = name_of(organisation if seal else name, organisation, siret)
    span = (moment - timedelta(days=1), moment + 2 * YEAR)
    extensions = certificates.for_signer(seal=seal, device=device, base=base)
    return _issue(folder, public_key, subject, span, extensions, moment).public_bytes(Encoding.DER)


def _issue(
    folder: Path,
    public_key: PublicKey,
    subject: x509.Name,
    span: tuple[datetime, datetime],
    extensions: certificates.Extensions,
    now: datetime,
) -> x509.Certificate:
    """Signed by the issuing authority, which keeps the number: its responder knows only what it issued."""
    ensure(folder, now)
    leaf = certificates.build(subject, public_key, authority(folder, "issuing"), span, extensions)
    (folder / "issued").mkdir(mode=0o700, exist_ok=True)
    write(folder / "issued" / str(leaf.serial_number), now.isoformat().encode())
    return leaf


def revoke(folder: Path, serial: int, since: datetime) -> None:
    """From now on the CRL and the responder say that the certificate is revoked since then."""
    write(folder / "revoked" / str(serial), since.isoformat().encode())


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
        .add_extension(authority_key(issuer), critical=False)
    )
    for serial in _numbers(folder / "revoked") if name == "issuing" else ():
        since = revoked_since(folder, serial)
        if since is not None:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
            builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def revoked_since(folder: Path, serial: int) -> datetime | None:
    """When the certificate of that number was revoked, if it was."""
    path = folder / "revoked" / str(serial)
    return datetime.fromisoformat(path.read_text()) if path.exists() else None


def is_issued(folder: Path, serial: int) -> bool:
    """Did the issuing authority issue it? Its own two services count."""
    if (folder / "issued" / str(serial)).exists():
        return True
    names = [name for name in ("tsa", "ocsp") if (folder / f"{name}.pem").exists()]
    return any(certificate(folder, name).serial_number == serial for name in names)


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("[0-9]*"))


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


def create_app(folder: Path, clock: Callable[[], datetime], more: Sequence[Route] = ()) -> Starlette:
    """Downloads: `/{name}.pem`, the same in DER as `.cer`, `/root.crl`, `/issuing.crl`; `more` routes beside them."""
    ensure(folder, clock())

    def download(request: Request) -> Response:
        name, kind = request.path_params["name"], request.path_params["kind"]
        if kind == "crl" and name in ("root", "issuing"):
            return Response(crl(folder, name, clock()), media_type="application/pkix-crl")
        if name in _DELEGATES and kind in ("pem", "cer"):
            delegate(folder, name, clock())
        if name in (*AUTHORITIES, *_DELEGATES) and kind == "pem":
            return Response((folder / f"{name}.pem").read_bytes(), media_type="application/x-pem-file")
        if name in (*AUTHORITIES, *_DELEGATES) and kind == "cer":
            return Response(certificate(folder, name).public_bytes(Encoding.DER), media_type="application/pkix-cert")
        return PlainTextResponse("Ce fichier n’existe pas.", 404)

    return Starlette(routes=[*more, Route("/{name}.{kind}", download)])


def write(path: Path, content: bytes) -> None:
    """A whole file or none, 0600."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.rename(path)
