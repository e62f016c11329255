"""The page of data and clauses: subjects and data sets in, clauses sorted with their reasons, and nothing lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.clause_form import sections, to_data, to_shown
from api.db import Database, transaction
from api.review import read
from dce_templates.catalogue import catalogue
from procurement.candidacy import sha256_json
from procurement.consultation import find
from tests.api.consultation_scene import Browser, Desk, desk, example, publish, write
from tests.candidacy_scene import press
from tests.checked_client import Value
from tests.factories import make_buyer, make_officer


@pytest.fixture
def at(database: Database, browser: Browser) -> Desk:
    return desk(database, browser)


def stored(database: Database, ref: str) -> dict[str, Any]:
    with transaction(database) as db:
        return find(db, ref).dossier


def as_typed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: "1" if value is True else "" if value is False else value for name, value in values.items()}


SETS: list[dict[str, Any]] = [
    {"id": "places", "title": "Places libres", "frequency": "temps réel", "schema_id": "etalab/stationnement@0.1.5"},
    {"id": "tickets", "title": "Tickets vendus", "personal": True, "published": False},
]
NAMES = sorted({*to_shown({"datasets": SETS}, catalogue())} - {"rows"})
TEXTS = st.text(max_size=40) | st.sampled_from(["1", "temps réel", "parking", "42", "{{ x }}"])


def test_the_page_and_the_dossier_lose_nothing_both_ways(database: Database) -> None:
    dossier = example(database) | {"datasets": SETS, "subjects": ["parking"], "entrusted_data": True}
    dossier["clauses"].append({"id": "OD-99", "vars": {"kept": "as it is"}})
    again = to_data(as_typed(to_shown(dossier, catalogue())), dossier, catalogue())
    assert to_shown(again, catalogue()) == to_shown(dossier, catalogue())
    assert {"id": "OD-99", "vars": {"kept": "as it is"}} in again["clauses"]


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=15))
def test_whatever_is_typed_comes_back(typed: dict[str, str]) -> None:
    data = to_data(typed, {}, catalogue())
    shown = to_shown(data, catalogue())
    assert to_shown(to_data(as_typed(shown), {}, catalogue()), catalogue()) == shown
    assert sections(data, True, catalogue())


def test_a_data_set_that_is_typed_takes_the_clauses_with_it(at: Desk, database: Database) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}/clauses"
    form = at.client.get(path)
    set_4 = {f"dataset_4_{name}": value for name, value in SETS[0].items() if name != "id"}
    at.client.submit(form, path, button="sort", follow=True, subjects=["parking"], **set_4, dataset_4_published="1")
    found = stored(database, ref)
    assert found["subjects"] == ["parking"]
    added = found["datasets"][3]
    assert (added["title"], added["published"], added["personal"]) == ("Places libres", True, False)
    assert "Ce marché produit des données" in at.client.page.main
    assert at.client.page.tree.xpath("count(//fieldset[legend[starts-with(., 'Jeu ')]])") == 7


def test_what_is_wrong_on_this_page_is_corrected_on_this_page(at: Desk, database: Database) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}"
    form = at.client.get(f"{path}/clauses")
    wrong = {"dataset_1_title": "Comptages", "dataset_1_first_delivery_days": "bientôt"}
    at.client.submit(form, f"{path}/clauses", button="check", follow=True, **wrong)
    assert "Jeu de données 1, première remise, en jours : un nombre entier est attendu" in at.client.page.main
    at.client.click(at.client.get(f"{path}/verifier"), "Jeu de données 1, première remise, en jours")
    assert at.client.page.h1 == "Données et clauses"


def test_a_clause_that_cannot_be_filled_leads_to_its_field(at: Desk, database: Database) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}/clauses"
    at.client.submit(at.client.get(path), path, button="check", follow=True, **{"clause_OD-07_credit": ""})
    assert "Variable « credit » à renseigner" in at.client.page.main
    assert f"{path}#clause_OD-07" in at.client.page.tree.xpath("//main//a/@href")  # type: ignore[operator]


def test_one_click_takes_the_clause_that_another_asks_for(at: Desk, database: Database) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}"
    at.client.submit(at.client.get(f"{path}/clauses"), f"{path}/clauses", button="check", **{"clause_OD-10": False})
    page = at.client.page
    assert "La clause OD-05 demande la clause OD-10" in page.main
    at.client.submit(page, f"{path}/verifier/clause_requires/corriger")
    assert "C’est corrigé" in at.client.page.main
    assert "demande la clause OD-10" not in at.client.page.main
    assert [c["id"] for c in stored(database, ref)["clauses"]].count("OD-10") == 1
    again = at.client.submit(page, f"{path}/verifier/clause_requires/corriger")
    assert again.status_code == 409
    assert "n’est plus à corriger ainsi" in at.client.page.main


def test_two_people_discuss_a_clause_of_a_draft(at: Desk, database: Database, browser: Browser) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}/clauses"
    here = f"{path}/OD-05"
    page = at.client.get(here)
    assert "comptages horaires par point et par mode" in at.client.page.main, "as it reads in this dossier"
    assert at.client.submit(page, here, remark=" ").status_code == 422
    assert "Écrivez votre remarque." in at.client.page.main
    at.client.submit(at.client.get(here), here, remark="Le délai est-il <b>tenable</b> ?")
    colleague = browser(make_officer(database, at.buyer))
    assert "1 en attente" in colleague.get(path).text
    page = colleague.get(here)
    assert "Le délai est-il <b>tenable</b> ?" in colleague.page.main
    row = next(action for action in colleague.page.actions if action.startswith(f"{here}/remarques/"))
    colleague.submit(page, row)
    assert "Réglée" in colleague.page.main
    assert "en attente" not in colleague.get(path).text
    assert colleague.get(f"{path}/ZZ-99").status_code == 404
    assert browser(make_officer(database, make_buyer(database))).get(here).status_code == 404
    publish(at, ref)
    at.client.get(here)
    assert here not in at.client.page.actions
    assert press(at.client, here, remark="Trop tard.") == 409
    assert "tenable" not in at.client.get(f"/consultations/{ref}").text


def test_two_people_write_two_clauses_at_once_and_never_the_same(
    at: Desk, database: Database, browser: Browser
) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}/clauses"
    colleague = browser(make_officer(database, at.buyer))
    whole = colleague.get(path)
    mine = at.client.submit(at.client.get(f"{path}/OD-05"), f"{path}/OD-05/reprendre")
    theirs = colleague.submit(colleague.get(f"{path}/OD-23"), f"{path}/OD-23/reprendre")
    assert press(colleague, f"{path}/OD-05/reprendre") == 409
    assert "a cette clause en main" in colleague.get(f"{path}/OD-05").text
    refused = colleague.submit(whole, path, button="sort", follow=True, **{"clause_OD-05_check_days": "21"})
    assert refused.status_code == 422
    assert "a la clause OD-05 en main" in colleague.page.main
    assert 'value="21"' in refused.text
    at.client.submit(mine, f"{path}/OD-05/valeurs", button=None, follow=True, **{"clause_OD-05_check_days": "20"})
    assert "C’est enregistré." in at.client.page.main
    colleague.submit(theirs, f"{path}/OD-23/valeurs")
    said = {c["id"]: c["vars"] for c in stored(database, ref)["clauses"]}
    assert said["OD-05"]["check_days"] == "20"
    assert said["OD-05"]["frequency"] == "mensuelle"
    late: dict[str, Value] = {"clause_OD-05_check_days": "30"}
    stale = at.client.submit(mine, f"{path}/OD-05/valeurs", button=None, follow=True, **late)
    assert stale.status_code == 422
    assert "dans une autre fenêtre" in at.client.page.main
    for action in ("reprendre", "valeurs"):
        assert press(at.client, f"{path}/OD-99/reprendre") == 409
        assert press(at.client, f"{path}/OD-06/{action}", seen=sha256_json(None)) == 409


def test_two_tabs_neither_loses_its_choices(at: Desk, database: Database) -> None:
    ref = write(at, database, button="sort")
    path = f"/acheteur/consultations/{ref}/clauses"
    first, second = at.client.get(path), at.client.get(path)
    at.client.submit(first, path, button="sort", dataset_1_title="Du premier onglet")
    answer = at.client.submit(second, path, button="sort", dataset_1_title="Du second onglet")
    assert answer.status_code == 422
    assert "dans une autre fenêtre" in at.client.page.main
    assert 'value="Du second onglet"' in answer.text


def test_every_clause_of_the_catalogue_can_be_typed_back(database: Database) -> None:
    taken = [{"id": name, "vars": {}} for name in catalogue()]
    data = example(database) | {"clauses": taken}
    again = to_data(as_typed(to_shown(data, catalogue())), data, catalogue())
    assert {choice["id"] for choice in again["clauses"]} == set(catalogue())
    assert read(data | {"clauses": []})[0] is not None
