"""The national schemas that a data set may name: which exist, and whether the version named is the latest known."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dce_templates.strict_yaml import read_mapping


@dataclass(frozen=True, slots=True)
class Listing:
    """`latest`: short name → version, as they were on `read_on` (ISO date)."""

    read_on: str
    latest: Mapping[str, str]


@cache
def listing() -> Listing:
    data = read_mapping(resources.files("dce_templates").joinpath("schemas.yaml").read_text(encoding="utf-8"))
    return Listing(data["read_on"], data["latest"])


def short_name(schema_id: str) -> str:
    """« etalab/schema-comptage-mobilites@0.2.4 » → « comptage-mobilites »."""
    return schema_id.partition("@")[0].rpartition("/")[2].lower().removeprefix("schema-")


def outdated(version: str, latest: str) -> bool:
    """Whether `version` is before `latest`; one that is not made of numbers is not judged."""
    numbers = [part.split(".") for part in (version, latest)]
    if not all(piece.isascii() and piece.isdigit() for part in numbers for piece in part):
        return False
    given, known = ([int(piece) for piece in part] for part in numbers)
    return given < known
