"""The services of a trusted list that is already verified, with their whole history (ETSI TS 119 612, clause 5.5)."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

from signature.errors import Unreadable
from signature.periods import STATUSES, UNREAD, Criteria, Period, Qualification
from signature.trust import Kind, TrustedService, public_key

TSL = "http://uri.etsi.org/02231/v2#"
SIE = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
TYPES = "http://uri.etsi.org/02231/v2/additionaltypes#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
_SERVICE_TYPE = "/Svctype/"
KINDS: tuple[Kind, ...] = ("CA/QC", "TSA/QTST")
_USES = ("ForeSignatures", "ForeSeals", "ForWebSiteAuthentication")


def named(element: Any, path: str) -> list[Any]:
    """The elements at a path of names of the trusted list's namespace."""
    found: list[Any] = element.findall(_full(path))
    return found


@cache
def _full(path: str) -> str:
    return "/".join(f"{{{TSL}}}{step}" for step in path.split("/"))


def text_of(element: Any, path: str) -> str:
    """The text of the first of them, empty without."""
    return (element.findtext(_full(path)) or "").strip()


def moment_of(text: str) -> datetime:
    """An aware moment from xs:dateTime; the standard asks for UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_services(root: Any, territory: str) -> tuple[tuple[TrustedService, ...], tuple[str, ...], list[str]]:
    """The qualified services, sentences on what was not understood, and the kind of every other service."""
    services: list[TrustedService] = []
    unread: list[str] = []
    others: list[str] = []
    for element in named(root, "TrustServiceProviderList/TrustServiceProvider/TSPServices/TSPService"):
        service = _Service(element, territory)
        kind = service.kind
        if kind is None:
            others.append(service.current_kind)
            continue
        try:
            read = service.read(kind)
        except (ValueError, TypeError, Unreadable) as error:
            unread.append(f"{service.title} : {getattr(error, 'sentence', '') or 'inscription mal formée.'}")
            continue
        services.append(read)
        unread += [f"{service.title} : {period.unread}" for period in read.history if period.unread]
    return tuple(services), tuple(unread), others


@dataclass(frozen=True)
class _Service:
    element: Any
    territory: str

    @cached_property
    def infos(self) -> list[Any]:
        """The present information, then the history as it is told (newest first)."""
        return named(self.element, "ServiceInformation") + named(self.element, "ServiceHistory/ServiceHistoryInstance")

    @property
    def current_kind(self) -> str:
        return self.kinds[0] if self.infos else ""

    @cached_property
    def kinds(self) -> list[str]:
        return [_kind(info) for info in self.infos]

    @property
    def kind(self) -> Kind | None:
        return next((kind for kind in KINDS if kind in self.kinds), None)

    @property
    def name(self) -> str:
        names = named(self.infos[0], "ServiceName/Name") if self.infos else []
        return (names[0].text or "").strip() if names else "service sans nom"

    @property
    def title(self) -> str:
        return f"{self.territory}, « {self.name} »"

    def read(self, kind: Kind) -> TrustedService:
        certificates = self._certificates()
        if not certificates:
            raise Unreadable("aucun certificat n’y est donné.")
        history = tuple(sorted((_period(info) for info in self.infos), key=lambda period: period.start, reverse=True))
        first = min((p.start for p in history if p.counts_at(p.start)), default=history[-1].start)
        return TrustedService(
            certificate=certificates[0],
            kind=kind,
            granted_from=first,
            for_signatures=not history[0].uses or "ForeSignatures" in history[0].uses,
            name=self.name,
            territory=self.territory,
            keys=tuple(dict.fromkeys(public_key(certificate) for certificate in certificates)),
            history=history,
            others=tuple(certificates[1:]),
        )

    def _certificates(self) -> list[bytes]:
        path = "ServiceDigitalIdentity/DigitalId/X509Certificate"
        texts = [element.text or "" for info in self.infos for element in named(info, path)]
        return list(dict.fromkeys(b64decode(text) for text in texts))


def _kind(info: Any) -> str:
    return text_of(info, "ServiceTypeIdentifier").partition(_SERVICE_TYPE)[2]


def _period(info: Any) -> Period:
    start, kind = moment_of(text_of(info, "StatusStartingTime")), _kind(info)
    address = text_of(info, "ServiceStatus")
    status = address.rstrip("/").rsplit("/", 1)[-1]
    if status not in STATUSES or "/Svcstatus/" not in address:
        return Period(UNREAD, start, kind, unread=f"le statut « {status} » n’est pas connu.")
    period = Period(status, start, kind)
    for extension in named(info, "ServiceInformationExtensions/Extension"):
        period = _extended(period, extension)
    return period


def _extended(period: Period, extension: Any) -> Period:
    """The period with one more extension; a critical one that is not understood makes it unread."""
    for content in extension:
        if not isinstance(content.tag, str):
            continue
        if content.tag == f"{{{TSL}}}AdditionalServiceInformation":
            use = text_of(content, "URI").rsplit("/", 1)[-1]
            period = replace(period, uses=(*period.uses, use)) if use in _USES else period
        elif content.tag == f"{{{SIE}}}Qualifications":
            period = replace(period, qualifications=(*period.qualifications, *_qualifications(content)))
        elif content.tag != f"{{{TSL}}}ExpiredCertsRevocationInfo" and extension.get("Critical") in ("true", "1"):
            name = content.tag.rpartition("}")[2]
            return replace(period, status=UNREAD, unread=f"l’extension critique {name} n’est pas connue.")
    return period


def _qualifications(element: Any) -> Iterator[Qualification]:
    for entry in element.iterfind(f"{{{SIE}}}QualificationElement"):
        uris = [q.get("uri", "") for q in entry.iterfind(f"{{{SIE}}}Qualifiers/{{{SIE}}}Qualifier")]
        names = tuple(uri.rsplit("/", 1)[-1] for uri in uris)
        criteria = entry.find(f"{{{SIE}}}CriteriaList")
        if criteria is None:
            yield Qualification(names, Criteria("all", unread=("CriteriaList absente",)))
        else:
            yield Qualification(names, _criteria(criteria))


def _criteria(element: Any) -> Criteria:
    found: dict[str, list[Any]] = {"key_usages": [], "policy_sets": [], "lists": [], "unread": []}
    found |= {"extended_usages": [], "subject_attributes": []}
    for child in element:
        if child.tag == f"{{{SIE}}}KeyUsage":
            bits = child.iterfind(f"{{{SIE}}}KeyUsageBit")
            found["key_usages"].append(tuple((bit.get("name", ""), _true(bit.text)) for bit in bits))
        elif child.tag == f"{{{SIE}}}PolicySet":
            found["policy_sets"].append(_oids(child))
        elif child.tag == f"{{{SIE}}}CriteriaList":
            found["lists"].append(_criteria(child))
        elif child.tag == f"{{{SIE}}}otherCriteriaList":
            _other_criteria(child, found)
        elif isinstance(child.tag, str) and child.tag != f"{{{SIE}}}Description":
            found["unread"].append(child.tag.rpartition("}")[2])
    return Criteria(element.get("assert", "all"), **{name: tuple(values) for name, values in found.items()})


def _other_criteria(element: Any, found: dict[str, list[Any]]) -> None:
    for child in element:
        if child.tag == f"{{{TYPES}}}ExtendedKeyUsage":
            found["extended_usages"].append(_oids(child))
        elif child.tag == f"{{{TYPES}}}CertSubjectDNAttribute":
            found["subject_attributes"].append(_oids(child))
        elif isinstance(child.tag, str):
            found["unread"].append(child.tag.rpartition("}")[2])


def _oids(element: Any) -> tuple[str, ...]:
    texts = [(e.text or "").strip() for e in element.iter(f"{{{XADES}}}Identifier")]
    return tuple(text.removeprefix("urn:oid:").removeprefix("OID.") for text in texts)


def _true(text: str | None) -> bool:
    return (text or "").strip() in ("true", "1")
