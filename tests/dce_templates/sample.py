"""The shipped example as data, and ways to change it."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from dce_templates.dossier import Dossier, parse_dossier
from dce_templates.strict_yaml import read_mapping

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def example_text() -> str:
    return resources.files("dce_templates").joinpath("example.yaml").read_text(encoding="utf-8")


def example_data() -> dict[str, Any]:
    return read_mapping(example_text())


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The example with values replaced by path (`criteria.0.weight`); None removes a key."""
    data = deepcopy(example_data())
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = data
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place[name]
        if value is None:
            place.pop(last)
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return data


def dossier(changes: Mapping[str, Any] | None = None) -> Dossier:
    return parse_dossier(changed(changes or {}))


CONCESSION: dict[str, Any] = {
    "nature": "Concession de service public",
    "procedure": "concession",
    "public_service": "true",
    "estimated_amount": "2500000",
    "duration_months": 84,
    "renewals": 0,
    "duration_reason": "les terminaux s'amortissent en sept ans.",
    "publicity": ["boamp", "joue"],
    "advance": {"granted": "false"},
    "clauses": [{"id": "OD-02"}, {"id": "OD-04"}, {"id": "OD-10"}, {"id": "OD-27"}],
    "concession": {
        "service": "Exploiter le service de vélos en libre-service, tous les jours.",
        "risk": "La fréquentation est au risque du concessionnaire.",
        "tariffs": [{"label": "Abonnement annuel", "unit": "abonné", "amount": "30"}],
        "indexation": "Une fois par an, selon l'indice des prix à la consommation.",
        "investments": [{"label": "Terminaux et vélos", "amount": "100000", "years": 7}],
        "royalty": "2 % des recettes, pour l'occupation du domaine public.",
        "indicators": ["Taux de disponibilité des vélos"],
        "daily_penalty": "200",
    },
}


def concession(changes: Mapping[str, Any] | None = None) -> Dossier:
    """The example made a complete concession of a public service."""
    return dossier(CONCESSION | dict(changes or {}))
