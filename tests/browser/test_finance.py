"""Finance on a phone: from a notified contract through three invoices to the account's chart, every page checked."""

from dataclasses import replace
from decimal import Decimal

from playwright.sync_api import Browser, expect

from api.db import now, reading, transaction
from api.sandbox import invoices
from procurement.contract import Contract
from procurement.execution.terms import write_terms
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene, in_effect, invoice, quotes
from tests.browser.conftest import Site, signed_in
from tests.browser.walker import Walker, walker
from tests.factories import make_siret

THOUSAND = (invoices.Line("POSTE", "Comptages", Decimal(1), Decimal(1000)),)


def prepared(site: Site) -> Scene:
    """A contract in effect with its engagement, its account and a retention of 5 %."""
    scene = in_effect(site.context)
    quotes(site.context.database, scene)
    with transaction(site.context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(site.context.database, scene).id)
        write_terms(db, contract, {"retention_rate": "0.05"}, person_of(db.get_one(User, scene.finance.id)), now(db))
    return scene


def test_three_invoices_to_the_chart(chromium: Browser, site: Site) -> None:
    scene = prepared(site)
    contract = contract_of_scene(site.context.database, scene)
    with reading(site.context.database) as db:
        user = db.get_one(User, scene.finance.id)
    finance = signed_in(walker(chromium, site.url, phone=True), site, user)
    finance.page.context.set_default_timeout(60_000)  # the first check of all compiles the rule sheets
    finance.open("/contrats")
    finance.follow(contract.number)
    good = invoice(scene, contract, lines=THOUSAND)
    approve_with_retention(finance, good)
    approve_and_pay(finance, replace(good, number="F-2026-002", lines=(replace(THOUSAND[0], name="Relevés"),)))
    other = replace(good.seller, name="Inconnue", siret=make_siret(6999), vat="")
    refuse(finance, replace(good, number="F-2026-003", seller=replace(other, vat=vat(other.siret))))
    read_the_account(finance, contract)


def vat(siret: str) -> str:
    return f"FR{(12 + 3 * (int(siret[:9]) % 97)) % 97:02d}{siret[:9]}"


def drop(finance: Walker, name: str, content: bytes) -> None:
    finance.open("/factures/copie")
    finance.send_file("Facture", name, content, "Contrôler")


def approve_with_retention(finance: Walker, draft: invoices.Draft) -> None:
    drop(finance, "facture.xml", invoices.cii(draft))
    finance.says("Délai de paiement", "article R2192-14", "Proposition : approuver")
    expect(finance.page.get_by_label("Retenue de garantie (€ TTC)")).to_have_value("60,00")
    finance.page.get_by_label("Approuver", exact=True).check()
    finance.press("Enregistrer la décision")
    finance.says("La décision est enregistrée", "Net à payer", "1 140,00")


def approve_and_pay(finance: Walker, draft: invoices.Draft) -> None:
    drop(finance, "facture.pdf", invoices.facturx_pdf(draft))
    finance.says("dans un PDF")
    finance.page.get_by_label("Approuver", exact=True).check()
    finance.press("Enregistrer la décision")
    finance.type(mandate="M-2026-1", paid_on=f"{draft.issued_on}")
    finance.press("Enregistrer le paiement")
    finance.says("Payée à temps", "mandat M-2026-1")


def refuse(finance: Walker, draft: invoices.Draft) -> None:
    drop(finance, "facture-3.xml", invoices.cii(draft))
    finance.says("EMMET_INC", "Proposition : rejeter")
    finance.page.get_by_label("Rejeter", exact=True).check()
    finance.type(motive="Cette entreprise n’est pas titulaire du marché.")
    finance.press("Enregistrer la décision")
    finance.says("Rejetée", "EMMET_INC – Émetteur inconnu au marché")


def read_the_account(finance: Walker, contract: Contract) -> None:
    finance.open(f"/contrats/{contract.ref}")
    finance.follow("Le compte en détail, avec son graphique")
    chart = finance.page.get_by_role("img", name="Cumul facturé et payé, hors taxes")
    expect(chart).to_be_visible()
    finance.says("Cumul", "2 000,00", "1 000,00", "82 000,00", "F-2026-002", "Rejetée")
    assert len(chart.locator(".line").all()) + len(chart.locator("circle").all()) > 0
    finance.open("/factures")
    finance.follow("À payer (1)")
    finance.says("F-2026-001")
    finance.open("/factures/paiements")
    finance.open(f"/contrats/{contract.ref}/pes")
    finance.press("Préparer l’envoi n° 1")
    finance.says("n° 1 – initial")


def test_the_holder_reads_its_card_on_a_phone(chromium: Browser, site: Site) -> None:
    scene = prepared(site)
    with reading(site.context.database) as db:
        user = db.get_one(User, scene.winner.id)
    holder = signed_in(walker(chromium, site.url, phone=True), site, user)
    holder.open("/mes-marches")
    holder.follow(contract_of_scene(site.context.database, scene).number)
    holder.says("Carte de facturation", "EJ-2026-77", "BT-49")
    assert holder.path == f"/candidatures/{scene.won}/contrat/facturation"
