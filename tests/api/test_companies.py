"""The officer's search by name: in the Annuaire, or in the local copy of Sirene where there is one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.auth import open_session
from api.db import Database, transaction
from api.sandbox.server import SandboxUrls
from api.settings import Settings
from procurement.people import User
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_company, make_company_member, make_officer, make_siret
from tests.siret_lookup.stock import make_mirror, place, unit


@pytest.fixture
def officer(database: Database) -> User:
    return make_officer(database, make_buyer(database))


def signed_in(app: FastAPI, database: Database, user: User) -> CheckedClient:
    browser = CheckedClient(app)
    with transaction(database) as db:
        browser.cookies.set("mps_session", open_session(db, user))
    return browser


def test_a_name_finds_its_companies_in_the_annuaire(app: FastAPI, database: Database, officer: User) -> None:
    with signed_in(app, database, officer) as browser:
        form = browser.get("/acheteur/entreprises")
        browser.submit(form, "/acheteur/entreprises", q="boulangerie")
        assert "BOULANGERIE TOUT VA BIEN" in browser.page.main
        assert "Annuaire des entreprises" in browser.page.main
        browser.submit(browser.page, "/acheteur/entreprises", q="introuvable au monde")
        assert "Aucune entreprise de ce nom." in browser.page.main
        answer = browser.get("/acheteur/entreprises?q=a")
        assert answer.status_code == 422
        assert "trois caractères" in browser.page.main


def test_it_is_for_officers(app: FastAPI, database: Database, client: CheckedClient) -> None:
    member = make_company_member(database, make_company(database, make_siret(41)))
    with signed_in(app, database, member) as browser:
        assert browser.get("/acheteur/entreprises?q=boulangerie").status_code == 404
    assert client.get("/acheteur/entreprises", follow_redirects=False).status_code == 303


@pytest.fixture
def with_mirror(settings: Settings, sandbox: SandboxUrls, tmp_path: Path) -> Iterator[FastAPI]:
    siret = make_siret(77)
    at_annecy = place(siret, codeCommuneEtablissement="74010", libelleCommuneEtablissement="ANNECY")
    mirror = make_mirror(tmp_path, [unit(siret[:9], "MENUISERIE DU LAC")], [at_annecy])
    made = create_app(settings.model_copy(update={"sirene_mirror": mirror}), True, **sandbox.services())
    yield made
    made.state.database.dispose()


def test_the_local_copy_is_asked_first_even_with_a_typo(
    with_mirror: FastAPI, database: Database, officer: User
) -> None:
    with signed_in(with_mirror, database, officer) as browser:
        browser.get("/acheteur/entreprises?q=menuiserje+lac&departement=74")
        assert "MENUISERIE DU LAC" in browser.page.main
        assert "copie locale de Sirene du" in browser.page.main
        browser.get("/acheteur/entreprises?q=menuiserie+lac&departement=69")
        assert "Aucune entreprise de ce nom." in browser.page.main
