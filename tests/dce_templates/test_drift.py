"""What an edited document says otherwise than its dossier, and what the edit broke."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from dce_templates.assemble import assemble
from dce_templates.blocks import Kind
from dce_templates.drift import Drift, drift
from dce_templates.law import in_force
from dce_templates.redline import redline
from dce_templates.render.docx import render_docx
from dce_templates.word.file import WordError, open_word, pack
from procurement.rules import rule_table
from tests.dce_templates.sample import NOW, dossier
from tests.dce_templates.word_scene import package, paragraph

TABLE = rule_table()
FIGURES = in_force(TABLE.figures, dossier().launched_on)
CAPPED: dict[str, Any] = {"penalties": {"cap": "0.15", "exemption": "500.00"}}
Edit = Callable[[str], str]


@cache
def written(kind: Kind, capped: bool = False) -> bytes:
    return render_docx(assemble(kind, dossier(CAPPED if capped else {}), FIGURES), NOW)


def edited(content: bytes, edit: Edit) -> bytes:
    """The document after an edit of its XML, which must change something."""
    parts = dict(open_word(content))
    before = parts["word/document.xml"].decode()
    after = edit(before)
    assert after != before
    return pack((parts | {"word/document.xml": after.encode()}).items())


def compare(edit: Edit, kind: Kind = "ccap", *, capped: bool = False) -> Drift:
    content = edited(written(kind, capped), edit)
    return drift(content, dossier(CAPPED if capped else {}), TABLE.figures, TABLE.rules)


def swap(before: str, after: str) -> Edit:
    return lambda xml: xml.replace(before, after, 1)


def states(found: Drift) -> dict[str, str]:
    return {
        item.id or item.title: item.state for item in (*found.clauses, *found.articles) if item.state != "unchanged"
    }


def ids(found: Drift) -> list[str]:
    return [finding.id for finding in found.findings]


def clause(xml: str, name: str) -> tuple[int, int]:
    """Where a clause stands, its bookmarks included."""
    start = re.search(rf'<w:bookmarkStart w:id="(\d+)" w:name="{name}"/>', xml)
    assert start is not None
    end = f'<w:bookmarkEnd w:id="{start[1]}"/>'
    return start.start(), xml.index(end) + len(end)


def test_a_document_as_it_was_made_has_no_drift() -> None:
    kinds: tuple[Kind, ...] = ("rc", "ccap", "data")
    for kind in kinds:
        found = drift(written(kind), dossier(), TABLE.figures, TABLE.rules)
        assert (found.kind, found.drifted, found.findings) == (kind, False, ())
        assert ("OD-05" in {item.id for item in found.clauses}) == (kind == "ccap")


def test_what_word_changes_by_itself_and_numbers_of_headings_do_not_count() -> None:
    def typography(xml: str) -> str:
        xml = xml.replace("Article 4 –", "Article 5 –")
        xml = xml.replace("’", "'").replace("\u00a0%", " %").replace("« ", "“").replace(" »", "”")
        return xml.replace(
            "Le titulaire remet", "Le</w:t></w:r><w:r><w:t xml:space='preserve'>\u00a0titu\u00adlaire remet"
        )

    assert not compare(typography).drifted


def test_what_libreoffice_does_to_bookmarks_does_not_count() -> None:
    """Seen in files that LibreOffice 7.4 saved: a bookmark of several paragraphs opens twice, closes once."""

    def saved(xml: str) -> str:
        start, end = clause(xml, "cl_OD_10_v1")
        last = xml.rindex("<w:p>", start, end)
        closing = '<w:bookmarkStart w:id="901" w:name="cl_OD_10_v1"/>' + re.sub(
            r'<w:bookmarkEnd w:id="\d+"/>$', '<w:bookmarkEnd w:id="901"/>', xml[last:end]
        )
        return xml[:last] + closing + xml[end:]

    assert states(compare(saved)) == {}


def test_a_clause_changed_shows_its_words_alone() -> None:
    found = compare(swap("une fréquence mensuelle", "une fréquence annuelle"))
    assert states(found) == {"OD-05": "changed"}
    changed = next(item for item in found.clauses if item.id == "OD-05")
    assert [(c.before, c.after) for c in changed.changes] == [("mensuelle", "annuelle")]
    assert changed.changes[0].around.endswith("suivent une fréquence")


def test_a_clause_is_missing_moved_or_added() -> None:
    def cut(xml: str) -> tuple[str, str]:
        start, end = clause(xml, "cl_OD_23_v1")
        return xml[:start] + xml[end:], xml[start:end]

    assert states(compare(lambda xml: cut(xml)[0])) == {"OD-23": "missing"}

    def move(xml: str) -> str:
        rest, piece = cut(xml)
        at = rest.index("<w:sectPr")
        return rest[:at] + piece + rest[at:]

    assert states(compare(move)) == {"OD-23": "moved"}
    unknown = (
        '<w:bookmarkStart w:id="900" w:name="cl_OD_99_v1"/>' + paragraph("Une clause.") + '<w:bookmarkEnd w:id="900"/>'
    )
    assert states(compare(lambda xml: xml.replace("<w:sectPr", unknown + "<w:sectPr", 1))) == {"OD-99": "added"}


def test_articles_are_followed_too() -> None:
    heading = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Article 20 – Visites</w:t></w:r></w:p>'
    found = compare(lambda xml: xml.replace("<w:sectPr", heading + paragraph("Deux visites.") + "<w:sectPr", 1))
    assert states(found) == {"Visites": "added"}
    assert states(compare(lambda xml: re.sub(r"<w:bookmark(Start|End)[^>]*>", "", xml), "rc")) == {}


def test_tracked_changes_count_as_accepted() -> None:
    after = edited(written("ccap"), swap("une fréquence mensuelle", "une fréquence annuelle"))
    tracked = redline(written("ccap"), after, author="Agent", at=NOW).content
    assert states(drift(tracked, dossier(), TABLE.figures, TABLE.rules)) == {"OD-05": "changed"}


@pytest.mark.parametrize(
    ("before", "after", "kind", "field"),
    [
        ("<w:t>2026-NUM-014", "<w:t>2026-NUM-015", "ccap", "reference"),
        ("dure 24 mois", "dure 36 mois", "ccap", "duration_months"),
        ("paiement est de 30 jours", "paiement est de 45 jours", "ccap", "payment_delay_days"),
        ("15 janvier 2027", "16 janvier 2027", "rc", "deadline"),
        ("vaut 120 jours", "vaut 90 jours", "ae", "validity_days"),
    ],
)
def test_what_the_dossier_says_once_cannot_be_changed_by_hand(before: str, after: str, kind: Kind, field: str) -> None:
    found = compare(swap(before, after), kind)
    (finding,) = [item for item in found.findings if item.id == "single_source"]
    assert (finding.severity, f"({field})" in finding.fix) == ("block", True)
    assert "figure_changed" not in ids(found)


def test_another_figure_changed_by_hand_is_a_warning_with_both_values() -> None:
    (finding,) = compare(swap("dans la limite de 10 %", "dans la limite de 25 %")).findings
    assert (finding.id, finding.severity) == ("figure_changed", "warn")
    assert "« 10 » est devenu « 25 »" in finding.message


def test_the_list_of_derogations_stays_the_computed_one() -> None:
    row = re.compile(r"<w:tr>(?:(?!</w:tr>).)*Pénalités : (?:(?!</w:tr>).)*</w:tr>", re.DOTALL)
    (lost,) = [f for f in compare(lambda xml: row.sub("", xml, 1), capped=True).findings if f.id == "derogations"]
    assert "ne cite plus l’article 14" in lost.message

    def renumber(xml: str) -> str:
        found = row.search(xml)
        assert found is not None
        return xml.replace(found.group(), found.group().replace(">14<", ">13<", 1))

    wrong = compare(renumber, capped=True)
    assert "renvoie à l’article 13" in next(f.message for f in wrong.findings if f.id == "derogations")
    more = "Par dérogation à l’article 25.2 du CCAG-FCS, le silence vaut admission."
    hidden = compare(swap("Il n’est pas joint", f"{more} Il n’est pas joint"))
    assert "déroge à l’article 25.2 du CCAG, que la liste ne cite pas" in hidden.findings[0].message


def test_dead_references_gaps_and_brands_are_looked_for_in_what_was_written() -> None:
    text = "Selon le décret n°\u00a02016-360, fournir un poste Windows et [le délai à préciser]."
    found = compare(swap("Il n’est pas joint", f"{text} Il n’est pas joint"))
    assert ids(found) == ["placeholders", "figure_changed", "dead_references", "brand_names"]
    assert "« Windows » est-il une marque ?" in " ".join(f.message for f in found.findings)


def test_a_document_from_elsewhere_is_one_sentence() -> None:
    with pytest.raises(WordError, match="pas l’un de ceux que ce dossier produit"):
        drift(package(paragraph("Bonjour")), dossier(), TABLE.figures, TABLE.rules)
