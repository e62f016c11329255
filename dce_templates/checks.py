"""check(): every legal rule in force at launch, against one dossier.

The tests are here and in check_rules.py; figures, dates and severities are data given by the caller. A finding says
what stands in the file; what the law says is added only for a rule the buyer has adopted.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from dce_templates import french
from dce_templates.catalogue import Clause, catalogue
from dce_templates.check_lots import problems_of
from dce_templates.check_rules import CHECKS
from dce_templates.check_tools import Context, NoFigure, Patch, Problem
from dce_templates.dossier import Dossier
from dce_templates.law import Figure, Rule, Severity, in_force

NOT_ADOPTED = "Texte non adopté par votre organisme : signalé à titre d'information."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `blocks` is true while it stops the documents; `field` is the path in the dossier.

    `read` says who read the text and when; `passed_over` is the motive given by the officer; `patch`: its remedy, where
    one click can make it.
    """

    id: str
    severity: Severity
    article: str
    message: str
    fix: str
    field: str
    rule_version: str
    read: str
    adopted: bool
    can_be_passed_over: bool
    passed_over: str = ""
    patch: Patch | None = None

    @property
    def blocks(self) -> bool:
        return self.severity == "block" and not self.passed_over


def _finding_of(rule: Rule, problem: Problem, adopted: bool, motive: str) -> Finding:
    """What the officer reads of one problem; `adopted`: the buyer has adopted the rule; `motive`: to pass it over."""
    # An impossible file is a matter of fact, not of adopted law.
    binding = adopted or not rule.can_be_passed_over
    softened: Severity = "warn" if rule.severity == "block" and not binding else rule.severity
    says = NOT_ADOPTED if not binding else rule.sentence
    motive = motive.strip() if rule.can_be_passed_over else ""
    return Finding(
        rule.id, softened, rule.origin.article, f"{problem.message} {says}".strip(), problem.fix, problem.field,
        rule.version, f"texte lu {french.reading(rule.origin.read_on)} par {rule.origin.read_by}", adopted,
        rule.can_be_passed_over, motive, problem.patch,
    )  # fmt: skip


def _gap_of(rule: Rule, missing: str, launched: str, adopted: bool) -> Finding:
    """The warning that a rule could not be tested, for want of a figure on that day."""
    problem = Problem(
        f"Ce point n'a pas pu être contrôlé : votre table ne contient pas de chiffre « {missing} » au {launched}.",
        "Complétez la table des règles, ou contrôlez ce point à la main.",
        "launched_on",
    )
    found = _finding_of(rule, problem, adopted, "")
    return Finding(**{name: getattr(found, name) for name in Finding.__slots__} | {"severity": "warn"})


def check(
    dossier: Dossier,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    *,
    now: datetime,
    adopted: bool | Collection[str] = True,
    passed_over: Mapping[str, str] | None = None,
    clauses: Mapping[str, Clause] | None = None,
) -> tuple[Finding, ...]:
    """The findings, blocking ones first. `figures` and `rules` are whole tables: the launch date chooses.

    `adopted`: all rules, none, or the ids the buyer has adopted (the others never block). `passed_over`: rule id →
    motive. A figure missing on that day is a warning, never a silent pass. `now` (aware) judges the deadline.
    """
    current, known = in_force(figures, dossier.launched_on), catalogue() if clauses is None else clauses

    def problems(rule: Rule) -> Iterable[Problem]:
        context = Context(dossier=dossier, figures=current, rule=rule, now=now, clauses=known)
        return problems_of(CHECKS[rule.id], context)

    law = in_force(rules, dossier.launched_on).values()
    return judge(law, problems, dossier.launched_on, adopted=adopted, passed_over=passed_over)


def judge(
    law: Iterable[Rule],
    problems: Callable[[Rule], Iterable[Problem]],
    on: date,
    *,
    adopted: bool | Collection[str] = True,
    passed_over: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """What the rules in force `on` that day find, the worst first. `problems` tests one, and may lack a figure."""
    motives, found = passed_over or {}, list[Finding]()
    for rule in law:
        ours = adopted if isinstance(adopted, bool) else rule.id in adopted
        try:
            found += [_finding_of(rule, item, ours, motives.get(rule.id, "")) for item in problems(rule)]
        except NoFigure as missing:
            found.append(_gap_of(rule, str(missing), on.isoformat(), ours))
    return _worst_first(found)


def _worst_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    order = ("block", "warn", "info")
    return tuple(sorted(found, key=lambda item: order.index(item.severity)))
