"""The sheet for the accounting officer: its sequence has no gap, a correction waits for the receipt."""

from decimal import Decimal

import pytest
from lxml import etree

from api.context import Context
from api.db import now, transaction
from procurement.contract import Contract
from procurement.errors import Refused
from procurement.execution.amendments import Change, agree, draft_amendment, notify_amendment
from procurement.execution.parties import Party, write_parties
from procurement.invoicing.handoff import sheet
from procurement.people import User, person_of
from procurement.pes import keep_sending
from tests.award_scene import Scene, contract_of_scene, in_effect, opened
from tests.billing_scene import today_of
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.factories import make_siret

OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


@pytest.fixture
def finance(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.finance)


def path_of(context: Context, scene: Scene) -> str:
    return f"/contrats/{contract_of_scene(context.database, scene).ref}/pes"


def changed(context: Context, scene: Scene) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.officer.id)), now(db)
        change = Change("minor", "Dix capteurs de plus sur le pont.", Decimal(5000))
        row = draft_amendment(db, contract, change, person, at)
        agree(db, contract, row, person.email, at)
        notify_amendment(db, contract, row, today_of(context.database), person, at)


def answer(finance: CheckedClient, to: str, on: str, reason: str = "") -> int:
    return int(finance.submit(finance.page, "/reponse", to=to, on=on, reason=reason).status_code)


def test_a_correction_follows_the_receipt_of_the_last(context: Context, scene: Scene, finance: CheckedClient) -> None:
    path, today = path_of(context, scene), str(today_of(context.database))
    finance.submit(finance.get(path), path)
    assert "n° 1 – initial" in finance.page.main
    link = next(href for href in finance.page.links.values() if href.endswith(".xml"))
    root = etree.fromstring(finance.get(link).content)
    assert root.findtext("envoi/sequence") == "1"
    assert root.findtext("marche/numero") == contract_of_scene(context.database, scene).number
    assert root.findtext("titulaires/titulaire/siret") == contract_of_scene(context.database, scene).holder_siret
    assert finance.post(path, headers=OURS).status_code == 409
    finance.get(path)
    assert "attend son acquittement" in finance.page.main
    finance.submit(finance.page, "/transmis")
    assert finance.submit(finance.page, "/reponse", on=today).status_code == 422
    assert "acquitté ou refusé" in finance.page.main
    assert answer(finance, "refused", today) == 422
    assert "Recopiez le motif du refus" in finance.page.main
    assert answer(finance, "acked", "2199-01-01") == 422
    assert "va du jour de la transmission à aujourd’hui" in finance.page.main
    answer(finance, "acked", today)
    assert "Rien n’a changé depuis l’envoi n° 1" in finance.page.main
    changed(context, scene)
    finance.submit(finance.get(path), path)
    assert "n° 2 – correctif" in finance.page.main
    finance.submit(finance.page, "/transmis")
    answer(finance, "refused", today, "Zone inconnue")
    assert "Zone inconnue" in finance.page.main
    finance.submit(finance.page, path)
    links = [href for href in finance.page.links.values() if href.endswith(".xml")]
    roots = [etree.fromstring(finance.get(href).content) for href in links]
    assert sorted(root.findtext("envoi/sequence") or "" for root in roots) == ["1", "2", "2"]
    assert "5000.00" in {root.findtext("modifications/modification/ecartHT") for root in roots}


def test_two_at_once_make_one(context: Context, scene: Scene, finance: CheckedClient) -> None:
    path = path_of(context, scene)
    finance.submit(finance.get(path), path)
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person = person_of(db.get_one(User, scene.finance.id))
        with pytest.raises(Refused, match="attend son acquittement"):
            keep_sending(
                db, contract, sequence=1, facts_sha256="a", content_sha256="b", key="k", person=person, now=now(db)
            )


def test_only_finance_of_that_buyer(context: Context, scene: Scene, finance: CheckedClient, browser: Browser) -> None:
    path = path_of(context, scene)
    finance.submit(finance.get(path), path)
    link = next(href for href in finance.page.links.values() if href.endswith(".xml"))
    other = browser(opened(context.database, "2026-AUTRE").finance)
    for user in (other, browser(scene.officer), browser(scene.winner)):
        assert user.get(path).status_code == 404
        assert user.get(link).status_code == 404
        assert user.post(path, headers=OURS).status_code == 404
    assert finance.get(f"{path}/000000000000.xml").status_code == 404


@pytest.mark.parametrize(("members", "roles"), [(0, ["titulaire"]), (1, ["mandataire", "cotraitant"])])
def test_who_is_alone_is_the_titulaire_and_a_group_has_a_mandataire(
    context: Context, scene: Scene, finance: CheckedClient, members: int, roles: list[str]
) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        mates = [Party(siret=make_siret(6200 + rank), name="Relevés SARL") for rank in range(members)]
        if mates:
            write_parties(db, contract, [Party(siret=contract.holder_siret, name=contract.holder_name), *mates])
    path = path_of(context, scene)
    finance.submit(finance.get(path), path)
    link = next(href for href in finance.page.links.values() if href.endswith(".xml"))
    told = etree.fromstring(finance.get(link).content)
    assert [each.text for each in told.iter("role")] == roles


def test_what_no_xml_may_hold_is_left_out() -> None:
    root = etree.fromstring(sheet({"marche": {"objet": "a\x00b\ud800c", "vide": "", "rien": None}}, 2))
    assert root.findtext("marche/objet") == "a b c"
    assert root.find("marche/vide") is None
    assert root.findtext("envoi/nature") == "correctif"
