"""A signer's key, wherever it is: raw signatures are asked of it, one call each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from signature.errors import SignatureError

RawSign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Pkcs12:
    """The content of a .p12 or .pfx file and its password."""

    content: bytes
    password: str = field(repr=False)


@dataclass(frozen=True)
class Key:
    """`sign`: bytes → RSA PKCS#1 v1.5 or DER ECDSA over their SHA-256. `chain`: certificates in DER, its own first."""

    chain: tuple[bytes, ...]
    sign: RawSign = field(repr=False)


def open_key(source: Pkcs12, now: datetime) -> Key:
    """The key of a PKCS#12 file, loaded once. Raises SignatureError: password, content, dates, kind of key."""
    try:
        private, own, others = pkcs12.load_key_and_certificates(source.content, source.password.encode() or None)
    except ValueError as error:
        wrong = "password" in str(error).lower()
        raise SignatureError(
            "Le mot de passe du fichier de clé n’est pas le bon."
            if wrong
            else "Le fichier de clé est illisible : un fichier PKCS#12 (.p12 ou .pfx) est attendu."
        ) from error
    if private is None or own is None:
        raise SignatureError("Le fichier de clé ne contient pas une clé avec son certificat.")
    check_dates(own, now)
    chain = tuple(c.public_bytes(Encoding.DER) for c in (own, *others))
    if isinstance(private, rsa.RSAPrivateKey):
        return Key(chain, lambda content: private.sign(content, padding.PKCS1v15(), hashes.SHA256()))
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return Key(chain, lambda content: private.sign(content, ec.ECDSA(hashes.SHA256())))
    raise SignatureError("Le fichier de clé contient une clé d’un type qui ne sert pas à signer ici (RSA ou ECDSA).")


def public_of(chain: tuple[bytes, ...]) -> x509.Certificate:
    """The signer's certificate, first of a chain in DER. Raises SignatureError where it is unreadable."""
    try:
        return x509.load_der_x509_certificate(chain[0])
    except (ValueError, IndexError) as error:
        raise SignatureError("Le certificat du signataire est illisible.") from error


def elliptic(chain: tuple[bytes, ...]) -> bool:
    """Is the signer's key an elliptic one (ECDSA), else RSA?"""
    return isinstance(public_of(chain).public_key(), ec.EllipticCurvePublicKey)


def key_bytes(chain: tuple[bytes, ...]) -> int:
    """Length in bytes of the numbers of an elliptic key."""
    key = public_of(chain).public_key()
    return (key.curve.key_size + 7) // 8 if isinstance(key, ec.EllipticCurvePublicKey) else 0


def as_der(chain: tuple[bytes, ...], value: bytes) -> bytes:
    """A raw signature as CMS wants it: browsers give r and s of ECDSA side by side. RSA is left as it is."""
    size = key_bytes(chain)
    if not size or len(value) != 2 * size:
        return value
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))


def check_dates(certificate: x509.Certificate, now: datetime) -> None:
    """Raises SignatureError where the certificate cannot sign at `now`."""
    if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return
    until = certificate.not_valid_after_utc.strftime("%d/%m/%Y")
    raise SignatureError(
        f"Le certificat a expiré le {until} : il ne peut plus signer."
        if now > certificate.not_valid_after_utc
        else "Le certificat n’est pas encore valable : il ne peut pas encore signer."
    )
