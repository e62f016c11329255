"""Signers of any kind of key, issued by the sandbox's authority, for the formats' tests."""

from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from api.sandbox import certificates, pki
from signature.making.keys import Key
from tests.signature.conftest import NOW, Bench

DAY = timedelta(days=1)
_rsa: dict[int, rsa.RSAPrivateKey] = {}


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key per size: making them is slow."""
    return _rsa.setdefault(bits, rsa.generate_private_key(65537, bits))


def certificate_for(
    bench: Bench, public: Any, name: str = "Jeanne Martin", begin: datetime = NOW - DAY, end: datetime = NOW + 365 * DAY
) -> bytes:
    """A qualified signer's certificate in DER for that public key."""
    issuer = pki.authority(bench.folder, "issuing")
    subject = certificates.name_of(name, "Menuiserie Essai", "00000000100019")
    made = certificates.build(subject, public, issuer, (begin, end), certificates.for_signer(seal=False, device=False))
    return made.public_bytes(Encoding.DER)


def key_of(bench: Bench, kind: str = "rsa", name: str = "Jeanne Martin", **span: datetime) -> Key:
    """`rsa` (2048), `rsa1024`, `p256`, `p384`: a key at hand with its chain."""
    issuing = pki.certificate(bench.folder, "issuing").public_bytes(Encoding.DER)
    if kind.startswith("rsa"):
        private = rsa_key(int(kind[3:] or 2048))
        own = certificate_for(bench, private.public_key(), name, **span)
        return Key((own, issuing), lambda content: private.sign(content, padding.PKCS1v15(), hashes.SHA256()))
    elliptic = ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])
    own = certificate_for(bench, elliptic.public_key(), name, **span)
    return Key((own, issuing), lambda content: elliptic.sign(content, ec.ECDSA(hashes.SHA256())))
