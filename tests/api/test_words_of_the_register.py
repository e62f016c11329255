"""Whatever is written in a register is said in French: no reader meets the name of an event."""

import ast
from collections.abc import Iterator
from pathlib import Path

from api.wording import said_of
from procurement.base import Base

ROOT = Path(__file__).parents[2]
# The versions of a clause are in the library's own history, not in a register.
ELSEWHERE = {"ClauseVersion"}


def recorded() -> Iterator[str]:
    """The kinds that the code writes by name."""
    for room in ("procurement", "api"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 2:
                    kind = node.args[2]
                    if node.func.id in ("record", "record_all") and isinstance(kind, ast.Constant):
                        yield str(kind.value)


def moved() -> Iterator[str]:
    """The kinds that a change of state makes."""
    for mapper in Base.registry.mappers:
        if hasattr(mapper.class_, "MOVES") and mapper.class_.__name__ not in ELSEWHERE:
            for states in mapper.class_.MOVES.values():
                yield from (f"{mapper.class_.__name__.lower()}.{state}" for state in states)


def test_every_event_has_its_words() -> None:
    kinds = {*recorded(), *moved()}
    assert len(kinds) > 100
    assert sorted(kind for kind in kinds if said_of(kind) == kind) == []
