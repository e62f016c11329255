"""A DUME → what it says of a candidate. The file comes from anyone: no DOCTYPE, no entity, no network, capped.

Versions 2, 3 and 4 of the ESPD response are taken: criteria are known by their e-Certis number, which did not change,
answers by the question they point at. What is not understood is listed, never guessed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree
from pydantic import ValidationError

from dce_templates.candidate import espd
from dce_templates.candidate.candidate import TODO, Answers
from dce_templates.candidate.espd import ANALOGOUS, GROUNDS, REFERENCE_KINDS, ROLES, SELECTION, Selection

Element = etree._Element
MAX_BYTES = 4 * 1024 * 1024
_NS = {"cac": espd.CAC, "cbc": espd.CBC, "ext": espd.EXT, "mps": espd.OWN}
_BY_UUID = {ground.uuid: ground for ground in GROUNDS} | {criterion.uuid: criterion for criterion in SELECTION}
_GROUP = "TenderingCriterionPropertyGroup"
_OLD = "Ce DUME est dans une version trop ancienne (1.x) : enregistrez-le à nouveau avec un service à jour."
_ASKED = "Ce fichier est la demande d’un acheteur, pas la réponse d’une entreprise : déposez votre propre DUME."
_OTHER = "Ce fichier XML n’est pas un DUME (ESPD)."
_BROKEN = "Ce fichier n’est pas un DUME : ce n’est pas du XML bien formé."
_DOCTYPE = "Ce fichier contient une déclaration DOCTYPE : il est refusé, un DUME n’en a jamais besoin."


class DumeError(ValueError):
    """The file is not a DUME that can be read; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class ReadDume:
    """`siret` is empty where the file names no French establishment; `unknown`: what was not understood, in words."""

    siret: str
    version: str
    answers: Answers
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: `record` tells the answers of one exercice, one reference… from those of another."""

    record: str
    kind: str
    text: str
    nested: bool
    value: Any


def read_dume(content: bytes) -> ReadDume:
    """Read an ESPD response. Raises DumeError."""
    root = _parse(content)
    _expect_response(root)
    unknown: list[str] = []
    raw = _head(root)
    _criteria(root, raw, unknown)
    _own(root, raw, unknown)
    answers = _tolerant(raw, unknown)
    siret = re.sub(r"\s", "", _first(root, "cac:EconomicOperatorParty/cac:Party/cac:PartyIdentification/cbc:ID"))
    version = _first(root, "cbc:ProfileExecutionID").removeprefix("ESPD-EDMv") or _first(root, "cbc:VersionID")
    return ReadDume(siret if re.fullmatch(r"[0-9]{14}", siret) else "", version[:40], answers, tuple(unknown))


def read_plain(content: bytes) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """(siret, answers, what was not understood) as plain data, for a worker process. Raises DumeError."""
    found = read_dume(content)
    return found.siret, found.answers.model_dump(mode="json", exclude_defaults=True), found.unknown


def _parse(content: bytes) -> Element:
    if len(content) > MAX_BYTES:
        raise DumeError(f"Ce fichier est trop gros pour un DUME ({MAX_BYTES >> 20} Mo au plus).")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DumeError(_DOCTYPE)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DumeError(_BROKEN) from error
    if root.getroottree().docinfo.internalDTD is not None:  # a DOCTYPE hidden by another encoding
        raise DumeError(_DOCTYPE)
    return root


def _expect_response(root: Element) -> None:
    name = etree.QName(root)
    if name.localname == "QualificationApplicationResponse" and name.namespace == espd.RESPONSE:
        return
    if name.localname in ("QualificationApplicationRequest", "ESPDRequest"):
        raise DumeError(_ASKED)
    raise DumeError(_OLD if name.localname == "ESPDResponse" else _OTHER)


def _first(element: Element, path: str) -> str:
    found = element.find(path, _NS)
    return "" if found is None or found.text is None else found.text.strip()


def _known(text: str) -> str:
    return "" if text == TODO else text


def _head(root: Element) -> dict[str, Any]:
    party = root.find("cac:EconomicOperatorParty/cac:Party", _NS)
    party = etree.Element("none") if party is None else party
    person = "cac:PowerOfAttorney/cac:AgentParty/cac:Person/cbc:"
    lots = [lot.text.strip() for lot in root.iterfind("cac:ProcurementProjectLot/cbc:ID", _NS) if lot.text]
    raw: dict[str, Any] = {
        "identity": {
            "name": _known(_first(party, "cac:PartyName/cbc:Name")),
            "street": _first(party, "cac:PostalAddress/cbc:StreetName"),
            "postcode": _first(party, "cac:PostalAddress/cbc:PostalZone"),
            "city": _first(party, "cac:PostalAddress/cbc:CityName"),
        },
        "contact": {
            "name": _first(party, "cac:Contact/cbc:Name"),
            "email": _first(party, "cac:Contact/cbc:ElectronicMail"),
            "phone": _first(party, "cac:Contact/cbc:Telephone"),
        },
        "signatory": {
            "first_name": _first(party, person + "FirstName"),
            "last_name": _first(party, person + "FamilyName"),
            "capacity": _first(party, person + "JobTitle"),
        },
        "consultation": {
            "buyer": _known(_first(root, "cac:ContractingParty/cac:Party/cac:PartyName/cbc:Name")),
            "reference": _known(_first(root, "cbc:ContractFolderID")),
            "object": _first(root, "cac:ProcurementProject/cbc:Description"),
        },
        "lots": [lot for lot in dict.fromkeys(lots) if lot.upper().removeprefix("LOT-").strip("0")],
    }
    size = _first(party, "cbc:IndustryClassificationCode").lower()
    return raw | ({"size": size} if size in ("micro", "small", "medium", "large") else {})


def _criteria(root: Element, raw: dict[str, Any], unknown: list[str]) -> None:
    responses = _responses(root)
    grounds: dict[str, bool] = {}
    records: dict[str, list[list[Said]]] = {}
    for element in root.iterfind("cac:TenderingCriterion", _NS):
        known = _BY_UUID.get(_first(element, "cbc:ID"))
        said = list(_said(element, responses, known.depth if isinstance(known, Selection) else 1))
        if isinstance(known, Selection):
            records.setdefault(known.key, []).extend(_by_record(said))
        elif known is not None:
            answer = next((item.value for item in said if item.kind == "INDICATOR"), None)
            grounds |= {known.code: answer} if isinstance(answer, bool) else {}
        elif said:
            unknown.append(_first(element, "cbc:Name")[:200] or _first(element, "cbc:CriterionTypeCode")[:200])
            if _first(element, "cbc:CriterionTypeCode") in ("nati-ground", "CRITERION.EXCLUSION.NATIONAL.OTHER"):
                grounds["national"] = any(item.value is True for item in said)
    _declare(grounds, raw)
    _gather(records, raw, unknown)


def _responses(root: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for response in root.iterfind("cac:TenderingCriterionResponse", _NS):
        found.setdefault(_first(response, "cbc:ValidatedCriterionPropertyID"), []).append(response)
    return found


def _said(criterion: Element, responses: Mapping[str, list[Element]], depth: int) -> Iterator[Said]:
    """The answers of one criterion in the order of its questions; national sub-criteria are left aside."""
    for question in criterion.iterfind(f"cac:{_GROUP}//cac:TenderingCriterionProperty", _NS):
        if _first(question, "cbc:TypeCode") != "QUESTION":
            continue
        path, kind = _first(question, "cbc:ID"), _first(question, "cbc:ValueDataTypeCode")
        holder, nested = _holder(question)
        for response in responses.get(path, ()):
            numbers = re.findall(r"/(R[0-9]+)", _first(response, "cbc:ID").removeprefix(path))
            record = f"{holder} {'/'.join(numbers[:depth])}"
            yield Said(record, kind, _first(question, "cbc:Description"), nested, _value(response))


def _holder(question: Element) -> tuple[str, bool]:
    """The group that makes a record: the outermost one that asks for more than a yes or no. Nested: not that one."""
    first = group = question.getparent()
    while (parent := group.getparent() if group is not None else None) is not None and parent.tag.endswith(_GROUP):
        kinds = {
            _first(item, "cbc:ValueDataTypeCode")
            for item in parent.iterfind("cac:TenderingCriterionProperty", _NS)
            if _first(item, "cbc:TypeCode") == "QUESTION"
        }
        if kinds & {"DESCRIPTION", "AMOUNT", "PERIOD"}:
            first = parent
        group = parent
    if first is None:
        return "", False
    return first.getroottree().getpath(first), first is not question.getparent()


def _value(response: Element) -> Any:
    value = response.find("cac:ResponseValue", _NS)
    if value is not None:
        indicator = _first(value, "cbc:ResponseIndicator").lower()
        if indicator:
            return {"true": True, "1": True, "false": False, "0": False}.get(indicator)
        amount = value.find("cbc:ResponseAmount", _NS)
        if amount is not None:
            return {"amount": (amount.text or "").strip(), "currency": amount.get("currencyID", "")}
        return _first(value, "cbc:Description") or _first(value, "cbc:ResponseQuantity")
    period = response.find("cac:ApplicablePeriod", _NS)
    if period is None:
        return None
    # Dates of UBL may carry a zone: the day is what counts.
    return {"starts_on": _first(period, "cbc:StartDate")[:10], "ends_on": _first(period, "cbc:EndDate")[:10]}


def _by_record(said: list[Said]) -> list[list[Said]]:
    found: dict[str, list[Said]] = {}
    for item in said:
        found.setdefault(item.record, []).append(item)
    return list(found.values())


def _declare(grounds: Mapping[str, bool], raw: dict[str, Any]) -> None:
    """All grounds answered « no » is a declaration; one « yes » is a signal; anything less says nothing."""
    true = [ground.code for ground in GROUNDS if grounds.get(ground.code)]
    if true:
        raw["declarations"] = {"no_exclusion": False, "grounds": true}
    elif not any(grounds.values()) and all(ground.code in grounds for ground in GROUNDS):
        raw["declarations"] = {"no_exclusion": True}


def _gather(records: Mapping[str, list[list[Said]]], raw: dict[str, Any], unknown: list[str]) -> None:
    turnovers = [_flat(record) for record in records.get("turnover", [])]
    parts = {item.get("ends_on"): item.get("amount") for item in map(_flat, records.get("object", []))}
    raw["turnovers"] = [_turnover(item, parts) for item in turnovers if item.get("ends_on")]
    unknown += ["Chiffre d’affaires sans date de fin d’exercice"] * any(not item.get("ends_on") for item in turnovers)
    raw["staff"] = _staff(records)
    raw["references"] = [
        {"kind": kind} | _flat(record, ("description", "amount", "starts_on", "ends_on", "client"))
        for key, kind in REFERENCE_KINDS.items()
        for record in records.get(key, [])
    ]
    for record in records.get("insurance", [])[:1]:
        raw["insurance"] = _flat(record, ("amount",))
    for record in records.get("subcontracting", [])[:1]:
        raw["subcontracting"] = {"what": _flat(record).get("description", "")}
    currencies = [i.value["currency"] for group in records.values() for r in group for i in r if i.kind == "AMOUNT"]
    if currencies and currencies[0]:
        raw["currency"] = currencies[0]


def _flat(record: list[Said], wanted: tuple[str, ...] = ()) -> dict[str, Any]:
    """One record as plain data; the first answer of each kind counts."""
    found: dict[str, Any] = {}
    for item in record:
        if isinstance(item.value, dict):
            for key, value in item.value.items():
                found.setdefault(key, value or None)
        elif item.kind == "DESCRIPTION":
            client = item.nested or "ecipient" in item.text
            found.setdefault("client" if client else "description", item.value)
        elif item.kind.startswith("QUANTITY"):
            found.setdefault("year" if item.kind == "QUANTITY_YEAR" else "number", item.value)
    return {key: found[key] for key in wanted if key in found} if wanted else found


def _turnover(item: Mapping[str, Any], parts: Mapping[Any, Any]) -> dict[str, Any]:
    found = {key: item.get(key) for key in ("starts_on", "ends_on", "amount")}
    try:
        share = Decimal(parts[item["ends_on"]]) / Decimal(str(item["amount"])) * 100
        return found | {"object_percent": share.quantize(Decimal("0.01"))}
    except (KeyError, TypeError, ZeroDivisionError, InvalidOperation):
        return found


def _staff(records: Mapping[str, list[list[Said]]]) -> list[dict[str, Any]]:
    managers: dict[str, list[Any]] = {}
    for item in map(_flat, records.get("managers", [])):
        managers.setdefault(str(item.get("year")), []).append(item.get("number"))
    found = []
    for item in map(_flat, records.get("staff", [])):
        led = managers.get(str(item.get("year"))) or [None]
        found.append({"year": item.get("year"), "average": item.get("number"), "managers": led[0]})
    return found


def _own(root: Element, raw: dict[str, Any], unknown: list[str]) -> None:
    """Our extension, where the file is one of ours: as little trusted as the rest."""
    element = root.find("ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/mps:answers", _NS)
    role = _first(root, "cac:EconomicOperatorParty/cac:EconomicOperatorRole/cbc:RoleCode")
    if element is None:
        unknown += ["Groupement : ses membres et sa forme"] * (role in (ROLES["lead"], ROLES["member"]))
        return
    try:
        own = json.loads(element.text or "")
    except (ValueError, RecursionError):
        own = None
    if not isinstance(own, dict):
        unknown.append("Extension de mps illisible")
        return
    for key in ("receivership", "group", "currency", "subcontracting"):
        if own.get(key) is not None:
            raw[key] = own[key]
    for key in ("identity", "declarations", "insurance"):
        if isinstance(own.get(key), dict):
            raw[key] = raw.get(key, {}) | {name: value for name, value in own[key].items() if value is not None}
    if own.get("receivership_apart") is True and isinstance(raw.get("receivership"), dict):
        _set_apart(raw.get("declarations", {}))
    _line_up(own, raw)


def _set_apart(declared: dict[str, Any]) -> None:
    """The redressement told in our extension is not a ground that the company declared."""
    if ANALOGOUS in declared.get("grounds", ()):
        declared["grounds"] = [code for code in declared["grounds"] if code != ANALOGOUS]
        declared["no_exclusion"] = not declared["grounds"]


def _line_up(own: Mapping[str, Any], raw: dict[str, Any]) -> None:
    """Shares as typed rather than computed, and references in the order in which they were typed."""
    shares, kinds = own.get("shares"), own.get("references")
    if isinstance(shares, list) and len(shares) == len(raw["turnovers"]):
        raw["turnovers"] = [
            item | {"object_percent": share} for item, share in zip(raw["turnovers"], shares, strict=True)
        ]
    if isinstance(kinds, list) and sorted(map(str, kinds)) == sorted(item["kind"] for item in raw["references"]):
        waiting = {kind: iter([r for r in raw["references"] if r["kind"] == kind]) for kind in kinds}
        raw["references"] = [next(waiting[kind]) for kind in kinds]


def _tolerant(raw: dict[str, Any], unknown: list[str]) -> Answers:
    """The answers, less the values that do not hold: each is named in `unknown`."""
    for _ in range(200):
        try:
            return Answers.model_validate(raw)
        except ValidationError as error:
            place = error.errors(include_url=False)[0]["loc"]
            unknown.append("Valeur écartée : " + _drop(raw, place))
    raise DumeError(_OTHER)


def _drop(raw: dict[str, Any], place: tuple[int | str, ...]) -> str:
    """Take away the deepest part of `place` that exists; a line of a list goes whole. Gives its name."""
    here: Any = raw
    part: Any
    trail: list[tuple[Any, Any]] = []
    for part in place:
        inside = part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int)
        if not inside:
            break
        trail.append((here, part))
        here = here[part]
        if isinstance(part, int):
            break
    holder, part = trail[-1] if trail else (raw, next(iter(raw)))
    del holder[part]
    return ".".join(str(key) for _, key in trail) or str(part)
