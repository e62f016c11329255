import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dce_templates.catalogue import catalogue, read_clause
from dce_templates.check_rules import CHECKS
from dce_templates.check_tools import patched
from dce_templates.checks import NOT_ADOPTED, Finding, check
from dce_templates.dossier import parse_dossier
from dce_templates.strict_yaml import read_mapping
from procurement.rules import rule_table
from tests.dce_templates.lots_scene import LOTS
from tests.dce_templates.sample import NOW, changed, concession_text, dossier

TABLE = rule_table()


def findings(changes: Mapping[str, Any], **options: Any) -> dict[str, Finding]:
    found = check(parse_dossier(changed(changes)), TABLE.figures, TABLE.rules, **{"now": NOW, **options})
    return {item.id: item for item in found}


PRICE = {"id": "price", "label": "Prix", "kind": "price", "weight": "100"}
CHEAP = {"estimated_amount": "30000", "capacity.minimum_turnover": None}
SOON = {"deadline": "2026-12-29T12:00:00+01:00", "questions_deadline": None}
TERMS = read_mapping(concession_text())["concession"]
CONCESSION = {
    "nature": "Concession de service", "procedure": "concession", "public_service": "false", "concession": TERMS
}  # fmt: skip
SHORT = [{"label": "Terminaux", "amount": "10000", "years": 5}]
# One way to break the example for each rule of the table.
BROKEN: dict[str, Mapping[str, Any]] = {
    "weights": {"criteria.0.weight": "35"},
    "subweights": {"criteria.1.subcriteria.0.weight": "19"},
    "environmental_criterion": {"criteria.2.kind": "technical"},
    "price_only": {"criteria": [PRICE]},
    "environmental_condition": {"environmental_condition": None},
    "social_condition": {"estimated_amount": "230000", "social_condition": None},
    "deadline_past": {"deadline": "2026-11-22T12:00:00+01:00"},
    "deadline_short": {"deadline": "2026-12-10T12:00:00+01:00", "questions_deadline": None},
    "questions_late": {"questions_deadline": "2027-01-15T12:00:00+01:00"},
    "single_lot": {"lot.single_reason": None},
    "lots_estimate": {"lots": LOTS, "lot": {}, "estimated_amount": "97000.00"},
    "lots_limits": {"lot.max_awards": "1"},
    "lots_own": {"lots": LOTS, "lot": {}, "ceiling": "96000.00"},
    "variants": {"variants.requirements": None},
    "procedure_threshold": {"estimated_amount": "216000"},
    "dispensation": CHEAP,
    "publicity": {"publicity": ["profile"]},
    "advance": {"advance.granted": "false"},
    "advance_rate": {"advance.rate": "0.04"},
    "advance_sme": {"buyer.kind": "state"},
    "retention": {"retention_rate": "0.051"},
    "retention_sme": {"buyer.large": "true", "retention_rate": "0.05"},
    "payment_delay": {"payment_delay_days": "31"},
    "turnover": {"capacity.minimum_turnover": "144000.01"},
    "revision": {"price.revision_formula": None},
    "actualisation": {"price.kind": "Définitif actualisable", "price.revision_index": None},
    "decp_fields": {"place.code": "1234"},
    "clause_vars": {"clauses.1.vars": {}},
    "clause_conflict": {"clauses.3.id": "OD-10"},
    "clause_requires": {"clauses.4": {"id": "OD-27", "refused_motive": "aucune donnée diffusée"}},
    "clause_mandatory": {**CONCESSION, "public_service": "true"},
    "personal_annex": {"processing": None},
    "formal_deadline": {"procedure": "open", "negotiation": "false", **SOON},
    "formal_questions": {"procedure": "negotiated", "questions_deadline": "2027-01-10T12:00:00+01:00"},
    "open_without_negotiation": {"procedure": "open"},
    "framework_maximum": {"nature": "Accord-cadre"},
    "framework_duration": {"nature": "Accord-cadre", "ceiling": "96000", "duration_months": 48},
    "concession_duration": {**CONCESSION, "duration_months": 60},
    "concession_criteria": {**CONCESSION, "criteria.2.kind": "technical", "criteria.1.kind": "global_cost"},
    "concession_terms": {**CONCESSION, "concession": TERMS | {"risk": ""}},
    "concession_amortisation": {
        **CONCESSION,
        "duration_months": 60,
        "duration_reason": "usure",
        "concession": TERMS | {"investments": SHORT},
    },
    "concession_entry_fee": {**CONCESSION, "subjects": ["water"], "concession": TERMS | {"entry_fee": "1"}},
    "concession_data": {**CONCESSION, "public_service": "true", "clauses.0": {"id": "OD-02"}},
    "revision_sum": {"price.revision_formula": "P = P0 × (0,15 + 0,80 × S / S0)"},
    "ccag_of_works": {"ccag": "Travaux"},
    "ccag_of_subject": {"subjects": ["software"]},
    "selection_as_award": {"criteria.1.subcriteria.2.label": "Expérience de l'entreprise"},
    "local_preference": {"criteria.2.method": "note selon l'implantation locale"},
    "brand_names": {"need": "Des capteurs de marque Exemplis."},
    "long_sentences": {"need": "mot " * 41},
    "legality_control": {"estimated_amount": "216000"},
    "clause_dates": {"launched_on": "2020-01-02"},
    "clause_versions": {"clauses.0.version": "0.9.0"},
    "sme_share": {"global_contract": "true", "sme_share": "0.19"},
    "sustainable_need": {"need": "Vingt capteurs.", "deliverables": []},
    "dataset_schemas": {"datasets.0.schema_id": "etalab/schema-comptage-mobilites@0.2.3"},
    "data_penalties": {"clauses.3": {"id": "OD-21", "vars": {"cap_percent": "9"}}, "penalties": {"cap": "0.08"}},
    "dead_references": {"need": "Voir le décret n° 2016-360."},
    "placeholders": {"need": "Surface : XXX m2"},
}


def test_the_example_has_nothing_to_report() -> None:
    assert findings({}) == {}


def test_each_rule_has_a_test_and_a_way_to_break_it() -> None:
    assert set(CHECKS) == {rule.id for rule in TABLE.rules} == set(BROKEN)


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_finds_what_breaks_it(rule: str) -> None:
    found = findings(BROKEN[rule])[rule]
    law = {item.id: item for item in TABLE.rules}[rule]
    assert (found.severity, found.article) == (law.severity, law.origin.article)
    assert found.blocks == (law.severity == "block")
    assert found.message.endswith((".", "…"))
    assert found.fix.endswith(".")
    assert re.fullmatch(r"texte lu en \S+ 20\d\d par équipe mps", found.read)


@pytest.mark.parametrize("rule", [rule for rule in BROKEN if rule not in ("price_only", "clause_dates")])
def test_breaking_one_thing_breaks_little_else(rule: str) -> None:
    related = {"social_condition": {"procedure_threshold"}, "procedure_threshold": {"social_condition"}}
    related["procedure_threshold"].add("legality_control")
    related["social_condition"].add("legality_control")
    related["legality_control"] = {"procedure_threshold"}
    related |= {"clause_conflict": {"clause_vars"}, "deadline_past": {"questions_late"}}
    assert set(findings(BROKEN[rule])) - {rule} <= related.get(rule, set())


@pytest.mark.parametrize("rule", [rule.id for rule in TABLE.rules if rule.severity == "block"])
def test_a_rule_that_is_not_adopted_never_blocks(rule: str) -> None:
    found = findings(BROKEN[rule], adopted=False)[rule]
    law = {item.id: item for item in TABLE.rules}[rule]
    if law.can_be_passed_over:
        assert (found.severity, found.blocks) == ("warn", False)
        assert NOT_ADOPTED in found.message
        assert law.sentence not in found.message
    else:
        assert found.blocks


def test_adoption_is_row_by_row() -> None:
    changes = {**BROKEN["weights"], **BROKEN["single_lot"]}
    found = findings(changes, adopted={"weights"})
    assert (found["weights"].severity, found["single_lot"].severity) == ("block", "warn")


@pytest.mark.parametrize("rule", [rule.id for rule in TABLE.rules if rule.severity == "block"])
def test_passing_over_needs_a_motive_and_a_rule_that_allows_it(rule: str) -> None:
    law = {item.id: item for item in TABLE.rules}[rule]
    assert findings(BROKEN[rule], passed_over={rule: "  "})[rule].blocks
    passed = findings(BROKEN[rule], passed_over={rule: "décision du maire"})[rule]
    assert passed.blocks is not law.can_be_passed_over
    assert passed.severity == "block"
    assert passed.passed_over == ("décision du maire" if law.can_be_passed_over else "")


@pytest.mark.parametrize(
    ("launched", "rule", "applies"),
    [
        ("2026-08-21", "environmental_criterion", False),
        ("2026-08-22", "environmental_criterion", True),
        ("2026-08-20", "price_only", False),
        ("2026-08-21", "price_only", True),
        ("2026-08-21", "environmental_condition", False),
        ("2026-08-22", "environmental_condition", True),
    ],
)
def test_the_launch_date_chooses_the_law(launched: str, rule: str, applies: bool) -> None:
    assert (rule in findings({**BROKEN[rule], "launched_on": launched})) is applies


@pytest.mark.parametrize(
    ("launched", "kind", "amount", "blocks"),
    [
        ("2026-11-30", "local", "215999.99", False),
        ("2026-11-30", "local", "216000", True),
        ("2026-11-30", "state", "140000", True),
        ("2025-11-30", "local", "220999", False),
        ("2025-11-30", "state", "143000", True),
    ],
)
def test_thresholds_by_date_and_buyer(launched: str, kind: str, amount: str, blocks: bool) -> None:
    changes = {"launched_on": launched, "buyer.kind": kind, "estimated_amount": amount}
    assert ("procedure_threshold" in findings(changes)) is blocks


def test_dispensation_before_and_after_april_2026() -> None:
    changes = {**CHEAP, "estimated_amount": "50000"}
    assert "dispensation" not in findings({**changes, "launched_on": "2026-03-31"})
    assert findings({**changes, "launched_on": "2026-04-01"})["dispensation"].severity == "info"


def test_a_year_without_figures_is_said_and_blocks_nothing() -> None:
    later = {"launched_on": "2028-02-01", "deadline": "2028-03-15T12:00:00+01:00", "questions_deadline": None}
    found = findings(later)["procedure_threshold"]
    assert (found.severity, found.blocks) == ("warn", False)
    assert "pas de chiffre" in found.message


def test_law_from_memory_is_never_spoken() -> None:
    unsure = tuple(replace(rule, origin=replace(rule.origin, mark="K")) for rule in TABLE.rules)
    assert check(dossier(BROKEN["weights"]), TABLE.figures, unsure, now=NOW) == ()


def test_the_deadline_is_judged_by_the_clock_given() -> None:
    deadline = datetime.fromisoformat("2027-01-15T12:00:00+01:00")
    assert findings({}, now=deadline)["deadline_past"].blocks


def test_the_clauses_of_any_catalogue_may_contradict_each_other() -> None:
    clause = catalogue()["OD-10"]
    rival = replace(clause, meta=clause.meta.model_copy(update={"excludes": ("OD-07",)}))
    found = findings({}, clauses={**catalogue(), "OD-10": rival})
    assert "se contredisent" in found["clause_conflict"].message


def test_an_unknown_clause_cannot_be_passed_over() -> None:
    found = findings({"clauses.0": {"id": "ZZ-99"}}, passed_over={"clause_vars": "tant pis"})
    assert found["clause_vars"].blocks


def test_a_clause_can_be_out_of_force() -> None:
    text = "id: OD-10\ntitle: T\nversion: 1.0.0\nstatus: draft\nvalid_from: 2019-01-01\nvalid_to: 2019-12-31\n"
    text += "place: ccap\nnote: n\nauthor: a\napplies_if: [{when: 'true', level: possible, because: b}]\n"
    text += "references: [{article: a, source: s, read_by: r, read_on: '2026-11', mark: T}]\n"
    old = read_clause(text, "Texte.")
    found = findings({"clauses.2.vars": {}}, clauses={**catalogue(), "OD-10": old})
    assert old.in_force(date(2019, 12, 31))
    assert found["clause_dates"].severity == "warn"


def test_a_kept_version_is_told_once_a_newer_one_is_approved() -> None:
    kept = catalogue()["OD-05"]
    newer = replace(kept, meta=kept.meta.model_copy(update={"version": "1.3.0"}))
    found = findings({}, clauses={**catalogue(), "OD-05": replace(kept, newer=newer)})
    assert "la version 1.3.0 a été approuvée depuis" in found["clause_versions"].message
    assert "clause_versions" not in findings({})


shares = st.lists(st.integers(1, 60), min_size=1, max_size=8)


@given(shares)
def test_weights_block_unless_they_sum_to_100(parts: list[int]) -> None:
    criteria = [
        {"id": f"c{index}", "label": "Critère", "kind": "environmental", "weight": part}
        for index, part in enumerate(parts)
    ]
    assert ("weights" in findings({"criteria": criteria})) is (sum(parts) != 100)


@given(shares, st.integers(-3, 3))
def test_subweights_block_unless_they_sum_to_their_parent(parts: list[int], shift: int) -> None:
    weight = max(sum(parts) + shift, 0)
    subs = [{"id": f"s{index}", "label": "Sous-critère", "weight": part} for index, part in enumerate(parts)]
    criterion = {"id": "c", "label": "Critère", "kind": "environmental", "weight": weight, "subcriteria": subs}
    assert ("subweights" in findings({"criteria": [criterion]})) is (sum(parts) != weight)


def test_weights_count_in_decimals() -> None:
    thirds = [{"id": f"c{i}", "label": "C", "kind": "environmental", "weight": "33.33"} for i in range(3)]
    assert "99,99" in findings({"criteria": thirds})["weights"].message
    thirds[0]["weight"] = str(Decimal("33.34"))
    assert "weights" not in findings({"criteria": thirds})


PATCHED: dict[str, tuple[dict[str, Any], str]] = {
    "payment_delay": ({"payment_delay_days": "45"}, "Écrire 30 jours"),
    "retention": ({"retention_rate": "0.2"}, "Ramener la retenue à 5"),
    "retention_sme": ({"buyer.large": "true", "retention_rate": "0.04"}, "Ramener la retenue à 3"),
    "advance_sme": ({"buyer.kind": "state"}, "pour une PME"),
    "clause_requires": ({"clauses": [{"id": "OD-05"}]}, "Prendre la clause OD-"),
    "dataset_schemas": ({"datasets.0.schema_id": "etalab/schema-comptage-mobilites@0.1.0"}, "la version 0.2.4"),
}


@pytest.mark.parametrize("rule", PATCHED)
def test_a_safe_correction_mends_its_point_and_brings_no_other(rule: str) -> None:
    changes, label = PATCHED[rule]
    before = findings(changes)
    patch = before[rule].patch
    assert patch is not None
    assert label in patch.label
    data = patched(changed(changes), patch)
    after = check(parse_dossier(data), TABLE.figures, TABLE.rules, now=NOW)
    left = {(item.id, item.message) for item in after} - {(item.id, item.message) for item in before.values()}
    assert not left - {(item.id, item.message) for item in after if item.id == rule}
    assert before[rule].message not in {item.message for item in after}


def test_a_clause_that_asks_for_words_is_not_taken_by_a_click() -> None:
    """OD-07 has a mention to write."""
    found = findings({"clauses": [{"id": "OD-05"}, {"id": "OD-10"}, {"id": "OD-27"}]})["clause_requires"]
    assert "demande la clause OD-07" in found.message
    assert found.patch is None
