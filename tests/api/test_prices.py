"""Price lines from the officer's form to the published workbook."""

import hashlib
import io

import openpyxl
import pytest

from api.db import Database
from api.dossiers import to_dossier, to_values
from procurement.people import Organisation
from tests.api.consultation_scene import Browser, desk, publish, write
from tests.factories import make_siret

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


@pytest.mark.parametrize("stored", [None, 3, "a;b", ["a;b", 4], [{"code": ["x"], "extra": 5}, {"label": '"'}, {}]])
def test_whatever_was_stored_is_shown_again(stored: object) -> None:
    buyer = Organisation(name="Commune d’Essai", siret=make_siret(7998))
    shown = to_values({"price_lines": stored})
    again = to_values(to_dossier(shown, {}, buyer))
    assert to_values(to_dossier(again, {}, buyer)) == again
