from dataclasses import replace
from typing import Any

import pytest

from dce_templates.catalogue import (
    ClauseError,
    Standing,
    catalogue,
    check_source,
    clause_text,
    from_annex,
    read_clause,
    required_by,
    standing,
    values,
)
from dce_templates.clause_meta import Case
from dce_templates.conditions import ConditionError, holds, read_condition
from dce_templates.dossier import ClauseChoice
from dce_templates.facts import FACTS, facts_of
from dce_templates.markup import restore
from tests.dce_templates.sample import dossier

FULL: dict[str, dict[str, Any]] = {
    "OD-02": {"datasets": ("comptages",)},
    "OD-03": {"decision": "délibération n° 12", "published_at": "https://ville.example/12", "scope": ("plans",)},
    "OD-05": {"datasets": ("comptages",)},
    "OD-07": {"credit": "Ville"},
}


def test_the_catalogue_is_complete_and_sourced() -> None:
    for name, clause in catalogue().items():
        others = {other.id for other in clause.meta.requires} | set(clause.meta.excludes)
        assert len(clause.sha256) == 64
        assert clause.meta.note
        assert others <= set(catalogue()), name
        assert all(name in catalogue()[other].meta.excludes for other in clause.meta.excludes), name


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


def standing_in(name: str, changes: dict[str, Any]) -> str | None:
    found = standing(catalogue()[name], facts_of(dossier(changes)))
    return found.level if found else None


def test_each_clause_says_how_it_stands_and_why() -> None:
    found = standing(catalogue()["OD-27"], facts_of(dossier({"datasets": None})))
    assert found == Standing(
        "recommended", "Le contrat touche à des données personnelles : rien ne doit paraître sans anonymisation."
    )
    assert standing_in("OD-27", {"personal_data": "false"}) == "possible"
    assert standing_in("OD-23", {"kind": "works"}) is None


def test_nothing_is_mandatory_that_nobody_read_or_adopted() -> None:
    clause = catalogue()["OD-05"]
    case = Case(when="true", level="mandatory", because="la loi le veut")
    law = replace(clause, meta=clause.meta.model_copy(update={"applies_if": (case,)}))
    unread = tuple(item.model_copy(update={"mark": "M"}) for item in clause.meta.references)
    memory = replace(law, meta=law.meta.model_copy(update={"references": unread}))
    levels = [
        standing(item, facts_of(dossier()), adopted) for item, adopted in [(law, True), (law, False), (memory, True)]
    ]
    assert [item.level for item in levels if item] == ["mandatory", "recommended", "recommended"]


def test_no_circle_of_requirements_and_what_is_required_applies_too() -> None:
    facts = facts_of(dossier({"personal_data": "true"}))
    for name, clause in catalogue().items():
        seen, left = set[str](), {name}
        while left:
            seen |= left
            left = {other for item in left for other in required_by(catalogue()[item], facts)}
            assert name not in left, f"{name} requires itself"
            left -= seen
        assert name in seen
        assert clause.meta.applies_if


SET = {"id": "points", "title": "Comptages", "schema_id": "etalab/comptage-mobilites@0.2.4", "frequency": "temps réel"}


def test_a_variable_is_taken_from_the_data_annex() -> None:
    annexed = dossier({"datasets": [SET]})
    choice = ClauseChoice(id="OD-05")
    assert values(catalogue()["OD-05"], choice, from_annex(annexed))["datasets"] == ("Comptages",)
    typed = ClauseChoice(id="OD-05", vars={"datasets": ("autre",)})
    assert values(catalogue()["OD-05"], typed, from_annex(annexed))["datasets"] == ("autre",)


def test_every_fact_is_known_of_every_dossier() -> None:
    assert set(facts_of(dossier())) == set(FACTS)
    told = facts_of(dossier({"datasets": [SET], "nature": "Accord-cadre"}))
    assert (told["contract"], told["data"], told["schema"], told["realtime"]) == ("framework", True, True, True)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("true", True), ("contract == 'contract' and kind in ['services', 'works']", True), ("months > 36", False),
        ("not formal and (amount >= 90000 or public_service)", True), ("'parking' in subjects", False),
        ("1 < months < 100", True), ("'x' not in subjects", True),
    ],
)  # fmt: skip
def test_a_condition_holds_or_not(text: str, held: bool) -> None:
    assert holds(text, facts_of(dossier({"duration_months": 24, "renewals": 1}))) is held


@pytest.mark.parametrize(
    "text",
    [
        "", "colour", "amount * 2 > 3", "range(3)", "subjects.__class__", "'a' ~ 'b'", "kind | upper", "true }}{{ true",
        "kind is string", "{'a': 1}", "months if formal else amount", "a" * 501, "true %}{% set a = 1",
    ],
)  # fmt: skip
def test_a_condition_is_nothing_else_than_the_language(text: str) -> None:
    with pytest.raises(ConditionError):
        read_condition(text)


def test_a_condition_that_compares_apples_and_pears_is_said_so() -> None:
    with pytest.raises(ConditionError, match="ne se compare pas"):
        holds("kind > 3", facts_of(dossier()))
