"""House rules on the source and on the tests. Each check is shown bad snippets too: it must be able to fail."""

import ast
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.house import checks
from tests.house.checks import CLOCKLESS, EXCEPTIONS, LEAVES, PACKAGES, ROOT

TESTS = ("tests",)


def sources(*packages: str) -> dict[str, str]:
    """Path from the root → text, of every Python file."""
    files = (path for package in packages for path in sorted((ROOT / package).rglob("*.py")))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}


def report(found: Iterable[tuple[str, str]], rule: str = "") -> list[str]:
    return [f"{path}: {sentence}" for path, sentence in found if path not in EXCEPTIONS.get(rule, {})]


def by_tree(check: checks.Check, *packages: str) -> Iterator[tuple[str, str]]:
    for path, text in sources(*packages).items():
        yield from ((path, sentence) for sentence in check(ast.parse(text)))


def by_text(check: Callable[[str], Iterator[str]], *packages: str) -> Iterator[tuple[str, str]]:
    for path, text in sources(*packages).items():
        yield from ((path, sentence) for sentence in check(text))


TREE_RULES: dict[str, tuple[checks.Check, tuple[str, ...]]] = {
    "commit": (checks.commits, PACKAGES),
    "clock": (checks.clocks, CLOCKLESS),
    "inner import": (checks.inner_imports, PACKAGES),
    "long function": (checks.long_functions, PACKAGES),
    "import by name": (checks.dynamic_imports, PACKAGES),
    "asserts nothing": (checks.asserts_nothing, TESTS),
    "skip": (checks.skips, TESTS),
    "mock": (checks.mocks, TESTS),
}
TEXT_RULES: dict[str, tuple[Callable[[str], Iterator[str]], tuple[str, ...]]] = {
    "long file": (checks.long_file, (*PACKAGES, "tests")),
    "blanket ignore": (checks.blanket_ignores, (*PACKAGES, "tests", "benchmarks", "migrations")),
}


def test_every_package_of_the_house_is_looked_at() -> None:
    top = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "migrations"}
    assert top == set(PACKAGES)
    assert set(LEAVES) < set(CLOCKLESS) < set(PACKAGES)


@pytest.mark.parametrize("rule", TREE_RULES)
def test_rules_on_the_tree(rule: str) -> None:
    check, packages = TREE_RULES[rule]
    found = report(by_tree(check, *packages), rule)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", TEXT_RULES)
def test_rules_on_the_text(rule: str) -> None:
    check, packages = TEXT_RULES[rule]
    found = report(by_text(check, *packages), rule)
    assert not found, "\n".join(found)


def test_an_untyped_library_is_touched_by_one_file() -> None:
    modules = {path: checks.imported(ast.parse(text)) for path, text in sources(*PACKAGES).items()}
    modules = {path: names for path, names in modules.items() if path not in EXCEPTIONS["one adapter"]}
    libraries = checks.untyped_libraries((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = list(checks.scattered(libraries, modules))
    assert not found, "\n".join(found)


def test_every_exception_is_still_needed() -> None:
    for rule in set(EXCEPTIONS) & set(TREE_RULES):
        check, packages = TREE_RULES[rule]
        needed = {path for path, _ in by_tree(check, *packages)}
        assert set(EXCEPTIONS[rule]) <= needed, f"{rule}: an exception that nothing needs"
    assert all((ROOT / path).exists() for paths in EXCEPTIONS.values() for path in paths)


LONG = "def f():\n" + "    a = 1\n" * checks.FUNCTION_LINES
BAD_TREES = {
    "commit": ["db.commit()", "with engine.begin() as c: pass"],
    "clock": [
        "datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "time.time()", "f(default=func.now())",
        "field(default_factory=datetime.now)", "from time import time",
    ],
    "inner import": ["def f():\n    import os", "def f():\n    if a:\n        from os import path"],
    "long function": [LONG],
    "import by name": ["importlib.import_module('a')", "__import__('a')"],
    "asserts nothing": [
        "def test_a():\n    f()", "def test_a():\n    assert True", "def g():\n    f()\ndef test_a():\n    g()",
        "class TestA:\n    def test_a(self):\n        f()", "def test_a():\n    client.verify(file)",
    ],
    "skip": [
        "@pytest.mark.skip\ndef test_a(): pass",
        "@pytest.mark.xfail(reason='a')\ndef test_a(): pass", "pytest.skip('a')",
        "pytest.importorskip('a')", "from pytest import skip",
    ],
    "mock": ["from unittest.mock import patch", "def test_a(mocker): pass"],
}  # fmt: skip
GOOD_TREES = {
    "commit": ["db.flush()", "with db.begin_nested(): pass"],
    "clock": ["time.monotonic()", "f(now=now)", "from time import monotonic", "datetime.fromisoformat(a)"],
    "inner import": ["import os\ndef f(): pass"],
    "long function": [LONG.removesuffix("    a = 1\n")],
    "import by name": ["import importlib.resources"],
    "asserts nothing": [
        "def test_a():\n    assert f()", "def test_a():\n    with pytest.raises(E):\n        f()",
        "def helping(): pass",
        "def g():\n    assert a\ndef h():\n    g()\ndef test_a():\n    h()", "def test_a():\n    check_page(a)",
    ],
    "skip": ["skip = 1", "reader.skip(3)"],
    "mock": ["def test_a(client): pass"],
}  # fmt: skip


@pytest.mark.parametrize("rule", TREE_RULES)
def test_each_rule_on_the_tree_can_fail(rule: str) -> None:
    check, _ = TREE_RULES[rule]
    assert [snippet for snippet in BAD_TREES[rule] if not list(check(ast.parse(snippet)))] == []
    assert [snippet for snippet in GOOD_TREES[rule] if list(check(ast.parse(snippet)))] == []


def test_each_rule_on_the_text_can_fail() -> None:
    assert list(checks.long_file("a\n" * (checks.FILE_LINES + 1)))
    assert not list(checks.long_file("a\n" * checks.FILE_LINES))
    silent, named = "a = b  # " + "type: ignore", "a = b  # type: ignore[x]  # noqa: S101"
    assert list(checks.blanket_ignores(silent))
    assert list(checks.blanket_ignores("a = b  # " + "noqa"))
    assert not list(checks.blanket_ignores(named))


def test_the_rule_on_adapters_can_fail() -> None:
    modules = {"api/a.py": checks.imported(ast.parse("import saxonche")), "api/b.py": {"os"}}
    assert list(checks.scattered({"saxonche"}, modules)) == []
    modules["api/b.py"] = checks.imported(ast.parse("from saxonche.a import b"))
    assert "imported by 2 files" in next(checks.scattered({"saxonche"}, modules))
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "saxonche" in checks.untyped_libraries(pyproject)
    assert checks.typed("pydantic")


def test_exceptions_are_few_and_say_why() -> None:
    assert report([("api/db.py", "a"), ("api/other.py", "b")], "commit") == ["api/other.py: b"]
    assert all(len(why) > 15 for paths in EXCEPTIONS.values() for why in paths.values())
