"""What one list or one answer says of one certificate, and the certificates (asn1crypto) that may speak for another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from asn1crypto import algos, keys
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko_certvalidator.errors import DSAParametersUnavailable, PSSParameterMismatch
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator

from signature.algorithms import NEVER, DatedAlgorithms

LIFE = timedelta(minutes=30)  # of a list or an answer that does not say when the next one comes
SECOND = timedelta(seconds=1)
HELD, LIFTED = "certificate_hold", "remove_from_crl"
ALL_REASONS = frozenset(
    {"key_compromise", "ca_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
     "certificate_hold", "privilege_withdrawn", "aa_compromise"}
)  # fmt: skip
Cleared = Callable[[Any, Sequence[Any]], bool]


@dataclass(frozen=True)
class Notice:
    """`since`: when it was revoked, None where it is not; `reason`: asn1crypto's name of it, "" where none is given.

    `reasons`: for which ones it may be relied upon where it tells of no revocation (yet): none, where not at all.
    """

    issued: datetime
    until: datetime
    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    reason: str = ""

    @property
    def held(self) -> bool:
        """Suspended: the one revocation that may end (RFC 5280, 5.3.1)."""
        return self.since is not None and self.reason == HELD


@dataclass(frozen=True)
class Bounds:
    """The moment asked. `retroactive`: what was issued later may speak of it."""

    moment: datetime
    retroactive: bool = False

    def fresh(self, notice: Notice) -> bool:
        early = not self.retroactive and self.moment + SECOND < notice.issued
        return not early and not self.stale(notice)

    def stale(self, notice: Notice) -> bool:
        return self.moment - SECOND > notice.until


@lru_cache(maxsize=512)
def readable(der: bytes) -> Any:
    """A certificate of which all that is asked here can be read, None where it cannot."""
    try:
        found = asn1_x509.Certificate.load(der)
        _ = found.subject.native, found.issuer.native, found.public_key.sha1, found.critical_extensions
        _ = found.not_valid_before, found.not_valid_after, found.key_identifier, found.signature
    except (ValueError, TypeError, KeyError):
        return None
    return found


def signed_by(content: bytes, value: bytes, algorithm: Any, key: Any) -> bool:
    """Does the signature value hold for this public key (PublicKeyInfo)?"""
    try:
        DefaultSignatureValidator().validate_signature(value, content, key, algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, PSSParameterMismatch, DSAParametersUnavailable):
        return False
    except (ValueError, TypeError, KeyError, AssertionError, NotImplementedError):  # a key and an algorithm apart
        return False
    return True


def issued_by(certificate: Any, issuer: Any) -> bool:
    """By its name and by its key."""
    return bool(certificate.issuer == issuer.subject) and _issued(certificate.dump(), issuer.public_key.dump())


@lru_cache(maxsize=1024)
def _issued(certificate: bytes, key: bytes) -> bool:
    parsed = asn1_x509.Certificate.load(certificate)
    value, algorithm = parsed["signature_value"].native, parsed["signature_algorithm"]
    same = algorithm.dump() == parsed["tbs_certificate"]["signature"].dump()
    return same and signed_by(parsed["tbs_certificate"].dump(), value, algorithm, keys.PublicKeyInfo.load(key))


def relied_on(algorithm: Any, key: Any, moment: datetime) -> bool:
    """Was this algorithm with this key good at that moment?"""
    dated = DatedAlgorithms(NEVER)
    return bool(dated.signature_algorithm_allowed(algos.SignedDigestAlgorithm.load(algorithm.dump()), moment, key))


def inside(certificate: Any, moment: datetime) -> bool:
    return bool(certificate.not_valid_before - SECOND <= moment <= certificate.not_valid_after + SECOND)


def uses(certificate: Any, usage: str) -> bool | None:
    """Is the key for that use? None: the certificate does not say."""
    value = certificate.key_usage_value
    return None if value is None else usage in value.native
