"""The contract as the buyer's people see it: what invoices must quote, the card, who may read and who may write."""

from collections.abc import Callable

import pytest

from api.context import Context
from api.db import Database, reading
from procurement.execution.engagements import engagements_of
from procurement.execution.parties import accounts_of
from procurement.people import User
from tests.award_scene import IBAN, Scene, contract_of_scene, in_effect, quotes
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_finance

Browser = Callable[[User], CheckedClient]


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def path_of(database: Database, scene: Scene) -> str:
    return f"/contrats/{contract_of_scene(database, scene).ref}"


def test_finance_sets_what_invoices_must_quote(scene: Scene, database: Database, browser: Browser) -> None:
    finance, path = browser(scene.finance), path_of(database, scene)
    assert "En vigueur" in finance.get("/contrats").text
    spaced = " ".join(IBAN[i : i + 4] for i in range(0, len(IBAN), 4)).lower()
    finance.submit(finance.get(f"{path}/engagements"), "/facturation", engagement=" EJ-2026-77 ", service="VOIRIE")
    assert "C’est enregistré" in finance.page.main
    finance.submit(finance.page, "/comptes", iban=f"{spaced} ")
    contract = contract_of_scene(database, scene)
    with reading(database) as db:
        assert [e.number for e in engagements_of(db, contract)] == ["EJ-2026-77"]
        assert [(a.iban, a.state) for a in accounts_of(db, contract)] == [(IBAN, "confirmed")]
    assert contract.service == "VOIRIE"
    card = finance.click(finance.get(path), "Carte de facturation")
    for said in (scene.buyer.siret, "EJ-2026-77", "VOIRIE", contract.number, "Capteurs et Mesures SAS"):
        assert said in card.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("engagement", "E" * 51, "50 caractères au plus"),
        ("service", "S" * 101, "100 caractères au plus"),
        ("iban", "FR7630006000011234567890188", "n’est pas juste"),
        ("iban", "pas un compte", "n’est pas juste"),
    ],
)
def test_what_is_typed_wrong_comes_back(
    scene: Scene, database: Database, browser: Browser, field: str, value: str, said: str
) -> None:
    finance = browser(scene.finance)
    form = "/comptes" if field == "iban" else "/facturation"
    answer = finance.submit(finance.get(f"{path_of(database, scene)}/engagements"), form, **{field: value})  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert said in finance.page.main
    assert value in answer.text
    with reading(database) as db:
        contract = contract_of_scene(database, scene)
        assert not accounts_of(db, contract)
        assert not engagements_of(db, contract)


def test_another_account_waits_for_a_second_person(scene: Scene, database: Database, browser: Browser) -> None:
    quotes(database, scene)
    other, path = "FR1420041010050500013M02606", path_of(database, scene)
    first, second = browser(scene.finance), browser(make_finance(database, scene.buyer))
    assert first.submit(first.get(f"{path}/engagements"), "/comptes", iban=other).status_code == 422
    assert "Dites qui vous avez rappelé" in first.page.main
    called = "Mme Martin, au 01 99 00 12 34 de l’acte, le 26 novembre"
    first.submit(first.page, "/comptes", iban=other, call_back=called)
    assert "Attend une seconde personne" in first.page.main
    assert "Confirmer ce compte" not in first.page.main
    with reading(database) as db:
        ref = accounts_of(db, contract_of_scene(database, scene))[1].ref
    same_site = {"sec-fetch-site": "same-origin"}
    assert first.post(f"{path}/comptes/{ref}/confirmer", headers=same_site).status_code == 409
    second.submit(second.get(f"{path}/engagements"), f"/comptes/{ref}/confirmer")
    with reading(database) as db:
        states = [(a.iban, a.state) for a in accounts_of(db, contract_of_scene(database, scene))]
    assert states == [(IBAN, "closed"), (other, "confirmed")]
    assert second.post(f"{path}/comptes/{ref}/refuser", headers=same_site).status_code == 409


def test_officers_read_and_finance_writes(scene: Scene, database: Database, browser: Browser) -> None:
    path = path_of(database, scene)
    officer = browser(scene.officer)
    assert "2026-" in officer.click(officer.get("/acheteur"), "Marchés en cours").text
    page = officer.get(path)
    assert "Jeanne Martin" in page.text
    assert "facturation" not in " ".join(officer.page.actions)
    same_site = {"sec-fetch-site": "same-origin"}
    assert officer.post(f"{path}/facturation", data={"engagement": "x"}, headers=same_site).status_code == 404
    stranger = browser(make_finance(database, make_buyer(database)))
    for method, where in (("GET", path), ("GET", f"{path}/carte"), ("POST", f"{path}/facturation")):
        assert stranger.request(method, where, headers=same_site).status_code == 404
    assert "Aucun marché" in stranger.get("/contrats").text
    assert browser(scene.winner).get(path).status_code == 404


def test_the_signed_document_is_downloaded(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    answer = finance.get(f"{path_of(database, scene)}/acte-engagement.pdf")
    assert answer.content.endswith(b"signed")
    assert "attachment" in answer.headers["content-disposition"]
