"""Which clauses a contract calls for, by its kind, its subject and its data, on both sides of conditions and dates."""

from datetime import date
from typing import Any

import pytest

from dce_templates.catalogue import catalogue, standing
from dce_templates.facts import facts_of
from tests.dce_templates.sample import dossier

BARE = {"datasets": None, "subjects": None, "personal_data": "false", "processing": None, "public_service": "false"}
SET = {"id": "a", "title": "Jeu", "published": "false", "frequency": "annuelle"}
CONCESSION = {"nature": "Concession de service public", "procedure": "concession"}
SECTORS = {
    "OD-40": "transport", "OD-41": "shared_bikes", "OD-42": "carsharing", "OD-43": "charging", "OD-44": "parking",
    "OD-45": "roads", "OD-46": "networks", "OD-47": "lighting", "OD-48": "water", "OD-49": "energy", "OD-50": "waste",
    "OD-51": "building", "OD-52": "software", "OD-53": "studies", "OD-54": "geodata", "OD-55": "biodiversity",
    "OD-56": "catering", "OD-57": "facilities", "OD-58": "sensors",
}  # fmt: skip


def level(name: str, changes: dict[str, Any]) -> str | None:
    found = standing(catalogue()[name], facts_of(dossier(BARE | changes)))
    return found.level if found else None


def test_the_catalogue_has_its_fifty_one_clauses() -> None:
    cross = [f"OD-{n:02d}" for n in range(1, 33)]
    assert list(catalogue()) == [*cross, *SECTORS]


@pytest.mark.parametrize("name", SECTORS)
def test_a_clause_of_a_sector_is_shown_for_its_subject_only(name: str) -> None:
    assert level(name, {"subjects": [SECTORS[name]]}) == "recommended"
    others = [subject for subject in SECTORS.values() if subject != SECTORS[name]]
    assert level(name, {"subjects": others}) is None


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("OD-02", CONCESSION | {"public_service": "true"}, "mandatory"),
        ("OD-02", CONCESSION, "recommended"),
        ("OD-02", CONCESSION | {"public_service": "true", "data_waiver": "délibération n° 3"}, None),
        ("OD-02", {"datasets": [SET]}, None),
        ("OD-03", CONCESSION | {"data_waiver": "délibération n° 3"}, "recommended"),
        ("OD-03", CONCESSION, None),
        ("OD-04", CONCESSION | {"public_service": "true"}, "recommended"),
        ("OD-05", CONCESSION | {"datasets": [SET]}, None),
        ("OD-05", {"datasets": [SET]}, "recommended"),
        ("OD-05", {}, "possible"),
        ("OD-07", {"datasets": [SET | {"published": "true"}]}, "recommended"),
        ("OD-07", {"datasets": [SET]}, "possible"),
        ("OD-11", {"datasets": [SET | {"schema_id": "etalab/stationnement@0.1.5"}]}, "recommended"),
        ("OD-13", {"datasets": [SET | {"frequency": "temps réel"}]}, "recommended"),
        ("OD-14", {"datasets": [SET | {"high_value": "true"}]}, "recommended"),
        ("OD-14", {"datasets": [SET]}, None),
        ("OD-17", {"datasets": [SET], "duration_months": 6, "renewals": 0}, "possible"),
        ("OD-17", {"datasets": [SET], "duration_months": 7, "renewals": 0}, "recommended"),
        ("OD-24", {"subjects": ["cloud"]}, "recommended"),
        ("OD-25", {"personal_data": "true"}, "recommended"),
        ("OD-25", {}, None),
        ("OD-26", {"personal_data": "true"}, "possible"),
        ("OD-26", {"high_risk": "true"}, "recommended"),
        ("OD-29", {"entrusted_data": "true"}, "recommended"),
        ("OD-30", {"subjects": ["ai"]}, "recommended"),
        ("OD-32", {"datasets": [SET | {"high_value": "true"}]}, "recommended"),
        ("OD-32", {"datasets": [SET]}, None),
    ],
)
def test_what_the_contract_says_decides(name: str, changes: dict[str, Any], expected: str | None) -> None:
    assert level(name, changes) == expected


@pytest.mark.parametrize(("name", "first"), [("OD-24", date(2025, 9, 12)), ("OD-32", date(2024, 6, 9))])
def test_a_clause_of_a_new_law_begins_with_it(name: str, first: date) -> None:
    assert catalogue()[name].in_force(first)
    assert not catalogue()[name].in_force(date.fromordinal(first.toordinal() - 1))


def test_what_contradicts_itself_is_never_advised_together() -> None:
    for changes in ({}, CONCESSION, CONCESSION | {"data_waiver": "oui"}, {"datasets": [SET]}):
        facts = facts_of(dossier(BARE | changes))
        standings = {name: standing(clause, facts) for name, clause in catalogue().items()}
        advised = {name for name, found in standings.items() if found and found.level != "possible"}
        for name in advised:
            assert not advised & set(catalogue()[name].meta.excludes)


def test_law_from_memory_is_the_only_ground_of_no_clause_called_mandatory() -> None:
    for clause in catalogue().values():
        levels = {case.level for case in clause.meta.applies_if}
        assert "mandatory" not in levels or clause.meta.read_in_text
