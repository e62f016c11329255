"""A signer of an authority whose keys are at hand: its certificates, its lists, its answers, its timestamps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from api.sandbox import certificates, pki, tsa
from api.sandbox.certificates import Authority
from signature.making.cades import sign_cades
from signature.making.keys import Key
from signature.trust import Trust
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY

CONTENT = b"Montant : 12 345 EUR"
SPAN = (NOW - DAY, NOW + 365 * DAY)
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def judged(token: bytes, trust: Trust, now: datetime = NOW) -> tuple[str, str | None]:
    (verdict,) = examine(token, trust, now, None, {"acte": CONTENT}).signatures
    return verdict.indication, verdict.sub_indication


def made(name: str, issuer: Authority, extensions: Any, span: tuple[datetime, datetime] = SPAN) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = certificates.name_of(name, "Menuiserie Essai", "00000000100019")
    return Authority(certificates.build(subject, key.public_key(), issuer, span, extensions), key)


def signer_extensions() -> Any:
    """With the addresses of a responder and a list: an answer counts only where the certificate announces one."""
    return certificates.for_signer(seal=False, device=False, base="http://127.0.0.1:9")


def der(*owners: Authority) -> tuple[bytes, ...]:
    return tuple(owner.certificate.public_bytes(Encoding.DER) for owner in owners)


def held(own: Authority, *above: Authority) -> Key:
    return Key(der(own, *above), lambda content: own.key.sign(content, ec.ECDSA(hashes.SHA256())))


def crl_of(issuer: Authority, *revoked: Authority, at: datetime = NOW, since: datetime = NOW - DAY / 24) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(at).next_update(at + DAY)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(since)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Case:
    """A signer of the sandbox's issuing authority, and what its authority's keys can say of it."""

    bench: Bench
    issuing: Authority
    own: Authority

    @property
    def token(self) -> bytes:
        return sign_cades(CONTENT, held(self.own, self.issuing), None, NOW)

    def trust(self, *ocsps: bytes, crl: bytes | None = None) -> Trust:
        """The root's list is there; of the issuing authority only what is given."""
        root = pki.crl(self.bench.folder, "root", NOW)
        return replace(self.bench.trust(), crls=(root, *((crl,) if crl else ())), ocsps=ocsps)

    def answer(
        self,
        status: ocsp.OCSPCertStatus = GOOD,
        by: Authority | None = None,
        about: Authority | None = None,
        at: datetime = NOW,
    ) -> bytes:
        responder = by or made("Répondeur", self.issuing, certificates.for_ocsp())
        moment = at - DAY / 24 if status == REVOKED else None
        builder = ocsp.OCSPResponseBuilder().add_response(
            (about or self.own).certificate, self.issuing.certificate, hashes.SHA1(), status,
            at, at + DAY / 24, moment, None,
        )  # fmt: skip
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        signed = builder.certificates([responder.certificate]).sign(responder.key, hashes.SHA256())
        return signed.public_bytes(Encoding.DER)


def rogue(tmp_path: Path, name: str) -> Authority:
    return pki.authority(pki.ensure(tmp_path / "rogue", NOW), name)


def stamper(own: Authority, moment: datetime, *above: Authority) -> Callable[[bytes], bytes]:
    """A timestamping authority of any certificate."""

    def stamp(body: bytes) -> bytes:
        request, _ = tsa._read(body)
        chain = [each.certificate for each in (own, *above)]
        token = tsa._token(own, tsa._info(request, moment), chain)
        granted = tsp.PKIStatusInfo({"status": "granted"})
        return bytes(tsp.TimeStampResp({"status": granted, "time_stamp_token": token}).dump())

    return stamp


def case_of(bench: Bench) -> Case:
    issuing = pki.authority(bench.folder, "issuing")
    return Case(bench, issuing, made("Jeanne Martin", issuing, signer_extensions()))
