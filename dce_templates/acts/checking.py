"""The tests of one act against the rules in force on its day; law is data given by the caller."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dce_templates.catalogue import Clause
from dce_templates.check_tools import NoFigure, Problem
from dce_templates.checks import Finding, finding_of, gap_of, worst_first
from dce_templates.law import Figure, Rule, in_force


@dataclass(frozen=True, slots=True)
class Law:
    """What a test may look up."""

    figures: Mapping[str, Figure]
    clauses: Mapping[str, Clause]

    def figure(self, name: str) -> Decimal:
        """The value in force. Raises NoFigure."""
        if name not in self.figures:
            raise NoFigure(name)
        return self.figures[name].value


Checks = Mapping[str, Callable[[Any, Law], Iterable[Problem]]]


def findings(
    act: object,
    on: date,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    checks: Checks,
    clauses: Mapping[str, Clause],
    *,
    adopted: bool | Collection[str] = True,
    passed_over: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """The findings, blocking ones first; a rule without a test among `checks` is about another act."""
    law, motives = Law(in_force(figures, on), clauses), passed_over or {}
    found: list[Finding] = []
    for rule in in_force(rules, on).values():
        if rule.id not in checks:
            continue
        ours = adopted if isinstance(adopted, bool) else rule.id in adopted
        try:
            found += [finding_of(rule, item, ours, motives.get(rule.id, "")) for item in checks[rule.id](act, law)]
        except NoFigure as missing:
            found.append(gap_of(rule, str(missing), on.isoformat(), ours))
    return worst_first(found)
