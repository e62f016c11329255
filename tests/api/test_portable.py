"""« Mon dossier de candidature » as a stranger and as a company: form, ZIP, DUME, hostile files; nothing is kept."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from api.context import Context
from api.db import Database, reading
from api.pages.portable import TRIES
from api.portable import field_of, to_answers, to_form
from api.sandbox.companies import book
from dce_templates.candidate.candidate import parse_answers
from procurement.base import Base
from procurement.people import User
from tests.checked_client import CheckedClient
from tests.dce_templates.candidate.sample import FULL
from tests.factories import make_account

PATH, DUME = "/mon-dossier", "/mon-dossier/dume"
WELL = "000 010 017 00010"
TYPED = {
    "siret": WELL,
    "contact.phone": "01 02 03 04 05",
    "signatory.last_name": "Martin",
    "signatory.capacity": "gérante",
    "consultation.buyer": "Ville d’Essai",
    "lots": "1, 02",
    "turnovers.1.ends_on": "2025-12-31",
    "turnovers.1.amount": "1 250 000,50",
    "turnovers.1.object_percent": "40",
    "references.2.kind": "services",
    "references.2.description": "Parc des Essais",
    "declarations.no_exclusion": True,
    "group.form": "conjoint",
    "group.role": "lead",
    "group.members": "Paysage Bis ; 000 010 025 00013 ; Élagage ; 30 %\nAutre",
}
Browser = Callable[[User], CheckedClient]


@pytest.fixture
def mine(database: Database, browser: Browser) -> CheckedClient:
    return browser(make_account(database))


def send(client: CheckedClient, button: str = "download", **fields: str | bool) -> int:
    page = client.get(PATH)
    return client.submit(page, PATH, button=button, **(TYPED | fields)).status_code  # type: ignore[arg-type]


def download(client: CheckedClient, **fields: str | bool) -> dict[str, bytes]:
    page = client.get(PATH)
    answer = client.submit(page, PATH, button="download", **(TYPED | fields))  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def shown(client: CheckedClient) -> str:
    assert client.last is not None
    return client.last.text


def take_up(client: CheckedClient, content: bytes) -> int:
    page = client.get(PATH)
    return client.submit(page, DUME, file=("dume.xml", content, "application/xml")).status_code


def test_a_stranger_is_sent_to_sign_in(client: CheckedClient) -> None:
    answer = client.get(PATH, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/connexion?suite={PATH}"


def test_the_page_is_found_where_a_company_looks(mine: CheckedClient) -> None:
    for path in ("/", "/aide/entreprise"):
        assert PATH in mine.get(path).text
    assert mine.get(mine.page.links["Mon dossier"]).status_code == 200
    assert mine.page.h1 == "Mon dossier de candidature"
    assert "Rien n’est conservé ici" in mine.page.main


def test_one_form_gives_the_zip(mine: CheckedClient) -> None:
    files = download(mine)
    assert list(files) == ["dc1.docx", "dc1.pdf", "dc2.docx", "dc2.pdf", "dume.xml", "dossier.json", "manifest.json"]
    data = json.loads(files["dossier.json"])
    assert data["identity"]["name"] == "BOULANGERIE TOUT VA BIEN"
    assert data["answers"]["turnovers"] == [
        {"ends_on": "2025-12-31", "amount": "1250000.50", "object_percent": "40"}
    ]  # fmt: skip
    assert data["answers"]["lots"] == ["1", "2"]
    assert data["answers"]["group"]["members"] == [
        {"name": "Paysage Bis", "siret": "00001002500013", "does": "Élagage", "share_percent": "30"}, {"name": "Autre"},
    ]  # fmt: skip
    assert data["answers"]["declarations"] == {"no_exclusion": True}
    assert "declarations.disabled_workers" in {item["key"] for item in data["missing"]}


def test_the_dume_fills_the_page_again(mine: CheckedClient) -> None:
    files = download(mine)
    assert take_up(mine, files["dume.xml"]) == 200
    assert "n’est pas reprise" not in mine.page.main
    again = mine.submit(mine.page, PATH, button="download")
    with zipfile.ZipFile(io.BytesIO(again.content)) as archive:
        data = json.loads(archive.read("dossier.json"))["answers"]
    before = json.loads(files["dossier.json"])["answers"]
    assert {**data, "identity": None, "contact": None} == {**before, "identity": None, "contact": None}


def test_what_is_missing_is_told_on_demand(mine: CheckedClient) -> None:
    assert send(mine, "check") == 200
    assert "Il reste à compléter" in mine.page.main
    assert "l’objet de la consultation" in mine.page.main
    assert "BOULANGERIE TOUT VA BIEN" in mine.page.main
    assert mine.submit(mine.page, PATH, button="download").headers["content-type"] == "application/zip"


def test_a_closed_place_and_masks_are_told(mine: CheckedClient) -> None:
    places = {company.name: company.places[-1].siret for company in book().companies}
    assert send(mine, "check", siret=places["ATELIER CESSÉ"]) == 200
    assert "a cessé son activité" in mine.page.main
    files = download(mine, siret=places["JEANNE DISCRÈTE"])
    assert b"[N" not in files["dume.xml"] + files["dossier.json"]


WRONG = {
    "siret": ({"siret": "00001001700011"}, "mal recopié"),
    "nine digits": ({"siret": "000010017"}, "SIREN"),
    "nothing": ({"siret": ""}, "Indiquez un numéro"),
    "unknown": ({"siret": "13002526500013"}, "pas dans les données ouvertes"),
    "amount": ({"turnovers.1.amount": "beaucoup"}, "Montant : un nombre est attendu."),
    "no end": ({"turnovers.1.ends_on": ""}, "Fin : ce champ est obligatoire."),
    "lots": ({"lots": "0"}, "commence à 1"),
    "member": ({"group.members": "X ; 12"}, "Autres membres : "),
    "email": ({"contact.email": "rien"}, "Courriel : "),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_comes_back_with_its_sentence_and_what_was_typed(mine: CheckedClient, case: str) -> None:
    fields, words = WRONG[case]
    assert send(mine, **fields) == 422
    assert words in mine.page.main
    assert 'value="gérante"' in shown(mine)


def test_names_that_the_form_does_not_have_are_left_aside(mine: CheckedClient) -> None:
    crafted = {
        "siret": WELL,
        "turnovers": "x",
        "contact": "y",
        "staff.9.year": "z",
        "contact.colour": "bleu",
        "lots.0": "0",
    }
    ours = {"sec-fetch-site": "same-origin"}
    assert mine.post(PATH, data=crafted, headers=ours).headers["content-type"] == "application/zip"


HOSTILE = {
    "empty": (b"", "pas vide"),
    "text": (b"bonjour", "pas du XML"),
    "other": (b"<a/>", "pas un DUME"),
    "doctype": (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE"),
    "bomb": (b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 9000 + b'"><!ENTITY d "&b;&b;">]><a>&d;</a>', "DOCTYPE"),
    "deep": (b"<a>" * 50_000, "pas du XML"),
    "huge": (b"<a>" * 1_500_000, "dépasse la taille permise"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_dume_gets_its_sentence(mine: CheckedClient, case: str) -> None:
    content, words = HOSTILE[case]
    assert take_up(mine, content) == 422
    assert words in mine.page.main
    assert mine.page.title.startswith("Erreur")


def test_a_directory_that_is_down_asks_for_the_name_and_goes_on(
    context: Context, database: Database, browser: Browser, app: FastAPI
) -> None:
    app.state.context = replace(context, services={**context.services, "recherche_entreprises": "http://127.0.0.1:1"})
    mine = browser(make_account(database))
    assert send(mine) == 422
    assert "ne répond pas" in mine.page.main
    files = download(mine, **{"identity.name": "Boulangerie"})
    assert json.loads(files["dossier.json"])["identity"]["origin"] == "typed"


def test_a_sign_that_no_font_has_is_told_and_nothing_is_lost(mine: CheckedClient) -> None:
    assert send(mine, **{"consultation.object": "漢字 \U0001f600"}) == 422
    assert "retirez ces signes : 漢" in mine.page.main
    assert "漢字" in shown(mine)


def test_nothing_is_kept(mine: CheckedClient, database: Database) -> None:
    def rows() -> dict[str, int]:
        with reading(database) as db:
            tables = Base.metadata.sorted_tables
            return {
                t.name: db.scalar(select(func.count()).select_from(t)) or 0 for t in tables if "counter" not in t.name
            }

    before = rows()
    take_up(mine, download(mine)["dume.xml"])
    assert rows() == before


def test_the_door_has_a_brake(mine: CheckedClient) -> None:
    """Of 61 tries in a row, spread over two windows at most, one is turned away."""
    ours = {"sec-fetch-site": "same-origin"}
    statuses = [mine.post(PATH, data={"siret": ""}, headers=ours).status_code for _ in range(2 * TRIES + 1)]
    assert set(statuses) == {422, 409}


def test_fields_and_answers_say_the_same() -> None:
    plain = parse_answers(FULL).model_dump(mode="json", exclude_defaults=True)
    fields, left = to_form(plain)
    assert left == []
    assert parse_answers(to_answers(fields)) == parse_answers(FULL)


def test_what_has_no_field_is_told() -> None:
    many = {"staff": [{"year": 2000 + n, "average": 1} for n in range(5)]}
    grounds = {"declarations": {"no_exclusion": False, "grounds": ["fraud"], "measures": "x"}}
    plain = parse_answers(many | grounds).model_dump(mode="json", exclude_defaults=True)
    fields, left = to_form(plain)
    assert "declarations.no_exclusion" not in fields
    assert [words[:8] for words in left] == ["Effectif", "Ce DUME "]


def test_an_error_finds_its_field_above_empty_rows() -> None:
    typed = {"turnovers.0.amount": " ", "turnovers.1.amount": "x", "turnovers.2.amount": "y"}
    assert field_of("turnovers.1.amount", typed) == "turnovers.2.amount"
    assert field_of("lots.0", {}) == "lots"
    assert field_of("staff", {}) == "staff.0.year"
