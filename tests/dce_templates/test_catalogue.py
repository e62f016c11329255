from typing import Any

import pytest

from dce_templates.catalogue import ClauseError, advice, catalogue, check_source, clause_text, read_clause, values
from dce_templates.dossier import ClauseChoice
from dce_templates.markup import restore
from tests.dce_templates.sample import dossier

FULL = {
    "OD-05": {"datasets": ("comptages",)},
    "OD-07": {"credit": "Ville"},
}


def test_the_catalogue_is_complete_and_sourced() -> None:
    assert list(catalogue()) == ["OD-05", "OD-07", "OD-10", "OD-23", "OD-27"]
    for clause in catalogue().values():
        assert len(clause.sha256) == 64
        assert clause.meta.note
        assert {ref.mark for ref in clause.meta.refs} <= {"T", "S"}
        assert set(clause.meta.requires) | set(clause.meta.excludes) <= set(catalogue())


@pytest.mark.parametrize("name", catalogue())
def test_every_clause_fills_with_its_defaults(name: str) -> None:
    choice = ClauseChoice(id=name, vars=FULL.get(name, {}))
    text = restore(clause_text(catalogue()[name], choice, {}))
    assert len(text.split()) > 80
    assert "{" not in text


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 100000000 }}", "{{ 2 ** 9 }}", "{{ f() }}", "{% set a = 1 %}", "{{ a.__class__ }}",
        "{{ a['b'] }}", "{% include 'x' %}", "{% macro m() %}{% endmacro %}", "{{ a|tojson }}", "{{ a", "{{ a ~ b }}",
    ],
)  # fmt: skip
def test_a_clause_text_keeps_to_the_allow_list(source: str) -> None:
    with pytest.raises(ClauseError):
        check_source(source)


def test_an_incomplete_meta_is_refused() -> None:
    with pytest.raises(ClauseError):
        read_clause("id: OD-99", "Texte.")


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("OD-05", {}, "à renseigner"),
        ("OD-05", {"datasets": "un seul"}, "liste"),
        ("OD-05", {"datasets": ("a",), "first_delivery_days": "soixante"}, "entier"),
        ("OD-05", {"datasets": ("a",), "first_delivery_days": "0"}, "de 1 à 365"),
        ("OD-05", {"datasets": ("a",), "frequency": "parfois"}, "l'une de"),
        ("OD-05", {"datasets": ("a",), "colour": "bleu"}, "inconnue"),
        ("OD-07", {"credit": ("a", "b")}, "une seule valeur"),
    ],
)
def test_each_wrong_variable_has_its_sentence(name: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ClauseError, match=words):
        values(catalogue()[name], ClauseChoice(id=name, vars=given))


def test_values_of_the_officer_stay_inert() -> None:
    choice = ClauseChoice(id="OD-05", vars={"datasets": ("{{ 7 * 7 }} # titre | a :: b",)})
    assert "{{ 7 * 7 }} # titre | a :: b" in restore(clause_text(catalogue()["OD-05"], choice, {}))


def test_advice_sorts_the_catalogue() -> None:
    assert advice(catalogue()["OD-27"], dossier()) == "recommended"
    assert advice(catalogue()["OD-27"], dossier({"personal_data": "false"})) == "possible"
    assert advice(catalogue()["OD-23"], dossier({"kind": "works"})) == "no"
