"""Until when each algorithm may be relied on: dated data (ETSI TS 119 312), and the policy the engine asks.

Dates are those of the default policy of EU DSS 6.4 (constraint.xml, read in November 2026), which follows TS 119 312
V1.5.1. A signature is judged by the earliest date at which it is known to exist.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import algos, keys
from pyhanko.sign.validation.utils import CMSAlgorithmUsagePolicy
from pyhanko_certvalidator.policy_decl import AlgorithmUsageConstraint

LONG = 100_000  # more bits than any key has


@dataclass(frozen=True)
class Limit:
    """Keys from `bits` up to the next row of the same name; `until` None: no end is set. `until` itself is excluded."""

    name: str
    bits: int
    until: datetime | None


def _day(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


NEVER = _day(1970)
DIGESTS = {
    "md2": NEVER,
    "md5": _day(2004, 8),
    "sha1": _day(2012, 8),
    "sha224": _day(2029),
    "sha256": None,
    "sha384": None,
    "sha512": None,
    "sha3_256": None,
    "sha3_384": None,
    "sha3_512": None,
}
KEYS = (
    Limit("rsassa_pkcs1v15", 0, _day(2019, 10)),
    Limit("rsassa_pkcs1v15", 1900, _day(2029)),
    Limit("rsassa_pss", 0, _day(2019, 10)),
    Limit("rsassa_pss", 1900, _day(2029)),
    Limit("rsassa_pss", 3000, None),
    Limit("ecdsa", 0, _day(2012, 8)),
    Limit("ecdsa", 224, _day(2029)),
    Limit("ecdsa", 256, None),
    Limit("ed25519", 0, None),
    Limit("ed448", 0, None),
    Limit("dsa", 0, _day(2015, 12)),
    Limit("dsa", 1900, _day(2029)),
)


def digest_until(name: str) -> datetime | None:
    """When the digest ends, None where no end is set; what the table does not know was never good."""
    return DIGESTS.get(name, NEVER)


def digest_allowed(name: str, moment: datetime) -> bool:
    """May the digest be relied upon at that moment?"""
    until = digest_until(name)
    return until is None or moment < until


def key_until(name: str, bits: int) -> datetime | None:
    """When a signature algorithm with a key of `bits` ends, None where no end is set."""
    rows = [row for row in KEYS if row.name == name and row.bits <= bits]
    return rows[-1].until if rows else NEVER


class DatedAlgorithms(CMSAlgorithmUsagePolicy):
    """The table as pyHanko asks it. `born`: before it the signing key did not exist, so no earlier proof is possible.

    An algorithm that ended before `born` is refused for good (CRYPTO_CONSTRAINTS_FAILURE), one that ended later for
    want of a proof of date (…_NO_POE).
    """

    def __init__(self, born: datetime) -> None:
        self.born = born

    def digest_algorithm_allowed(self, algo: algos.DigestAlgorithm, moment: datetime | None) -> Any:
        return self._answer(digest_until(algo["algorithm"].native), moment)

    def signature_algorithm_allowed(
        self, algo: algos.SignedDigestAlgorithm, moment: datetime | None, public_key: keys.PublicKeyInfo | None
    ) -> Any:
        name, digest = _parts(algo)
        ends = [key_until(name, public_key.bit_size if public_key is not None else LONG)]
        ends += [digest_until(digest)] if digest else []
        known = [end for end in ends if end is not None]
        return self._answer(min(known) if known else None, moment)

    def _answer(self, until: datetime | None, moment: datetime | None) -> Any:
        if until is None or (moment is not None and moment < until):
            return AlgorithmUsageConstraint(allowed=True)
        return AlgorithmUsageConstraint(allowed=False, not_allowed_after=until if until > self.born else None)


def _parts(algo: Any) -> tuple[str, str]:
    """Name and digest of a signature algorithm; no digest where it names none (Edwards curves, bare RSA)."""
    try:
        name = str(algo.signature_algo)
    except ValueError:
        return str(algo["algorithm"].native), ""
    if name.startswith("ed"):
        return name, ""
    try:
        return name, str(algo.hash_algo)
    except (ValueError, TypeError):
        return name, ""
