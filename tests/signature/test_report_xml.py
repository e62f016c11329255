"""The XML report of TS 119 102-2: read back by somebody else's bindings, every format, the same bytes twice."""

import dataclasses
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asn1crypto import cms
from lxml import etree
from pyhanko.generated.etsi.ts_11910202 import ValidationReport
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer

from signature.errors import SignatureError
from signature.facts import Embedded
from signature.making.cades import sign_cades
from signature.making.desk import raised
from signature.making.pades import sign_pades
from signature.making.xades import sign_xades
from signature.report_xml import DS, VR, qualification_uri, validation_report
from signature.trust import Trust
from signature.verdict import Report
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import key_of
from tests.signature.test_asic import ACT, ANNEX, container, manifest

PASSED = "urn:etsi:019102:mainindication:total-passed"


def written(report: Report) -> bytes:
    return validation_report([("acte", report)], NOW)


def read_strictly(xml: bytes) -> Any:
    """By pyHanko's bindings: nothing unknown, nothing required missing, everything in the order of the schema."""
    found = XmlParser(config=ParserConfig(fail_on_unknown_properties=True)).from_bytes(xml, ValidationReport)
    assert list(missing(found)) == []
    again = etree.fromstring(XmlSerializer().render(found).encode())
    assert [node.tag for node in again.iter()] == [node.tag for node in etree.fromstring(xml).iter()]
    return found


def missing(value: Any) -> Iterator[str]:
    if isinstance(value, tuple):
        for each in value:
            yield from missing(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            empty = inner is None or inner == ()
            asked = field.metadata.get("required") or field.metadata.get("min_occurs")
            # These bindings are of a schema that wanted the document itself, which its next edition gave up.
            if empty and asked and type(value).__name__ != "SignersDocumentType":
                yield f"{type(value).__name__}.{field.name}"
            yield from missing(inner)


def references(xml: bytes) -> tuple[set[str], set[str]]:
    """What is named, and what is referred to."""
    root = etree.fromstring(xml)
    names = [str(node.get("id")) for node in root.iter() if node.get("id")]
    assert len(names) == len(set(names))
    return set(names), {name for node in root.iter() for name in (node.get("VOReference") or "").split()}


def every_format(bench: Bench) -> Iterator[Report]:
    token, files = sign_cades(ACT, key_of(bench), bench.stamp(), NOW), {"acte.pdf": ACT, "annexe.txt": ANNEX}
    told = manifest(files)
    parts = {"META-INF/ASiCManifest.xml": told, "META-INF/signature1.p7s": sign_cades(told, key_of(bench), None, NOW)}
    proofs = Embedded(bench.trust().intermediates, bench.trust().crls)
    lta = raised(bench.sign_t(), proofs, bench.stamp(NOW + timedelta(minutes=1))).content
    xades = sign_xades(ACT, "acte.pdf", key_of(bench, "p256"), NOW, bench.stamp())
    for content, beside in (
        (bench.sign(), None),
        (lta, None),
        (token, {"acte.pdf": ACT}),
        (xades, {"acte.pdf": ACT}),
        (container(files | parts), None),
        (container({"acte.pdf": ACT, "META-INF/signatures.xml": xades}), None),
    ):
        yield examine(content, bench.trust(NOW), NOW + timedelta(minutes=2), None, beside)


def test_every_format_is_read_by_others(bench: Bench) -> None:
    formats = []
    for report in every_format(bench):
        xml = written(report)
        (one,) = read_strictly(xml).signature_validation_report
        assert one.signature_validation_status.main_indication == PASSED
        assert one.signature_validation_status.sub_indication == ()
        names, referred = references(xml)
        assert referred <= names
        formats.append(report.format)
        assert xml == written(report)
    assert formats == ["PAdES", "PAdES", "CAdES", "XAdES", "ASiC-E", "ASiC-E"]


def test_what_a_stamped_signature_says(bench: Bench) -> None:
    token = sign_cades(ACT, key_of(bench), bench.stamp(), NOW)
    report = examine(token, bench.trust(), NOW + timedelta(minutes=5), None, {"acte.pdf": ACT})
    (one,) = read_strictly(written(report)).signature_validation_report
    info = cms.ContentInfo.load(token)["content"]["signer_infos"][0]
    assert one.signature_identifier.signature_value.value == info["signature"].native
    signed = hashlib.new(info["digest_algorithm"]["algorithm"].native, info["signed_attrs"].untag().dump()).digest()
    assert one.signature_identifier.digest_alg_and_value.digest_value.value == signed
    assert one.signers_document.digest_alg_and_value.digest_value.value == hashlib.sha256(ACT).digest()
    best = one.validation_time_info.best_signature_time
    assert (best.poetime.to_datetime(), best.type_of_proof) == (NOW, "urn:etsi:019102:poetype:validation")
    assert one.validation_time_info.validation_time.to_datetime() == NOW
    assert one.signature_validation_process.signature_validation_process_id.endswith(":LTVM")
    assert one.signature_quality.signature_quality_information == ("urn:cef:dss:signatureQualification:AdESigQC",)
    points = one.validation_constraints_evaluation_report.validation_constraint
    assert [point.validation_status.main_indication.rpartition(":")[2] for point in points] == ["passed"] * 5
    (chain,) = one.signature_validation_status.associated_validation_report_data
    assert chain.certificate_chain.trust_anchor is not None


def test_a_signature_that_fails_says_how(bench: Bench) -> None:
    report = examine(sign_cades(ACT, key_of(bench), None, NOW), bench.trust(), NOW, None, {"acte": ACT + b"!"})
    (one,) = read_strictly(written(report)).signature_validation_report
    assert one.signature_validation_status.main_indication == "urn:etsi:019102:mainindication:total-failed"
    assert one.signature_validation_status.sub_indication == ("urn:etsi:019102:subindication:HASH_FAILURE",)


def test_an_unreadable_signature_still_has_its_report(bench: Bench) -> None:
    broken = container({"acte.pdf": ACT, "META-INF/signatures.xml": b"<a", "META-INF/signature.p7s": b"0"})
    reports = read_strictly(written(examine(broken, bench.trust(), NOW))).signature_validation_report
    assert [one.signature_validation_status.sub_indication for one in reports] == [
        ("urn:etsi:019102:subindication:FORMAT_FAILURE",)
    ] * 2


def test_without_trust_and_without_its_document(bench: Bench) -> None:
    for trust, beside in ((Trust(), {"acte": ACT}), (bench.trust(), None)):
        report = examine(sign_xades(ACT, "acte", key_of(bench), NOW), trust, NOW, None, beside)
        (one,) = read_strictly(written(report)).signature_validation_report
        assert one.signature_validation_status.main_indication == "urn:etsi:019102:mainindication:indeterminate"


def test_several_files_in_one_report(bench: Bench) -> None:
    """The same file twice: its certificates once, two signatures with two names."""
    twice = sign_pades(bench.sign(), bench.signer("Paul Durand"), "B", None, NOW).content
    report = examine(twice, bench.trust(), NOW)
    xml = validation_report([("acte.pdf", report), ("copie \x01.pdf", report)], NOW)
    assert len(read_strictly(xml).signature_validation_report) == 4
    names, _ = references(xml)
    assert {"S1", "S2", "S3", "S4"} <= names
    places = [node.text for node in etree.fromstring(xml).iter(f"{{{VR}}}DAIdentifier")]
    assert [str(place).partition(" : ")[0] for place in places] == ["acte.pdf"] * 2 + ["copie .pdf"] * 2


def test_elliptic_curve_values_are_those_of_the_file(bench: Bench) -> None:
    """XML writes r and s side by side, the engine works on their DER."""
    token = sign_xades(ACT, "acte", key_of(bench, "p256"), NOW)
    xml = written(examine(token, bench.trust(), NOW, None, {"acte": ACT}))
    values = [
        "".join(str(root.findtext(f".//{{{DS}}}SignatureValue")).split())
        for root in map(etree.fromstring, (token, xml))
    ]
    assert values[0] == values[1]


def test_nothing_signed_is_no_report(bench: Bench) -> None:
    with pytest.raises(SignatureError, match="Aucun des fichiers"):
        written(examine(bench.pdf, bench.trust(), NOW))


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("QESig", "QESig"),
        ("AdESeal-QC", "AdESealQC"),
        ("Indeterminate AdESig-QC", "indeterminateAdESigQC"),
        ("Indeterminate Unknown-QC", "indeterminateAdESQC"),
        ("Not AdES", "notAdES"),
        ("N/A", "notApplicable"),
    ],
)
def test_the_names_of_qualification(name: str, uri: str) -> None:
    assert qualification_uri(name) == f"urn:cef:dss:signatureQualification:{uri}"
