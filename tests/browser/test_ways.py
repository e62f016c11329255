"""The company's part without script, from the keyboard alone; and every public page."""

import re
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, FilePayload, Page
from sqlalchemy import select

from api.db import reading
from procurement.people import User
from tests.award_scene import contract_of_scene, in_effect, sign
from tests.browser.conftest import Site, signed_in
from tests.browser.walker import walker
from tests.candidacy_scene import Scene, published
from tests.signature.conftest import blank_pdf


@pytest.fixture
def scene(site: Site) -> Scene:
    return published(site.context)


def test_a_company_answers_without_script(chromium: Browser, site: Site, scene: Scene) -> None:
    company = walker(chromium, site.url, phone=True, scripts=False)
    company.open(f"/consultations/{scene.ref}")
    company.follow("Répondre avec mon SIRET")
    company.follow("recevez un code par courriel")
    company.type(name="Jeanne Martin", email="jeanne@boulangerie.example")
    company.press("Recevoir le code")
    address = company.page.url
    company.open("/boite")
    code = re.search(r"Votre code : (\d{4} \d{4})", company.text)
    assert code is not None
    company.page.goto(address)
    company.type(code=code[1])
    company.press("Continuer")
    company.type(siret="000010017")
    company.press("Continuer")
    company.page.get_by_label("000 010 017 00010").check()
    company.press("Continuer")
    offer = ("offre.pdf", b"%PDF-1.7 offre", "Envoyer ce fichier de l’offre")
    company.send_file("Ajouter un fichier de l’offre", *offer)
    company.type(capacity="gérante", insurance="Assureur Essai, n° 42", amount="12 345,60")
    company.press("Déposer la réponse")
    company.says("La déclaration sur l’honneur est nécessaire")
    company.page.get_by_label("Je déclare sur l’honneur").check()
    company.press("Déposer la réponse")
    company.says("Votre réponse est déposée.")
    company.reload_until("Récépissé en préparation")
    company.unfold("Retirer ce dépôt")
    company.press("Confirmer le retrait")
    company.says("Votre réponse est retirée.")


def test_a_company_answers_from_the_keyboard(chromium: Browser, site: Site, scene: Scene) -> None:
    """Tab, space, enter and letters; the pointer never moves. What has the focus is always seen."""
    company = signed_in(walker(chromium, site.url), site, scene.account)
    company.open(f"/consultations/{scene.ref}")
    page = company.page
    page.keyboard.press("Tab")
    assert focused(page) == "Aller au contenu"
    page.keyboard.press("Enter")
    enter(page, "Répondre avec mon SIRET")
    tab_to(page, "siret")
    page.keyboard.type("000 010 017 00011")
    send(page)
    company.says("mal recopié")
    tab_to(page, "mal recopié")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "siret"
    page.keyboard.press("Control+A")
    page.keyboard.type("00001001700010")
    send(page)
    company.says("BOULANGERIE TOUT VA BIEN")
    for name, words in (("capacity", "gérante"), ("insurance", "Assureur Essai")):
        tab_to(page, name)
        page.keyboard.type(words)
    tab_to(page, "attested")
    page.keyboard.press("Space")
    enter(page, "Déposer la réponse")
    company.says("Votre réponse est déposée.")


FOCUSED = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const words = e.tagName === "BUTTON" ? e.innerText : e.name || e.innerText || "";
  const lit = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return {words, seen: lit && box.width > 0 && box.height > 0 && box.bottom > 0};
}"""


def focused(page: Page) -> str:
    found = page.evaluate(FOCUSED)
    assert found["seen"], f"the focus is not seen on « {found['words']} »"
    return str(found["words"]).strip()


def tab_to(page: Page, words: str) -> None:
    """Tab until the control of this name, or what says these words, has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if words in (found := focused(page)) and (found == words or " " in words):
            return
    raise AssertionError(f"Tab never comes to « {words} » on {page.url}")


def enter(page: Page, words: str) -> None:
    tab_to(page, words)
    send(page)


def send(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


PUBLIC = [
    "/", "/consultations?q=capteurs", "/consultations?q=rien-de-tel", "/connexion", "/inscription", "/inscription/code",
    "/aide", "/aide/entreprise", "/aide/acheteur", "/aide/juriste", "/aide/finances", "/mentions-legales",
    "/donnees-personnelles", "/accessibilite", "/verifier", "/boite", "/marches", "/marches/chiffres",
    "/nulle-part",
]  # fmt: skip


def test_every_public_page(chromium: Browser, site: Site, scene: Scene) -> None:
    stranger = walker(chromium, site.url)
    for path in [*PUBLIC, f"/consultations/{scene.ref}"]:
        stranger.open(path)
        assert ("Page introuvable" in stranger.text) is (path == "/nulle-part"), path


def test_every_page_of_those_who_work_here(chromium: Browser, site: Site) -> None:
    """What the story does not pass through, as administrator, officer and finance."""
    contract = in_effect(site.context)
    with reading(site.context.database) as db:
        officer, finance = db.get_one(User, contract.officer.id), db.get_one(User, contract.finance.id)
        admin = db.scalars(select(User).where(User.email == "admin@demo.example")).one()
        town = admin.memberships[0].organisation.ref
    hub = f"/acheteur/consultations/{contract.consultation}"
    number = contract_of_scene(site.context.database, contract).ref
    of_contract = [f"/contrats/{number}/donnees-essentielles", f"/marches/{number}", "/marches", "/marches/chiffres"]
    pages = {
        admin: [
            "/compte",
            "/compte/appartenance",
            "/administration/courriers",
            "/administration/organismes",
            "/administration",
            f"/administration/{town}/modele-word",
        ],
        officer: [
            "/acheteur",
            "/acheteur/regles",
            "/acheteur/entreprises",
            hub,
            *(f"{hub}/{page}" for page in OF_A_CONSULTATION),
        ],
        finance: [
            "/contrats",
            "/factures",
            "/factures/copie",
            "/factures/paiements",
            "/compte",
            "/mon-dossier",
            "/donnees-essentielles",
            *of_contract,
        ],
    }
    for user, paths in pages.items():
        person = signed_in(walker(chromium, site.url), site, user)
        for path in paths:
            person.open(path)
            assert person.path == path, person.text
            assert "introuvable" not in person.text, path
        if user is admin:
            person.follow("Ville de Démonstration")


def test_a_company_prepares_its_file_without_script(chromium: Browser, site: Site, scene: Scene) -> None:
    company = signed_in(walker(chromium, site.url, phone=True, scripts=False), site, scene.account)
    company.open("/mon-dossier")
    company.type(siret="00001001700011")
    company.press("Télécharger le dossier (ZIP)")
    company.says("mal recopié")
    company.type(siret="00001001700010")
    company.press("Voir ce qui manque")
    company.says("Il reste à compléter")
    with company.page.expect_download() as download:
        company.page.get_by_role("button", name="Télécharger le dossier (ZIP)", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as archive:
        dume = archive.read("dume.xml")
    company.send_file("DUME", "dume.xml", dume, "Remplir avec ce DUME")
    assert company.page.get_by_label("SIRET", exact=True).input_value() == "00001001700010"


OF_A_CONSULTATION = (
    "plis",
    "journal",
    "attribuer",
    "registre",
    "verifier",
    "relire",
    "apercu/rc",
    "apercu/ae",
    "apercu/ccap",
)


def test_the_reports_of_a_verification_are_saved_without_script(chromium: Browser, site: Site) -> None:
    """They are inside the page: the browser saves them under its policy, with no other request."""
    visitor = walker(chromium, site.url, phone=True, scripts=False)
    visitor.open("/verifier")
    with ThreadPoolExecutor(1) as apart:  # the browser's event loop runs in this thread, signing wants its own
        content = apart.submit(sign, site.context, blank_pdf()).result()
    signed = FilePayload(name="acte.pdf", mimeType="application/pdf", buffer=content)
    visitor.page.get_by_label("Fichier signé").set_input_files(signed)
    visitor.press("Vérifier")
    visitor.says("Garder ce résultat")
    for words, name, start in (
        ("Rapport en français (PDF)", "rapport-acte.pdf", b"%PDF-1.7"),
        ("Rapport ETSI TS 119 102-2 (XML)", "rapport-acte.xml", b"<?xml"),
    ):
        with visitor.page.expect_download() as saved:
            visitor.page.get_by_role("link", name=words, exact=True).click()
        assert saved.value.suggested_filename == name
        assert saved.value.path().read_bytes().startswith(start)
