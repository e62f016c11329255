"""A subcontractor declared on a phone without script, the act signed with a PIN; the buyer signs and it is accepted."""

from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Browser

from api.db import now, reading, transaction
from api.sandbox import csc
from procurement.contract import Contract
from procurement.people import User, person_of
from procurement.signing import sign_by_hand
from tests.award_scene import Scene, awarded, contract_of_scene, opened, sign
from tests.browser.conftest import Site, signed_in
from tests.browser.walker import Walker, walker
from tests.candidacy_scene import BAKERY
from tests.factories import make_siret

ACT = "acte spécial de sous-traitance (DC4) n°\u00a01"


def signed_contract(site: Site) -> Scene:
    """A contract signed by hand, by a company whose certificates the sandbox's provider holds."""
    scene = opened(site.context.database, siret=BAKERY)
    awarded(site.context, scene)
    with transaction(site.context.database) as db:
        contract = db.query(Contract).one()
        sign_by_hand(db, contract.act, person_of(db.get_one(User, scene.officer.id)), now(db))
    return scene


def declares(company: Walker) -> None:
    company.follow("Sous-traitants")
    company.press("Écrire l’acte et demander les signatures")
    company.says("Votre saisie est à corriger", "Donnez le nom du sous-traitant")
    company.type(
        siret=make_siret(6300), name="Pose et Mesure SARL", work="Pose des capteurs.", amount_ht="12000", months="6"
    )
    company.page.locator("[name=price_change]").select_option("Ferme")
    company.page.locator("[name=receivables]").select_option("no_assignment")
    company.press("Écrire l’acte et demander les signatures")
    company.says("l’acte attend ses signatures", "12 000,00 €")


def test_declared_signed_accepted(chromium: Browser, site: Site) -> None:
    scene = signed_contract(site)
    company = signed_in(walker(chromium, site.url, phone=True, scripts=False), site, scene.winner)
    company.open(scene.contract)
    declares(company)
    page = company.path
    company.follow("Signer pour Capteurs et Mesures SAS")
    company.page.get_by_label("Prestataire").select_option("bac-a-sable")
    company.press("Choisir mon certificat")
    company.page.locator("input[value=boulangerie-p256]").check()
    company.type(pin=csc.PIN)
    company.press(f"Signer l’{ACT}")
    company.says("La signature est vérifiée et conservée", "signature à distance")

    officer = signed_in(walker(chromium, site.url, phone=True), site, scene.officer)
    officer.open(f"/contrats/{contract_of_scene(site.context.database, scene).ref}")
    officer.follow("Sous-traitants")
    officer.follow("DC4 n° 1")
    officer.says("Déclaré, réponse attendue", "Sans réponse de l’acheteur")
    officer.follow("Signer au nom de l’acheteur")
    act = officer.download(f"Télécharger l’{ACT}")
    # The signing library runs a loop of its own, and the browser already has one here.
    with ThreadPoolExecutor(1) as aside:
        content = aside.submit(sign, site.context, act, scene.buyer.siret).result()
    officer.send_file("Acte" + ACT.removeprefix("acte") + " signé", "dc4.pdf", content, "Déposer le fichier signé")
    officer.says("La signature est vérifiée et conservée")

    company.open(page)
    company.says("Accepté", "signé le")
    with reading(site.context.database) as db:
        assert db.query(Contract).one().state == "signed"
