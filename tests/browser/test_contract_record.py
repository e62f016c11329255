"""The record of a contract on a phone: every page and its forms, before and after something stands there."""

from playwright.sync_api import Browser

from api.context import Context
from api.db import now, transaction
from api.settings import Settings
from procurement.contract import Contract
from procurement.execution.engagements import Line, open_engagement
from procurement.people import User, person_of
from tests.award_scene import contract_of_scene, in_effect
from tests.browser.conftest import Site, signed_in
from tests.browser.served import served
from tests.browser.walker import walker
from tests.record_scene import add_to_record

PAGES = ("", "fiche", "fiche/modifier", "engagements", "carte", "commandes", "modifications", "cessions",
         "service-fait", "fin", "documents")  # fmt: skip


def test_every_page_of_the_record_is_accessible(chromium: Browser, settings: Settings, context: Context) -> None:
    scene = in_effect(context)
    contract = contract_of_scene(context.database, scene)
    with served(settings, context.services) as url:
        site = Site(url, context)
        people = [signed_in(walker(chromium, url, phone=True), site, who) for who in (scene.officer, scene.finance)]
        for person in people:
            for word in PAGES:
                person.open(f"/contrats/{contract.ref}/{word}".rstrip("/"))
        with transaction(context.database) as db:
            agent = person_of(db.get_one(User, scene.finance.id))
            running = db.get_one(Contract, contract.id)
            add_to_record(db, running, 1, agent, now(db))
            open_engagement(db, running, Line(running.number, "É" * 50, part="BC1"), agent, now(db))
        for person in people:
            for word in PAGES:
                person.open(f"/contrats/{contract.ref}/{word}".rstrip("/"))
            for word, title in (("commandes", "Bon de commande BC1"), ("modifications", "Modification n° 1")):
                person.open(f"/contrats/{contract.ref}/{word}")
                person.follow(title)
        people[1].open("/contrats/engagements")
        assert "La première ligne nomme les colonnes" in people[1].text
