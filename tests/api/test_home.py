"""The first page and the papers: whole for a stranger and for a person, honest in and out of the sandbox."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.db import Database
from api.demo import PASSWORD, PEOPLE
from api.pages.home import HELP, TELLING, trial_companies
from api.settings import Settings
from procurement.people import User
from siret_lookup.siret import parse_siret
from siret_lookup.sources import SOURCES
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
    assert all(source.title in said and source.provider in said for source in SOURCES.values())
    assert "Pour l’attributaire pressenti seulement" in said
    assert "L114-8" in said


def test_the_accessibility_statement_claims_nothing(client: CheckedClient) -> None:
    client.get("/accessibilite")
    assert "État : non conforme" in client.page.main
    assert "Aucun audit" in client.page.main
