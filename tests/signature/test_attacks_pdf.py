"""Published attacks on signed PDFs (incremental saving, shadow, wrapping, forgery): none may pass, what is honest must.

Sources: Mladenov et al., « 1 Trillion Dollar Refund » (CCS 2019); « Shadow Attacks » (NDSS 2021); « Breaking the
Specification: PDF Certification » (S&P 2021).
"""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    SigSeedSubFilter,
    append_signature_field,
)
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf

from signature.facts import Embedded
from signature.making.pades import archived, kept
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.pdf_attacks import (
    FORGED,
    FREE,
    act,
    drawing,
    edited,
    latest,
    over,
    passed,
    size,
    start_of_table,
    stream,
    updated,
    with_stream_table,
)

Change = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def signed(bench: Bench) -> bytes:
    return bench.sign(pdf=act())


def test_the_act_itself_is_good(bench: Bench, signed: bytes) -> None:
    """Else every attack below would fail for the wrong reason."""
    assert examine(signed, bench.trust(), NOW).holds
    again = updated(signed, {})
    (verdict,) = examine(again, bench.trust(), NOW).signatures
    assert (verdict.indication, verdict.covers_whole_document) == ("TOTAL-PASSED", False)
    assert verdict.changes_after


def annotation(subtype: bytes, more: bytes = b"") -> Change:
    body = b"<< /Type /Annot /Subtype /%s /Rect [50 690 400 730] /Contents (900 000 EUR) %s >>" % (subtype, more)

    def change(pdf: bytes) -> bytes:
        listed = edited(pdf, 3, b"/Annots [", b"/Annots [%d 0 R " % FREE)
        return updated(pdf, {FREE: body, FREE + 1: drawing(b"900 000 EUR"), **listed})

    return change


def field_added(kind: bytes) -> Change:
    body = b"<< /Type /Annot /Subtype /Widget /FT /%s /T (ajout) /Rect [50 690 400 730] /AP << /N %d 0 R >> >>"

    def change(pdf: bytes) -> bytes:
        listed = edited(pdf, 3, b"/Annots [", b"/Annots [%d 0 R " % FREE) | edited(
            pdf, 8, b"/Fields [", b"/Fields [%d 0 R " % FREE
        )
        return updated(pdf, {FREE: body % (kind, FREE + 1), FREE + 1: drawing(b"900 000 EUR"), **listed})

    return change


def replaced(number: int, content: bytes) -> Change:
    return lambda pdf: updated(pdf, {number: content})


def passage(number: int, old: bytes, new: bytes, beside: bytes = b"null") -> Change:
    """One passage replaced; `beside` is object FREE of the same revision."""
    return lambda pdf: updated(pdf, edited(pdf, number, old, new) | {FREE: beside})


BLACK = b"/C [0 0 0] /IC [1 1 1] /AP << /N %d 0 R >>" % (FREE + 1)
SCRIPT = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R >>"
CATALOGUE = b"/Type /Catalog"

EMPTY_TREE = b"<< /Type /Pages /Kids [] /Count 0 >>"

LATER: dict[str, Change] = {
    "page redrawn": replaced(5, FORGED),
    "page points at another content": passage(3, b"/Contents 5 0 R", b"/Contents %d 0 R" % FREE, beside=FORGED),
    "font replaced": replaced(6, b"<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>"),
    "drawing replaced": replaced(7, drawing(b"TTC")),
    "drawing emptied (shadow hide)": replaced(7, drawing(b"")),
    "drawing deleted (shadow hide)": lambda pdf: updated(pdf, {}, points={7: None}),
    "page content deleted": lambda pdf: updated(pdf, {}, points={5: None}),
    "resources replaced": passage(3, b"/X1 7 0 R", b"/X1 %d 0 R" % FREE, beside=drawing(b"TTC")),
    "field appearance replaced (shadow replace)": replaced(10, drawing(b"900 000")),
    "field value changed": passage(9, b"(100)", b"(900 000)"),
    "field appearance switched": passage(9, b"/N 10 0 R", b"/N %d 0 R" % FREE, beside=drawing(b"900 000")),
    "field moved": passage(9, b"50 600 250 630", b"50 690 250 730"),
    "field removed": passage(8, b"9 0 R", b""),
    "field given an action": passage(9, b"/FT /Tx", b"/FT /Tx /AA << /F %s >>" % SCRIPT),
    "free text": annotation(b"FreeText", b"/DA (/F1 24 Tf 0 g)"),
    "stamp": annotation(b"Stamp", BLACK),
    "square": annotation(b"Square", BLACK),
    "highlight with an appearance": annotation(b"Highlight", b"/QuadPoints [50 730 400 730 50 690 400 690] " + BLACK),
    "note": annotation(b"Text"),
    "ink": annotation(b"Ink", b"/InkList [[50 700 400 700]] " + BLACK),
    "link": annotation(b"Link", b"/A << /S /URI /URI (http://exemple.invalid/) >>"),
    "redaction": annotation(b"Redact", BLACK),
    "text field added": field_added(b"Tx"),
    "button added": field_added(b"Btn"),
    "form calculates": passage(8, b"/Fields", b"/CO [9 0 R] /NeedAppearances true /Fields"),
    "form becomes XFA": passage(8, b"/Fields", b"/XFA %d 0 R /Fields" % FREE, beside=stream(b"", b"<xdp/>")),
    "script at opening": passage(1, CATALOGUE, CATALOGUE + b" /OpenAction " + SCRIPT),
    "action at opening": passage(1, CATALOGUE, CATALOGUE + b" /OpenAction [4 0 R /Fit]"),
    "script by name": passage(1, CATALOGUE, CATALOGUE + b" /Names << /JavaScript << /Names [(a) %s] >> >>" % SCRIPT),
    "page action": passage(3, b"/Parent", b"/AA << /O %s >> /Parent" % SCRIPT),
    "hidden layer switched": passage(1, CATALOGUE, CATALOGUE + b" /OCProperties << /D << /OFF [] >> /OCGs [] >>"),
    "viewer preferences": passage(1, CATALOGUE, CATALOGUE + b" /PageMode /UseAttachments"),
    "file attached": passage(1, CATALOGUE, CATALOGUE + b" /Names << /EmbeddedFiles << /Names [] >> >>"),
    "page added": passage(2, b"4 0 R] /Count 2", b"4 0 R %d 0 R] /Count 3" % FREE, beside=PAGE),
    "page put first": passage(2, b"/Kids [3 0 R 4 0 R] /Count 2", b"/Kids [%d 0 R 3 0 R] /Count 2" % FREE, beside=PAGE),
    "page removed": passage(2, b"[3 0 R 4 0 R] /Count 2", b"[3 0 R] /Count 1"),
    "pages swapped": passage(2, b"3 0 R 4 0 R", b"4 0 R 3 0 R"),
    "page turned": passage(3, b"/Parent", b"/Rotate 180 /Parent"),
    "page cropped": passage(3, b"/Parent", b"/CropBox [0 0 10 10] /Parent"),
    "other page tree": passage(1, b"/Pages 2 0 R", b"/Pages %d 0 R" % FREE, beside=EMPTY_TREE),
    "other catalogue": lambda pdf: updated(pdf, {FREE: latest(pdf, 1), 5: FORGED}, root=b"%d 0 R" % FREE),
    "by a stream table": lambda pdf: with_stream_table(pdf, {5: FORGED}),
    "by a hybrid table": lambda pdf: with_stream_table(pdf, {5: FORGED}, hybrid=True),
    "two revisions, one harmless": lambda pdf: updated(updated(pdf, {5: FORGED}), {}),
    "redrawn, then put back": lambda pdf: updated(updated(pdf, {5: FORGED}), {5: latest(pdf, 7)}),
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_a_later_change_never_passes(bench: Bench, signed: bytes, name: str) -> None:
    changed = LATER[name](signed)
    assert changed.startswith(signed)
    assert changed != signed
    found = examine(changed, bench.trust(), NOW).signatures  # readable: it is the change that is refused
    assert [s.indication for s in found] == ["TOTAL-FAILED"]


@pytest.mark.parametrize("name", ["page redrawn", "stamp", "field value changed", "script at opening", "page added"])
def test_signing_the_changed_file_again_does_not_heal_the_first(bench: Bench, signed: bytes, name: str) -> None:
    twice = bench.sign(bench.signer("Ali Benali"), pdf=LATER[name](signed))
    assert passed(bench, twice) == ["Signature2"]


def test_a_hidden_object_brought_to_light(bench: Bench) -> None:
    """Shadow hide-and-replace: the other text was signed too, only the table changes."""
    pdf = bench.sign(pdf=act(hidden=FORGED))
    assert passed(bench, pdf) == ["Signature1"]
    assert passed(bench, updated(pdf, {}, points={5: pdf.index(b"5 0 obj")})) == []


def test_a_table_without_past(bench: Bench, signed: bytes) -> None:
    """The new table forgets the old one, so that the whole file reads as a single revision."""
    numbers = {int(n) for n in re.findall(rb"(?<!\d)(\d+) 0 obj", signed)}
    changed = updated(signed, {n: latest(signed, n) for n in numbers} | {5: FORGED}, first=True)
    assert passed(bench, changed) == []


def test_metadata_alone(bench: Bench, signed: bytes) -> None:
    """The standard takes new metadata for harmless; it is told."""
    titled = updated(signed, {12: b"<< /Title (Autre titre) >>"}, trailer=b"/Info 12 0 R")
    (verdict,) = examine(titled, bench.trust(), NOW).signatures
    assert verdict.indication != "TOTAL-PASSED" or verdict.changes_after
    assert not verdict.covers_whole_document


def certified(bench: Bench, level: MDPPerm) -> bytes:
    key = bench.signer()
    signer = SimpleSigner.load_pkcs12_data(key.content, (), key.password.encode())
    metadata = PdfSignatureMetadata(
        field_name="Certification",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=level,
    )
    return bytes(sign_pdf(IncrementalPdfFileWriter(BytesIO(act())), metadata, signer).getvalue())


def _signed_by(pdf: bytes, bench: Bench, **how: Any) -> bytes:
    """Signed by pyHanko, which is told not to mind what the document forbids."""
    key = bench.signer("Ali Benali")
    signer = SimpleSigner.load_pkcs12_data(key.content, (), key.password.encode())
    metadata = PdfSignatureMetadata(field_name="Ensuite", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    return bytes(sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), metadata, signer, **how).getvalue())


def test_a_certification_that_forbids_everything(bench: Bench) -> None:
    pdf = certified(bench, MDPPerm.NO_CHANGES)
    assert passed(bench, pdf) == ["Certification"]
    loose = over(pdf, rb"/P 1\b", b"/P 2")  # only to make the tool sign; the certification's byte is put back below
    later = _signed_by(loose, bench).replace(b"/P 2", b"/P 1", 1)
    assert later.startswith(pdf)
    assert "Certification" not in passed(bench, later)


@pytest.mark.parametrize("level", [MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE])
def test_a_certification_that_allows_signatures(bench: Bench, level: MDPPerm) -> None:
    pdf = certified(bench, level)
    assert passed(bench, _signed_by(pdf, bench)) == ["Certification", "Ensuite"]
    for name in (
        "page redrawn",
        "stamp",
        "free text",
        "text field added",
        "field appearance replaced (shadow replace)",
    ):
        assert passed(bench, LATER[name](pdf)) == [], name


def filled(pdf: bytes, *, value: bool, drawn: bool) -> bytes:
    """The field « montant », with another value, another appearance, or both as a form filler writes them."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    field = writer.root["/AcroForm"]["/Fields"][0]
    if value:
        field["/V"] = generic.pdf_string("900000")
    if drawn:
        shown = generic.StreamObject(stream_data=b"BT /F1 12 Tf (900 000) Tj ET")
        shown["/Type"], shown["/Subtype"] = generic.pdf_name("/XObject"), generic.pdf_name("/Form")
        shown["/BBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 200, 30)))
        field["/AP"]["/N"] = writer.add_object(shown)
    writer.update_container(field)
    output = BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    return output.getvalue()


@pytest.mark.parametrize("level", [MDPPerm.NO_CHANGES, MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE])
@pytest.mark.parametrize(("value", "drawn"), [(True, True), (True, False), (False, True)])
def test_a_form_filled_after_its_certification(bench: Bench, level: MDPPerm, value: bool, drawn: bool) -> None:
    """Refused even where the certification allows it (decision 0020); a person is told what happened."""
    pdf = certified(bench, level)
    (verdict,) = examine(filled(pdf, value=value, drawn=drawn), bench.trust(), NOW).signatures
    assert (verdict.indication, verdict.sub_indication) == ("TOTAL-FAILED", "FORMAT_FAILURE")
    assert ("formulaire" in verdict.reason) == (level != MDPPerm.NO_CHANGES)
    assert not verdict.covers_whole_document


def test_one_signature_is_counted_once(bench: Bench) -> None:
    """A file prepared so that one signature fills two fields, or one field twice: a group of two has signed once."""
    empty = b"<< /FT /Sig /T (Ensuite) >>"
    for second, expected in ((FREE, ["Ensuite"]), (FREE + 1, [])):
        fields = edited(act(), 8, b"9 0 R", b"9 0 R %d 0 R %d 0 R" % (FREE, second))
        twin = b"<< /FT /Sig /T (Autre) /V %d 0 R >>" % size(act())
        pdf = _signed_by(updated(act(), {FREE: empty, FREE + 1: twin, **fields}), bench)
        assert passed(bench, pdf) == expected


def test_a_locked_field_changed(bench: Bench) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(act()))
    lock = FieldMDPSpec(FieldMDPAction.INCLUDE, fields=["montant"])
    append_signature_field(writer, SigFieldSpec("Ensuite", field_mdp_spec=lock))
    output = BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    pdf = _signed_by(output.getvalue(), bench)
    assert passed(bench, pdf) == ["Ensuite"]
    assert passed(bench, LATER["field value changed"](pdf)) == []
    assert passed(bench, bench.sign(pdf=pdf)) == ["Ensuite", "Signature1"]


@pytest.mark.parametrize("order", ["DSS", "timestamp", "DSS, timestamp", "signature", "signature, DSS, timestamp"])
def test_what_honest_tools_add(bench: Bench, signed: bytes, order: str) -> None:
    trust, pdf = bench.trust(), signed
    for step in order.split(", "):
        if step == "DSS":
            pdf = kept(pdf, Embedded(trust.intermediates, trust.crls, ()))
        elif step == "timestamp":
            pdf = archived(pdf, bench.stamp())
        else:
            pdf = bench.sign(bench.signer("Ali Benali"), pdf=pdf)
    found = examine(pdf, trust, NOW).signatures
    assert [s.indication for s in found] == ["TOTAL-PASSED"] * (1 + order.count("signature"))
    assert found[0].changes_after


@pytest.mark.parametrize("name", ["page redrawn", "stamp", "field value changed", "drawing deleted (shadow hide)"])
def test_evidence_added_after_an_attack_heals_nothing(bench: Bench, signed: bytes, name: str) -> None:
    trust = bench.trust()
    pdf = archived(kept(LATER[name](signed), Embedded(trust.intermediates, trust.crls, ())), bench.stamp())
    assert passed(bench, pdf) == []


def test_a_start_that_points_into_the_signed_part(bench: Bench, signed: bytes) -> None:
    """The last « startxref » sends the reader back to the table before the signature: it is not there any more."""
    unsigned = start_of_table(act())
    assert passed(bench, signed + b"startxref\n%d\n%%%%EOF\n" % unsigned) == []
