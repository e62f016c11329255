"""What all the lists and answers at hand, taken together, say of a certificate and of a whole chain.

pyHanko's own check is not used. It looks at an answer only where the certificate announces a responder, stops at the
first good word, and knows a certificate or a list again by the bytes of its signature alone, so that a copy with
another key or another date passes for the original; it also lets any certificate of an authority sign lists.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from signature.revocation import answers as ocsp
from signature.revocation import lists as crl
from signature.revocation.notices import ALL_REASONS, HELD, Bounds, Notice, readable

DEPTH = 2  # how far one asks whether who speaks of a revocation is revoked
# EN 319 412-1, 5.2 (validity assured, short-term) and RFC 9608 (noRevAvail): revocation is never told of these.
_SHORT_LIVED = {"0.4.0.194121.2.1", "2.5.29.56"}
State = Literal["good", "revoked", "stale", "unknown"]


@dataclass(frozen=True)
class Sources:
    """All that is at hand: lists, answers, and certificates (asn1crypto) among which their signers may be."""

    lists: tuple[crl.List, ...] = ()
    answers: tuple[ocsp.Answer, ...] = ()
    certificates: tuple[Any, ...] = ()

    def with_more(self, other: "Sources") -> "Sources":
        return Sources(self.lists + other.lists, self.answers + other.answers, self.certificates + other.certificates)


@dataclass(frozen=True)
class Standing:
    state: State
    since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Chain:
    """Of a whole chain: the ETSI name or OK, when its first certificate was revoked, when one of its authorities."""

    name: str
    leaf: Standing
    authority_since: datetime | None = None


def sources(crls: Sequence[bytes], ocsps: Sequence[bytes], certificates: Sequence[bytes]) -> Sources:
    """From DER; what cannot be read says nothing."""
    return Sources(
        tuple(each for each in map(crl.read, crls) if each is not None),
        tuple(each for each in map(ocsp.read, ocsps) if each is not None),
        tuple(each for each in map(readable, certificates) if each is not None),
    )


def of_chain(chain: Sequence[Any], known: Sources, bounds: Bounds, leaf: bool, authorities: bool) -> Chain:
    """`chain`: asn1crypto certificates, the anchor last; nobody asks for the anchor.

    `leaf`, `authorities`: must their status be known even where they announce no source of it?
    """
    found = [of(certificate, chain[n + 1 :], known, bounds) for n, certificate in enumerate(chain[:-1])]
    if not found:
        return Chain("OK", Standing("good"))
    wanted = [_wanted(each, authorities if n else leaf) for n, each in enumerate(chain[:-1])]
    since = min((s.since for s in found[1:] if s.since is not None), default=None)
    return Chain(_name(found, wanted), found[0], since)


def _name(found: Sequence[Standing], wanted: Sequence[bool]) -> str:
    """What is missing comes first: a proof of date may cure a revocation, and must not hide it."""
    open_states = [standing.state for standing, asked in zip(found, wanted, strict=True) if asked]
    if "unknown" in open_states:
        return "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    if "stale" in open_states:
        return "TRY_LATER"
    if any(standing.state == "revoked" for standing in found[1:]):
        return "REVOKED_CA_NO_POE"
    return "REVOKED_NO_POE" if found[0].state == "revoked" else "OK"


def _wanted(certificate: Any, forced: bool) -> bool:
    if certificate.ca is not True and any(e["extn_id"].dotted in _SHORT_LIVED for e in _extensions(certificate)):
        return False
    access = certificate.authority_information_access_value or ()
    announced = any(entry["access_method"].native == "ocsp" for entry in access)
    return forced or announced or certificate.crl_distribution_points_value is not None


def _extensions(certificate: Any) -> Any:
    return certificate["tbs_certificate"]["extensions"] or ()


def of(certificate: Any, above: Sequence[Any], known: Sources, bounds: Bounds, depth: int = 0) -> Standing:
    """What is said of one certificate; `above`: its issuer first, up to the anchor."""
    if depth >= DEPTH or not above:
        return Standing("unknown")
    return _together(list(_notices(certificate, above, known, bounds, depth)), bounds)


def _notices(certificate: Any, above: Sequence[Any], known: Sources, bounds: Bounds, depth: int) -> Iterator[Notice]:
    def state(one: Any, over: Sequence[Any]) -> State:
        return of(one, over, known, bounds, depth + 1).state

    def signer(one: Any, over: Sequence[Any]) -> bool:
        return depth + 1 < DEPTH and state(one, over) != "revoked"

    def responder(one: Any, over: Sequence[Any]) -> bool:
        return state(one, over) == "good"

    for each in known.lists:
        yield from _heard(crl.notices, certificate, above, each, known.certificates, signer, bounds)
    for answer in known.answers:
        yield from _heard(ocsp.notices, certificate, above[0], answer, known.certificates, responder, bounds)


def _heard(reading: Callable[..., Iterator[Notice]], *how: Any) -> list[Notice]:
    """Whatever an odd list or answer does, it says nothing and hinders no other."""
    try:
        return list(reading(*how))
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _together(heard: Sequence[Notice], bounds: Bounds) -> Standing:
    """One word of revocation is enough, whatever its age; a suspension lasts until a later word ends it."""
    told = [each for each in heard if each.since is not None and each.since <= bounds.moment]
    final = [(each.since, each.reason) for each in told if each.since is not None and not each.held]
    if final:
        return Standing("revoked", *min(final))
    last = max((each.issued for each in heard if each.since is None and HELD in each.reasons), default=None)
    held = [each.since for each in told if each.held and each.since is not None and not (last and last > each.issued)]
    if held:
        return Standing("revoked", min(held), HELD)
    silent = [each for each in heard if each.since is None or each.since > bounds.moment]
    covered: set[str] = set()
    covered.update(*(each.reasons for each in silent if bounds.fresh(each)))
    if covered >= ALL_REASONS:
        return Standing("good")
    return Standing("stale" if any(each.reasons and bounds.stale(each) for each in silent) else "unknown")
