"""Adapter over pyHanko's ETSI EN 319 102-1 validation, for one signature of any format. Nothing is ever fetched.

A CMS signature comes as it is; an XML signature comes as a CMS one without signed attributes over its canonical
SignedInfo (`signature.reading.xades`), so that one engine judges all. pyHanko's own « with time » process is not
used: it knows CMS timestamps only, and lets an expired certificate pass without having looked at revocation. Nor is
its check of revocation: `signature.revocation` looks at the path that was found.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from pyhanko.sign.validation.ades import ades_basic_validation, ades_timestamp_validation
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    LocalKnowledge,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator.authority import AuthorityWithCert, TrustAnchor
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy, RevocationCheckingRule
from pyhanko_certvalidator.registry import SimpleTrustManager

import signature.asn1  # noqa: F401 – mends what it names
from signature.algorithms import DatedAlgorithms, digest_allowed
from signature.certificates import linked
from signature.facts import Embedded
from signature.revocation.notices import Bounds
from signature.revocation.standing import Chain, Sources, of_chain, sources
from signature.trust import Trust
from signature.verdict import CLOCK_TOLERANCE

for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # it logs tracebacks for ordinary refusals

SIGNING_KEY = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
OFFLINE = RevocationInfoGatheringSpec(
    online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY,
    certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH,
)
UNASKED = CertRevTrustPolicy(
    RevocationCheckingPolicy(
        ee_certificate_rule=RevocationCheckingRule.NO_CHECK, intermediate_ca_cert_rule=RevocationCheckingRule.NO_CHECK
    )
)
STANDARD_NAMES = {"GENERIC": "SIG_CONSTRAINTS_FAILURE"}
# What a proof of an earlier date may still cure (EN 319 102-1, 5.5.4).
_CURABLE = {
    "OK", "REVOKED_NO_POE", "REVOKED_CA_NO_POE", "OUT_OF_BOUNDS_NO_POE", "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
    "TRY_LATER",
}  # fmt: skip
# What an archive timestamp may: an older one, its authority or its algorithms may have ended since (5.6).
_AGAIN_AT_ARCHIVE = _CURABLE - {"OK"} | {"NO_POE", "CERTIFICATE_CHAIN_GENERAL_FAILURE"}
Imprint = Callable[[str], bytes]
MOST_SEEN = 1000
_seen: dict[Any, "Outcome"] = {}


@dataclass(frozen=True)
class Stamp:
    """A timestamp token (asn1crypto SignedData) and, by digest name, the digest of what it must cover."""

    token: Any
    imprint: Imprint

    @property
    def moment(self) -> datetime:
        return self.token["encap_content_info"]["content"].parsed["gen_time"].native  # type: ignore[no-any-return]

    @property
    def digest(self) -> str:
        """The digest that its imprint is made with."""
        info = self.token["encap_content_info"]["content"].parsed
        return str(info["message_imprint"]["hash_algorithm"]["algorithm"].native)


@dataclass(frozen=True)
class Candidate:
    """One signature to judge: a SignedData with one signer, the digest of its content, its timestamps, its material.

    `stamps` cover the signature value, `archive` all the material as well.
    """

    data: Any
    digest: bytes
    stamps: Sequence[Stamp] = ()
    archive: Sequence[Stamp] = ()
    embedded: Embedded = field(default_factory=Embedded)
    signer: Any = None

    @cached_property
    def certificate(self) -> Any:
        """The signer's, as the signed attribute designates it (`signer`, where the format told it already).

        Raises SignatureValidationError.
        """
        return self.signer or extract_certs_for_validation(self.data).signer_cert

    @property
    def level(self) -> str:
        """B, T, LT or LTA, by what is there."""
        if not self.stamps:
            return "B"
        if not self.embedded.revocation:
            return "T"
        return "LTA" if self.archive else "LT"


@dataclass(frozen=True)
class Outcome:
    """The engine's answer: an ETSI name or OK, chains in DER (signer first), the time that is proven."""

    sub_indication: str
    chain: tuple[bytes, ...] = ()
    timestamp: datetime | None = None
    timestamp_chain: tuple[bytes, ...] = ()
    stamp_refused: bool = False
    revoked_at: datetime | None = None
    authority_revoked_at: datetime | None = None

    def revoked_by(self, moment: datetime) -> bool:
        """Was the certificate, or an authority above it, revoked by then?"""
        return any(since is not None and since <= moment for since in (self.revoked_at, self.authority_revoked_at))


@dataclass(frozen=True)
class _Known:
    """Parsed material, the anchors, and how far the revocation of authorities and of timestamps' signers is asked."""

    knowledge: Any
    manager: Any
    sources: Sources
    authorities: bool
    stamps: bool


def assess(candidate: Candidate, trust: Trust, now: datetime, not_before: datetime | None) -> Outcome:
    """The ETSI process that fits what the signature holds. `not_before`: when it is known not to have existed yet.

    Raises SignatureValidationError where the signature has no usable form.
    """
    # Clocks differ a little, and many authorities stamp whole seconds; the verdict compares again.
    known = not_before - CLOCK_TOLERANCE if not_before else None
    return asyncio.run(_Process(candidate, trust, known).outcome(now))


@dataclass(frozen=True)
class _Process:
    candidate: Candidate
    trust: Trust
    not_before: datetime | None

    @cached_property
    def _known(self) -> _Known:
        """All the material at hand, parsed once for every step of this signature."""
        inside = self.candidate.embedded
        given, found = _loaded(self.trust), _material(inside.certificates, inside.crls, inside.ocsps)
        knowledge = LocalKnowledge(known_certs=[*given.certificates, *found.certificates])
        issuers = given.issuers | found.issuers
        authorities, stamps = bool(issuers & given.roots), bool(issuers & _issuers(self.candidate))
        return _Known(knowledge, given.manager, given.sources.with_more(found.sources), authorities, stamps)

    async def outcome(self, now: datetime) -> Outcome:
        """As of now; where that fails for want of time, as of each archive timestamp, the latest first (5.6)."""
        found = await self._with_time(now)
        for stamp in sorted(self.candidate.archive, key=lambda s: s.moment, reverse=True):
            if found.sub_indication not in _AGAIN_AT_ARCHIVE:
                break
            name, status = await self._stamp(stamp, now)
            if name != "OK" or found.revoked_by(stamp.moment):
                break
            now = status.timestamp
            found = await self._with_time(now)
        return found

    async def _with_time(self, now: datetime) -> Outcome:
        basic = await self._basic(now)
        if not self.candidate.stamps or basic.sub_indication not in _CURABLE:
            return basic
        answers = [await self._stamp(stamp, now) for stamp in self.candidate.stamps]
        good = [status for name, status in answers if name == "OK"]
        if not good:
            name, status = answers[-1]
            refused = basic.sub_indication == "OK"
            return replace(basic, sub_indication=name, stamp_refused=refused, timestamp_chain=chain_of(status))
        earliest = min(good, key=lambda status: status.timestamp)
        return await self._at(earliest.timestamp, replace(
            basic, timestamp=earliest.timestamp, timestamp_chain=chain_of(earliest)
        ), now)  # fmt: skip

    async def _at(self, moment: datetime, basic: Outcome, now: datetime) -> Outcome:
        """What the proof of date changes."""
        if basic.revoked_by(moment):
            return basic
        if self.not_before is not None and self.not_before > moment:
            return replace(basic, sub_indication="TIMESTAMP_ORDER_FAILURE")
        certificate = self.candidate.certificate
        expired = now > certificate.not_valid_after
        if basic.sub_indication in ("OK", "REVOKED_NO_POE", "REVOKED_CA_NO_POE") and not expired:
            return replace(basic, sub_indication="OK")
        if not certificate.not_valid_before <= moment <= certificate.not_valid_after:
            return replace(basic, sub_indication="OUT_OF_BOUNDS_NO_POE")
        if basic.sub_indication == "TRY_LATER" and not expired:
            return basic
        then = await self._basic(moment, retroactive=True)
        return replace(basic, sub_indication=then.sub_indication, chain=then.chain or basic.chain)

    async def _basic(self, moment: datetime, *, retroactive: bool = False) -> Outcome:
        """As of one moment (5.3). What was found of a certificate is found again for its next signature."""
        known = self._key(moment, retroactive)
        if (found := _seen.get(known)) is not None and _intact(self.candidate):
            return found
        outcome = await self._examined(moment, retroactive)
        if outcome.sub_indication == "OK":
            if len(_seen) >= MOST_SEEN:
                _seen.clear()
            _seen[known] = outcome
        return outcome

    def _key(self, moment: datetime, retroactive: bool) -> Any:
        """All that the certificate's part of an answer depends on, and the algorithms."""
        candidate, info = self.candidate, self.candidate.data["signer_infos"][0]
        algorithms = info["digest_algorithm"].dump(), info["signature_algorithm"].dump()
        others = tuple(each.chosen.dump() for each in candidate.data["certificates"])
        return (
            candidate.certificate.dump(), others, algorithms, candidate.embedded, self.trust, moment, retroactive,
            self.not_before,
        )  # fmt: skip

    async def _examined(self, moment: datetime, retroactive: bool) -> Outcome:
        result = await ades_basic_validation(
            self.candidate.data,
            self._spec(),
            timing_info=ValidationTimingInfo(moment, moment, point_in_time_validation=True),
            raw_digest=self.candidate.digest,
            signature_not_before_time=self.not_before,
        )
        name, chain = result.ades_subindic.standard_name, chain_of(result.api_status)
        if name != "OK":
            name = _standard(name, chain)
            early = name == "CERTIFICATE_CHAIN_GENERAL_FAILURE" and moment < self.candidate.certificate.not_valid_before
            return Outcome("OUT_OF_BOUNDS_NO_POE" if early else name, chain)  # the standard's own name (5.2.6.4)
        found = self._revocation(result.api_status, Bounds(moment, retroactive), leaf=True)
        return Outcome(found.name, chain, revoked_at=found.leaf.since, authority_revoked_at=found.authority_since)

    def _revocation(self, status: Any, bounds: Bounds, *, leaf: bool) -> Chain:
        """What is known of the revocation of a path that holds."""
        path = list(reversed(list(status.validation_path.iter_certs(include_root=True))))
        return of_chain(path, self._known.sources, bounds, leaf, self._known.authorities)

    async def _stamp(self, stamp: Stamp, now: datetime) -> tuple[str, Any]:
        """The ETSI name for one timestamp (5.4), and pyHanko's status of it."""
        timing = ValidationTimingInfo(now, now, point_in_time_validation=True)
        try:
            result: Any = await ades_timestamp_validation(stamp.token, self._spec(), stamp.imprint, timing_info=timing)
        except SignatureValidationError as error:
            return _standard(error.ades_subindication.standard_name, ()), None
        except Exception:  # a token of any odd shape is a bad token
            return "FORMAT_FAILURE", None
        name, status = result.ades_subindic.standard_name, result.api_status
        if name != "OK":
            return _standard(name, chain_of(status)), status
        if not _for_stamps(status.signing_cert):
            return "CHAIN_CONSTRAINTS_FAILURE", status
        if not digest_allowed(stamp.digest, now):
            return "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", status
        return self._revocation(status, Bounds(now), leaf=self._known.stamps).name, status

    def _spec(self) -> Any:
        known = self._known
        algorithms = DatedAlgorithms(self.candidate.certificate.not_valid_before)

        policy = CertValidationPolicySpec(known.manager, UNASKED, algorithm_usage_policy=algorithms)
        return SignatureValidationSpec(
            cert_validation_policy=policy,
            revinfo_gathering_policy=OFFLINE,
            local_knowledge=known.knowledge,
            key_usage_settings=SIGNING_KEY,
            signature_algorithm_policy=algorithms,
        )


class _AnchorAuthority(AuthorityWithCert):
    """An anchor that may be an issuing authority, as trusted lists name them: it answers for its own certificate.

    Otherwise the path of a CRL that it signed itself is not found.
    """

    def is_potential_issuer_of(self, cert: Any) -> bool:
        return bool(cert.dump() == self.certificate.dump() or super().is_potential_issuer_of(cert))


def _anchor(certificate: Any) -> Any:
    return TrustAnchor(_AnchorAuthority(certificate))


def _intact(candidate: Candidate) -> bool:
    """Does the signature value hold, and the digest it carries? What is left to ask of a certificate already judged."""
    data = candidate.data
    kind = data["encap_content_info"]["content_type"].native
    try:
        found = validate_sig_integrity(data["signer_infos"][0], candidate.certificate, kind, candidate.digest)
        return all(found)
    except (SignatureValidationError, ValueError):
        return False


def _for_stamps(certificate: Any) -> bool:
    """Is its key for timestamps alone, critically so (RFC 3161, 2.3)?"""
    usages = certificate.extended_key_usage_value
    alone = usages is not None and usages.native == ["time_stamping"]
    return alone and "extended_key_usage" in certificate.critical_extensions


def _issuers(candidate: Candidate) -> frozenset[Any]:
    """The names of those who issued the certificates of its timestamps."""
    return frozenset(_issuer(stamp.token) for stamp in (*candidate.stamps, *candidate.archive))


@lru_cache(maxsize=512)
def parsed_certificate(der: bytes) -> Any:
    """A certificate (asn1crypto), parsed once: comparing its names is what takes time."""
    return asn1_x509.Certificate.load(der)


def _issuer(token: Any) -> Any:
    try:
        return extract_certs_for_validation(token).signer_cert.issuer.hashable
    except (SignatureValidationError, ValueError):
        return None


@dataclass(frozen=True)
class _Material:
    """Parsed certificates, CRLs and OCSP answers, with the names of those who signed the CRLs."""

    certificates: tuple[Any, ...]
    sources: Sources
    issuers: frozenset[Any]


@dataclass(frozen=True)
class _Given(_Material):
    """A whole Trust, parsed: its anchors, and the names of those that signed themselves."""

    manager: Any
    roots: frozenset[Any]


def _material(certificates: Sequence[bytes], crls: Sequence[bytes], ocsps: Sequence[bytes]) -> _Material:
    found = sources(crls, ocsps, certificates)
    parsed = tuple(parsed_certificate(der) for der in certificates)
    return _Material(parsed, found, frozenset(each.form.issuer.hashable for each in found.lists))


@lru_cache(maxsize=4)
def _loaded(trust: Trust) -> _Given:
    """Parsed once for all the signatures that are judged with the same trust: half the time of a short one."""
    found = _material(trust.intermediates, trust.crls, trust.ocsps)
    roots = [parsed_certificate(der) for der in trust.anchors]
    manager = SimpleTrustManager.build([_anchor(root) for root in roots])
    names = frozenset(root.subject.hashable for root in roots if root.self_signed != "no")
    return _Given(found.certificates, found.sources, found.issuers, manager, names)


def _standard(name: str, chain: tuple[bytes, ...]) -> str:
    """The ETSI name; a chain that holds by its names only, not by its keys, is no chain at all."""
    if name != "CERTIFICATE_CHAIN_GENERAL_FAILURE" or linked(chain):
        return STANDARD_NAMES.get(name, name)
    return "NO_CERTIFICATE_CHAIN_FOUND"


def chain_of(status: Any) -> tuple[bytes, ...]:
    """The certificates of a validation path in DER, the signer's first."""
    path = getattr(status, "validation_path", None)
    return tuple(c.dump() for c in reversed(list(path.iter_certs(include_root=True)))) if path else ()


def stamps_of(signer_info: Any, attribute: str, imprint: Imprint) -> tuple[Stamp, ...]:
    """The timestamp tokens of one unsigned attribute of a SignerInfo."""
    found = signer_info["unsigned_attrs"]
    if not isinstance(found, cms.CMSAttributes):
        return ()
    tokens = [value for attr in found if attr["type"].native == attribute for value in attr["values"]]
    return tuple(Stamp(token["content"], imprint) for token in tokens)
