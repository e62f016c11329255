"""The first page and the papers: whole for a stranger and for a person, honest in and out of the sandbox."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.db import Database
from api.demo import PASSWORD, PEOPLE
from api.pages.home import HELP, READING, TELLING, trial_companies
from api.settings import ROOT, Settings
from procurement.people import User
from procurement.pieces import CAPACITY, WINNER
from siret_lookup.catalogue import PIECES
from siret_lookup.outcome import Outcome
from siret_lookup.siret import parse_siret
from siret_lookup.words import LABELS
from tests.checked_client import CheckedClient
from tests.factories import make_account

PAPERS = {
    "/": "Répondre à un marché public avec un SIRET",
    "/aide": "Aide",
    "/aide/entreprise": "Répondre à un marché",
    "/aide/acheteur": "Acheter",
    "/aide/juriste": "Relire le droit",
    "/aide/finances": "Contrôler les factures",
    "/mentions-legales": "Mentions légales",
    "/donnees-personnelles": "Données personnelles",
    "/accessibilite": "Accessibilité",
}


@pytest.mark.parametrize("path", PAPERS)
def test_a_stranger_reads_every_paper(client: CheckedClient, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.page.h1 == PAPERS[path]


def test_a_signed_in_person_reads_them_too(database: Database, browser: Callable[[User], CheckedClient]) -> None:
    mine = browser(make_account(database))
    assert [mine.get(path).status_code for path in PAPERS] == [200] * len(PAPERS)
    assert "Se déconnecter" in mine.page.text


def test_the_help_leads_to_the_four_kinds_of_user(client: CheckedClient) -> None:
    client.get("/aide")
    assert {f"/aide/{slug}" for slug in HELP} <= set(client.page.links.values())


def test_an_unknown_help_page_is_not_found(client: CheckedClient) -> None:
    assert client.get("/aide/inconnue").status_code == 404


def test_the_footer_leads_to_papers_that_exist(client: CheckedClient) -> None:
    client.get("/")
    footer = ["Mentions légales", "Données personnelles", "Accessibilité : non conforme", "Aide"]
    assert [client.get(client.page.links[label]).status_code for label in footer] == [200] * 4


def test_the_sandbox_shows_its_accounts_and_sirets(client: CheckedClient) -> None:
    client.get("/aide")
    said = client.page.main
    assert all(address in said for address in PEOPLE)
    assert PASSWORD in said
    assert all(siret in said and shown in said for siret, _, shown in trial_companies())


def test_the_trial_sirets_hold() -> None:
    companies = trial_companies()
    assert [name for _, name, _ in companies] == list(TELLING)
    assert all(parse_siret(siret).value == siret for siret, _, _ in companies)


@pytest.fixture
def real(settings: Settings) -> FastAPI:
    return create_app(settings, sandbox=False)


def test_outside_the_sandbox_no_trial_account_is_shown(real: FastAPI) -> None:
    with CheckedClient(real) as client:
        client.get("/aide")
        assert PASSWORD not in client.page.text
        assert "demo.example" not in client.page.text
        client.get("/mentions-legales")
        assert "démonstration" not in client.page.main.lower()
        assert "À compléter par l’exploitant" in client.page.main


def test_the_privacy_notice_names_every_source_that_is_called(client: CheckedClient) -> None:
    client.get("/donnees-personnelles")
    said = client.page.main
    assert all(PIECES[key].title in said and PIECES[key].provider in said for key in (*CAPACITY, *WINNER))
    assert said.count("Dès que le SIRET est écrit") == 1
    assert "Pour l’attributaire pressenti seulement" in said
    assert "L114-8" in said


def test_each_outcome_is_explained_to_officers(client: CheckedClient) -> None:
    client.get("/aide/pieces")
    assert set(READING) == set(Outcome)
    assert all(LABELS[outcome] in client.page.main for outcome in Outcome)
    assert "conforme" not in client.page.main


def test_the_accessibility_statement_claims_nothing(client: CheckedClient) -> None:
    client.get("/accessibilite")
    assert "État : non conforme" in client.page.main
    assert "Aucun audit" in client.page.main


WRITTEN = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_papers_lead_somewhere(path: Path) -> None:
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_the_readme_names_every_setting_and_stays_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"MPS_{name.upper()}" not in text] == []
    assert len(text.splitlines()) < 120


def test_every_direct_dependency_is_explained() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = [line for file in (ROOT / "requirements").glob("*.in") for line in file.read_text().split()]
    names = [
        re.split(r"[<>=]", word)[0]
        for word in wanted
        if not word.startswith("-") and not word.endswith((".txt", ".in"))
    ]
    assert [name for name in names if name not in text] == []


def test_what_the_glossary_names_exists() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    places = re.findall(r"`((?:procurement|dce_templates|siret_lookup|signature)/[\w/.]*)`", text)
    modules = re.findall(r"`((?:procurement|dce_templates|siret_lookup|signature|api)\.\w+)", text)
    missing = [place for place in places if not (ROOT / place).exists()]
    missing += [name for name in modules if not any(ROOT.glob(f"{name.replace('.', '/')}*"))]
    assert missing == []
    assert len(modules) > 5
