"""A candidate → DUME: an ESPD 4.1 response in XML (UBL 2.3 QualificationApplicationResponse).

Proven by tests: well-formed, UBL namespaces, order of elements of UBL 2.3 as far as it was read (2.1's schema for what
both share), every answer points at one question, what is written is read back whole. Not proven: the official XSD and
Schematron, which are not here. Known to differ from them: criteria carry only the questions answered here, not the
whole form (BR-TC-16, BR-TC-17); the signatory has no country of residence (BR-RESP-20-03); the size is left out where
it is not said. A file without any answer has no TenderingCriterionResponse: it is a draft.

A redressement judiciaire is answered under « analogous situation under national law » (our reading, not a text's).
What the European model has no place for (OETH, members and shares of a groupement, insurer…) travels as JSON in a UBL
extension of our own, which others may ignore.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from lxml import etree

from dce_templates.candidate import espd
from dce_templates.candidate.candidate import TODO, Candidate, Receivership
from dce_templates.candidate.espd import ANALOGOUS, GROUNDS, ROLES, SELECTION, Question, Selection
from dce_templates.french import PARIS, day

Element = etree._Element
_NAMESPACES: dict[str | None, str] = {None: espd.RESPONSE, "cac": espd.CAC, "cbc": espd.CBC, "ext": espd.EXT}
# Codes of the answer element for each kind of question.
_VALUES = {
    "INDICATOR": "ResponseIndicator",
    "DESCRIPTION": "Description",
    "AMOUNT": "ResponseAmount",
    "QUANTITY_YEAR": "ResponseQuantity",
    "QUANTITY_INTEGER": "ResponseQuantity",
}
Value = str | Decimal | int | bool | tuple[date | None, date | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `number` is the record's (first exercice, second…), from 1."""

    question: Question
    number: int
    value: Value


def dume(candidate: Candidate, now: datetime) -> bytes:
    """The response as UTF-8 XML; `now` (aware) is its only date. The same arguments give the same bytes."""
    root = etree.Element(etree.QName(espd.RESPONSE, "QualificationApplicationResponse"), nsmap=_NAMESPACES)  # type: ignore[arg-type]
    _extension(root, candidate)
    _header(root, candidate, now)
    _buyer(root, candidate)
    _operator(root, candidate)
    said = candidate.answers
    if said.consultation.object:
        _basic(_aggregate(root, "ProcurementProject"), "Description", said.consultation.object)
    for lot in said.lots or ("0000",):
        _id(_aggregate(root, "ProcurementProjectLot"), f"LOT-{lot:0>4}" if lot.isdigit() and len(lot) <= 10 else lot)
    responses: list[Element] = []
    for criterion, answers in _answered(candidate):
        _criterion(root, criterion, answers)
        responses += [_response(criterion, answer, said.currency) for answer in answers]
    root.extend(responses)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _aggregate(parent: Element, name: str) -> Element:
    return etree.SubElement(parent, etree.QName(espd.CAC, name))


def _basic(parent: Element, name: str, text: str, **attributes: str) -> Element:
    element = etree.SubElement(parent, etree.QName(espd.CBC, name), **attributes)  # type: ignore[arg-type]
    element.text = text
    return element


def _id(parent: Element, text: str, name: str = "ID") -> Element:
    return _basic(parent, name, text, schemeID="Criterion", schemeAgencyID="OP", schemeVersionID=espd.VERSION)


def _code(parent: Element, name: str, text: str, vocabulary: str, version: str) -> Element:
    return _basic(parent, name, text, listID=vocabulary, listAgencyID="OP", listVersionID=version)


def beyond(candidate: Candidate) -> dict[str, Any]:
    """What the European model cannot carry, as plain data under the keys of the answers."""
    said = candidate.answers
    data = said.model_dump(mode="json", exclude_defaults=True)
    kept: dict[str, Any] = {
        key: data[key] for key in ("receivership", "group", "subcontracting", "currency") if key in data
    }
    kept["identity"] = {"legal_form": candidate.said("legal_form")}
    kept["declarations"] = {key: data.get("declarations", {}).get(key) for key in ("disabled_workers", "measures")}
    kept["insurance"] = {key: data.get("insurance", {}).get(key) for key in ("insurer", "policy")}
    kept["shares"] = [item.get("object_percent") for item in data.get("turnovers", [])]
    kept["receivership_apart"] = said.receivership is not None and ANALOGOUS not in said.declarations.grounds
    kept["references"] = [item["kind"] for item in data.get("references", [])]
    return kept


def _extension(root: Element, candidate: Candidate) -> None:
    holder = etree.SubElement(root, etree.QName(espd.EXT, "UBLExtensions"))
    extension = etree.SubElement(holder, etree.QName(espd.EXT, "UBLExtension"))
    etree.SubElement(extension, etree.QName(espd.EXT, "ExtensionURI")).text = espd.OWN
    content = etree.SubElement(extension, etree.QName(espd.EXT, "ExtensionContent"))
    own = etree.SubElement(content, etree.QName(espd.OWN, "answers"), nsmap={"mps": espd.OWN})
    own.text = json.dumps(beyond(candidate), ensure_ascii=False, sort_keys=True)


def _header(root: Element, candidate: Candidate, now: datetime) -> None:
    local = now.astimezone(PARIS).replace(microsecond=0)
    digest = hashlib.sha256(candidate.model_dump_json().encode() + local.isoformat().encode()).hexdigest()
    number = str(uuid.UUID(digest[:32], version=4))
    version = {"schemeAgencyID": "OP", "schemeVersionID": espd.VERSION}
    _basic(root, "UBLVersionID", "2.3", schemeAgencyID="OASIS-UBL-TC")
    _basic(root, "ProfileExecutionID", f"ESPD-EDMv{espd.VERSION}", **version)
    _basic(root, "ID", f"DUME-{candidate.identity.siret}-{number[:8]}", schemeAgencyID="MPS")
    _basic(root, "CopyIndicator", "false")
    _basic(root, "UUID", number, schemeID="ISO/IEC 9834-8:2008 - 4UUID", **version)
    _basic(root, "ContractFolderID", candidate.answers.consultation.reference or TODO, schemeAgencyID="MPS")
    _basic(root, "IssueDate", local.date().isoformat())
    _basic(root, "IssueTime", local.timetz().isoformat())
    _basic(root, "VersionID", espd.VERSION, **version)


def _buyer(root: Element, candidate: Candidate) -> None:
    party = _aggregate(_aggregate(root, "ContractingParty"), "Party")
    _basic(_aggregate(party, "PartyName"), "Name", candidate.answers.consultation.buyer or TODO)


def _operator(root: Element, candidate: Candidate) -> None:
    operator = _aggregate(root, "EconomicOperatorParty")
    role = _aggregate(operator, "EconomicOperatorRole")
    group = candidate.answers.group
    _code(role, "RoleCode", ROLES[group.role if group else "sole"], f"{espd.VOCABULARY}eo-role-type", "20211208-0")
    party = _aggregate(operator, "Party")
    if candidate.answers.size:
        size = f"{espd.VOCABULARY}economic-operator-size"
        _code(party, "IndustryClassificationCode", candidate.answers.size, size, "20240612-0")
    number = _aggregate(party, "PartyIdentification")
    _basic(number, "ID", candidate.identity.siret, schemeID="SIRET", schemeAgencyID="INSEE")
    _basic(_aggregate(party, "PartyName"), "Name", candidate.said("name") or TODO)
    address = _aggregate(party, "PostalAddress")
    _some(address, StreetName=candidate.said("street"), CityName=candidate.said("city"))
    _some(address, PostalZone=candidate.said("postcode"))
    # A SIRET is given by Insee to places in France only.
    _code(_aggregate(address, "Country"), "IdentificationCode", "FRA", f"{espd.VOCABULARY}country", "20220928-0")
    contact, signatory = candidate.answers.contact, candidate.answers.signatory
    if any((contact.name, contact.phone, contact.email)):
        _some(_aggregate(party, "Contact"), Name=contact.name, Telephone=contact.phone, ElectronicMail=contact.email)
    if any((signatory.first_name, signatory.last_name, signatory.capacity)):
        person = _aggregate(_aggregate(_aggregate(party, "PowerOfAttorney"), "AgentParty"), "Person")
        _some(person, FirstName=signatory.first_name, FamilyName=signatory.last_name, JobTitle=signatory.capacity)


def _some(parent: Element, **values: str) -> None:
    for name, value in values.items():
        if value:
            _basic(parent, name, value)


def _answered(candidate: Candidate) -> Iterator[tuple[Selection, list[Answer]]]:
    """Each criterion that has answers, with them, in the order of the European form."""
    yield from _grounds(candidate)
    records = _records(candidate)
    for criterion in SELECTION:
        answers = [
            Answer(question, number, value)
            for number, values in enumerate(records.get(criterion.key, []), 1)
            for question, value in zip(criterion.questions, values, strict=True)
            if value not in (None, "", (None, None))
        ]
        if answers:
            yield criterion, answers


def _grounds(candidate: Candidate) -> Iterator[tuple[Selection, list[Answer]]]:
    said = candidate.answers.declarations
    if said.no_exclusion is None:
        return
    judgment = candidate.answers.receivership
    true = {*said.grounds, *([ANALOGOUS] if judgment else [])}
    for ground in GROUNDS:
        question = Question(ground.answer, "INDICATOR", "Votre réponse")
        answers = [Answer(question, 1, ground.code in true)]
        if judgment and ground.code == ANALOGOUS:
            answers.append(Answer(Question("QG1/QSG1/Q1", "DESCRIPTION", "Décrivez"), 1, _judgment(judgment)))
        asked = tuple(answer.question for answer in answers)
        yield Selection(ground.code, ground.code, ground.tag, ground.uuid, ground.label, 1, asked), answers


def _judgment(judgment: Receivership) -> str:
    until = f" ; plan jusqu’au {day(judgment.plan_until)}" if judgment.plan_until else ""
    return f"Redressement judiciaire, jugement du {day(judgment.judgment_on)} {judgment.court}".strip() + until


def _records(candidate: Candidate) -> dict[str, list[tuple[Any, ...]]]:
    """Key of a criterion → its records, each with one value per question (None where there is none)."""
    said = candidate.answers
    found: dict[str, list[tuple[Any, ...]]] = {
        "turnover": [((year.starts_on, year.ends_on), year.amount) for year in said.turnovers],
        "object": [
            ((year.starts_on, year.ends_on), _part(year.amount, year.object_percent))
            for year in said.turnovers
            if year.object_percent is not None
        ],
        "insurance": [(said.insurance.amount,)],
        "staff": [(year.year, year.average) for year in said.staff],
        "managers": [(year.year, year.managers) for year in said.staff if year.managers is not None],
        "subcontracting": [(said.subcontracting.what,)] if said.subcontracting else [],
    }
    for key, kind in espd.REFERENCE_KINDS.items():
        found[key] = [
            (item.description, item.amount, (item.starts_on, item.ends_on), item.client)
            for item in said.references
            if item.kind == kind
        ]
    return found


def _part(amount: Decimal, percent: Decimal) -> Decimal:
    return (amount * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _criterion(root: Element, criterion: Selection, answers: Iterable[Answer]) -> None:
    element = _aggregate(root, "TenderingCriterion")
    _id(element, criterion.uuid)
    _code(element, "CriterionTypeCode", criterion.code, f"{espd.VOCABULARY}criterion", "20240612-0")
    _basic(element, "Name", criterion.label)
    _basic(element, "Description", criterion.label)
    asked = {answer.question.path for answer in answers}
    questions = [question for question in criterion.questions if question.path in asked]
    _groups(element, criterion.tag, [(question.path.split("/"), question) for question in questions], top=True)


def _groups(parent: Element, path: str, inside: list[tuple[list[str], Question]], top: bool = False) -> None:
    """Nested groups of properties, properties before groups as UBL wants them; a bare group carries a caption."""
    heads = dict.fromkeys(parts[0] for parts, _ in inside if len(parts) > 1)
    for head in heads:
        place = f"{path}/{head}"
        group = _aggregate(parent, f"{'' if top else 'Subsidiary'}TenderingCriterionPropertyGroup")
        _id(group, place)
        _list(group, "PropertyGroupTypeCode", "ONTRUE" if place.endswith("QG1/QSG1") else "ON*", "property-group-type")
        below = [(parts[1:], question) for parts, question in inside if parts[0] == head]
        own = [(f"{place}/{parts[0]}", question) for parts, question in below if len(parts) == 1]
        for where, question in own:
            _property(group, where, question.text, "QUESTION", question.kind)
        if not own:
            _property(group, f"{place}/CA1", "–", "CAPTION", "NONE")
        _groups(group, place, below)


def _property(group: Element, path: str, text: str, type_code: str, kind: str) -> None:
    element = _aggregate(group, "TenderingCriterionProperty")
    _id(element, path)
    _basic(element, "Description", text)
    _list(element, "TypeCode", type_code, "criterion-element-type")
    _list(element, "ValueDataTypeCode", kind, "response-data-type")


def _list(parent: Element, name: str, text: str, list_id: str) -> None:
    _basic(parent, name, text, listID=list_id, listAgencyID="OP", listVersionID=espd.VERSION)


def _response(criterion: Selection, answer: Answer, currency: str) -> Element:
    path = f"{criterion.tag}/{answer.question.path}"
    deeper = answer.question.path.count("QSG1/QSG1/QSG1")
    numbers = ["R1"] * (criterion.depth - 1) + [f"R{answer.number}"] + ["R1"] * (deeper + (criterion.depth > 1))
    where = "/".join([path, *numbers])
    element = etree.Element(etree.QName(espd.CAC, "TenderingCriterionResponse"))
    _id(element, where)
    _id(element, path, "ValidatedCriterionPropertyID")
    if isinstance(answer.value, tuple):
        period, (start, end) = _aggregate(element, "ApplicablePeriod"), answer.value
        _some(period, StartDate=start.isoformat() if start else "", EndDate=end.isoformat() if end else "")
        return element
    value = _aggregate(element, "ResponseValue")
    _id(value, f"{where}/RV")
    _basic(value, _VALUES[answer.question.kind], _text(answer.value), **_attributes(answer.question.kind, currency))
    return element


def _text(value: str | Decimal | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _attributes(kind: str, currency: str) -> dict[str, str]:
    return {"AMOUNT": {"currencyID": currency}, "QUANTITY_YEAR": {"unitCode": "YEAR"}}.get(kind, {})
