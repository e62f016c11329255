"""The demonstration, first half: a consultation is written and published, two companies answer with their SIRET."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.clause_form import to_typed
from api.demo import OFFICER, PASSWORD
from api.demo_browser import Browser, Page, Stop
from api.demo_house import House
from api.demo_seed import example, noon, offer_pdf, siret_of
from api.demo_tale import Tale, wait_for
from api.dossiers import to_values
from dce_templates.catalogue import catalogue
from procurement.people import Organisation

NUMBER = "DEMO-100"
WINNER, LOSER = "BOULANGERIE TOUT VA BIEN", "MAÇONNERIE URSSAF REFUSE"
AMOUNTS = {WINNER: "84000,00", LOSER: "91500,00"}
MOTIVE = "Les points de mesure sont sur la voie publique : une entreprise fragile y serait un risque pour les passants."
NEW = "/acheteur/consultations/nouvelle"


@dataclass
class Scene:
    """Who is there, and what they hold so far."""

    house: House
    tale: Tale
    officer: Browser
    ref: str = ""
    companies: dict[str, Browser] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def hub(self) -> str:
        return f"/acheteur/consultations/{self.ref}"


def write_and_publish(house: House, tale: Tale) -> Scene:
    """Chapter 1: a draft with two faults, one corrected, one passed over with a motive; published."""
    tale.chapter("1. Écrire la consultation")
    scene = Scene(house, tale, Browser(house.base))
    scene.officer.sign_in(OFFICER, PASSWORD)
    with tale.step("L’acheteuse écrit un MAPA de services, avec cinq clauses de données ouvertes") as step:
        page = _write(scene)
        blocking = page.main.count("Bloque ")
        step.detail = f"consultation {NUMBER}, les contrôles s’arrêtent sur {blocking} points"
    with tale.step("Premier point : le délai de paiement de 45 jours (R2192-10) est ramené à 30") as step:
        form = scene.officer.get(f"{scene.hub}/modifier")
        page = scene.officer.submit(form, "/modifier", "check", payment_delay_days="30")
        step.detail = "corrigé dans le formulaire"
    with tale.step("Second point : le chiffre d’affaires demandé (R2142-7) est maintenu, avec un motif") as step:
        page = scene.officer.submit(page, "/verifier/turnover", motive=MOTIVE)
        step.detail = f"motif conservé au registre : « {MOTIVE[:60]}… »"
    with tale.step("Publication : les documents sont produits, datés et scellés par leur empreinte") as step:
        scene.officer.submit(page, "/publier")
        step.detail = ", ".join(_keep_documents(scene))
    return scene


def _write(scene: Scene) -> Page:
    """The form, filled as a person does it; returns the page of findings."""
    house, current = scene.house, datetime.now(UTC)
    town = Organisation(name=house.town_name, siret=house.town_siret, email="marches@demo.example")
    capacity = {"minimum_turnover": "250000", "references": 3}
    faults = {"payment_delay_days": 45, "capacity": capacity, "reference": NUMBER}
    dossier = example(town, house.base, current, noon(current, 21), **faults)
    page = scene.officer.submit(scene.officer.get(NEW), NEW, "clauses", **to_values(dossier))
    found = re.search(r"/consultations/(\w{12})", page.url)
    if found is None:
        raise Stop(f"Le brouillon n’a pas été enregistré. {page.problem}")
    scene.ref = found[1]
    return scene.officer.submit(page, "/clauses", "check", **to_typed(dossier, catalogue()))


def _keep_documents(scene: Scene) -> list[str]:
    """RC, AE and CCAP as anyone downloads them, without account."""
    anyone = Browser(scene.house.base)
    page = anyone.get(f"/consultations/{scene.ref}")
    whats = {"RC": "Règlement de la consultation", "AE": "Acte d’engagement, vierge", "CCAP": "Cahier des clauses"}
    for kind, what in whats.items():
        name = f"{kind}_{NUMBER}.pdf"
        links = [str(a.get("href")) for a in page.tree.xpath("//main//a[@href]") if str(a.get("href")).endswith(name)]
        if not links:
            raise Stop(f"Le document {name} n’est pas sur la page publique.")
        scene.tale.keep(f"{kind}.pdf", anyone.download(links[0]), what)
    return list(whats)


def answer_with_siret(scene: Scene) -> None:
    """Chapter 2: two companies, each from one SIRET to a receipt; nothing is opened before the deadline."""
    tale = scene.tale
    tale.chapter("2. Répondre avec un SIRET")
    for rank, company in enumerate((WINNER, LOSER), start=1):
        _one_company(scene, company, f"contact{rank}@demo.example")
    with tale.step("L’acheteuse essaie d’ouvrir les plis avant l’heure") as step:
        page = scene.officer.get(f"{scene.hub}/ouvrir", refused=True)
        step.detail = f"refusé : {page.problem}"
        tale.results["early_opening"] = page.problem


def _one_company(scene: Scene, company: str, email: str) -> None:
    tale, browser, siret = scene.tale, Browser(scene.house.base), siret_of(company)
    scene.companies[company] = browser
    form = f"/consultations/{scene.ref}/candidater"
    with tale.step(f"{company} prouve son adresse : le code arrive dans la boîte d’essai") as step:
        page = _prove_address(browser, email, form)
        step.detail = email
    with tale.step(f"Elle écrit son SIRET, {siret}, et rien d’autre") as step:
        page = browser.submit(page, "/candidater", siret=siret)
        scene.answers[company] = page.url.rpartition("/")[2]
        step.detail = "nom, adresse, forme juridique et activité viennent des données ouvertes (Insee)"
    with tale.step("Elle répond, dépose son offre et son montant, scellés dès réception") as step:
        step.detail = _deposit(scene, browser, page, company)


def _prove_address(browser: Browser, email: str, after: str) -> Page:
    page = browser.get(f"/inscription?suite={after}")
    page = browser.submit(page, "/inscription", name="Nadia Faure", email=email)
    for card in browser.get("/boite").tree.xpath("//main//section|//main//article|//main//div[.//pre]"):
        text = " ".join(card.text_content().split())
        code = re.search(r"Votre code : (\d{4} ?\d{4})", text)
        if email in text and code:
            return browser.submit(page, "/inscription/code", code=code[1])
    raise Stop(f"Le code envoyé à {email} n’est pas dans la boîte d’essai.")


def _deposit(scene: Scene, browser: Browser, page: Page, company: str) -> str:
    where, amount = f"/candidatures/{scene.answers[company]}", AMOUNTS[company]
    page = browser.submit(page, "/fichiers/offre", file=("offre.pdf", offer_pdf(company, amount), "application/pdf"))
    browser.submit(
        page, "/deposer", "deposit",
        capacity="Gérante", insurance="Assureur d’essai, n° 42", attested=True, amount=amount,
    )  # fmt: skip
    receipt = wait_for("Le récépissé", lambda: browser.ready(f"{where}/recu"))
    if company == WINNER:
        scene.tale.keep("recepisse.pdf", receipt, "Récépissé du dépôt")
    return f"récépissé reçu ({len(receipt)} octets), avec l’empreinte de chaque fichier"
