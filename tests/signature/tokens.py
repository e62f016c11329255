"""Timestamp tokens arranged by hand, and CMS files that carry them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from api.sandbox import certificates
from api.sandbox.certificates import Authority, Extensions
from signature.reading.cades import tlv
from tests.signature.authorities import SPAN
from tests.signature.conftest import NOW
from tests.signature.keys import rsa_key

HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256,
}  # fmt: skip


def _oid(dotted: str) -> bytes:
    return bytes(core.ObjectIdentifier(dotted).dump())


_ALGORITHMS = {
    "md5": bytes.fromhex("300c 0608 2a864886f70d0205 0500"),
    "sha1": bytes.fromhex("3009 0605 2b0e03021a 0500"),
    "sha256": bytes.fromhex("300d 0609 608648016503040201 0500"),
}


@dataclass(frozen=True)
class Stamper:
    """A timestamping authority with an RSA key, which signs with whatever digest it is told."""

    issuer: Authority
    chain: tuple[bytes, ...]

    def token(
        self, content: bytes, at: datetime = NOW, imprint: str = "sha256", digest: str = "sha256", sid: str = ""
    ) -> Any:
        """The ContentInfo over `content`; `imprint` is the digest in TSTInfo, `digest` the signature's."""
        digested = hashlib.new(imprint, content).digest()
        info = tlv(
            0x30,
            b"\x02\x01\x01",
            _oid("2.999.3161"),
            tlv(0x30, _ALGORITHMS[imprint], tlv(4, digested)),
            b"\x02\x01\x07",
            tlv(0x18, at.strftime("%Y%m%d%H%M%SZ").encode()),
        )
        inner = tlv(0xA0, self._signed(info, digest, sid or digest))
        return cms.ContentInfo.load(tlv(0x30, _oid("1.2.840.113549.1.7.2"), inner))

    def _signed(self, info: bytes, digest: str, claimed: str) -> bytes:
        own = asn1_x509.Certificate.load(self.chain[0])
        identifier = tlv(0x30, tlv(4, hashlib.sha256(self.chain[0]).digest()))
        designated = tlv(0x30, tlv(0x30, identifier))
        attributes = (
            tlv(0x30, _oid("1.2.840.113549.1.9.3"), tlv(0x31, _oid("1.2.840.113549.1.9.16.1.4"))),
            tlv(0x30, _oid("1.2.840.113549.1.9.4"), tlv(0x31, tlv(4, hashlib.new(claimed, info).digest()))),
            tlv(0x30, _oid("1.2.840.113549.1.9.16.2.47"), tlv(0x31, designated)),
        )
        value = rsa_key().sign(tlv(0x31, *attributes), padding.PKCS1v15(), HASHES[digest]())
        algorithm = _ALGORITHMS[claimed]
        signer = tlv(
            0x30,
            b"\x02\x01\x01",
            tlv(0x30, own.issuer.dump(), core.Integer(own.serial_number).dump()),
            algorithm,
            tlv(0xA0, *attributes),
            algos.SignedDigestAlgorithm({"algorithm": f"{digest}_rsa"}).dump(),
            tlv(4, value),
        )
        content = tlv(0x30, _oid("1.2.840.113549.1.9.16.1.4"), tlv(0xA0, tlv(4, info)))
        certificates_in = tlv(0xA0, *self.chain)
        return tlv(0x30, b"\x02\x01\x03", tlv(0x31, algorithm), content, certificates_in, tlv(0x31, signer))


def stamping(issuer: Authority, extensions: Extensions | None = None, until: datetime = SPAN[1]) -> Stamper:
    """An authority issued by `issuer`; without `extensions` it is as RFC 3161 wants it."""
    subject = certificates.name_of("Horodatage", "Essai")
    usage = certificates.for_tsa() if extensions is None else extensions
    own = certificates.build(subject, rsa_key().public_key(), issuer, (SPAN[0], until), usage)
    return Stamper(issuer, tuple(c.public_bytes(Encoding.DER) for c in (own, issuer.certificate)))


def value_of(token: bytes) -> bytes:
    """The signature value of the one signer of a CMS file."""
    return bytes(cms.ContentInfo.load(token)["content"]["signer_infos"][0]["signature"].native)


def carrying(token: bytes, *stamps: Any, attribute: str = "1.2.840.113549.1.9.16.2.14") -> bytes:
    """The same CMS file with these tokens (ContentInfo) in one more unsigned attribute."""
    values = tlv(0x31, *(stamp.dump() for stamp in stamps))
    return with_attribute(token, tlv(0x30, _oid(attribute), values))


def with_attribute(token: bytes, attribute: bytes) -> bytes:
    """The same CMS file of one signer with one more unsigned attribute, spliced: nothing else is written again."""
    data = cms.ContentInfo.load(token)["content"]
    signer = data["signer_infos"][0]
    held = signer["unsigned_attrs"].contents if isinstance(signer["unsigned_attrs"], cms.CMSAttributes) else b""
    kept = [signer[field].dump() for field in list(signer)[:-1]]
    own = tlv(0x30, *kept, tlv(0xA1, held, attribute))
    rest = [data[field].dump() for field in list(data)[:-1]]
    inner = tlv(0x30, *rest, tlv(0x31, own))
    return tlv(0x30, _oid("1.2.840.113549.1.7.2"), tlv(0xA0, inner))


def with_lists(token: bytes, *lists: bytes) -> bytes:
    """The same CMS file of one signer with revocation lists beside its certificates."""
    data = cms.ContentInfo.load(token)["content"]
    parts = [data[field].dump() for field in ("version", "digest_algorithms", "encap_content_info", "certificates")]
    inner = tlv(0x30, *parts, tlv(0xA1, *lists), data["signer_infos"].dump())
    return tlv(0x30, _oid("1.2.840.113549.1.7.2"), tlv(0xA0, inner))


def archived(token: bytes, stamper: Stamper, content: bytes, at: datetime, *, omit: str = "", over: str = "") -> bytes:
    """With an archive timestamp written from EN 319 122-1, 5.5.2 and 5.5.3. `omit`: left out of its index."""
    data = cms.ContentInfo.load(token)["content"]
    info = data["signer_infos"][0]

    def digests(part: str, *wholes: bytes) -> bytes:
        kept = wholes[1:] if omit == part else wholes
        return tlv(0x30, *(tlv(4, hashlib.sha256(whole).digest()) for whole in kept))

    attributes = [each["type"].dump() + value.dump() for each in info["unsigned_attrs"] for value in each["values"]]
    index = tlv(
        0x30,
        _ALGORITHMS["sha256"],
        digests("certificate", *(each.dump() for each in data["certificates"])),
        digests("list", *(each.dump() for each in data["crls"] or ())),
        digests("timestamp", *attributes),
    )
    fields = ("version", "sid", "digest_algorithm", "signed_attrs", "signature_algorithm", "signature")
    message = [_oid("1.2.840.113549.1.7.1"), hashlib.sha256(content).digest(), *(info[f].dump() for f in fields), index]
    covered = b"".join(message[1:] if over == "less" else message)
    token_of = stamper.token(covered, at).dump()
    held = with_attribute(token_of, tlv(0x30, _oid("0.4.0.19122.1.5"), tlv(0x31, index)))
    return with_attribute(token, tlv(0x30, _oid("0.4.0.1733.2.4"), tlv(0x31, held)))
