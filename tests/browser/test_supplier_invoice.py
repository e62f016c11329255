"""A company on a phone: from the card of its contract to its invoice in hand, every page checked."""

from playwright.sync_api import Browser

from procurement.invoicing.parsing import read_invoice
from tests.award_scene import IBAN, contract_of_scene, in_effect, quotes
from tests.browser.conftest import Site, signed_in
from tests.browser.walker import walker


def test_from_the_card_to_the_file(chromium: Browser, site: Site) -> None:
    scene = in_effect(site.context)
    quotes(site.context.database, scene)
    contract = contract_of_scene(site.context.database, scene)
    winner = signed_in(walker(chromium, site.url, phone=True), site, scene.winner)
    winner.page.context.set_default_timeout(60_000)  # the first check of all compiles the rule sheets
    winner.open(f"{scene.contract}/facturation")
    winner.follow("Faire une facture")
    page = winner.page
    page.get_by_label("Numéro de facture").fill("F-2026-001")
    page.get_by_label("IBAN du compte à créditer").fill(IBAN)
    for label, value in (("Adresse", "1 rue de l’Exemple"), ("Code postal", "75001"), ("Commune", "Paris")):
        page.get_by_label(label, exact=True).fill(value)
    first = page.get_by_role("group", name="Ligne 1")
    first.get_by_label("Désignation").fill("Comptages")
    first.get_by_label("Quantité").fill("beaucoup")
    winner.press("Vérifier la facture")
    winner.says("Ligne 1 : écrivez un nombre")
    first.get_by_label("Quantité").fill("2")
    first.get_by_label("Prix unitaire").fill("450,50")
    winner.press("Vérifier la facture")
    winner.says("La facture suit les règles", "1 081,20")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Télécharger la facture (PDF)").click()
    content = taken.value.path().read_bytes()
    assert read_invoice(content).contract == contract.number
