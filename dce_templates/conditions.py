"""When a clause applies: a small closed language over the facts of a dossier (facts.py). No call, no arithmetic.

`contract == 'concession' and public_service`, `'parking' in subjects`, `months > 6 or not formal`: names of FACTS,
literals, lists, comparisons, `and`, `or`, `not`, brackets.
"""

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, nodes

from dce_templates.facts import FACTS, Fact
from dce_templates.markup import environment

_ALLOWED = (nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Const, nodes.Name, nodes.List)
_LONGEST = 500
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "lteq": operator.le, "gt": operator.gt,
    "gteq": operator.ge, "in": lambda item, whole: item in whole, "notin": lambda item, whole: item not in whole,
}  # fmt: skip


class ConditionError(ValueError):
    """The condition cannot be read; `str()` is one French sentence."""


@lru_cache(maxsize=512)
def read_condition(text: str) -> nodes.Node:
    """The condition's tree. Raises ConditionError: not the language, or a name that is no fact."""
    if len(text) > _LONGEST:
        raise ConditionError("La condition est trop longue.")
    try:
        output = environment().parse("{{ " + text + " }}").body
    except TemplateError as error:
        raise ConditionError(f"La condition « {text} » ne se lit pas.") from error
    expressions = [node for part in output for node in getattr(part, "nodes", [part])]
    if len(output) != 1 or len(expressions) != 1 or not isinstance(expressions[0], _ALLOWED):
        raise ConditionError(f"La condition « {text} » ne se lit pas.")
    tree = expressions[0]
    for node in (tree, *tree.find_all(nodes.Node)):
        if not isinstance(node, _ALLOWED):
            raise ConditionError(f"La condition « {text} » emploie une construction interdite.")
        if isinstance(node, nodes.Name) and node.name not in FACTS:
            raise ConditionError(f"La condition « {text} » nomme « {node.name} », qui n'est pas un fait connu.")
    return tree


def holds(text: str, facts: Mapping[str, Fact]) -> bool:
    """Whether the condition is true of these facts. Raises ConditionError."""
    return bool(_value(read_condition(text), facts))


def _value(node: nodes.Node, facts: Mapping[str, Fact]) -> object:
    match node:
        case nodes.Const():
            return node.value
        case nodes.Name():
            return facts[node.name]
        case nodes.List():
            return [_value(item, facts) for item in node.items]
        case nodes.And():
            return bool(_value(node.left, facts)) and bool(_value(node.right, facts))
        case nodes.Or():
            return bool(_value(node.left, facts)) or bool(_value(node.right, facts))
        case nodes.Not():
            return not _value(node.node, facts)
        case nodes.Compare():
            return _compared(node, facts)
    raise ConditionError("La condition emploie une construction interdite.")


def _compared(node: nodes.Compare, facts: Mapping[str, Fact]) -> bool:
    left = _value(node.expr, facts)
    for operand in node.ops:
        right = _value(operand.expr, facts)
        try:
            held = _OPERATORS[operand.op](left, right)
        except TypeError as error:
            raise ConditionError("La condition compare ce qui ne se compare pas.") from error
        if not held:
            return False
        left = right
    return True
