"""A clause typed by legal staff: the form and the card say the same, and two texts beside each other lose no word."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dce_templates.catalogue import catalogue
from dce_templates.clause_faults import faults
from dce_templates.clause_lines import TypedError, read_typed, to_typed
from dce_templates.side_by_side import in_words, side_by_side
from procurement.rules import rule_table

FIGURES = rule_table().in_force(date(2026, 11, 26)).figures
WORDS = st.lists(st.sampled_from(["un", "deux", "mots", "40 000", "d'euros", ",", "é", "<b>"]), max_size=12)
TEXTS = st.lists(WORDS.map(" ".join), max_size=5).map("\n\n".join)


@pytest.mark.parametrize("name", catalogue())
def test_every_shipped_clause_is_typed_back_without_loss_and_without_fault(name: str) -> None:
    clause = catalogue()[name]
    meta, text = read_typed(to_typed(clause), name, clause.meta.version, clause.meta.author)
    kept = {"status": clause.meta.status, "approver": clause.meta.approver, "note": clause.meta.note}
    assert meta.model_copy(update=kept) == clause.meta
    assert text.split() == clause.source.split()
    assert faults(clause, catalogue(), FIGURES) == {}


@given(st.dictionaries(st.sampled_from([*to_typed(catalogue()["OD-05"])]), st.text(max_size=80), max_size=6))
def test_whatever_is_typed_is_a_clause_or_told_by_field(typed: dict[str, str]) -> None:
    whole = to_typed(catalogue()["OD-05"]) | typed
    told, title = set[str](), whole["title"].strip()
    try:
        title = read_typed(whole, "OD-05", "1.1.0", "Camille")[0].title
    except TypedError as error:
        told = set(error.fields) or {"nothing is told"}
    assert told <= set(typed)
    assert title == whole["title"].strip()


@given(TEXTS, TEXTS)
def test_two_texts_beside_each_other_lose_no_word(before: str, after: str) -> None:
    pairs = side_by_side(before, after)
    assert " ".join("".join(p.text for p in pair.before) for pair in pairs).split() == before.split()
    assert " ".join("".join(p.text for p in pair.after) for pair in pairs).split() == after.split()
    if before == after:
        assert all(pair.same for pair in pairs)


def test_what_differs_is_marked_word_by_word() -> None:
    (pair,) = side_by_side("Remise sous dix jours.", "Remise sous vingt jours.")
    assert [piece.text for piece in pair.before if piece.differs] == ["dix"]
    assert [piece.text for piece in pair.after if piece.differs] == ["vingt"]


def test_tags_are_told_in_words() -> None:
    source = (
        "{% if a and b %}sous {{ days }} jours{% elif c %}{{ d.name|lower }}{% else %}non{% endif %}{% for x in xs %}"
    )
    assert in_words(source) == "‹si a and b›sous ‹days› jours‹sinon, si c›‹d.name›‹sinon›non‹fin›‹pour chaque x de xs›"
