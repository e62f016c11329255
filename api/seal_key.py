"""Which key seals, in plain values that travel to a worker process."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signature.token_uri import TokenPlace


@dataclass(frozen=True)
class SealKey:
    """A token's key with its certificates (DER, its own first), else the sandbox's in the PKI's `folder`."""

    place: TokenPlace | None
    chain: tuple[bytes, ...]
    folder: Path


def read_chain(path: Path) -> tuple[bytes, ...]:
    """The certificates of a PEM file in DER. Raises ValueError, one French sentence."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"le fichier {path} n’est pas une chaîne de certificats PEM") from error
    return tuple(each.public_bytes(Encoding.DER) for each in found)
