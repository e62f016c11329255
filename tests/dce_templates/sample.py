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


def changed(changes: Mapping[str, Any], start: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The example, or `start`, with values replaced by path (`criteria.0.weight`); None removes a key."""
    data = deepcopy(dict(start or example_data()))
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


def concession_text() -> str:
    return resources.files("dce_templates").joinpath("concession.yaml").read_text(encoding="utf-8")


def concession(changes: Mapping[str, Any] | None = None) -> Dossier:
    """The shipped concession of a public service."""
    return parse_dossier(changed(changes or {}, read_mapping(concession_text())))
