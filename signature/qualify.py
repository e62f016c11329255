"""Is a certificate a qualified one, for what, with which device? The trusted lists answer (ETSI TS 119 615, 4.4, 4.5).

The service that issued it must count both when the certificate was issued and at the moment asked; the certificate's
own statements are taken first, then the qualifiers of the list, which overrule them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from signature.claims import Claims
from signature.periods import EIDAS, UNREAD, Period
from signature.statements import claims_of
from signature.trust import TrustedService, TrustList

# ETSI TS 101 456, 5.2: the policies of qualified certificates before eIDAS, {itu-t(0) identified-organization(4)
# etsi(0) qualified-certificate-policies(1456) policy-identifiers(1)}: qcp-public-with-sscd(1), qcp-public(2).
# DSS says the same; pyHanko has the two exchanged.
QCP_PLUS, QCP = "0.4.0.1456.1.1", "0.4.0.1456.1.2"
_WITH = {"QCWithSSCD", "QCWithQSCD", "QCQSCDManagedOnBehalf"}
_WITHOUT = {"QCNoSSCD", "QCNoQSCD"}
_AS_CERTIFICATE = {"QCSSCDStatusAsInCert", "QCQSCDStatusAsInCert"}
_FOR = {"QCForESig": "ForeSignatures", "QCForESeal": "ForeSeals", "QCForWSA": "ForWebSiteAuthentication"}
_KNOWN = {*_WITH, *_WITHOUT, *_AS_CERTIFICATE, *_FOR, "QCForLegalPerson", "NotQualified", "QCStatement"}


@dataclass(frozen=True)
class Qualified:
    """What the lists say. `since`: when the status that held at the moment began; `conflict`: why they do not answer.

    With a conflict (one French sentence) nothing else is to be relied on.
    """

    listed: bool = False
    for_signatures: bool = False
    for_seals: bool = False
    device: bool = False
    since: datetime | None = None
    service_name: str = ""
    territory: str = ""
    conflict: str = ""


@dataclass(frozen=True)
class _Outcome:
    uses: frozenset[str]
    device: bool


_NOT = _Outcome(frozenset(), device=False)


@dataclass(frozen=True)
class _Answer:
    """One moment: the outcome with the service that gives it; no service: not listed; a sentence: no answer."""

    outcome: _Outcome = _NOT
    service: TrustedService | None = None
    period: Period | None = None
    conflict: str = ""


def qualify(certificate: bytes, chain: Sequence[bytes], lists: Iterable[TrustList], moment: datetime) -> Qualified:
    """What the lists say of a DER certificate used at a moment; `chain` is its issuers (DER). Raises Unreadable."""
    claims = claims_of(certificate)
    services = [service for trust_list in lists for service in trust_list.known(chain)]
    issued = _answer(services, claims, claims.not_before)
    used = _answer(services, claims, min(moment, claims.not_after))
    if issued.conflict or used.conflict:
        return Qualified(conflict=used.conflict or issued.conflict)
    uses = issued.outcome.uses & used.outcome.uses
    if not uses or used.service is None or used.period is None:
        return Qualified()
    return Qualified(
        listed=True,
        for_signatures="ForeSignatures" in uses,
        for_seals="ForeSeals" in uses,
        device=used.outcome.device,
        since=used.period.start,
        service_name=used.service.name,
        territory=used.service.territory,
    )


def _answer(services: list[TrustedService], claims: Claims, moment: datetime) -> _Answer:
    answers = list(_answers(services, claims, moment))
    settled = [answer for answer in answers if not answer.conflict]
    if len({answer.outcome for answer in settled}) > 1:
        names = ", ".join(f"« {answer.service.name} »" for answer in settled if answer.service)
        return _Answer(conflict=f"La liste de confiance se contredit sur ce certificat (services {names}).")
    contradicted = next((answer for answer in answers if answer.conflict and answer.period), None)
    if contradicted or not settled:
        return contradicted or next(iter(answers), _Answer())
    return settled[0]


def _answers(services: list[TrustedService], claims: Claims, moment: datetime) -> Iterator[_Answer]:
    for service in services:
        period = service.period_at(moment)
        if period is None or period.kind != "CA/QC":
            continue
        if period.status == UNREAD:
            yield _Answer(conflict=f"Le service « {service.name} » n’est pas lu entièrement : {period.unread}")
        elif period.counts_at(moment):
            answer = _by_period(service, period, claims)
            if answer is not None:
                yield answer


def _by_period(service: TrustedService, period: Period, claims: Claims) -> _Answer | None:
    """The answer of one service; None where it is not for this kind of certificate."""
    certain, perhaps = _qualifiers(period, claims)
    unknown = sorted(certain - _KNOWN)
    contradiction = _contradiction(certain) or (f"qualificatif inconnu {unknown[0]}" if unknown else "")
    outcome = _apply(claims, certain)
    if (
        not contradiction
        and perhaps
        and (_contradiction(certain | perhaps) or _apply(claims, certain | perhaps) != outcome)
    ):
        contradiction = "un critère de la liste ne peut être évalué : " + ", ".join(_unread(period))
    if contradiction:
        sentence = f"La liste de confiance ne permet pas de conclure sur ce certificat : {contradiction}."
        return _Answer(service=service, period=period, conflict=sentence)
    if period.uses and outcome.uses:
        allowed = outcome.uses & frozenset(period.uses)
        return _Answer(_Outcome(allowed, outcome.device), service, period) if allowed else None
    return _Answer(outcome, service, period)


def _qualifiers(period: Period, claims: Claims) -> tuple[set[str], set[str]]:
    """The qualifiers that apply, and those of which it cannot be told."""
    certain: set[str] = set()
    perhaps: set[str] = set()
    for qualification in period.qualifications:
        match = qualification.criteria.match(claims)
        if match is not False:
            (certain if match else perhaps).update(qualification.qualifiers)
    return certain, perhaps


def _unread(period: Period) -> list[str]:
    return sorted({name for q in period.qualifications for name in q.criteria.all_unread()}) or ["critère vide"]


def _contradiction(names: set[str]) -> str:
    if {"NotQualified", "QCStatement"} <= names:
        return "NotQualified et QCStatement à la fois"
    if names & _WITH and names & _WITHOUT:
        return "avec et sans dispositif qualifié à la fois"
    if len(names & _FOR.keys()) > 1:
        return " et ".join(sorted(names & _FOR.keys())) + " à la fois"
    return ""


def _apply(claims: Claims, names: set[str]) -> _Outcome:
    """The certificate's own statements, overruled by the qualifiers; `_NOT` if it is not a qualified one."""
    old = claims.policies if claims.not_before < EIDAS else frozenset()
    qualified = claims.compliant or bool({QCP, QCP_PLUS} & old)
    qualified = (qualified or "QCStatement" in names) and "NotQualified" not in names
    uses = claims.uses or frozenset({"ForeSignatures"})
    if chosen := names & _FOR.keys():
        uses = frozenset(_FOR[name] for name in chosen)
    if "QCForLegalPerson" in names:
        uses -= {"ForeSignatures"}
    if not qualified or not uses:
        return _NOT
    device = claims.device or QCP_PLUS in old
    return _Outcome(uses, (device or bool(names & _WITH)) and not names & _WITHOUT)
