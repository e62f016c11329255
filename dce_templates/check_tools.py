"""What a check receives and gives back."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from dce_templates.catalogue import Clause
from dce_templates.dossier import Buyer, ClauseChoice, Dossier
from dce_templates.law import Figure, Rule


class NoFigure(LookupError):
    """No verified figure of that name is in force at launch."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A correction that changes nothing else: `value`, in plain data, at `path` (`clauses.+` adds to a list).

    `label` is the button that makes it.
    """

    label: str
    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Problem:
    """A fact of the file, its remedy, and the field it is about; no statement of law here.

    `patch`: the remedy itself, where only one is possible and it is safe.
    """

    message: str
    fix: str
    field: str
    patch: Patch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """What a test may look up: the figures in force, and the library of clauses."""

    figures: Mapping[str, Figure]
    clauses: Mapping[str, Clause]

    def figure(self, name: str) -> Decimal:
        """The value in force. Raises NoFigure."""
        if name not in self.figures:
            raise NoFigure(name)
        return self.figures[name].value


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Law):
    dossier: Dossier
    rule: Rule
    now: datetime

    def taken(self) -> list[ClauseChoice]:
        """The clauses the dossier takes, known or not."""
        return [choice for choice in self.dossier.clauses if not choice.refused_motive]


def eu_threshold(buyer: Buyer, kind: str, concedes: bool = False) -> str:
    """The name of the European threshold for this buyer and this kind of contract: concessions have that of works."""
    if kind == "works" or concedes:
        return "eu_threshold_works"
    return "eu_threshold_state" if buyer.kind == "state" else "eu_threshold_others"


class Check(Protocol):
    def __call__(self, context: Context, /) -> Iterable[Problem]: ...


def patched(data: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
    """The dossier corrected. Raises KeyError, IndexError where the place is gone."""
    changed: Any = deepcopy(dict(data))
    *parents, last = patch.path.split(".")
    place = changed
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, [] if last == "+" else {})
    if last == "+":
        place.append(patch.value)
    elif isinstance(place, list):
        place[int(last)] = patch.value
    else:
        place[last] = patch.value
    return dict(changed)
