"""What keeps a clause from being proposed: read as it would be filled, and among the clauses it names."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from jinja2 import TemplateError, nodes

from dce_templates.catalogue import Clause, ClauseError, clause_text, values
from dce_templates.clause_meta import Meta, Variable
from dce_templates.dossier import ClauseChoice, Dossier, load_dossier
from dce_templates.law import Figure
from dce_templates.markup import Ready, environment
from dce_templates.view import view

# What other parts of the service read in a clause: a variant keeps these variables, as numbers.
READ_ELSEWHERE: Mapping[str, tuple[str, ...]] = {"OD-21": ("daily_euros", "notice_days", "cap_percent")}


@cache
def example() -> Dossier:
    """The shipped example, in which a clause is read before any consultation takes it."""
    return load_dossier(resources.files("dce_templates").joinpath("example.yaml").read_text(encoding="utf-8"))


def sample(clause: Clause, figures: Mapping[str, Figure]) -> Ready:
    """Its text in the example, each variable without a default standing for itself. Raises ClauseError."""
    given = {name: _stand_in(variable) for name, variable in clause.meta.variables.items() if variable.default is None}
    choice = ClauseChoice(id=clause.meta.id, vars=given)
    return clause_text(clause, choice, view(example(), figures) | {"annex": {}})


def _stand_in(variable: Variable) -> str | tuple[str, ...]:
    if variable.type == "int":
        return str(variable.minimum if variable.minimum is not None else variable.maximum or 1)
    if variable.type == "choice":
        return variable.choices[0]
    said = f"[{variable.label}]"
    return (said,) if variable.type == "list" else said


def faults(clause: Clause, library: Mapping[str, Clause], figures: Mapping[str, Figure]) -> dict[str, str]:
    """Field of the form → one sentence; empty where it may be proposed. `library`: every clause by id, this one too."""
    found: dict[str, str] = {}
    for field, said in (*_of_variables(clause), *_of_text(clause, figures), *_of_links(clause.meta, library)):
        found.setdefault(field, said)
    return found


def _of_variables(clause: Clause) -> Iterator[tuple[str, str]]:
    variables = clause.meta.variables
    used = {node.name for node in environment().parse(clause.source).find_all(nodes.Name)}
    for name, variable in variables.items():
        if name not in used:
            yield "variables", f"« {name} » n’est pas employé dans le texte."
        if variable.default is not None and (said := _refused(clause, name)):
            yield "variables", said
    for name in READ_ELSEWHERE.get(clause.meta.id, ()):
        if name not in variables or variables[name].type != "int":
            yield "variables", f"« {name} » reste un nombre de cette clause : les pénalités en sont calculées."


def _refused(clause: Clause, name: str) -> str:
    """Why the default of this variable is none."""
    variable = clause.meta.variables[name]
    alone = clause.meta.model_copy(update={"variables": {name: variable}})
    try:
        values(Clause(alone, "", ""), ClauseChoice(id=alone.id))
    except ClauseError as error:
        return str(error)
    return ""


def _of_text(clause: Clause, figures: Mapping[str, Figure]) -> Iterator[tuple[str, str]]:
    try:
        sample(clause, figures)
    except ClauseError as error:
        cause = error.__cause__
        detail = getattr(cause, "message", "") if isinstance(cause, TemplateError) else ""
        named = detail.split("'")[1] if detail.count("'") >= 2 else ""
        yield (
            "text",
            f"« {named} » n’est ni une valeur de la clause ni un mot que tout document sait."
            if named
            else (str(error)),
        )


def _of_links(meta: Meta, library: Mapping[str, Clause]) -> Iterator[tuple[str, str]]:
    wanted = {other.id for other in meta.requires}
    for name in sorted(wanted - set(library)):
        yield "requires", f"La clause {name} n’existe pas."
    for name in sorted(set(meta.excludes) - set(library)):
        yield "excludes", f"La clause {name} n’existe pas."
    for name in sorted(wanted & set(meta.excludes)):
        yield "excludes", f"La clause {name} ne peut pas aller avec elle et la contredire."
    if meta.id in meta.excludes:
        yield "excludes", "Une clause ne se contredit pas elle-même."
    if circle := _circle(meta, library):
        yield "requires", "Ces clauses se demandent en rond : " + " → ".join(circle) + "."


def _circle(meta: Meta, library: Mapping[str, Clause]) -> list[str]:
    """The way from this clause back to itself by what clauses always require; empty where there is none."""
    left = [[meta.id, other.id] for other in meta.requires]
    seen: set[str] = set()
    while left:
        way = left.pop()
        if way[-1] == meta.id:
            return way
        if way[-1] in seen or way[-1] not in library:
            continue
        seen.add(way[-1])
        left += [[*way, other.id] for other in library[way[-1]].meta.requires]
    return []
