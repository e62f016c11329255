"""The whole story in a real browser: from the officer's empty form to the invoice approved, every page checked."""

import re
from datetime import timedelta
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser
from sqlalchemy import select

from api import demo, isolate
from api.db import now, reading, transaction
from api.remote.tsa import request_timestamp
from api.sandbox import csc, invoices, pki
from procurement.consultation import find
from procurement.contract import Contract
from procurement.people import User
from signature.facts import Embedded
from signature.making.keys import Pkcs12
from tests.api.consultation_scene import chosen, typed
from tests.award_scene import Scene, invoice
from tests.browser.conftest import Site
from tests.browser.walker import Walker, walker
from tests.candidacy_scene import BAKERY

MOTIVE = "La meilleure note technique et le prix le plus bas."
PASSWORD = "essai-essai"
OFFER = b"%PDF-1.7 memoire" * 5000


def test_from_the_empty_form_to_the_approved_invoice(chromium: Browser, site: Site) -> None:
    officer = walker(chromium, site.url)
    sign_in(officer, "acheteuse@demo.example")
    ref = draft_and_publish(officer, site)
    company = walker(chromium, site.url, phone=True)
    prove_address(company, f"/consultations/{ref}")
    candidacy = apply_and_deposit(company)
    let_the_deadline_pass(site, ref)
    open_plis(officer, ref)
    award(officer, ref)
    sign(company, site, candidacy)
    notify_and_acknowledge(officer, ref, company, candidacy)
    data_arrive_and_are_released(officer, company)
    finance = walker(chromium, site.url)
    sign_in(finance, "finances@demo.example")
    pay(finance, site)


def sign_in(person: Walker, email: str) -> None:
    person.open("/")
    person.follow("Se connecter")
    person.type(email=email, password="ce n’est pas lui")
    person.press("Se connecter")
    person.says("Adresse ou mot de passe inconnus")
    person.type(password=demo.PASSWORD)
    person.press("Se connecter")


def draft_and_publish(officer: Walker, site: Site) -> str:
    officer.follow("Espace acheteur")
    officer.follow("Nouvelle consultation")
    officer.type(reference="", deadline="")
    officer.press("Enregistrer le brouillon")
    officer.says("Votre saisie est à corriger")
    officer.type(reference="2026-014")
    officer.press("Enregistrer et vérifier")
    officer.says("À compléter d’abord")
    officer.follow("Modifier le brouillon")
    officer.unfold_all()
    values = typed(site.context.database, criterion_1_weight="50")
    officer.fill(values)
    officer.press("Enregistrer, puis données et clauses")
    officer.unfold_all()
    officer.fill(chosen(site.context.database))
    clauses_of_a_car_park(officer)
    officer.says("Vérifier avant de publier", "Bloque")
    officer.follow("Modifier le brouillon")
    officer.type(criterion_1_weight="40")
    officer.press("Enregistrer et vérifier")
    ref = officer.path.split("/")[3]
    officer.follow("Règlement de la consultation (RC)")
    officer.page.go_back()
    officer.follow("Annexe technique : données")
    officer.says("Stationnement", "avec un pas de temps d’au plus 5 minutes")
    officer.page.go_back()
    officer.press("Publier la consultation")
    officer.says("La consultation est publiée.")
    officer.follow("Voir la page publique")
    return ref


def clauses_of_a_car_park(officer: Walker) -> None:
    """The subject ticked, its clause comes forward with its reason; taken, it goes to the annex."""
    officer.page.check("text=Stationnement")
    officer.press("Enregistrer et ranger les clauses", first=True)
    officer.says("Un ouvrage ou une voirie payante produit des places")
    officer.unfold_all()
    officer.page.check("[name=clause_OD-44]")
    officer.press("Enregistrer et vérifier")


def prove_address(company: Walker, consultation: str) -> None:
    company.open("/consultations")
    company.page.locator(f'main a[href="{consultation}"]').click()
    company.check()
    assert company.download("Tout télécharger (ZIP)").startswith(b"PK")
    company.follow("Répondre avec mon SIRET")
    company.follow("recevez un code par courriel")
    company.type(name="Jeanne Martin", email="jeanne@boulangerie.example")
    company.press("Recevoir le code")
    code = read_code(company)
    company.type(code="0000 0000")
    company.press("Continuer")
    company.says("Ce code n’est pas le bon")
    company.type(code=code)
    company.press("Continuer")


def read_code(company: Walker) -> str:
    """In another tab, the demonstration's trial box."""
    box = Walker(company.page.context.new_page(), company.site)
    box.page.set_viewport_size({"width": 390, "height": 844})
    box.open("/boite")
    found = re.search(r"Votre code : (\d{4} \d{4})", box.text)
    assert found is not None, box.text
    box.page.close()
    return found[1]


def apply_and_deposit(company: Walker) -> str:
    """Types the SIRET wrong, then right; corrects; sends files; forgets an answer; deposits."""
    company.type(siret="000 010 017 00011")
    company.press("Continuer")
    company.says("mal recopié")
    company.type(siret="000 010 017 00010")
    company.press("Continuer")
    company.says("BOULANGERIE TOUT VA BIEN", "Brouillon, rien n’est envoyé")
    company.send_file("Ajouter un fichier de l’offre", "memoire.pdf", OFFER, "Envoyer ce fichier de l’offre")
    company.says("Le fichier est reçu.", "memoire.pdf")
    company.unfold("Corriger l’identité, à côté de la valeur officielle")
    company.type(capacity="gérante", correct_address="2 rue des Essais, 01234 Démonstration", amount="84 000,00")
    company.press("Déposer la réponse")
    company.says("La déclaration sur l’honneur est nécessaire", "Cette réponse est nécessaire")
    company.type(insurance="Assureur Essai, n° 42")
    company.page.get_by_label("Je déclare sur l’honneur").check()
    company.press("Déposer la réponse")
    company.says("Votre réponse est déposée.", "offre est reçue ici")
    company.reload_until("Récépissé en préparation")
    assert company.download("Télécharger le récépissé (PDF)").startswith(b"%PDF")
    company.follow("Mes réponses")
    company.page.go_back()
    return company.path


def let_the_deadline_pass(site: Site, ref: str) -> None:
    """No verb shortens a deadline: the row is changed as time would."""
    with transaction(site.context.database) as db:
        find(db, ref).deadline = now(db) - timedelta(seconds=1)


def open_plis(officer: Walker, ref: str) -> None:
    officer.open(f"/acheteur/consultations/{ref}")
    officer.says("La date limite est passée")
    officer.open(f"/acheteur/consultations/{ref}/ouvrir")
    officer.press("Ouvrir les plis maintenant")
    officer.says("1 dépôt reçu", "84 000,00")
    officer.reload_until("Des réponses d’organismes sont attendues")
    officer.follow("BOULANGERIE TOUT VA BIEN")
    officer.says("memoire.pdf", "gérante", "Obtenue")
    assert officer.download("memoire.pdf") == OFFER
    officer.follow("Plis")
    officer.follow("Qui a regardé quoi")
    officer.says("memoire.pdf")


def award(officer: Walker, ref: str) -> None:
    officer.open(f"/acheteur/consultations/{ref}")
    officer.follow("Attribuer")
    officer.press("Désigner et demander les preuves")
    officer.says("Choisissez une des candidatures reçues")
    officer.page.get_by_label("BOULANGERIE TOUT VA BIEN").check()
    officer.press("Désigner et demander les preuves")
    officer.reload_until("Les preuves sont en cours de demande")
    officer.type(motive=MOTIVE)
    officer.press("Attribuer le marché")
    officer.says("Le marché est attribué", "attendu du titulaire")


def sign(company: Walker, site: Site, candidacy: str) -> None:
    """At home, with the company's own key; the page then shows what was verified."""
    company.open(f"{candidacy}/contrat")
    acte = company.download("Téléchargez l’acte d’engagement")
    company.send_file("Acte d’engagement signé", "acte.pdf", acte, "Déposer le fichier signé")
    company.says("il n’est pas encore signé")
    company.send_file("Acte d’engagement signé", "signe.pdf", signed(site, acte), "Déposer le fichier signé")
    company.says("La signature est vérifiée et conservée", "PAdES, niveau T", "Jeanne Martin")


def signed(site: Site, acte: bytes) -> bytes:
    folder = Path(site.context.services.get("pki", str(pki.FOLDER)))
    with reading(site.context.database) as db:
        moment = now(db)
    key = pki.issue_signer(folder, "Jeanne Martin", "Boulangerie Tout Va Bien", BAKERY, PASSWORD, now=moment)
    stamp = partial(request_timestamp, site.context.services["tsa"])
    made = isolate.run(
        "signature.making.desk:pades",
        acte,
        Pkcs12(key.read_bytes(), PASSWORD),
        "T",
        stamp,
        moment.isoformat(),
        Embedded(),
    )
    content: bytes = made.content
    return content


def buyer_signs(officer: Walker, ref: str) -> None:
    """Last, by who holds the delegation, at a distance."""
    officer.open(f"/acheteur/consultations/{ref}/attribuer")
    officer.says("c’est à l’acheteur")
    officer.follow("Signer au nom de l’acheteur")
    officer.says("adjointe au maire, déléguée aux achats")
    officer.page.get_by_label("Prestataire").select_option("bac-a-sable")
    officer.press("Choisir mon certificat")
    officer.page.locator("input[value=ville-p256]").check()
    officer.type(pin=csc.PIN)
    officer.press("Signer l’acte d’engagement")
    officer.says("La signature est vérifiée et conservée")


def notify_and_acknowledge(officer: Walker, ref: str, company: Walker, candidacy: str) -> None:
    buyer_signs(officer, ref)
    officer.open(f"/acheteur/consultations/{ref}/attribuer")
    officer.unfold("Notifier le marché")
    officer.press("Envoyer la notification")
    company.open(f"{candidacy}/contrat")
    company.press("Accuser réception")
    company.says("Le marché a pris effet")


def data_arrive_and_are_released(officer: Walker, company: Walker) -> None:
    company.follow("Données à remettre")
    company.says("Chaque ligne est une remise", "Attendue")
    field = company.page.locator("input[type=file]").first
    field.set_input_files({"name": "positions.json", "mimeType": "application/json", "buffer": b'{"features": []}'})
    company.press("Déposer la remise", first=True)
    company.says("Reçue, à vérifier")
    officer.open("/contrats")
    officer.page.locator("main table a").first.click()
    officer.follow("Données du marché")
    officer.press("Accepter")
    officer.press("Publier ce jeu")
    officer.says("Retirer de la publication")
    officer.follow("Page publique")
    officer.says("positions.json", "Licence Ouverte 2.0")


def pay(finance: Walker, site: Site) -> None:
    with reading(site.context.database) as db:
        contract = db.scalars(select(Contract)).one()
        number = contract.number
        someone = db.scalars(select(User)).first()
        assert someone is not None
        scene = Scene(contract.organisation, someone, someone, someone, someone, "", "", "")
        draft = invoice(scene, contract)
    finance.follow("Marchés et factures")
    finance.follow(number)
    finance.follow("Ouvrir : Engagements et comptes")
    finance.type(engagement=draft.engagement, service="VOIRIE")
    finance.press("Enregistrer")
    finance.type(iban=draft.iban)
    finance.press("Ajouter le compte")
    finance.follow("Carte de facturation")
    finance.open("/factures/copie")
    finance.send_file("Facture", "facture.pdf", b"%PDF-1.7 rien", "Contrôler")
    finance.says("Cette facture n’a pas pu être contrôlée")
    finance.send_file("Facture", "facture.pdf", invoices.facturx_pdf(draft), "Contrôler")
    finance.says(number, "Aucune règle bloquante en défaut", "Proposition : approuver")
    finance.page.get_by_label("Approuver", exact=True).check()
    finance.press("Enregistrer la décision")
    finance.says("La décision est enregistrée", "Approuvée")
    finance.open("/factures")
    published = finance.page.request.get(f"{site.url}/decp.json").text()
    assert number in published
    assert BAKERY in published
