"""A subcontract that changes: a modifying act by the same circuit, its amounts, what is published of it."""

import io
from collections.abc import Callable
from decimal import Decimal

import pypdf
import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, reading
from api.steps import essential
from procurement.billing import record_of, whole_of
from procurement.contract import Contract
from procurement.people import User
from procurement.publication.deadlines import expected
from procurement.subcontract import Subcontract, engaged
from procurement.suppliers import directly_by
from tests.api.test_subcontracts import OTHER, declared, events, kept, ours, theirs
from tests.award_scene import Scene, contract_of_scene, in_effect
from tests.checked_client import CheckedClient
from tests.factories import make_account
from tests.record_scene import post

Browser = Callable[[User], CheckedClient]
CHANGED = {
    "amount_ht": "20 000,00", "months": "18", "price_change": "Révisable", "variation_terms": "Comme le marché.",
    "receivables": "no_assignment",
}  # fmt: skip


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def accepted(database: Database, scene: Scene, officer: CheckedClient, amount: str = "12 000,00") -> Subcontract:
    """Declared by the buyer, signed by hand."""
    assert declared(officer, ours(database, scene), amount_ht=amount) == 200
    return by_hand(database, scene, officer)


def by_hand(database: Database, scene: Scene, officer: CheckedClient) -> Subcontract:
    officer.submit(officer.get(f"{ours(database, scene)}/{kept(database).ref}"), "/signe-a-la-main")
    assert kept(database).state == "accepted", officer.page.main
    return kept(database)


def modify(client: CheckedClient, path: str, row: Subcontract, **changes: str) -> int:
    fields = CHANGED | changes
    return client.submit(client.get(f"{path}/{row.ref}"), "/modifier", **fields).status_code  # type: ignore[arg-type]


def rows(database: Database) -> list[Subcontract]:
    with reading(database) as db:
        return list(db.scalars(select(Subcontract).order_by(Subcontract.number)))


def money(database: Database) -> tuple[list[str], Decimal, Decimal]:
    """(what finance may pay it, act by act; what the holder is not paid; what is taken of the contract)."""
    with reading(database) as db:
        contract = db.scalars(select(Contract)).one()
        holders = record_of(whole_of(db, contract))["holders"]
        shares = [holder["share_ht"] for holder in holders if holder["role"] == "subcontractor"]
        return shares, directly_by(db, contract).get(contract.holder_siret, Decimal(0)), engaged(db, contract)


def publish(context: Context) -> None:
    while essential.publish_one(context):
        pass


def test_a_modifying_act_takes_the_place_of_the_first(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    officer, winner = browser(scene.officer), browser(scene.winner)
    first = accepted(database, scene, officer)
    publish(context)
    page = winner.get(f"{theirs(scene)}/{first.ref}")
    assert "acte spécial modificatif" in page.text
    assert modify(winner, theirs(scene), first) == 200, winner.page.main
    second = kept(database)
    assert (second.number, second.siret, second.state, second.replaces_id) == (2, OTHER, "declared", first.id)
    assert money(database) == (["12000.00"], Decimal(14400), Decimal(20000))
    assert "Une modification attend une réponse" in officer.get(f"{ours(database, scene)}/{first.ref}").text
    said = text_of(winner.get(f"{theirs(scene)}/{second.ref}/dc4.pdf").content)
    assert "Acte spécial modificatif de sous-traitance" in said
    assert "2, qui remplace la déclaration n° 1" in said
    by_hand(database, scene, officer)
    assert [row.state for row in rows(database)] == ["replaced", "accepted"]
    assert money(database) == (["20000.00"], Decimal(24000), Decimal(20000))
    assert {"subcontract.replaced"} <= set(events(database, scene))
    page = officer.get(f"{ours(database, scene)}/{first.ref}")
    assert "Modifié par un autre acte" in page.text
    assert officer.get(f"{ours(database, scene)}/{first.ref}/dc4.pdf").content.startswith(b"%PDF-")
    assert "modifie le DC4 n° 1" in officer.get(ours(database, scene)).text
    _is_appended(scene, context, browser)


def _is_appended(scene: Scene, context: Context, browser: Browser) -> None:
    """Beside what was published, never over it."""
    contract = contract_of_scene(context.database, scene)
    stranger = browser(make_account(context.database))
    before = stranger.get(f"/marches/{contract.ref}/donnees.json").json()["marches"]["marche"][0]
    with reading(context.database) as db:
        assert [each.what for each in expected(db)] == ["Sous-traitance modifiée, DC4 n° 2"]
    publish(context)
    made = stranger.get(f"/marches/{contract.ref}/donnees.json").json()["marches"]["marche"][0]
    (change,) = made.pop("modificationsActesSousTraitance")
    said = change["modificationActeSousTraitance"]
    assert (said["id"], said["montant"], said["dureeMois"]) == (1, 20000, 18)
    assert made == before
    (act,) = made["actesSousTraitance"]
    assert (act["acteSousTraitance"]["id"], act["acteSousTraitance"]["montant"]) == (1, 12000)
    xml = stranger.get(f"/marches/{contract.ref}/donnees.xml").text
    assert xml.count("<dateNotificationModificationSousTraitance>") == 1
    page = stranger.get(f"/marches/{contract.ref}")
    assert "Acte modificatif de sous-traitance n° 2" in page.text.replace("\u00a0", " ")
    assert "modifie l’acte de sous-traitance n° 1" in page.text.replace("\u00a0", " ")


def text_of(pdf: bytes) -> str:
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\u202f", " ").replace("\u00a0", " ").split())


def test_a_modification_of_a_modification_names_the_first_act(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    officer, path = browser(scene.officer), ours(database, scene)
    row = accepted(database, scene, officer)
    for amount in ("20 000", "9 000"):
        assert modify(officer, path, row, amount_ht=amount) == 200, officer.page.main
        row = by_hand(database, scene, officer)
    publish(context)
    made = officer.get(f"/marches/{contract_of_scene(database, scene).ref}/donnees.json").json()
    changes = made["marches"]["marche"][0]["modificationsActesSousTraitance"]
    found = [each["modificationActeSousTraitance"] for each in changes]
    assert [(each["id"], each["montant"]) for each in found] == [(1, 20000), (1, 9000)]
    assert money(database)[0] == ["9000.00"]


def test_until_it_is_accepted_the_first_stands(scene: Scene, database: Database, browser: Browser) -> None:
    officer, path = browser(scene.officer), ours(database, scene)
    first = accepted(database, scene, officer)
    assert modify(officer, path, first, amount_ht="2 000") == 200
    pending = kept(database)
    assert money(database) == (["12000.00"], Decimal(14400), Decimal(12000))
    assert post(officer, f"{path}/{first.ref}/modifier", **CHANGED) == 409
    assert post(officer, f"{path}/{first.ref}/terminer") == 409
    assert "attend une réponse" in officer.page.main
    officer.submit(officer.get(f"{path}/{pending.ref}"), "/refuser", motive="Le prix ne se justifie pas.")
    assert [row.state for row in rows(database)] == ["accepted", "refused"]
    assert modify(officer, path, first, amount_ht="3 000") == 200
    officer.submit(officer.get(f"{path}/{kept(database).ref}"), "/retirer")
    assert [row.state for row in rows(database)] == ["accepted", "refused", "withdrawn"]
    officer.submit(officer.get(f"{path}/{first.ref}"), "/terminer")
    assert post(officer, f"{path}/{first.ref}/modifier", **CHANGED) == 409
    assert "Seule une sous-traitance acceptée" in officer.page.main


def test_its_amount_gives_way_to_the_new_one(scene: Scene, database: Database, browser: Browser) -> None:
    officer, path = browser(scene.officer), ours(database, scene)
    first = accepted(database, scene, officer, "60 000")
    assert declared(officer, path, amount_ht="10 000") == 200
    assert modify(officer, path, first, amount_ht="74 000,01") == 422
    assert "dépasse celui du marché" in officer.page.main
    assert modify(officer, path, first, amount_ht="beaucoup") == 422
    assert "Écrivez un montant" in officer.page.main
    assert modify(officer, path, first, amount_ht="74 000") == 200
    assert money(database)[2] == Decimal(84000)


def test_nobody_else_modifies(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    first = accepted(database, scene, browser(scene.officer))
    stranger = browser(make_account(context.database))
    for path in (theirs(scene), ours(database, scene)):
        assert post(stranger, f"{path}/{first.ref}/modifier", **CHANGED) == 404
    assert post(browser(scene.finance), f"{ours(database, scene)}/{first.ref}/modifier", **CHANGED) == 404
    assert "/modifier" not in " ".join(browser(scene.finance).get(f"{ours(database, scene)}/{first.ref}").text.split())
