"""The house rules as functions: source in, sentences out. test_code.py, test_files.py and test_pages.py apply them."""

import ast
import importlib.util
import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEAVES = ("siret_lookup", "dce_templates", "signature")
CLOCKLESS = (*LEAVES, "procurement")
PACKAGES = (*CLOCKLESS, "api")
FILE_LINES, FUNCTION_LINES = 400, 40

# rule → file → why it may. An exception whose file is gone, or no longer needs it, fails.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "commit": {
        "api/db.py": "`transaction()`, which requests and worker steps share; api/worker.py may join when it needs to",
    },
    "import by name": {"api/isolate.py": "the one loader: worker processes get their functions by dotted path"},
    "one adapter": {
        "signature/engine.py": "validation: pyHanko's AdES engine",
        "signature/asn1.py": "mends the writing of asn1crypto",
        "signature/algorithms.py": "the dated table, as pyHanko's policy asks it",
        "signature/revocation/notices.py": "certificates and algorithms as lists and answers name them",
        "signature/revocation/lists.py": "reads the scope of revocation lists with asn1crypto",
        "signature/revocation/answers.py": "reads OCSP answers with asn1crypto",
        "signature/reading/pades.py": "reads PDF with pyHanko",
        "signature/reading/archive.py": "reads archive timestamps with asn1crypto",
        "signature/reading/cades.py": "reads CMS with asn1crypto",
        "signature/reading/xades.py": "hands XML signatures to the engine as CMS",
        "signature/reading/evidence.py": "keeps what a report shows of asn1crypto's objects, as plain values",
        "signature/making/pades.py": "prepares PDF with pyHanko",
        "signature/making/cades.py": "builds CMS with asn1crypto",
        "signature/making/beside.py": "adds a timestamp to CMS tokens with asn1crypto",
        "signature/making/stamps.py": "asks timestamps in RFC 3161",
        "signature/certificates.py": "reads QC statements with asn1crypto",
        "signature/lotl.py": "who may sign the list of lists, as pyHanko carries it over from the Official Journal",
        "signature/additions.py": "compares revisions with the engine's own difference policy",
        "api/sandbox/tsa.py": "the sandbox's time-stamping authority speaks RFC 3161 with asn1crypto",
    },
    "unescaped": {},
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Check = Callable[[ast.Module], Iterator[str]]


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def owner_of(node: ast.Attribute) -> str:
    """The name just before the last dot: `b` in `a.b.c`."""
    return getattr(node.value, "id", getattr(node.value, "attr", ""))


# Source


def commits(tree: ast.Module) -> Iterator[str]:
    """A transaction ends in one place; `begin()` used as a context manager commits too."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("commit", "begin")
        ):
            yield f"line {node.lineno}: {node.func.attr}() belongs to api/db.py"


CLOCK = {
    "datetime": ("now", "utcnow", "today"),
    "dt": ("now", "utcnow", "today"),
    "date": ("today",),
    "time": ("time", "time_ns", "localtime", "gmtime"),
    "func": ("now", "current_timestamp", "localtimestamp", "clock_timestamp"),
}


def clocks(tree: ast.Module) -> Iterator[str]:
    """`now` is an argument. `time.monotonic` measures a length and is no clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCK.get(owner_of(node), ()):
            yield f"line {node.lineno}: reads the clock ({owner_of(node)}.{node.attr})"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"line {node.lineno}: reads the clock" for name in node.names if name.name in CLOCK["time"])


def inner_imports(tree: ast.Module) -> Iterator[str]:
    for function in functions(tree):
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function)):
            yield f"line {function.lineno}: {function.name} imports inside itself"


def long_functions(tree: ast.Module) -> Iterator[str]:
    for function in functions(tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            yield f"line {function.lineno}: {function.name} has {lines} lines, {FUNCTION_LINES} are the most"


def long_file(text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield f"{lines} lines, {FILE_LINES} are the most"


def blanket_ignores(text: str) -> Iterator[str]:
    """A silenced check names what it silences."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"#\s*type:\s*ignore(?!\[)|#\s*noqa(?!:)", line):
            yield f"line {number}: silences every check of the line"


def dynamic_imports(tree: ast.Module) -> Iterator[str]:
    """One loader gives worker processes their functions (api/isolate.py); nobody else imports by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "__import__":
            yield f"line {node.lineno}: __import__"
        if isinstance(node, ast.Attribute) and node.attr == "import_module":
            yield f"line {node.lineno}: import_module"


# Adapters of untyped libraries


def untyped_libraries(pyproject: str) -> set[str]:
    """The libraries that mypy is told to let pass, less those that turn out to bring their own types."""
    overrides = tomllib.loads(pyproject)["tool"]["mypy"]["overrides"]
    named = {name.split(".")[0] for override in overrides for name in override["module"]}
    return {name for name in named if not typed(name)}


def typed(library: str) -> bool:
    spec = importlib.util.find_spec(library)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return any((place / "py.typed").exists() or place.with_name(f"{library}-stubs").exists() for place in places)


def imported(tree: ast.Module) -> set[str]:
    """The top names of what a module imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def scattered(libraries: Iterable[str], modules: dict[str, set[str]]) -> Iterator[str]:
    """`modules`: path → what it imports. An untyped library is touched by one file, which gives it types."""
    for library in sorted(libraries):
        users = sorted(path for path, names in modules.items() if library in names)
        if len(users) > 1:
            yield f"{library} has no types and is imported by {len(users)} files, not one: {', '.join(users)}"


# Tests


def asserts_nothing(tree: ast.Module) -> Iterator[str]:
    """A test asserts, expects an error, or calls a function of its module (or one named check…, expect…) that does."""
    bodies = {function.name: function for function in functions(tree)}
    asserting = {name for name, function in bodies.items() if _asserts(function)}
    while more := {n for n, f in bodies.items() if n not in asserting and _called(f) & asserting}:
        asserting |= more
    for name, function in bodies.items():
        if name.startswith("test") and name not in asserting and not _told(function):
            yield f"line {function.lineno}: {name} asserts nothing"


def _asserts(function: Function) -> bool:
    real = (n for n in ast.walk(function) if isinstance(n, ast.Assert) and not isinstance(n.test, ast.Constant))
    return any(real) or bool(_called(function) & {"raises", "warns"})


def _called(function: Function) -> set[str]:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {str(getattr(call, "attr", getattr(call, "id", ""))) for call in calls}


def _told(function: Function) -> bool:
    return any(name.startswith(("check", "expect", "assert_")) for name in _called(function))


def skips(tree: ast.Module) -> Iterator[str]:
    """A test that cannot run fails; it does not hide."""
    wanted = ("skip", "skipif", "xfail", "importorskip", "skipTest")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in wanted
            and owner_of(node) in ("pytest", "mark", "self", "unittest")
        ):
            yield f"line {node.lineno}: {node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module in ("pytest", "unittest"):
            yield from (f"line {node.lineno}: {name.name}" for name in node.names if name.name in (*wanted, "mock"))


def mocks(tree: ast.Module) -> Iterator[str]:
    """Real parts, no doubles of our own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unittest"):
            yield f"line {node.lineno}: a mock"
        if isinstance(node, ast.arg) and node.arg in ("mocker", "requests_mock", "responses"):
            yield f"line {node.lineno}: a mock"


# Files


def loose_requirements(text: str) -> Iterator[str]:
    """Every line of a locked file is `name==version` with hashes, and nothing says where from."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not re.match(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==\S+", line):
            yield f"not locked: {line[:80]}"
        elif "--hash=sha256:" not in line:
            yield f"no hash: {line[:80]}"
        if "://" in line or " @ " in line:
            yield f"names an address: {line[:80]}"


def loose_lock(text: str) -> Iterator[str]:
    """package-lock.json: hashes, and no address of a registry."""
    for name, package in json.loads(text)["packages"].items():
        if "resolved" in package:
            yield f"{name}: resolved"
        if name and "integrity" not in package:
            yield f"{name}: no integrity"


# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~}-])/(wo" r"rk\b|ro" r"ot/|ho" r"me/\w+/|Us" r"ers/\w+/)",
    "a place outside the repository": r"\.\./sha" r"red",
    "the host of a package registry": r"(py"
    r"pi\.org|pythonho"
    r"sted\.org|registry\.np"
    r"mjs\.org|registry\.yarn"
    r"pkg\.com)",
}


def forbidden(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        yield from (f"line {number}: {what}" for what, pattern in FORBIDDEN.items() if re.search(pattern, line))


def repository_files() -> list[Path]:
    """What git keeps, or would keep: tracked files and new ones that it does not ignore."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


# Templates

INLINE = {
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "a <style> element": r"<style\b",
    "an inline style": r"<[^>]*\sstyle\s*=",
    "an inline event handler": r"<[^>]*\s(on[a-z]+|hx-on[\w:-]*)\s*=",
    "code in an address": r"javascript:",
}
UNESCAPED = r"\|\s*safe\b|autoescape\s+false"


def inline_parts(text: str) -> Iterator[str]:
    """The policy of the pages (CSP) would block these."""
    bare = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    yield from (what for what, pattern in INLINE.items() if re.search(pattern, bare, re.IGNORECASE))


def unescaped(text: str) -> Iterator[str]:
    """What comes from people is escaped, without a way round."""
    yield from (f"« {found.group()} »" for found in re.finditer(UNESCAPED, text))


def markups(tree: ast.Module) -> Iterator[str]:
    """Python that declares a text safe by hand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Markup":
            yield f"line {node.lineno}: Markup()"


def orphans(templates: Iterable[str], sources: str) -> Iterator[str]:
    """Templates that no page and no other template names."""
    yield from (
        f"{name} is used by nothing" for name in templates if f'"{name}"' not in sources and f"'{name}'" not in sources
    )
