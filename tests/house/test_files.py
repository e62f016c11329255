"""House rules on what git keeps: locked requirements, no address of a registry, no path of a machine."""

import pytest

from tests.house import checks
from tests.house.checks import ROOT


def test_requirements_are_locked_with_hashes_and_say_no_address() -> None:
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert files
    found = [f"{file.name}: {line}" for file in files for line in checks.loose_requirements(file.read_text())]
    assert not found, "\n".join(found)


def test_sources_of_the_locks_say_no_address() -> None:
    files = sorted((ROOT / "requirements").glob("*.in"))
    assert files
    assert [file.name for file in files if "://" in file.read_text() or " @ " in file.read_text()] == []


def test_the_front_end_is_locked_by_hashes_alone() -> None:
    for folder in ("web", "tests/oidc"):
        assert list(checks.loose_lock((ROOT / folder / "package-lock.json").read_text())) == []


def test_nothing_kept_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in checks.repository_files()
        for sentence in checks.forbidden(path.read_bytes().decode("utf-8", "replace"))
    ]
    assert not found, "\n".join(found)


def test_what_git_ignores_is_not_kept() -> None:
    kept = {path.relative_to(ROOT).parts[0] for path in checks.repository_files()}
    assert {"pyproject.toml", "tests", "bin"} <= kept
    assert not kept & {".venv", "build", "var", ".env", "uv.lock"}


@pytest.mark.parametrize(
    "bad",
    [
        "requests",
        "requests>=2 --hash=sha256:00",
        "requests==2.1",
        "requests @ https://a.example/a.whl --hash=sha256:00",
        "--index-url https://a.example/simple",
        "-e .",
        "a==1 \\\n    --hash=sha256:00\nb==2",
    ],
)
def test_a_loose_requirement_is_seen(bad: str) -> None:
    assert list(checks.loose_requirements(bad))


def test_a_locked_requirement_passes() -> None:
    assert not list(checks.loose_requirements("# note\na[b]==1.0 ; python_version < '4' \\\n    --hash=sha256:00\n"))


def test_a_loose_front_end_lock_is_seen() -> None:
    assert list(checks.loose_lock('{"packages": {"": {}, "a": {"integrity": "x", "resolved": "https://a"}}}'))
    assert list(checks.loose_lock('{"packages": {"a": {}}}'))
    assert not list(checks.loose_lock('{"packages": {"": {}, "a": {"integrity": "x"}}}'))


@pytest.mark.parametrize(
    "pieces",
    [
        ("open('/wo", "rk/main/a')"),
        ("cd /wo", "rk"),
        ("see ../sha", "red/facts"),
        ("/ro", "ot/.cache"),
        ("/ho", "me/someone/x"),
        ("https://py", "pi.org/simple"),
        ("https://registry.np", "mjs.org/a"),
    ],
)
def test_a_forbidden_string_is_seen(pieces: tuple[str, str]) -> None:
    assert list(checks.forbidden("".join(pieces)))


@pytest.mark.parametrize("fine", ["a network/worker", "docs/work/plan", "/worker", "https://a.example/rooted"])
def test_what_only_resembles_passes(fine: str) -> None:
    assert not list(checks.forbidden(fine))
