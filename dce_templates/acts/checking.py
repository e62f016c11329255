"""The tests of one act against the rules in force on its day; law is data given by the caller."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any

from dce_templates.catalogue import Clause
from dce_templates.check_tools import Law, Problem
from dce_templates.checks import Finding, judge
from dce_templates.law import Figure, Rule, in_force

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
    law = Law(figures=in_force(figures, on), clauses=clauses)
    ours = (rule for rule in in_force(rules, on).values() if rule.id in checks)
    return judge(ours, lambda rule: checks[rule.id](act, law), on, adopted=adopted, passed_over=passed_over)
