"""Eight whole dossiers, one per kind of contract: valid, the same words in every format, each fault found in each."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from dce_templates.assemble import assemble
from dce_templates.catalogue import catalogue
from dce_templates.checks import Finding, check
from dce_templates.dossier import parse_dossier
from procurement.rules import rule_table
from tests.dce_templates.golden import HERE, NAMES, NOW, data_of, documents, text_of
from tests.dce_templates.test_words import agree

TABLE = rule_table()
Data = dict[str, Any]
DAY = timedelta(days=1)
TOLD = {
    name: {"legality_control"}
    for name in ("works_lots", "tic_saas", "moe", "dsp_water", "bike_concession", "framework")
}


def findings(data: Data, **options: Any) -> dict[str, Finding]:
    found = check(parse_dossier(data), TABLE.figures, TABLE.rules, **{"now": NOW, **options})
    return {item.id: item for item in found}


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_dossier_is_valid(name: str) -> None:
    assert set(findings(data_of(name))) == TOLD.get(name, set())
    assert not any(item.blocks for item in findings(data_of(name)).values())


@pytest.mark.parametrize("name", NAMES)
def test_its_words_are_those_that_were_read(name: str) -> None:
    read = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    assert text_of(name) == read, "read what changed, then: python -m tests.dce_templates.golden"


@pytest.mark.parametrize("name", NAMES)
def test_word_pdf_and_page_say_the_same_words(name: str) -> None:
    for kind, document in documents(name).items():
        assert document.blocks, kind
        agree(document)


def large_and_withholding(data: Data) -> None:
    data["buyer"]["large"], data["retention_rate"] = "true", "0.05"


def put(path: str, value: Any) -> Callable[[Data], None]:
    """A change of one place; a place that is not there is another dossier's."""
    *parents, last = path.split(".")

    def change(data: Data) -> None:
        place: Any = data
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            place[int(last)] = value
        elif value is None:
            del place[last]
        else:
            place[last] = value

    return change


def every(*changes: Callable[[Data], None]) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        for one in changes:
            one(data)

    return change


def again(data: Data) -> None:
    data["clauses"].append(data["clauses"][0])


def alone(data: Data) -> None:
    data["criteria"] = [{"id": "p", "label": "Prix", "kind": "price", "weight": "100"}]
    for lot in data.get("lots", []):
        lot.pop("criteria", None)


def technical(data: Data) -> None:
    for row in data["criteria"]:
        row["kind"] = "price" if row["kind"] == "price" else "technical"


def bare_lots(data: Data) -> None:
    for lot in data.get("lots", []):
        lot.pop("need", None)


ALL = set(NAMES)
MARCHES = ALL - {"dsp_water", "bike_concession"}
MAPA = {"fcs_mapa", "pi_study"}
FORMAL = {"tic_saas", "moe", "framework"}
CONCESSIONS = ALL - MARCHES
REVISED = {"fcs_mapa", "tic_saas", "moe", "framework"}
SHORT = "2026-12-10T12:00:00+01:00"
REFUSED = {"id": "OD-10", "refused_motive": "inutile ici"}
# Rule → the dossiers in which the fault means something, and the fault.
FAULTS: dict[str, tuple[set[str], Callable[[Data], None]]] = {
    "weights": (ALL, put("criteria.0.weight", "99")),
    "subweights": ({"pi_study"}, put("criteria.1.subcriteria.0.weight", "24")),
    "environmental_criterion": (MARCHES, technical),
    "price_only": (MARCHES, alone),
    "environmental_condition": (ALL, put("environmental_condition", None)),
    "social_condition": (FORMAL, put("social_condition", None)),
    "deadline_past": (ALL, put("deadline", "2026-11-25T12:00:00+01:00")),
    "deadline_short": (MAPA, every(put("deadline", SHORT), put("questions_deadline", None))),
    "questions_late": (ALL, put("questions_deadline", "2027-01-22T12:00:00+01:00")),
    "single_lot": (MARCHES - {"works_lots"}, put("lot", {})),
    "lots_estimate": ({"works_lots"}, put("lots.0.estimated_amount", "1.00")),
    "lots_limits": ({"works_lots"}, put("lot.tie_rule", None)),
    "lots_own": ({"works_lots"}, put("ceiling", "1000000.00")),
    "variants": (ALL, put("variants", {"allowed": "true"})),
    "procedure_threshold": (MAPA, put("estimated_amount", "9000000.00")),
    "dispensation": (MAPA, put("estimated_amount", "20000.00")),
    "publicity": (MARCHES, put("publicity", ["profile"])),
    "advance": (MARCHES, put("advance", {"granted": "false"})),
    "advance_rate": (MARCHES, put("advance.rate", "0.04")),
    "advance_sme": (MARCHES, put("buyer.kind", "state")),
    "retention": (MARCHES, put("retention_rate", "0.06")),
    "retention_sme": (MARCHES, large_and_withholding),
    "payment_delay": (MARCHES, put("payment_delay_days", "45")),
    "turnover": (ALL, put("capacity", {"minimum_turnover": "99999999.00"})),
    "revision": (REVISED, put("price.revision_formula", None)),
    "actualisation": ({"works_lots"}, put("price.revision_index", None)),
    "decp_fields": (ALL, put("place.code", "1234")),
    "clause_vars": (ALL, put("clauses.0.vars", {"inconnue": "1"})),
    "clause_conflict": (ALL, again),
    "clause_requires": (
        {"fcs_mapa", "tic_saas"},
        put("clauses.2", REFUSED),
    ),
    "personal_annex": ({"tic_saas", "dsp_water"}, put("processing", None)),
    "clause_mandatory": (CONCESSIONS, put("clauses", [])),
    "clause_dates": (ALL, put("launched_on", "2020-01-02")),
    "clause_versions": (ALL, put("clauses.0.version", "0.9.0")),
    "sme_share": (MARCHES, every(put("global_contract", "true"), put("sme_share", "0.19"))),
    "sustainable_need": (ALL, every(put("need", "Vingt capteurs."), put("deliverables", []), bare_lots)),
    "dataset_schemas": (ALL, put("datasets.0.schema_id", "etalab/schema-inconnu@1.0.0")),
    "data_penalties": (
        MARCHES,
        every(put("clauses.0", {"id": "OD-21", "vars": {"cap_percent": "9"}}), put("penalties", {"cap": "0.08"})),
    ),
    "dead_references": (ALL, put("need", "Voir le décret n° 2016-360.")),
    "placeholders": (ALL, put("need", "Surface : XXX m2")),
    "formal_deadline": (FORMAL, every(put("deadline", SHORT), put("questions_deadline", None))),
    "formal_questions": (FORMAL, put("questions_deadline", "2027-01-20T12:00:00+01:00")),
    "open_without_negotiation": ({"tic_saas", "framework"}, put("negotiation", "true")),
    "framework_maximum": ({"framework"}, put("ceiling", None)),
    "framework_duration": ({"framework"}, put("renewals", "4")),
    "concession_duration": (CONCESSIONS, put("duration_reason", None)),
    "concession_criteria": (CONCESSIONS, technical),
    "concession_terms": (CONCESSIONS, put("concession.risk", None)),
    "concession_amortisation": (CONCESSIONS, put("duration_months", "240")),
    "concession_entry_fee": ({"dsp_water"}, put("concession.entry_fee", "1000")),
    "concession_data": (CONCESSIONS, put("clauses.1", {"id": "OD-10"})),
    "revision_sum": (REVISED, put("price.revision_formula", "P = P0 × (0,15 + 0,80 × S / S0)")),
    "ccag_of_works": (MARCHES - {"works_lots"}, put("ccag", "Travaux")),
    "ccag_of_subject": ({"tic_saas", "pi_study"}, put("ccag", "FCS")),
    "selection_as_award": (ALL, put("criteria.1.label", "Expérience de l'entreprise")),
    "local_preference": (ALL, put("criteria.1.method", "note selon l'implantation locale")),
    "brand_names": (ALL, put("need", "Des engins de marque Exemplis.")),
    "long_sentences": (ALL, put("need", "mot " * 41)),
    "legality_control": (MAPA, put("estimated_amount", "5000000.00")),
}


def test_every_rule_has_a_fault() -> None:
    assert set(FAULTS) == {rule.id for rule in TABLE.rules}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_in_every_dossier_where_it_means_something(rule: str) -> None:
    """And the documents of a dossier that breaks a rule still say the same words, for one of them."""
    names, fault = FAULTS[rule]
    for name in sorted(names):
        data = data_of(name)
        assert rule not in set(findings(data)) - {"legality_control"}, name
        fault(data)
        assert rule in findings(data), name
    if rule == "clause_vars":  # a clause that cannot be filled writes nothing
        return
    wrong = parse_dossier(data)
    agree(assemble("rc", wrong, TABLE.in_force(wrong.launched_on).figures))


@pytest.mark.parametrize("name", sorted(CONCESSIONS))
def test_what_the_law_asks_of_marches_alone_is_not_asked_of_a_concession(name: str) -> None:
    data = data_of(name) | {
        "lot": {},
        "publicity": ["profile"],
        "retention_rate": "0.2",
        "advance": {"granted": "false"},
    }
    assert set(findings(data)) == TOLD[name]


def launched(data: Data, on: date, soon: bool) -> Data:
    """The same dossier launched that day; its answers are due five days later where the fault is that it is short."""
    due = {"deadline": f"{on + 5 * DAY}T12:00:00+01:00"} if soon else {}
    return data | {"launched_on": on.isoformat()} | due


@pytest.mark.parametrize("rule", FAULTS)
def test_a_rule_counts_from_its_first_day_to_its_last(rule: str) -> None:
    """The same fault, launched the day before and the very day; a figure that lacks on that day is told, not passed."""
    names, fault = FAULTS[rule]
    data, soon = data_of(min(names)), rule in ("deadline_short", "formal_deadline")
    fault(data)
    rows = [(row.valid_from, row.valid_to) for row in TABLE.rules if row.id == rule]
    if rule == "clause_mandatory":  # what it asks for has a first day of its own
        rows = [(max(first, catalogue()["OD-02"].meta.valid_from), last) for first, last in rows]
    edges = [(first, first - DAY) for first, _ in rows] + [(last, last + DAY) for _, last in rows if last]
    for inside, outside in edges:
        assert rule in findings(launched(data, inside, soon)), inside
        if not any(first <= outside <= (last or outside) for first, last in rows):
            assert rule not in findings(launched(data, outside, soon)), outside
