"""Word, PDF and HTML of one document say the same words in the same order, whatever the words are."""

import io
import time
from collections.abc import Mapping
from decimal import Decimal

import docx
import pypdf
import pytest
from docx.oxml.ns import qn
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dce_templates.acts.documents import amendment as amendment_of
from dce_templates.acts.documents import subcontract as subcontract_of
from dce_templates.acts.minutes import TITLES, record
from dce_templates.assemble import assemble, kinds_of
from dce_templates.blocks import Block, Document, Fields, Heading, Items, Note, Para, Sign, Table, words_of
from dce_templates.candidate.dc1 import dc1
from dce_templates.candidate.dc2 import dc2
from dce_templates.catalogue import catalogue
from dce_templates.dossier import Dossier, Holder
from dce_templates.law import Figure, in_force
from dce_templates.render.docx import render_docx
from dce_templates.render.html import render_page
from dce_templates.render.pdf import render_pdf
from procurement.rules import rule_table
from tests.dce_templates.acts import sample as acts
from tests.dce_templates.candidate.sample import full
from tests.dce_templates.reading import bare, in_html, in_pdf, in_word, pdf_pattern
from tests.dce_templates.sample import NOW, concession, dossier

HOLDER = Holder(name="Exemple & Fils", siret="99900002900010", amount=Decimal("91500.50"), grouping="Conjoint")
HOSTILE = (
    "&", "&amp;", "<b>", "</w:t>", "<!--", '#read("/etc/passwd")', "$x$", "*gras*", "_a_", "= Titre", "@ref", "\\", "`",
    "// note", "/* */", "#pagebreak()", "{{ 7*7 }}", "{% raw %}", "[", "]", "~", "--", "...", "'", '"', "=1+1", "%0A",
    "a" * 90, "https://exemple.fr/" + "dossier/" * 9, "Ελλάδα", "Привет", "1\u202f000\u00a0€", "☐", "œuf", "ﬁ",
    "a\u0301",
)  # fmt: skip
TEXT = st.lists(
    st.sampled_from(HOSTILE) | st.text(st.characters(codec="latin-1", exclude_categories=["C"]), max_size=12),
    min_size=1,
    max_size=4,
).map(lambda words: " ".join(words) or "vide")


def samples() -> dict[str, Document]:
    changes = {
        "ccag": "PI", "penalties": {"divisor": "500", "cap": "0.2"}, "retention_rate": "0.03", "clauses": [],
        "advance": {"granted": "false"},
    }  # fmt: skip
    found = {"dc1": dc1(full()), "dc2": dc2(full())}
    law = in_force(rule_table().figures, NOW.date())
    found["amendment"] = amendment_of(acts.amendment(), law, catalogue())
    found["subcontract"] = subcontract_of(acts.subcontract(), law)
    found |= {kind: record(kind, acts.minutes(), NOW) for kind in TITLES}
    for name, one, holder in (("example", dossier(), None), ("other", dossier(changes), HOLDER)):
        for kind in kinds_of(one):
            found[f"{name} {kind}"] = assemble(kind, one, _figures(one), holder)
    for kind in ("rc", "concession"):
        found[f"concession {kind}"] = assemble(kind, concession(), law)
    return found


def _figures(one: Dossier) -> Mapping[str, Figure]:
    return in_force(rule_table().figures, one.launched_on)


SAMPLES = samples()


def agree(document: Document) -> None:
    words = bare(words_of(document))
    assert in_word(render_docx(document, NOW)) == words
    assert in_html(render_page(document).encode()) == words
    read, expected = in_pdf(render_pdf(document, NOW)), pdf_pattern(document)
    assert expected.fullmatch(read), f"{read}\n{expected.pattern}"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_three_formats_say_the_same_words_in_order(name: str) -> None:
    agree(SAMPLES[name])


ROWS = st.integers(1, 6).flatmap(lambda columns: st.lists(st.tuples(*[TEXT] * columns), min_size=1, max_size=4))
BLOCKS = st.one_of(
    TEXT.map(Para),
    TEXT.map(Note),
    st.lists(TEXT, min_size=1, max_size=3).map(lambda items: Items(tuple(items))),
    st.builds(lambda caption, rows: Table(caption, rows[0], tuple(rows[1:])), TEXT, ROWS),
    st.builds(lambda caption, rows: Fields(caption, tuple(rows)), TEXT, st.lists(st.tuples(TEXT, TEXT), min_size=1)),
    st.builds(lambda party, lines: Sign(party, tuple(lines)), TEXT, st.lists(TEXT, max_size=2)),
)


@settings(max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(TEXT, TEXT, TEXT, st.lists(BLOCKS, max_size=6))
def test_hostile_words_stay_words(title: str, subject: str, buyer: str, blocks: list[Block]) -> None:
    """In the PDF only each letter is counted: a row that goes on over the page gives its cells in two parts."""
    document = Document("ae", title, subject, "R-1", buyer, (Heading(1, f"Article 1 – {subject}", "a1"), *blocks))
    words = bare(words_of(document))
    assert in_word(render_docx(document, NOW)) == words
    assert in_html(render_page(document).encode()) == words
    dashes = "–" * sum(len(block.items) for block in blocks if isinstance(block, Items))
    assert sorted(in_pdf(render_pdf(document, NOW))) == sorted(words + dashes)


def test_words_written_from_right_to_left_keep_their_letters() -> None:
    document = Document("ae", "Titre", "Objet", "R-1", "Ville", (Para("שלום עולם"), Para("مرحبا بالعالم")))
    assert in_word(render_docx(document, NOW)) == in_html(render_page(document).encode()) == bare(words_of(document))
    assert sorted(in_pdf(render_pdf(document, NOW))) == sorted(bare(words_of(document)))


def test_an_emoji_stays_in_word_and_html() -> None:
    document = Document("ae", "Titre", "Objet \U0001f600", "R-1", "Ville", ())
    assert in_word(render_docx(document, NOW)) == in_html(render_page(document).encode()) == "VilleTitreObjet\U0001f600"


def test_three_hundred_rows_are_rendered_once_each() -> None:
    rows = tuple(tuple(f"r{row}c{column}" for column in range(6)) for row in range(300))
    document = Document("ae", "Titre", "Objet", "R-1", "Ville", (Table("Prix", rows[0], rows[1:]),))
    started = time.process_time()
    agree(document)
    assert time.process_time() - started < 10, "a cell reached by its row and column costs a walk through the table"


def test_no_word_runs_off_the_page() -> None:
    word = "m" * 130
    table = Table("Prix", ("a", word), (("1", "2"),))
    blocks = (Heading(1, word, "a1"), Para(word), table, Fields("", ((word, "1"),)), Sign("Ville", (word,)))
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(Document("ccap", word, "Objet", "R-1", "Ville", blocks), NOW)))
    ends = []

    def seen(text: str, cm: list[float], tm: list[float], _font: object, size: float) -> None:
        if set(text.strip()) == {"m"}:
            ends.append(cm[0] * tm[4] + cm[4] + 0.8 * size * len(text.strip()))

    for page in reader.pages:
        page.extract_text(visitor_text=seen)
    assert len(ends) > 4 * len(word)
    assert max(ends) < reader.pages[0].mediabox.width - 64


# The order of the schema (ISO 29500, wml.xsd), as far as our renderer goes: Word may call another order a broken file.
ORDER = {
    "w:pPr": ("pStyle", "keepNext", "keepLines", "numPr", "pBdr", "shd", "spacing", "ind", "jc", "rPr", "sectPr"),
    "w:rPr": ("rStyle", "rFonts", "b", "bCs", "i", "iCs", "color", "sz", "szCs", "lang"),
    "w:tblPr": ("tblStyle", "tblW", "jc", "tblInd", "tblBorders", "shd", "tblLayout", "tblCellMar", "tblLook"),
    "w:trPr": ("cantSplit", "trHeight", "tblHeader"),
    "w:tcPr": ("tcW", "gridSpan", "vMerge", "tcBorders", "shd", "vAlign"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_word_finds_what_its_schema_expects(name: str) -> None:
    body = docx.Document(io.BytesIO(render_docx(SAMPLES[name], NOW))).element.body
    for tag, order in ORDER.items():
        for node in body.iter(qn(tag)):
            names = [child.tag.rpartition("}")[2] for child in node]
            assert set(names) <= set(order), (tag, names)
            assert names == sorted(names, key=order.index), (tag, names)
    opened: dict[str, str] = {}
    closed = set()
    for node in body.iter(qn("w:bookmarkStart"), qn("w:bookmarkEnd")):
        number = node.get(qn("w:id"))
        assert node.getparent().tag in (qn("w:body"), qn("w:p"))
        if node.tag == qn("w:bookmarkStart"):
            assert number not in opened
            opened[number] = node.get(qn("w:name"))
        else:
            assert number in opened
            assert number not in closed
            closed.add(number)
    assert closed == set(opened)
    assert len(set(opened.values())) == len(opened)
    assert all(len(each) <= 40 and each.isascii() and each.replace("_", "a").isalnum() for each in opened.values())
