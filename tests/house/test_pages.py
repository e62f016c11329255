"""House rules on pages: templates, components, and what the web process may load."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.typography import FrenchSpaces
from tests.checked_client import Page
from tests.house import checks
from tests.house.checks import EXCEPTIONS, ROOT
from tests.html import parse, problems

TEMPLATES = ROOT / "api" / "templates"
# Loaded in worker processes only (api/isolate.py): each costs memory, time or trust.
HEAVY = ("pyhanko", "facturx", "docx", "saxonche", "typst", "xmlschema", "xlsxwriter", "openpyxl")
ERROR_PAGES = ("403", "404", "409", "413", "422", "429", "500", "503")


def templates() -> dict[str, str]:
    paths = sorted(TEMPLATES.rglob("*.html"))
    return {str(path.relative_to(TEMPLATES)): path.read_text(encoding="utf-8") for path in paths}


def python() -> dict[str, str]:
    paths = (path for package in checks.PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def test_templates_hold_no_script_no_style_and_escape_all() -> None:
    found = [f"{name}: {part}" for name, text in templates().items() for part in checks.inline_parts(text)]
    found += [
        f"{name}: {part}"
        for name, text in templates().items()
        if name not in EXCEPTIONS["unescaped"]
        for part in checks.unescaped(text)
    ]
    assert not found, "\n".join(found)


def test_no_python_declares_a_text_safe() -> None:
    found = [
        f"{path}: {sentence}"
        for path, text in python().items()
        if path not in EXCEPTIONS["unescaped"]
        for sentence in checks.markups(ast.parse(text))
    ]
    assert not found, "\n".join(found)


def test_every_template_is_used() -> None:
    names = [name for name in templates() if not re.fullmatch(r"errors/\d{3}\.html", name)]
    assert list(checks.orphans(names, "\n".join([*templates().values(), *python().values()]))) == []


def test_a_feature_has_one_name_in_every_folder() -> None:
    """templates/<feature>/ goes with pages/<feature>.py, and every page module is registered in api/app.py."""
    pages = {path.stem for path in (ROOT / "api" / "pages").glob("*.py")} - {"__init__"}
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir()} - {"errors"}
    assert folders <= pages
    application = (ROOT / "api" / "app.py").read_text(encoding="utf-8")
    assert sorted(page for page in pages if not re.search(rf"\b{page}\.router\b", application)) == []


def test_the_web_process_loads_nothing_heavy() -> None:
    program = f"import sys, api.app; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    "bad",
    [
        "<script>go()</script>",
        "<style>p {}</style>",
        '<p class="a" style="color: red">',
        '<button onclick="go()">',
        '<button hx-on:click="go()">',
        '<a href="javascript:go()">',
    ],
)
def test_an_inline_part_is_seen(bad: str) -> None:
    assert list(checks.inline_parts(bad))


def test_the_other_rules_on_templates_can_fail() -> None:
    assert not list(checks.inline_parts('{# <style> #}<script src="/a.js"></script><p class="style">on a = b</p>'))
    assert list(checks.unescaped("{{ text|safe }}"))
    assert list(checks.unescaped("{% autoescape false %}"))
    assert not list(checks.unescaped("{{ text|e }} safe"))
    assert list(checks.markups(ast.parse("markupsafe.Markup(text)")))
    assert list(checks.orphans(["a/b.html"], 'page("a/c.html")'))
    assert not list(checks.orphans(["a/b.html"], 'page("a/b.html")'))


# The components: each is rendered as the application renders it, and passes the checked client's checks.

FRAME = '{% extends "base.html" %}{% import "ui.html" as ui %}{% block title %}Essai{% endblock %}{% block main %}'
COMPONENTS: dict[str, str] = yaml.safe_load((Path(__file__).parent / "components.yaml").read_text(encoding="utf-8"))
TITLE = '{{ ui.page_title("Essai", "Chapeau", "Référence") }}{% endblock %}'
HOSTILE = '"><script>go()</script>'


def environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        extensions=[FrenchSpaces],
    )  # fmt: skip


def rendered(body: str, **context: Any) -> str:
    values = {"values": {"siret": HOSTILE}, "errors": {"siret": ""}} | context
    return environment().from_string(FRAME + TITLE.replace("{% endblock %}", body + "{% endblock %}")).render(values)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("error", ["", HOSTILE])
def test_each_component_is_a_good_part_of_a_page(component: str, error: str) -> None:
    html = rendered(COMPONENTS[component], errors={"siret": error} if error else {"siret": ""})
    title = html.replace("<title>Essai", "<title>Erreur – Essai") if "aria-invalid" in html else html
    assert problems(title.replace("Erreur – Erreur – ", "Erreur – ")) == []


def test_every_macro_has_been_rendered() -> None:
    macros = set(re.findall(r"macro (\w+)\(", (TEMPLATES / "ui.html").read_text(encoding="utf-8")))
    inner = {"described", "optional", "help", "choices", "file_field", "link_button", "row_header", "cell"}
    shown = set(re.findall(r"ui\.(\w+)\(", "".join(COMPONENTS.values()) + TITLE))
    assert macros - inner == shown - inner


def page(html: str) -> Page:
    return Page("http://mps.test/", 200, parse(html)[0])


def test_the_frame_follows_the_visitor() -> None:
    person = SimpleNamespace(name="Camille", email="c@exemple.fr", roles=frozenset({("officer", 1)}))
    request = SimpleNamespace(url=SimpleNamespace(path="/acheteur/X"))
    officer = page(
        rendered("", user=person, request=request, sandbox=True, flash="C’est enregistré.", errors={"a": "b"})
    )
    assert officer.title == "Erreur – Essai – mps"
    assert {"Espace acheteur", "Vérifier une signature"} < set(officer.links)
    assert "Marchés et factures" not in officer.links
    assert officer.actions == ["/deconnexion"]
    assert "Bac à sable : entreprises inventées" in officer.text
    assert "C’est enregistré." in officer.main
    stranger = page(rendered("", user=None, errors={}))
    assert stranger.title == "Essai – mps"
    assert "Se connecter" in stranger.links
    assert "Espace acheteur" not in stranger.links
    assert "Bac à sable" not in stranger.text


def test_a_typed_text_comes_back_whole_and_a_password_never() -> None:
    value = "\n deux\nlignes <b>"
    tree = page(
        rendered('{{ ui.textarea("a", "A", text) }}{{ ui.field("b", "B", text, type="password") }}', text=value)
    ).tree
    assert [area.text for area in tree.iter("textarea")] == [value]
    assert [field.get("value") for field in tree.iter("input")] == [None]


@pytest.mark.parametrize("status", ERROR_PAGES)
def test_each_error_page_is_whole_with_and_without_details(status: str) -> None:
    template = environment().get_template(f"errors/{status}.html")
    assert problems(template.render()) == []
    html = template.render(message="Le délai est passé.", article="R2143-2", reference="7K2M")
    assert problems(html) == []
    assert all(part in page(html).main for part in ("Le délai est passé.", "R2143-2", "7K2M"))


def test_every_error_page_is_known_here() -> None:
    assert {path.stem for path in Path(TEMPLATES / "errors").glob("*.html")} == {*ERROR_PAGES, "problem"}
