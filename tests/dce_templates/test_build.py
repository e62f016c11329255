import io
import json
import pickle
from decimal import Decimal
from typing import Any

import docx
import pypdf
import pytest
from docx.oxml.ns import qn
from lxml import html as lxml_html
from pypdf.generic import StreamObject

from dce_templates.blocks import Document
from dce_templates.build import Built, build, preview
from dce_templates.dossier import Holder
from dce_templates.law import in_force
from dce_templates.render.pdf import PdfError, render_pdf
from procurement.rules import rule_table
from tests.dce_templates.sample import NOW, dossier

TABLE = rule_table()
FIGURES = in_force(TABLE.figures, dossier().launched_on)
HOLDER = Holder(name="Exemple SARL", siret="99900002900010", amount=Decimal("91500.00"), sme=True)


def made(changes: dict[str, Any] | None = None, **options: Any) -> Built:
    formats = options.pop("formats", ("docx", "pdf", "html"))
    return build(dossier(changes), TABLE.figures, TABLE.rules, formats, now=NOW, **options)


@pytest.fixture(scope="module")
def built() -> Built:
    return made()


def content(built: Built, start: str, end: str) -> bytes:
    return next(file.content for file in built.files if file.name.startswith(start) and file.name.endswith(end))


def docx_text(data: bytes) -> str:
    body = docx.Document(io.BytesIO(data)).element.body
    return "\n".join("".join(node.itertext(qn("w:t"))) for node in body.iter(qn("w:p")))


def test_every_file_is_there_with_its_manifest(built: Built) -> None:
    names = [file.name for file in built.files]
    assert names[:3] == ["RC_2026-NUM-014.docx", "RC_2026-NUM-014.pdf", "RC_2026-NUM-014.html"]
    assert len(names) == 16
    manifest = json.loads(built.files[-1].content)
    assert [item["sha256"] for item in manifest["files"]] == [file.sha256 for file in built.files[:-1]]
    assert [item["id"] for item in manifest["clauses"]] == ["OD-05", "OD-07", "OD-10", "OD-23", "OD-27"]
    assert not built.blocked


def test_the_same_input_gives_the_same_bytes_and_pickles(built: Built) -> None:
    assert made() == built
    assert pickle.loads(pickle.dumps(built)) == built


def test_the_pdf_is_tagged_french_and_carries_its_data(built: Built) -> None:
    reader = pypdf.PdfReader(io.BytesIO(content(built, "CCAP", ".pdf")))
    catalog = reader.root_object
    assert str(catalog["/Lang"]).startswith("fr")
    assert "/StructTreeRoot" in catalog
    metadata = catalog["/Metadata"].get_object()
    assert isinstance(metadata, StreamObject)
    xmp = metadata.get_data().decode()
    assert "<pdfuaid:part>1" in xmp
    assert "<pdfaid:part>3" in xmp
    data = json.loads(reader.attachments["donnees.json"][0])
    assert data["dossier"]["reference"] == "2026-NUM-014"


def test_word_is_french_with_one_bookmark_for_each_clause(built: Built) -> None:
    word = docx.Document(io.BytesIO(content(built, "CCAP", ".docx")))
    names = [node.get(qn("w:name")) for node in word.element.body.iter(qn("w:bookmarkStart"))]
    assert [name for name in names if name.startswith("cl_")] == [clause.bookmark for clause in built.clauses]
    assert "cl_OD_05_v1" in names
    languages = {node.get(qn("w:val")) for node in word.styles.element.iter(qn("w:lang"))}
    assert languages == {"fr-FR"}
    assert word.core_properties.title == "Cahier des clauses administratives particulières"


def test_a_blocking_finding_writes_nothing_until_it_is_passed_over() -> None:
    changes = {"lot.single_reason": None}
    stopped = made(changes, formats=("html",))
    assert (stopped.files, stopped.blocked) == ((), True)
    passed = made(changes, formats=("html",), passed_over={"single_lot": "marché déjà divisé en 2024"})
    assert len(passed.files) == 6
    assert json.loads(passed.files[-1].content)["findings"][0]["passed_over"] == "marché déjà divisé en 2024"


def test_the_ae_alone_for_the_holder_after_the_deadline() -> None:
    over = {"deadline": "2026-11-30T12:00:00+01:00"}
    alone = made(over, formats=("pdf",), holder=HOLDER, kinds=("ae",), checked=False)
    assert [file.name for file in alone.files] == ["AE_2026-NUM-014.pdf", "manifest.json"]
    assert alone.findings == ()
    assert "Exemple SARL" in pypdf.PdfReader(io.BytesIO(alone.files[0].content)).pages[0].extract_text()


def test_hostile_words_stay_words() -> None:
    hostile = '#read("/etc/passwd") <script>alert(1)</script> {{ 7*7 }} *gras* $x$ & <b>'
    found = made({"need": hostile})
    text = docx_text(content(found, "RC", ".docx"))
    assert hostile in text
    page = content(found, "RC", ".html").decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    pdf = pypdf.PdfReader(io.BytesIO(content(found, "RC", ".pdf")))
    assert '#read("/etc/passwd")' in pdf.pages[0].extract_text()


def test_a_character_without_a_glyph_is_one_sentence() -> None:
    with pytest.raises(PdfError) as caught:
        render_pdf(Document("rc", "Titre", "Objet \U0001f600", "R-1", "Ville", ()), NOW)
    assert str(caught.value) == "Le PDF « Titre » n'a pas pu être produit : retirez ces signes : \U0001f600."
    assert render_pdf(Document("rc", "Titre", "Objet\ufeff", "R-1", "Ville", ()), NOW).startswith(b"%PDF-")


def test_the_preview_is_a_fragment_whatever_the_checks_say() -> None:
    fragment = preview("rc", dossier({"criteria": []}), TABLE.figures)
    article = lxml_html.fragment_fromstring(fragment)
    assert article.tag == "article"
    ids = article.xpath("//@id")
    assert isinstance(ids, list)
    assert len(ids) == len(set(map(str, ids)))
