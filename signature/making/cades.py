"""Making CAdES signatures (EN 319 122-1): the signed attributes first, then the CMS file around a raw signature."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1_x509

from signature.making.keys import Key, elliptic
from signature.making.stamps import Timestamp, token_of


@dataclass(frozen=True)
class Attributes:
    """What the signer signs: `der` is the SET OF signed attributes, to be signed with SHA-256."""

    chain: tuple[bytes, ...]
    der: bytes


def attributes(digest: bytes, chain: tuple[bytes, ...], at: datetime | None) -> Attributes:
    """CAdES-B signed attributes over a SHA-256 `digest`; without `at` no time is claimed (a PDF tells it apart)."""
    identifier = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(chain[0]).digest()})
    values: list[dict[str, Any]] = [
        {"type": "content_type", "values": ["data"]},
        {"type": "message_digest", "values": [digest]},
        {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identifier]})]},
        {"type": "cms_algorithm_protection", "values": [_protection(chain)]},
    ]
    if at is not None:
        moment = cms.Time({"utc_time": at.replace(microsecond=0)})
        values.append({"type": "signing_time", "values": [moment]})
    return Attributes(chain, cms.CMSAttributes(values).dump())


def _protection(chain: tuple[bytes, ...]) -> Any:
    return cms.CMSAlgorithmProtection(
        {"digest_algorithm": {"algorithm": "sha256"}, "signature_algorithm": _algorithm(chain)}
    )


def _algorithm(chain: tuple[bytes, ...]) -> Any:
    return algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa" if elliptic(chain) else "sha256_rsa"})


def enclose(signed: Attributes, value: bytes, timestamp: Timestamp | None = None) -> bytes:
    """The CMS file (DER ContentInfo, detached) around the raw signature of `signed.der`; stamped where asked."""
    own = asn1_x509.Certificate.load(signed.chain[0])
    info: dict[str, Any] = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number", {"issuer": own.issuer, "serial_number": own.serial_number}
        ),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": cms.CMSAttributes.load(signed.der),
        "signature_algorithm": _algorithm(signed.chain),
        "signature": value,
    }
    if timestamp is not None:
        token = token_of(timestamp, hashlib.sha256(value).digest())
        info["unsigned_attrs"] = cms.CMSAttributes([{"type": "signature_time_stamp_token", "values": [token]}])
    data = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data"},
        "certificates": [cms.CertificateChoices("certificate", asn1_x509.Certificate.load(c)) for c in signed.chain],
        "signer_infos": [info],
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump())


def sign_cades(content: bytes, key: Key, timestamp: Timestamp | None, at: datetime) -> bytes:
    """A detached signature (.p7s) of any file; level T with `timestamp`, else B."""
    signed = attributes(hashlib.sha256(content).digest(), key.chain, at)
    return enclose(signed, key.sign(signed.der), timestamp)
