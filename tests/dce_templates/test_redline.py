"""Accepted, a redline says the new document; rejected, the old one. Hostile files are one French sentence."""

import io
import re
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dce_templates.assemble import assemble
from dce_templates.blocks import Block as Written
from dce_templates.blocks import ClauseMark, Document, Heading, Para
from dce_templates.law import in_force
from dce_templates.redline import redline
from dce_templates.render.docx import render_docx
from dce_templates.word.file import WordError
from procurement.rules import rule_table
from tests.dce_templates import word_scene
from tests.dce_templates.sample import NOW, dossier
from tests.dce_templates.word_scene import Block, body, package, paragraph, said, settle, zipped

AT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
FIGURES = in_force(rule_table().figures, dossier().launched_on)

texts = st.lists(
    st.sampled_from(["le", "marché", "dure", "12", "mois", ",", "l’acheteur", "&", "<b>", "\u202f€", "  "]), max_size=7
).map(" ".join)
cells = st.lists(texts, min_size=1, max_size=2)
tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=3)
)
bodies = st.lists(texts | texts | tables, max_size=6).flatmap(lambda blocks: texts.map(lambda last: [*blocks, last]))


def marked(old: bytes, new: bytes) -> bytes:
    return redline(old, new, author="Ville", at=AT).content


def xml(content: bytes) -> str:
    return zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml").decode()


@given(bodies, bodies)
def test_accepted_it_is_the_new_document_and_rejected_the_old_one(old: list[Block], new: list[Block]) -> None:
    content = marked(package(body(old)), package(body(new)))
    assert settle(content, accepted=True) == new
    assert settle(content, accepted=False) == old


def long(document: Document, times: int = 7) -> Document:
    """The document many times over, its bookmarks kept apart."""
    blocks: list[Written] = []
    for turn in range(times):
        for block in document.blocks:
            if isinstance(block, ClauseMark):
                block = replace(block, bookmark=f"{block.bookmark}_{turn}")
            elif isinstance(block, Heading):
                block = replace(block, anchor=f"{block.anchor}_{turn}")
            elif isinstance(block, Para):
                block = replace(block, text=f"{block.text} Ordre {turn}.")
            blocks.append(block)
    return replace(document, blocks=tuple(blocks))


def edited(document: Document) -> Document:
    blocks = [block for number, block in enumerate(document.blocks) if number % 40 != 30 or not isinstance(block, Para)]
    blocks = [
        replace(block, text=block.text.replace("jours", "mois").replace("le titulaire", "l’entreprise"))
        if isinstance(block, Para)
        else block
        for block in blocks
    ]
    return replace(document, blocks=(*blocks[:50], Para("Un paragraphe nouveau."), *blocks[50:]))


def test_a_document_of_forty_five_pages_takes_less_than_three_seconds_and_keeps_its_bookmarks() -> None:
    ours = long(assemble("ccap", dossier(), FIGURES))
    old, new = render_docx(ours, NOW), render_docx(edited(ours), NOW)
    start = process_time()
    content = marked(old, new)
    assert process_time() - start < 3
    assert settle(content, accepted=True) == said(new)
    assert settle(content, accepted=False) == said(old)
    names = re.findall(r'bookmarkStart [^>]*w:name="(\w+)"', xml(content))
    assert names == re.findall(r'bookmarkStart [^>]*w:name="(\w+)"', xml(new))
    assert xml(content).count("bookmarkEnd") == len(names) > 100
    ids = re.findall(r'<w:(?:ins|del|bookmarkStart) [^>]*?w:id="(\w+)"', xml(content))
    assert len(ids) == len(set(ids)) > 100


def test_author_and_date_are_given_and_the_same_inputs_give_the_same_bytes() -> None:
    old, new = package(paragraph("Le délai est de trente jours.")), package(paragraph("Le délai est de dix jours."))
    content = marked(old, new)
    assert content == marked(old, new)
    changes = re.findall(r'<w:(ins|del) w:id="\d+" w:author="Ville" w:date="2026-12-01T09:30:00Z">', xml(content))
    assert changes == ["del", "ins"]
    assert ">trente</w:delText>" in xml(content)
    assert content != redline(old, new, author="Ville", at=AT + timedelta(seconds=1)).content
    assert redline(old, old, author="Ville", at=AT).changes == 0


def test_changes_already_tracked_are_taken_as_accepted_as_word_does() -> None:
    run = '<w:{0}><w:r><w:{1} xml:space="preserve">{2}</w:{1}></w:r></w:{0}>'
    tracked = "<w:p>" + run.format("del", "delText", "Trente ") + run.format("ins", "t", "Dix ") + "</w:p>"
    merged = "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>" + paragraph("un ")[5:] + paragraph("deux")
    old = package(tracked + merged)
    content = marked(old, package(paragraph("Dix ") + paragraph("un trois")))
    assert settle(content, accepted=False) == ["Dix ", "un deux"]
    assert settle(content, accepted=True) == ["Dix ", "un trois"]


def test_the_footer_is_compared_and_what_the_new_one_lacks_is_not_linked() -> None:
    ours = assemble("rc", dossier(), FIGURES)
    other = replace(ours, reference="2026-AUTRE")
    content = marked(render_docx(ours, NOW), render_docx(other, NOW))
    footer = zipfile.ZipFile(io.BytesIO(content)).read("word/footer1.xml").decode()
    assert "AUTRE" in re.sub(r"<[^>]+>", "", footer)
    assert "w:delText" in footer
    drawing = '<w:p><w:r><w:t>a</w:t><w:drawing w:x="1"/></w:r></w:p>'
    assert "drawing" not in xml(marked(package(drawing), package(paragraph("autre"))))


BOMB = zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": b" " * (90 << 20)})
ENTITIES = (
    '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body/></w:document>'
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "pas un document Word"),
        (b"%PDF-1.7", "pas un document Word"),
        (zipped({"a.txt": "a"}), "pas un document Word"),
        (package(paragraph("a"))[:-60], "abîmé"),
        (package(paragraph("a")).replace(b"word/document", b"word/d\xffcument"), "Word"),
        (package("<w:p>"), "abîmé"),
        (package(paragraph("a"), {"word/vbaProject.bin": b"x"}), "macros"),
        (package(paragraph("a"), {"[Content_Types].xml": "<Types a='ms-word.document.macroEnabled.12'/>"}), "macros"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "mot de passe"),
        (BOMB, "trop gros"),
        (package("<w:p/>" * 20_001), "trop gros"),
        (package("", {"word/document.xml": ENTITIES}), "DOCTYPE"),
        (word_scene.external("attachedTemplate", "https://ailleurs.example/t.dotm"), "en dehors"),
        (word_scene.external("image", "file:////serveur/partage/i.png"), "en dehors"),
    ],
)  # fmt: skip
def test_a_hostile_or_broken_file_is_one_sentence_on_either_side(content: bytes, words: str) -> None:
    good = package(paragraph("a"))
    for pair in ((content, good), (good, content)):
        with pytest.raises(WordError) as refused:
            marked(*pair)
        assert words in refused.value.sentence


def test_a_link_to_click_on_is_no_danger() -> None:
    assert marked(word_scene.external("hyperlink", "mailto:a@exemple.example"), package(paragraph("Texte")))


@pytest.mark.parametrize("body", ["<w:tbl>" * 400, paragraph("mot " * 3000), "<w:p/>" * 3000])
def test_a_tiresome_file_ends_soon(body: str) -> None:
    start = process_time()
    with suppress(WordError):
        marked(package(body), package(paragraph("autre") + body.replace("mot", "note", 1)))
    assert process_time() - start < 3
