"""Adapter over pyHanko's validation: a PDF and a Trust in, SignatureFacts out. Nothing is ever fetched.

Which ETSI process applies is decided by what the file holds (a wrong entry point gives a wrong verdict): no
timestamp → basic (5.3), signature timestamp → with time (5.5), document timestamp → long term (5.6).
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from asn1crypto.ocsp import OCSPResponse
from pyhanko.pdf_utils.crypt import AuthStatus
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    DiffResult,
    FormUpdatingRule,
    ModificationLevel,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
)
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.ades import ades_basic_validation, ades_lta_validation, ades_with_time_validation
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, extract_tst_data_iter
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy, RevocationCheckingRule
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from signature.certificates import certificate_facts, linked
from signature.errors import Unreadable
from signature.facts import SignatureFacts
from signature.trust import Trust
from signature.verdict import CLOCK_TOLERANCE

log = logging.getLogger(__name__)
for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # it logs tracebacks for ordinary refusals

# The default policy takes a new appearance of a form field for filling in: the « shadow replace » attack.
_CREATION: Any = SigFieldCreationRule
STRICT_DIFF = StandardDiffPolicy(
    global_rules=DEFAULT_DIFF_POLICY.global_rules,
    form_rule=FormUpdatingRule(field_rules=[_CREATION(), SigFieldModificationRule()]),
)
SIGNING_KEY = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
OFFLINE = RevocationInfoGatheringSpec(
    online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY,
    certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH,
)
_STAMP_REFUSED = "L’horodatage de la signature n’a pas pu être vérifié ; la signature elle-même n’est pas en cause."
_STANDARD_NAMES = {"GENERIC": "SIG_CONSTRAINTS_FAILURE"}


@dataclass(frozen=True)
class Measured:
    """What one PDF holds: its signatures in the order they were made, and what none of them covers."""

    signatures: tuple[SignatureFacts, ...]
    unsigned: tuple[str, ...]


def measure(pdf: bytes, trust: Trust, now: datetime, not_before: datetime | None) -> Measured:
    """Read every signature of a PDF, in the order of the file. Raises Unreadable."""
    reader = _open(pdf)
    try:
        fields = [(name, value, field) for name, value, field in enumerate_sig_fields(reader)]
        stamps = [f for f in fields if f[1] is not None and f[1].get_object().get("/Type") == "/DocTimeStamp"]
        signed = [f for f in fields if f[1] is not None and f not in stamps]
        empty = tuple(f"Champ de signature vide : « {name} »" for name, value, _ in fields if value is None)
        check = _Check(pdf, reader, trust, now, not_before, last_stamp=_last_revision(reader, stamps))
    except Exception as error:
        raise Unreadable("Le fichier est un PDF abîmé : ses champs de signature sont illisibles.") from error
    pairs = sorted((check.one(name, field) for name, _, field in signed), key=lambda pair: pair[0])
    return Measured(tuple(facts for _, facts in pairs), _unsigned(pdf, [end for end, _ in pairs], stamps) + empty)


def _open(pdf: bytes) -> Any:
    tail = pdf[pdf.rfind(b"%%EOF") :]
    if len(tail) > 1024 or b" obj" in tail:
        raise Unreadable("Le fichier est un PDF incomplet : sa fin manque.")
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=False)
        if reader.encrypted and reader.decrypt("").status == AuthStatus.FAILED:
            raise Unreadable("Le PDF est protégé par un mot de passe : il ne peut être examiné.")
        reader.root.get("/Pages")
        if reader.total_revisions < 1 or "/Pages" not in reader.root:
            raise Unreadable("Le fichier est un PDF abîmé : il n’a pas de pages.")
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable("Le fichier est un PDF abîmé ou incomplet : il ne peut être lu.") from error
    return reader


def _last_revision(reader: Any, stamps: list[Any]) -> int:
    """The latest revision with a document timestamp, -1 without; it serves only the signatures before it."""
    return max((EmbeddedPdfSignature(reader, field, name).signed_revision for name, _, field in stamps), default=-1)


def _unsigned(pdf: bytes, ends: list[int], stamps: list[Any]) -> tuple[str, ...]:
    if not ends:
        return ("Le document entier : il ne porte aucune signature.",)
    rest = pdf[max(ends) :].strip()
    if max(ends) and rest and not stamps:
        return (f"{len(rest)} octets à la fin du fichier, ajoutés après la dernière signature",)
    return ()


@dataclass(frozen=True)
class _Check:
    """What is the same for every signature of one file."""

    pdf: bytes
    reader: Any
    trust: Trust
    now: datetime
    not_before: datetime | None
    last_stamp: int

    def one(self, name: str, field: Any) -> tuple[int, SignatureFacts]:
        """Facts of one field with the offset its signature reaches; whatever goes wrong is a FORMAT_FAILURE."""
        try:
            embedded = EmbeddedPdfSignature(self.reader, field, name)
            end = int(embedded.byte_range[2]) + int(embedded.byte_range[3])
            return end, self._facts(embedded)
        except SignatureValidationError as error:
            return 0, _broken(name, error.ades_subindication.standard_name)
        except Exception as error:
            log.debug("signature field %s cannot be examined", name, exc_info=error)
            return 0, _broken(name, "FORMAT_FAILURE")

    def _facts(self, embedded: Any) -> SignatureFacts:
        embedded.compute_integrity_info(STRICT_DIFF)
        result, level = asyncio.run(self._validate(embedded))
        status = result.api_status
        stamp = getattr(status, "timestamp_validity", None)
        revoked = getattr(status, "revocation_details", None)
        name = result.ades_subindic.standard_name
        refused = _stamp_refused(status, level, name)
        tampered, changes = _changes(embedded, self.pdf)
        pades = _is_pades(embedded)
        return SignatureFacts(
            field=embedded.field_name,
            sub_indication=_standard(name, _chain(status)),
            reason=_STAMP_REFUSED if refused else "",
            level=level if pades else f"PKCS7-{level}",
            pades=pades,
            certificate=certificate_facts(embedded.signer_cert),
            chain=_chain(status),
            timestamp=stamp.timestamp if stamp else _time_of(result, level, self.now),
            timestamp_chain=_chain(stamp),
            stamp_refused=refused,
            revoked_at=revoked.revocation_date if revoked else None,
            whole=embedded.coverage == SignatureCoverageLevel.ENTIRE_FILE and not tampered,
            tampered=tampered,
            changes=changes,
        )

    async def _validate(self, embedded: Any) -> tuple[Any, str]:
        stamped = list(extract_tst_data_iter(embedded.signer_info, signed=False))
        knowledge, has_store = _knowledge(self.reader, self.trust)
        spec = self._spec(embedded, stamped, knowledge)
        timing = ValidationTimingInfo(self.now, self.now, point_in_time_validation=True)
        # Clocks differ a little, and many authorities stamp whole seconds; the verdict compares again.
        known = self.not_before - CLOCK_TOLERANCE if self.not_before else None
        if stamped and has_store and self.last_stamp > embedded.signed_revision:
            whole = PdfSignatureValidationSpec(spec, diff_policy=STRICT_DIFF)
            return await ades_lta_validation(embedded, whole, timing, known), "LTA"
        data, digest = embedded.signed_data, embedded.compute_digest()
        if not stamped:
            basic = ades_basic_validation(
                data, spec, timing_info=timing, raw_digest=digest, signature_not_before_time=known
            )
            return await basic, "B"
        result: Any = await ades_with_time_validation(
            data, spec, timing_info=timing, raw_digest=digest, signature_not_before_time=known
        )
        result = await self._expired_since(embedded, spec, result)
        return result, "LT" if has_store else "T"

    async def _expired_since(self, embedded: Any, spec: Any, result: Any) -> Any:
        """An expired certificate with an earlier timestamp: checked again as of that time.

        The engine answers PASSED there without having looked at revocation.
        """
        moment, certificate = result.best_signature_time, embedded.signer_cert
        if result.ades_subindic.standard_name != "OK" or self.now <= certificate.not_valid_after:
            return result
        timing = ValidationTimingInfo(moment, moment, point_in_time_validation=True)
        policy = spec.cert_validation_policy
        lenient = replace(policy, revinfo_policy=replace(policy.revinfo_policy, retroactive_revinfo=True))
        again = await ades_basic_validation(
            embedded.signed_data,
            replace(spec, cert_validation_policy=lenient),
            timing_info=timing,
            raw_digest=embedded.compute_digest(),
        )
        return (
            result
            if again.ades_subindic.standard_name == "OK"
            else replace(result, ades_subindic=again.ades_subindic, failure_msg=again.failure_msg)
        )

    def _spec(self, embedded: Any, stamped: list[Any], knowledge: Any) -> Any:
        issuers = {c.crl_data.issuer.hashable for c in knowledge.known_crls}
        roots = [asn1_x509.Certificate.load(der) for der in self.trust.anchors]
        manager = SimpleTrustManager.build(roots)
        known_roots = bool(issuers & {root.subject.hashable for root in roots})
        authorities = _rule(known_roots)
        stamp_known = any(extract_certs_for_validation(t).signer_cert.issuer.hashable in issuers for t in stamped)

        def policy(leaf: Any) -> Any:
            checking = RevocationCheckingPolicy(ee_certificate_rule=leaf, intermediate_ca_cert_rule=authorities)
            return CertValidationPolicySpec(manager, CertRevTrustPolicy(checking))

        return SignatureValidationSpec(
            cert_validation_policy=policy(RevocationCheckingRule.CRL_OR_OCSP_REQUIRED),
            ts_cert_validation_policy=policy(_rule(stamp_known)),
            revinfo_gathering_policy=OFFLINE,
            local_knowledge=knowledge,
            key_usage_settings=SIGNING_KEY,
        )


def _rule(known: bool) -> Any:
    """The signer's revocation must be known; an authority's or a TSA's where a list is given or announced."""
    return RevocationCheckingRule.CRL_OR_OCSP_REQUIRED if known else RevocationCheckingRule.CHECK_IF_DECLARED


def _knowledge(reader: Any, trust: Trust) -> tuple[Any, bool]:
    certificates = [asn1_x509.Certificate.load(der) for der in trust.intermediates]
    crls = [CRLContainer(asn1_crl.CertificateList.load(der)) for der in trust.crls]
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return LocalKnowledge(known_certs=certificates, known_crls=crls), False
    inside = store.load_certs()
    crls += [CRLContainer(asn1_crl.CertificateList.load(ref.get_object().data)) for ref in store.crls]
    answers = [OCSPResponse.load(ref.get_object().data) for ref in store.ocsps]
    ocsps = [container for answer in answers for container in OCSPContainer.load_multi(answer)]
    knowledge = LocalKnowledge(known_certs=certificates + list(inside), known_crls=crls, known_ocsps=ocsps)
    return knowledge, bool(store.crls or store.ocsps)


def _stamp_refused(status: Any, level: str, name: str) -> bool:
    """The signature itself has no trust problem, so that the failure told is its timestamp's."""
    if level not in ("T", "LT") or status is None or not (status.intact and status.valid):
        return False
    return status.trust_problem_indic is None and name not in ("OK", "TIMESTAMP_ORDER_FAILURE")


def _time_of(result: Any, level: str, now: datetime) -> datetime | None:
    """Long-term validation may know the time from a document timestamp only."""
    moment: datetime | None = getattr(result, "best_signature_time", None)
    return moment if level == "LTA" and moment is not None and moment < now else None


def _standard(name: str, chain: tuple[bytes, ...]) -> str:
    """The ETSI name; a chain that holds by its names only, not by its keys, is no chain at all."""
    if name != "CERTIFICATE_CHAIN_GENERAL_FAILURE" or linked(chain):
        return _STANDARD_NAMES.get(name, name)
    return "NO_CERTIFICATE_CHAIN_FOUND"


def _is_pades(embedded: Any) -> bool:
    """The sub-filter of PAdES, and the signed attribute that designates the certificate (EN 319 142-1)."""
    if str(embedded.sig_object.get("/SubFilter")) != "/ETSI.CAdES.detached":
        return False
    names = {attribute["type"].native for attribute in embedded.signer_info["signed_attrs"]}
    return bool(names & {"signing_certificate", "signing_certificate_v2"})


def _chain(status: Any) -> tuple[bytes, ...]:
    path = getattr(status, "validation_path", None)
    return tuple(c.dump() for c in reversed(list(path.iter_certs(include_root=True)))) if path else ()


def _changes(embedded: Any, pdf: bytes) -> tuple[str, tuple[str, ...]]:
    """A sentence where the structure or a later change is not acceptable, and the acceptable later changes."""
    if not _plain_byte_range(embedded, pdf):
        return "La signature ne couvre pas d’un seul tenant le début du fichier : sa structure est anormale.", ()
    if embedded.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return "La signature ne couvre pas entièrement la version du document qu’elle prétend signer.", ()
    diff = embedded.diff_result
    if not isinstance(diff, DiffResult) or diff.modification_level == ModificationLevel.OTHER:
        return "Le document a été modifié après la signature (ajout d’une version au fichier).", ()
    if not embedded.summarise_integrity_info()["docmdp_ok"]:
        return "Le document a été modifié après la signature, alors que celle-ci l’interdisait.", ()
    return "", tuple(_allowed(diff, embedded))


def _allowed(diff: Any, embedded: Any) -> Iterator[str]:
    if diff.modification_level == ModificationLevel.FORM_FILLING:
        yield "une autre signature a été ajoutée après celle-ci"
    elif diff.modification_level == ModificationLevel.LTA_UPDATES:
        yield "des éléments de preuve (horodatage, révocation) ont été ajoutés après celle-ci"
    elif embedded.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        yield "des octets sans effet ont été ajoutés à la fin du fichier"


def _plain_byte_range(embedded: Any, pdf: bytes) -> bool:
    """Four numbers from 0, and between the two ranges exactly the hexadecimal signature (USF and SWA attacks)."""
    numbers = [int(n) for n in embedded.byte_range]
    if len(numbers) != 4 or numbers[0] != 0 or numbers[1] <= 0 or numbers[3] <= 0:
        return False
    _, first, second, length = numbers
    gap = pdf[first:second]
    if second <= first or second + length > len(pdf) or gap[:1] != b"<" or gap[-1:] != b">":
        return False
    try:
        return bool(bytes.fromhex(gap[1:-1].decode("ascii")) == embedded.pkcs7_content)
    except ValueError:
        return False


def _broken(name: str, sub_indication: str) -> SignatureFacts:
    return SignatureFacts(
        field=name,
        sub_indication=_STANDARD_NAMES.get(sub_indication, sub_indication),
        reason="La signature contenue dans le PDF est illisible ou mal formée.",
        level="B",
        pades=False,
        certificate=None,
        chain=(),
        timestamp=None,
        timestamp_chain=(),
        stamp_refused=False,
        revoked_at=None,
        whole=False,
        tampered="",
        changes=(),
    )
