"""The sandbox's seal: an invented legal person's certificate, its key in SoftHSM2; without SoftHSM2, in a file.

Layout: `seal/` of the PKI's folder, a token's (api/sandbox/softhsm.py) and `seal.der`; or `signers/*.p12`.
"""

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from api.sandbox import pki, softhsm
from signature.making.keys import Key, Pkcs12, open_key
from signature.making.tokens import open_token
from signature.token_uri import TokenPlace

NAME = "Cachet du service mps, bac à sable (sans valeur)"
LABEL = "cachet"
_PASSWORD = "bac-a-sable"  # noqa: S105 - of a key that proves nothing


def sandbox_key(folder: Path, now: datetime, library: str | None = softhsm.find_library()) -> Key:
    """The seal's key, made with its certificate at first use. `folder` is the PKI's. Raises SignatureError."""
    pki.ensure(folder, now)
    with pki.locked(folder):
        if library is None:
            return open_key(Pkcs12(_file(folder, now).read_bytes(), _PASSWORD), now)
        own = _certificate(folder, library, now)
    chain = (own, *(pki.certificate(folder, name).public_bytes(Encoding.DER) for name in ("issuing", "root")))
    return open_token(place(folder, library), chain, now)


def place(folder: Path, library: str) -> TokenPlace:
    """Where the key is; the module is told of its folder by its environment."""
    home = folder / "seal"
    return TokenPlace(
        module=library,
        token=softhsm.LABEL,
        label=LABEL,
        pin_file=str(home / "pin"),
        environment=(("SOFTHSM2_CONF", str(home / "softhsm2.conf")),),
    )


def _certificate(folder: Path, library: str, now: datetime) -> bytes:
    path = folder / "seal" / "seal.der"
    if not path.exists() or _ended(x509.load_der_x509_certificate(path.read_bytes()), now):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        key = softhsm.generate(softhsm.prepare(path.parent, library), LABEL, "ec")
        pki.write(path, pki.issue_for_key(folder, key, NAME, NAME, "", seal=True, now=now))
    return path.read_bytes()


def _file(folder: Path, now: datetime) -> Path:
    path = folder / "seal.p12"
    if not path.exists():
        pki.issue_signer(folder, "cachet", NAME, "", _PASSWORD, seal=True, now=now).rename(path)
    return path


def _ended(certificate: x509.Certificate, now: datetime) -> bool:
    return not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
