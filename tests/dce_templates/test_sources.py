"""The annex « Sources »: every rule in force and every clause used, never what comes from memory."""

import csv
import io

import pytest

from dce_templates.catalogue import ClauseError, catalogue
from dce_templates.law import in_force
from dce_templates.render.docx import render_docx
from dce_templates.render.html import render_page
from dce_templates.render.pdf import render_pdf
from dce_templates.sources import annex, build_sources, rows
from procurement.rules import rule_table
from tests.dce_templates.reading import bare, in_html, in_pdf, in_word
from tests.dce_templates.sample import NOW, dossier

TABLE = rule_table()


def test_it_lists_what_was_checked_and_used_and_nothing_from_memory() -> None:
    """OD-12 has a reference from memory; OD-31 is refused."""
    extra = [
        {"id": "OD-12", "vars": {}},
        {"id": "OD-31", "refused_motive": "déjà dit ailleurs"},
    ]
    one = dossier({"clauses": [*dossier().model_dump(mode="json")["clauses"], *extra]})
    found = rows(one, TABLE.figures, TABLE.rules)
    law = in_force(TABLE.rules, one.launched_on)
    assert {row.id for row in found if row.genre == "règle"} == set(law)
    assert {row.id for row in found if row.genre == "clause"} == {"OD-05", "OD-07", "OD-10", "OD-23", "OD-27", "OD-12"}
    told = {row.origin.article for row in found if row.origin}
    memory = {r.article for c in catalogue().values() for r in c.meta.references if r.mark == "M"}
    assert memory
    assert not told & memory
    assert {row.origin.mark for row in found if row.origin} <= {"T", "S", "X"}
    weights = next(row for row in found if row.id == "weights")
    assert weights.read == "texte lu en avril 2026 par équipe mps"
    assert weights.cells[0] == "R2152-12"
    assert "weights@2019-04-01" in weights.cells[1]


def test_the_launch_date_chooses_and_an_unknown_clause_is_one_sentence() -> None:
    before = {row.id for row in rows(dossier({"launched_on": "2026-08-20"}), TABLE.figures, TABLE.rules)}
    after = {row.id for row in rows(dossier({"launched_on": "2026-08-22"}), TABLE.figures, TABLE.rules)}
    assert after - before >= {"environmental_criterion", "price_only"}
    with pytest.raises(ClauseError, match="OD-99"):
        rows(dossier({"clauses": [{"id": "OD-99", "vars": {}}]}), TABLE.figures, TABLE.rules)


def test_every_format_says_the_same() -> None:
    made = build_sources(dossier(), TABLE.figures, TABLE.rules, now=NOW, table=TABLE.name, adopted=True)
    assert [file.name for file in made] == [
        f"ANNEXE-SOURCES_2026-NUM-014.{end}" for end in ("docx", "pdf", "html", "csv")
    ]
    assert made == build_sources(dossier(), TABLE.figures, TABLE.rules, now=NOW, table=TABLE.name, adopted=True)
    found = rows(dossier(), TABLE.figures, TABLE.rules)
    document = annex(dossier(), found, TABLE.name, True)
    word, page = in_word(made[0].content), in_html(made[2].content)
    assert (word, page) == (in_word(render_docx(document, NOW)), in_html(render_page(document).encode()))
    assert word == page
    assert TABLE.sha256 in word
    assert sorted(in_pdf(render_pdf(document, NOW)).replace("–", "")) == sorted(word.replace("–", ""))
    lines = list(csv.reader(io.StringIO(made[3].content.decode("utf-8-sig")), delimiter=";"))
    assert len(lines) == len(found) + 1
    assert all(bare(line[3])[:20] in word for line in lines[1:] if "'" not in line[3])


def test_a_clause_without_a_source_read_is_named_all_the_same() -> None:
    known = dict(catalogue())
    meta = known["OD-05"].meta
    memory = tuple(reference.model_copy(update={"mark": "M"}) for reference in meta.references)
    bare_meta = meta.model_copy(update={"references": memory, "title": "=HYPERLINK(1)"})
    known["OD-05"] = type(known["OD-05"])(bare_meta, known["OD-05"].source, "0" * 64)
    kept = [row for row in rows(dossier(), TABLE.figures, TABLE.rules, known) if row.id == "OD-05"]
    assert [row.read for row in kept] == ["aucune source lue à ce jour"]
    (table,) = build_sources(
        dossier(), TABLE.figures, TABLE.rules, ["csv"], now=NOW, table="", adopted=False, clauses=known
    )
    assert not any(
        cell.startswith(("=", "+", "@")) for line in table.content.decode().splitlines() for cell in line.split(";")
    )
