"""A clause edited in Word becomes a text with tags again: nothing that was untouched loses its own."""

from datetime import date

import pytest

from dce_templates.blocks import lines_of
from dce_templates.catalogue import catalogue, clause_text
from dce_templates.clause_faults import example
from dce_templates.dossier import ClauseChoice
from dce_templates.markup import read_blocks
from dce_templates.retag import retag
from dce_templates.view import view
from procurement.rules import rule_table

VIEW = view(example(), rule_table().in_force(date(2026, 11, 26)).figures)


def chosen(name: str) -> ClauseChoice:
    """Every variable without a default, typed."""
    variables = catalogue()[name].meta.variables
    lists = {key: ("un", "deux") for key, value in variables.items() if value.type == "list"}
    texts = {key: f"[{key}]" for key, value in variables.items() if value.type == "text" and value.default is None}
    return ClauseChoice(id=name, vars={**lists, **texts})


def paragraphs(name: str) -> list[str]:
    """The clause as its lines stand in Word."""
    text = clause_text(catalogue()[name], chosen(name), VIEW)
    return [line for block in read_blocks(text) for line in lines_of(block) if line]


def again(name: str, edited: list[str]) -> str:
    return retag(catalogue()[name], chosen(name), VIEW, edited)


@pytest.mark.parametrize("name", catalogue())
def test_what_was_not_edited_is_the_source_itself(name: str) -> None:
    assert again(name, paragraphs(name)).split() == catalogue()[name].source.split()


def test_a_rewritten_paragraph_keeps_the_values_that_it_still_says() -> None:
    lines = paragraphs("OD-05")
    at = next(i for i, line in enumerate(lines) if line.startswith("La première remise"))
    lines[at] = lines[at].replace("La première remise a lieu", "La remise initiale est faite")
    source = again("OD-05", lines)
    assert "La remise initiale est faite au plus tard {{ first_delivery_days }} jours" in source
    assert "{% for dataset in datasets %}" in source
    lines[at] = lines[at].replace("60 jours", "45 jours")
    assert "au plus tard 45 jours" in again("OD-05", lines)


def test_a_list_of_which_one_line_was_rewritten_is_taken_line_by_line() -> None:
    lines = paragraphs("OD-05")
    lines[lines.index("deux")] = "deux, et {{ rien }} | d’autre"
    source = again("OD-05", lines)
    assert "- un\n\n- deux, et (( rien )) / d’autre" in source
    assert "{% for" not in source
