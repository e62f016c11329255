"""Price lines from the officer's form to the published workbook."""

import hashlib
import io
from typing import Any

import openpyxl
import pytest

from api.context import Context
from api.db import Database, transaction
from api.dossiers import to_dossier, to_values
from dce_templates.dossier import parse_dossier
from dce_templates.render.xlsx import render_xlsx
from procurement.consultation import find
from procurement.people import Organisation
from tests.api.consultation_scene import Browser, desk, example, publish, write
from tests.candidacy_scene import add, deposit, published, start
from tests.factories import make_account, make_buyer, make_officer, make_siret

TYPED = (
    "1.1 ; Pose d’un capteur ; u ; 20\n1.2 ; beaucoup trop\n1.3\tRelevé ; contrôle\tjour\tdouze\n1 ; 2 ; 3 ; 4 ; 5 ; 6"
)
GOOD = TYPED.splitlines()[0] + '\n\n1.2 ; "Relevé ; contrôle" ; jour ; 12,5 ; Suivi\n= 3 ; Tableau de bord ; forfait'


def test_lines_are_typed_checked_shown_and_published(database: Database, browser: Browser) -> None:
    at = desk(database, browser)
    ref = write(at, database, price_form="Unitaire", price_lines=TYPED)
    base, main = f"/acheteur/consultations/{ref}", at.client.page.main
    assert "Ligne 2, unité : ce champ est obligatoire." in main
    assert "Ligne 3, quantité : un nombre est attendu" in main
    assert "Ligne 4 : il y a plus de cinq éléments" in main
    assert at.client.get(f"{base}/projet/prix.xlsx").status_code == 409
    form = at.client.get(f"{base}/modifier")
    at.client.submit(form, f"{base}/modifier", button="check", follow=True, price_lines=GOOD)
    assert "3 prix : Bordereau des prix unitaires (BPU), Détail quantitatif estimatif (DQE)." in at.client.page.main
    assert "Relevé ; contrôle" in at.client.page.main
    draft = openpyxl.load_workbook(io.BytesIO(at.client.get(f"{base}/projet/prix.xlsx").content))
    assert [row[0].value for row in draft["BPU"]["A6:A8"]] == ["1.1", "1.2", "= 3"]
    publish(at, ref)
    file = next(f for f in at.client.get(f"/api/v1/consultations/{ref}").json()["files"] if f["name"].endswith(".xlsx"))
    assert file["name"].startswith("BPU-DQE_")
    assert file["name"] in at.client.get(f"/consultations/{ref}").text
    content = at.client.get(file["url"]).content
    assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["BPU", "DQE"]


LINES = [
    {"code": "1.1", "label": "Capteur", "unit": "u", "quantity": "20"},
    {"code": "1.2", "label": "Relevé", "unit": "jour", "quantity": "12"},
]


def filled(dossier: dict[str, Any], *prices: object) -> bytes:
    """The workbook that was sent, with these prices."""
    book = openpyxl.load_workbook(io.BytesIO(render_xlsx(parse_dossier(dossier))))
    for row, price in enumerate(prices, 6):
        book["BPU"].cell(row, 4).value = price  # type: ignore[assignment]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_the_prices_of_a_pli_are_read_back_once_it_is_open(context: Context, browser: Browser) -> None:
    scene = published(context)
    unit = {"form": "Unitaire", "kind": "Définitif ferme"}
    dossier = example(context.database, price=unit, price_lines=LINES)
    with transaction(context.database) as db:
        find(db, scene.ref).dossier = dossier
    plis = {}
    for name, content, amount in (
        ("prix.xlsx", filled(dossier, 100, 50.5), "2606"), ("prix faux.xlsx", filled(dossier, "cent", 50.5), "9999"),
        ("abîmé.xlsx", b"PK", "1"),
    ):  # fmt: skip
        mine = browser(make_account(context.database))
        path = start(mine, scene)
        add(mine, path, "offre", name, content)
        deposit(mine, path, amount=amount)
        plis[name] = path.rpartition("/")[2]
    scene.close()
    officer = browser(scene.officer)
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")

    def report(name: str) -> str:
        officer.click(officer.get(f"{scene.hub}/plis/{plis[name]}"), f"Relire les prix de {name}")
        return officer.page.main

    good = report("prix.xlsx")
    assert "2\u202f606,00\u00a0€ HT" in officer.get(officer.page.url).text
    assert "Tout tient" in good
    address = officer.page.url
    assert "est du texte, « cent » : écrivez un nombre" in report("prix faux.xlsx")
    assert "Ce fichier n’a pas pu être relu" in report("abîmé.xlsx")
    assert browser(make_officer(context.database, make_buyer(context.database))).get(address).status_code == 404
    with transaction(context.database) as db:
        find(db, scene.ref).dossier = dossier | {"price_lines": []}
    assert officer.get(address).status_code == 404


@pytest.mark.parametrize("stored", [None, 3, "a;b", ["a;b", 4], [{"code": ["x"], "extra": 5}, {"label": '"'}, {}]])
def test_whatever_was_stored_is_shown_again(stored: object) -> None:
    buyer = Organisation(name="Commune d’Essai", siret=make_siret(7998))
    shown = to_values({"price_lines": stored})
    again = to_values(to_dossier(shown, {}, buyer))
    assert to_values(to_dossier(again, {}, buyer)) == again
