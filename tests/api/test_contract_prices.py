"""The price list of a contract: from a file, from the offer that won; what is wrong in it; who may write it."""

from collections.abc import Callable

import pytest

from api.context import Context
from api.db import Database, reading, transaction
from procurement.billing import record_of, whole_of
from procurement.consultation import find
from procurement.people import User
from tests.api.consultation_scene import example
from tests.api.test_prices import LINES, filled
from tests.award_scene import Scene, awarded, contract_of_scene, in_effect
from tests.candidacy_scene import add, deposit, published, start
from tests.checked_client import CheckedClient
from tests.factories import make_account

Browser = Callable[[User], CheckedClient]
LIST = "Code;Libellé;Unité;Prix\nC-1;Comptage d’un jour;jour;1 250,50\nC-2;Pose d’un capteur;unité;80\n"


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def send(client: CheckedClient, path: str, content: bytes) -> int:
    return client.submit(client.get(path), "/fichier", file=("prix.csv", content, "text/csv")).status_code


def prices(database: Database, scene: Scene) -> list[dict[str, str]]:
    contract = contract_of_scene(database, scene)
    with reading(database) as db:
        found: list[dict[str, str]] = record_of(whole_of(db, db.merge(contract, load=False)))["prices"]
        return found


def test_a_list_is_read_and_invoices_are_compared_with_it(scene: Scene, database: Database, browser: Browser) -> None:
    officer, path = browser(scene.officer), f"/contrats/{contract_of_scene(database, scene).ref}/prix"
    assert "Aucun prix n’est connu" in officer.get(path).text
    assert send(officer, path, LIST.encode()) == 200
    assert "C’est enregistré" in officer.page.main
    assert "1250,5" in officer.page.main
    assert prices(database, scene) == [
        {"code": "C-1", "unit_price": "1250.5"}, {"code": "C-2", "unit_price": "80"},
    ]  # fmt: skip
    assert send(officer, path, "code,prix\nC-2,81.333333\nC-3,5\n".encode("latin-1")) == 200
    assert [p["unit_price"] for p in prices(database, scene)] == ["1250.5", "81.333333", "5"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("libelle;prix\nx;1\n", "il manque code"),
        ("code;prix\n", "ne contient aucun prix"),
        ("code;prix\nA;douze\n", "Ligne 2 : « douze » n’est pas un prix"),
        ("code;prix\nA;-1\n", "n’est pas un prix"),
        ("code;prix\nA;1,0000001\n", "n’est pas un prix"),
        ("code;prix\nA;1\nA;2\n", "déjà donné plus haut"),
        ("code;prix\n;1\n", "Ligne 2 : le code"),
        ('code;prix\n"A" x;1\n', "Ligne 2 : ce n’est pas une ligne de fichier CSV"),
        ("code;prix\nA;" + "1" * 200_000, "ce n’est pas une ligne de fichier CSV"),
        ("code;libelle;prix\nA;x\0y;1\n", "Ligne 2 : un caractère interdit"),
        ("code;prix\n" + "".join(f"A{n};1\n" for n in range(2001)), "plus de 2000 prix"),
    ],
)
def test_a_list_that_does_not_read_is_refused_whole(
    scene: Scene, database: Database, browser: Browser, content: str, said: str
) -> None:
    officer, path = browser(scene.officer), f"/contrats/{contract_of_scene(database, scene).ref}/prix"
    assert send(officer, path, content.encode()) == 422
    assert said in officer.page.main
    assert prices(database, scene) == []


def test_finance_reads_and_only_officers_write(scene: Scene, database: Database, browser: Browser) -> None:
    path = f"/contrats/{contract_of_scene(database, scene).ref}/prix"
    finance = browser(scene.finance)
    assert "Déposer une liste" not in finance.get(path).text
    same_site = {"sec-fetch-site": "same-origin"}
    for where in (f"{path}/offre", f"{path}/fichier"):
        assert finance.post(where, headers=same_site).status_code in (403, 404)
        assert browser(scene.winner).post(where, headers=same_site).status_code in (403, 404)
    assert browser(scene.winner).get(path).status_code == 404
    assert browser(scene.officer).post(f"{path}/offre", headers=same_site).status_code == 404


def test_the_prices_of_the_offer_that_won_are_taken_back(context: Context, browser: Browser) -> None:
    scene = published(context)
    unit = {"form": "Unitaire", "kind": "Définitif ferme"}
    dossier = example(context.database, price=unit, price_lines=LINES)
    with transaction(context.database) as db:
        find(db, scene.ref).dossier = dossier
    account = make_account(context.database)
    mine = browser(account)
    path = start(mine, scene)
    add(mine, path, "offre", "prix.xlsx", filled(dossier, 100, 50.5))
    deposit(mine, path, amount="2606")
    scene.close()
    officer = browser(scene.officer)
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
    won = Scene(scene.buyer, scene.officer, scene.officer, account, account, scene.ref, path.rpartition("/")[2], "")
    awarded(context, won)
    prices_page = f"/contrats/{contract_of_scene(context.database, won).ref}/prix"
    officer.submit(officer.get(prices_page), "/offre")
    assert "C’est enregistré" in officer.page.main
    assert prices(context.database, won) == [
        {"code": "1.1", "unit_price": "100"}, {"code": "1.2", "unit_price": "50.5"},
    ]  # fmt: skip
