"""A buyer's own Word model: its cover, headers and styles stay, the words are ours, nothing hostile gets in."""

import io
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn

from dce_templates.build import Built, build
from dce_templates.drift import drift
from dce_templates.modification import build_next
from dce_templates.redline import redline
from dce_templates.render.docx import render_docx
from dce_templates.word.file import WordError, open_word, pack
from dce_templates.word.model import MAX_BYTES, read_model
from procurement.rules import rule_table
from tests.dce_templates.model_scene import BREAK, COVER, DROPPED, HEADER, NUMBERING, edited, french, rich
from tests.dce_templates.reading import bare, in_word
from tests.dce_templates.sample import NOW, dossier
from tests.dce_templates.test_words import ORDER, SAMPLES
from tests.dce_templates.word_scene import external, package, paragraph, said, settle

MODELS = {"french": french(), "french numbered": french(numbering=True), "rich": rich()}
RULES = rule_table()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sample", ["example rc", "example ccap", "other ae"])
def test_the_words_are_the_same_with_a_model_after_its_cover(name: str, sample: str) -> None:
    document, base = SAMPLES[sample], read_model(MODELS[name])
    with_model = render_docx(document, NOW, base)
    assert in_word(with_model) == bare(COVER) + in_word(render_docx(document, NOW))
    assert with_model == render_docx(document, NOW, read_model(MODELS[name]))
    word = docx.Document(io.BytesIO(with_model))
    body = word.element.body
    for tag, order in ORDER.items():
        for node in body.iter(qn(tag)):
            kept = [child.tag.rpartition("}")[2] for child in node if child.tag.rpartition("}")[2] in order]
            assert kept == sorted(kept, key=order.index), tag
    styles = {style.style_id for style in word.styles}
    assert {node.get(qn("w:val")) for node in body.iter(qn("w:pStyle"), qn("w:tblStyle"))} <= styles
    marks = [node.get(qn("w:name")) for node in body.iter(qn("w:bookmarkStart"))]
    plain = docx.Document(io.BytesIO(render_docx(document, NOW))).element.body
    assert marks == ["mps_corps", *(node.get(qn("w:name")) for node in plain.iter(qn("w:bookmarkStart")))]
    assert len(list(body.iter(qn("w:tblHeader")))) == len(list(plain.iter(qn("w:tblHeader"))))
    languages = word.styles.element.xpath("./w:docDefaults/w:rPrDefault/w:rPr/w:lang/@w:val")
    assert languages == ["fr-FR"]
    assert (word.core_properties.author, word.core_properties.keywords) == (document.buyer, "")


def test_headings_are_the_model_s_without_its_numbers_and_lists_have_their_bullets() -> None:
    for name in ("french", "french numbered"):
        word = docx.Document(io.BytesIO(render_docx(SAMPLES["example rc"], NOW, read_model(MODELS[name]))))
        heading = next(p for p in word.paragraphs if p.text.startswith("Article 1"))
        assert heading._p.style == "Titre1"
        assert heading._p.xpath("./w:pPr/w:numPr/w:numId/@w:val") == ["0"]
        numbering = word.part.numbering_part.element
        (given,) = word.styles["List Bullet"].element.xpath("./w:pPr/w:numPr/w:numId/@w:val")
        (kind,) = numbering.xpath(f"./w:num[@w:numId='{given}']/w:abstractNumId/@w:val")
        assert numbering.xpath(f"./w:abstractNum[@w:abstractNumId='{kind}']/w:lvl[1]/w:numFmt/@w:val") == ["bullet"]
        assert "Cambria" not in str(word.styles["List Bullet"].element.xml)
    assert (NUMBERING.count("<w:num "), len(numbering.findall(qn("w:num")))) == (1, 2)


def test_header_logo_and_footer_stay_and_what_was_dropped_is_gone() -> None:
    content = render_docx(SAMPLES["example rc"], NOW, read_model(rich()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        every = b"".join(archive.read(name) for name in archive.namelist()).decode("latin-1")
        pictures = [name for name in archive.namelist() if "/media/" in name]
    assert (len(pictures), DROPPED.encode().decode("latin-1") in every, "motclef" in every) == (1, False, False)
    word = docx.Document(io.BytesIO(content))
    assert [section.header.paragraphs[0].text for section in word.sections] == [HEADER, HEADER]
    assert word.sections[-1].footer.paragraphs[0].text == "Hôtel de ville"
    assert word.tables[0]._tbl.tblPr.style == "TableGrid"
    bare_model = docx.Document(io.BytesIO(render_docx(SAMPLES["example rc"], NOW, read_model(french()))))
    assert "2026-NUM-014" in bare_model.sections[-1].footer.paragraphs[0].text


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (paragraph("a") + paragraph("b"), ""),
        (paragraph("a") + BREAK + paragraph("b"), "a"),
        (f"<w:sdt><w:sdtContent>{paragraph('a')}{BREAK}</w:sdtContent></w:sdt>" + paragraph("b"), "aAprèslesaut"),
        ("<w:p><w:pPr><w:sectPr/></w:pPr><w:r><w:t>a</w:t></w:r></w:p>" + paragraph("b") + BREAK, "a"),
    ],
)
def test_the_cover_is_what_stands_before_the_first_break(body: str, kept: str) -> None:
    document = SAMPLES["example rc"]
    made = in_word(render_docx(document, NOW, read_model(french(body))))
    assert made == kept + in_word(render_docx(document, NOW))


def built(changes: dict[str, Any] | None = None, **options: Any) -> Built:
    return build(dossier(changes or {}), RULES.figures, RULES.rules, ["docx"], now=NOW, checked=False, **options)


def test_drift_and_redline_read_what_a_model_made() -> None:
    first, model = built(model=rich()), rich()
    assert b'"word_model"' in first.files[-1].content
    ccap = next(file.content for file in first.files if file.name.startswith("CCAP"))
    assert not drift(ccap, dossier(), RULES.figures, RULES.rules).drifted
    other = built({"payment_delay_days": "20"}, model=model)
    after = next(file.content for file in other.files if file.name.startswith("CCAP"))
    found = drift(after, dossier(), RULES.figures, RULES.rules)
    assert [item.state for item in found.articles if item.state != "unchanged"] == ["changed"]
    for old in (ccap, next(file.content for file in built().files if file.name.startswith("CCAP"))):
        marked = redline(old, after, author="Ville", at=NOW).content
        assert settle(marked, accepted=True) == said(after)
        assert settle(marked, accepted=False) == said(old)


def test_the_next_version_tells_no_change_where_only_the_model_is_new() -> None:
    former = {file.name: file.content for file in built().files}
    made = build_next(
        dossier(), dossier(), RULES.figures, RULES.rules, ["docx"], former=former, now=NOW, version=2, model=rich()
    )
    assert not [file.name for file in made.files if "modifications" in file.name]
    notice = next(file.content for file in made.files if file.name.startswith("AVIS"))
    assert docx.Document(io.BytesIO(notice)).sections[-1].header.paragraphs[0].text == HEADER


def field(code: list[str]) -> bytes:
    run = '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>{}<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    return french(run.format("".join(f"<w:r><w:instrText>{part}</w:instrText></w:r>" for part in code)) + BREAK)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "pdf": (b"%PDF-1.7", "pas un document Word"),
    "size": (b"PK" + b"0" * MAX_BYTES, "trop gros"),
    "bomb": (package(paragraph("a"), {"word/media/a.bin": b"0" * 21_000_000}), "trop gros"),
    "macros": (package(paragraph("a"), {"word/vbaProject.bin": b"x"}), "macros"),
    "template": (external("attachedTemplate", "https://exemple.fr/x.dotm"), "en dehors"),
    "file link": (external("hyperlink", "file://serveur/partage"), "objet, un contrôle ou un lien"),
    "object": (
        edited(rich(), "word/_rels/document.xml.rels", "relationships/image", "relationships/oleObject"),
        "objet, un contrôle",
    ),
    "doctype": (edited(french(), "word/styles.xml", "<w:styles", "<!DOCTYPE w [<!ENTITY a 'b'>]><w:styles"), "DOCTYPE"),
    "dde": (field(["DDE", "AUTO c:"]), "DDEAUTO"),
    "include": (french('<w:p><w:fldSimple w:instr="INCLUDEPICTURE &quot;x&quot;"/></w:p>' + BREAK), "INCLUDEPICTURE"),
    "comment": (french('<w:p><w:commentRangeStart w:id="1"/></w:p>' + BREAK), "commentaires"),
    "revision": (french('<w:p><w:ins w:id="1" w:author="Léa"/></w:p>' + BREAK), "modifications suivies"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_taken_is_one_sentence(name: str) -> None:
    content, words = HOSTILE[name]
    with pytest.raises(WordError, match=words) as caught:
        read_model(content)
    assert caught.value.sentence.endswith((".", "!"))


def test_a_model_that_only_looks_like_word_is_one_sentence() -> None:
    odd = french('<w:p/><w:sectPr><w:pgSz w:w="large" w:h="1"/></w:sectPr>')
    parts = dict(open_word(rich()))
    parts.pop("word/header1.xml")
    for content in (odd, pack(parts.items())):
        with pytest.raises(WordError, match="abîmé"):
            render_docx(SAMPLES["example rc"], NOW, read_model(content))


def test_fields_that_speak_of_the_document_stay() -> None:
    made = render_docx(SAMPLES["example rc"], NOW, read_model(field([" PA", "GE "])))
    assert b"PA" in open_word(made)["word/document.xml"]
