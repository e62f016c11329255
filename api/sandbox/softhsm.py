"""Keys that never leave a token: SoftHSM2, through PKCS#11. One token per folder, opened for one act at a time.

Layout of the folder (0700): `softhsm2.conf`, `tokens/`, `pin` (0600, made at random: the token's, no signer knows it).
"""

import glob
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from api.sandbox import pki
from api.sandbox.certificates import PublicKey

Kind = Literal["rsa", "ec"]
RSA_BITS = 3072
LABEL = "mps"
_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/*/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
_ADMIN = "softhsm2-util"
# DigestInfo of SHA-256 before the digest (RFC 8017, 9.2, note 1).
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
# The library has one state per process, read from SOFTHSM2_CONF when it starts.
_one_at_a_time = Lock()


@dataclass(frozen=True)
class Token:
    """Where a token is, and the library that opens it."""

    folder: Path
    library: str


def find_library() -> str | None:
    """The library's path, or None where SoftHSM2 is not installed whole."""
    found = [path for place in _PLACES for path in sorted(glob.glob(place))]
    return found[0] if found and shutil.which(_ADMIN) else None


def prepare(folder: Path, library: str) -> Token:
    """The token of the folder, made if there is none. The caller holds the folder's lock."""
    (folder / "tokens").mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    content = f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    pki.write(folder / "softhsm2.conf", content.encode())
    if not (folder / "pin").exists():
        shutil.rmtree(folder / "tokens")
        (folder / "tokens").mkdir(mode=0o700)
        pin = secrets.token_hex(16)
        _initialise(folder, pin)
        pki.write(folder / "pin", pin.encode())
    return Token(folder, library)


def _initialise(folder: Path, pin: str) -> None:
    command = [shutil.which(_ADMIN) or _ADMIN, "--init-token", "--free", "--label", LABEL]
    environment = {**os.environ, "SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    pins = ["--pin", pin, "--so-pin", secrets.token_hex(16)]
    subprocess.run([*command, *pins], env=environment, check=True, capture_output=True)  # noqa: S603 - our own command


def generate(token: Token, label: str, kind: Kind) -> PublicKey:
    """A new key pair, RSA of 3072 bits or P-256, that cannot be read out; gives its public half.

    Whatever had that label is destroyed: the rest of a start that did not end.
    """
    with _session(token, rw=True) as session:
        for left in list(session.get_objects({Attribute.LABEL: label})):
            left.destroy()
        if kind == "rsa":
            session.generate_keypair(KeyType.RSA, RSA_BITS, label=label, store=True)
        else:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            session.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(label=label, store=True)
        return _public_key(session, label)


def _public_key(session: pkcs11.Session, label: str) -> PublicKey:
    key = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=label)
    if key.key_type is KeyType.RSA:
        exponent, modulus = (int.from_bytes(key[a]) for a in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    point = key[Attribute.EC_POINT][2:]  # inside an OCTET STRING of less than 128 bytes
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def sign_digests(token: Token, label: str, digests: list[bytes]) -> list[bytes]:
    """SHA-256 digests → signatures: PKCS#1 v1.5 with an RSA key, ECDSA in DER with the other."""
    with _session(token) as session:
        key: Any = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
        if key.key_type is KeyType.RSA:
            return [key.sign(_SHA256 + digest, mechanism=Mechanism.RSA_PKCS) for digest in digests]
        return [_der(key.sign(digest, mechanism=Mechanism.ECDSA)) for digest in digests]


def _der(signature: bytes) -> bytes:
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


@contextmanager
def _session(token: Token, rw: bool = False) -> Iterator[pkcs11.Session]:
    """The library started on this folder's settings, a session, and all of it ended."""
    with _one_at_a_time:
        before = os.environ.get("SOFTHSM2_CONF")
        os.environ["SOFTHSM2_CONF"] = str(token.folder / "softhsm2.conf")
        try:
            library = pkcs11.lib(token.library)
        finally:
            os.environ.pop("SOFTHSM2_CONF")
            if before is not None:
                os.environ["SOFTHSM2_CONF"] = before
        try:
            pin = (token.folder / "pin").read_text()
            with library.get_token(token_label=LABEL).open(rw=rw, user_pin=pin) as session:
                yield session
        finally:
            library.finalize()
