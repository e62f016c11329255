"""The demonstration, second half: opening, award, signature, notification; then invoice and open data."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from api import isolate
from api.db import now, reading
from api.demo import ADMINISTRATOR, BUYER_NAME, FINANCE, PASSWORD
from api.demo_browser import Browser, Page, Stop
from api.demo_house import close_soon
from api.demo_portal import Company
from api.demo_story import LOSER, WINNER, Scene
from api.demo_tale import wait_for
from api.isolate import WorkFailed
from api.register_export import line
from api.sandbox import pki
from api.sandbox.chorus import CLIENT_ID, CLIENT_SECRET, login_of
from api.sandbox.chorus import PASSWORD as PORTAL_PASSWORD
from procurement.consultation import Consultation
from procurement.contract import Contract
from procurement.events import chain_holds, register
from procurement.invoice_copy import InvoiceCopy
from procurement.signers import buyer_of

IBAN, ENGAGEMENT, SERVICE = "FR7630006000011234567890189", "EJ-2026-77", "VOIRIE"
QUARTER = "10500,00"
NUMBER, TOLD = "F-2026-001", "SERVICE_FAIT"
CHOICE = "La meilleure note sur les trois critères, au prix le plus bas."
KEY_PASSWORD = "essai-essai"  # noqa: S105 - of a key of the sandbox's authority, worth nothing
PARIS = ZoneInfo("Europe/Paris")


def open_and_award(scene: Scene, wait: float) -> None:
    """Chapter 3: the deadline passes, the plis open, one company is named, its proofs come, the officer decides."""
    tale, officer = scene.tale, scene.officer
    tale.chapter("3. Ouvrir, attribuer, signer")
    with tale.step(f"Pour la démonstration seulement, la date limite est ramenée à {wait:g} s ; on attend") as step:
        close_soon(scene.house, scene.ref, wait)
        tale.count_down(wait + 0.2)
        step.detail = "aucune page ne le permet ; le registre en garde la trace"
    with tale.step("Une nouvelle réponse serait reçue hors délai, et resterait fermée") as step:
        late = scene.companies[LOSER].get(f"/consultations/{scene.ref}/candidater")
        (warning,) = late.tree.xpath("//main//*[contains(@class, 'alert warning')]/p[last()]")
        step.detail = f"la page prévient : {' '.join(warning.text_content().split())}"
    with tale.step("Ouverture des plis ; les pièces de capacité sont demandées aux administrations") as step:
        officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
        board = wait_for("La réponse des administrations", lambda: _settled(scene, "/plis", "sont attendues"))
        rows = len(board.tree.xpath("//main//tbody/tr"))
        obtained = sum(int(number) for number in re.findall(r"Obtenue : (\d+)", board.main))
        step.detail = f"{rows} candidats, {obtained} pièces obtenues"
    with tale.step(f"{WINNER} est pressentie : l’Urssaf et les impôts sont interrogés pour elle seule") as step:
        cref = board.link(WINNER).rpartition("/")[2]
        officer.submit(officer.get(f"{scene.hub}/attribuer"), "/designer", candidacy=cref)
        page = wait_for("La réponse sur l’attributaire", lambda: _settled(scene, "/attribuer", "en cours de demande"))
        step.detail = " ; ".join(_rows(page))
    with tale.step("Décision : l’acte d’engagement est produit, les courriers partent") as step:
        officer.submit(page, "/decider", motive=CHOICE)
        if "n’est pas retenue" not in officer.get("/boite").main:
            raise Stop("La lettre au candidat non retenu n’est pas dans la boîte d’essai.")
        step.detail = f"montant repris de l’offre descellée ; {LOSER} reçoit sa lettre (R2181-1)"


def _settled(scene: Scene, path: str, waiting: str) -> Page | None:
    page = scene.officer.get(scene.hub + path)
    return None if waiting in page.main or "réponse attendue" in page.main else page


def _rows(page: Page) -> list[str]:
    """Each proof with its answer."""
    rows = (row.xpath("./th|./td") for row in page.tree.xpath("//main//tbody/tr"))
    return [" : ".join(_spoken(cell) for cell in row[:2]) for row in rows]


def _spoken(cell: Any) -> str:
    """Its words, without the symbols that only repeat them."""
    return " ".join(" ".join(cell.xpath(".//text()[not(ancestor::*[@aria-hidden='true'])]")).split())


def sign_and_notify(scene: Scene) -> "Deal":
    """The winner signs at home; the very bytes are verified; notification, reception."""
    tale, officer, winner = scene.tale, scene.officer, scene.companies[WINNER]
    where = f"/candidatures/{scene.answers[WINNER]}/contrat"
    with tale.step(f"{WINNER} télécharge l’acte d’engagement et le signe chez elle (PAdES, niveau T)") as step:
        act = winner.download(f"{where}/acte-engagement.pdf")
        signed = _sign(scene, act, "Nadia Faure", WINNER, _winner_siret(scene))
        step.detail = f"{len(signed)} octets, horodatés par l’autorité du bac à sable"
    with tale.step("Elle dépose le fichier signé : il est vérifié sur ces octets mêmes") as step:
        winner.submit(winner.get(where), "/signature-recue", file=("acte-signe.pdf", signed, "application/pdf"))
        deal = _deal(scene)
        step.detail = f"{deal.indication}, signé par {deal.signer}"
        tale.keep("acte-engagement-signe.pdf", signed, "Acte d’engagement signé par le titulaire")
    with tale.step("L’acheteuse, qui en a la délégation, signe à son tour") as step:
        step.detail = _buyer_signs(scene)
    with tale.step("L’acheteuse notifie le marché") as step:
        officer.submit(officer.get(f"{scene.hub}/attribuer"), "/notifier")
        step.detail = f"marché {deal.number} (R2182-4)"
    with tale.step("Le titulaire accuse réception : le marché prend effet") as step:
        winner.submit(winner.get(where), "/reception")
        step.detail = "les données essentielles sont dues sous deux mois ; elles sont publiées aussitôt"
    return deal


def _buyer_signs(scene: Scene) -> str:
    """Last: the file signed at her desk, dropped on the buyer's own page."""
    officer = scene.officer
    with reading(scene.house.context.database) as db:
        signer = buyer_of(db, db.get_one(Contract, _contract_row(scene).id).act)
        where, siret = f"/signatures/{signer.ref}", signer.siret
    signed = _sign(scene, officer.download(f"{where}/acte-engagement.pdf"), "Amina Berger", BUYER_NAME, siret)
    officer.submit(officer.get(where), "/fichier", file=("acte-signe.pdf", signed, "application/pdf"))
    return "vérifiée comme celle du titulaire, plafond et dates de la délégation contrôlés (R2182-3)"


def _sign(scene: Scene, pdf: bytes, person: str, company: str, siret: str) -> bytes:
    with reading(scene.house.context.database) as db:
        current = now(db)
    p12 = pki.issue_signer(pki.FOLDER, person, company, siret, KEY_PASSWORD, now=current)
    key = p12.read_bytes()
    p12.unlink()
    try:
        signed: bytes = isolate.run("api.demo_papers:sign", pdf, key, KEY_PASSWORD, scene.house.tsa)
    except WorkFailed as error:
        raise Stop(f"L’acte d’engagement n’a pas été signé. {error.sentence}") from None
    return signed


def _winner_siret(scene: Scene) -> str:
    return _contract_row(scene).holder_siret


@dataclass(frozen=True)
class Deal:
    """The contract as the rest of the story needs it."""

    ref: str
    number: str
    holder_name: str
    holder_siret: str
    indication: str
    signer: str


def _contract_row(scene: Scene) -> Contract:
    with reading(scene.house.context.database) as db:
        return db.scalars(select(Contract).join(Consultation).where(Consultation.ref == scene.ref)).one()


def _deal(scene: Scene) -> Deal:
    row = _contract_row(scene)
    verdict = (row.act.signature_report or {"signatures": []})["signatures"]
    if not verdict:
        raise Stop("L’acte signé n’a pas été retenu.")
    found = {key: verdict[0].get(key) for key in ("indication", "level", "qualification")}
    scene.tale.results |= {"contract": row.number, "signature": found}
    signer = str(verdict[0].get("signer"))
    return Deal(row.ref, row.number, row.holder_name, row.holder_siret, str(found["indication"]), signer)


def bill_and_publish(scene: Scene, deal: Deal) -> None:
    """Chapter 4: the supplier's invoice goes through the portal, is matched and approved; open data."""
    tale, finance = scene.tale, Browser(scene.house.base)
    tale.chapter("4. Facture et données ouvertes")
    finance.sign_in(FINANCE, PASSWORD)
    with tale.step("Les finances notent l’engagement, le code service et l’IBAN du titulaire") as step:
        page = finance.get(f"/contrats/{deal.ref}/engagements")
        finance.submit(page, "/facturation", engagement=ENGAGEMENT, service=SERVICE)
        finance.submit(finance.get(f"/contrats/{deal.ref}/engagements"), "/comptes", siret=deal.holder_siret, iban=IBAN)
        step.detail = f"{ENGAGEMENT}, {SERVICE}"
    portal = _linked(scene)
    with tale.step("Le titulaire fait sa facture ici, et la dépose sur Chorus Pro (le portail d’essai)") as step:
        step.detail = _bill(scene, deal)
    with tale.step("Le service la lit sur le portail, la contrôle et la rapproche du marché") as step:
        page = _received(scene, finance, portal)
        found = _copy(scene)
        tale.results["invoice"] = {"decision": found["decision"], "candidates": found["candidates"]}
        step.detail = f"règles EN 16931 et françaises tenues ; marché {deal.number} reconnu ; proposition : approuver"
        if "Aucune règle bloquante en défaut" not in page.main or "Proposition : approuver" not in page.main:
            raise Stop(f"La facture n’est pas proposée à l’approbation ({found['decision']}).")
    with tale.step("Une personne décide : la facture est approuvée, le portail l’apprend") as step:
        finance.submit(page, "/decision", decision="approved")
        told = wait_for("Le portail", lambda: TOLD if portal.buyer.status(NUMBER) == TOLD else None)
        tale.results["portal"] = told
        step.detail = f"le compte du marché est à jour ; statut sur le portail : {told}"
    with tale.step("/decp.json, lu par n’importe qui, est contrôlé : schéma, puis règles de la consolidation") as step:
        step.detail = _open_data(scene)
    with tale.step("Le registre est relu, ligne après ligne") as step:
        step.detail = _register(scene)


@dataclass(frozen=True)
class Portal:
    """The portal of the buyer: who links it to the service, on which page, and its own account there."""

    administrator: Browser
    page: str
    buyer: Company


def _linked(scene: Scene) -> Portal:
    """The administrator gives the buyer's technical account."""
    administrator, siret = Browser(scene.house.base), scene.house.town_siret
    administrator.sign_in(ADMINISTRATOR, PASSWORD)
    with scene.tale.step("L’administratrice donne le compte Chorus Pro de l’acheteur") as step:
        here = administrator.get("/administration").link(scene.house.town_name)
        page = administrator.get(f"{here}/chorus")
        administrator.submit(
            page, "/chorus", login=login_of(siret), password=PORTAL_PASSWORD, client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
        )  # fmt: skip
        administrator.submit(administrator.get(f"{here}/chorus"), "/essai")
        step.detail = "secrets scellés, connexion essayée"
    return Portal(administrator, f"{here}/chorus", Company(scene.house.context.services, siret))


def _bill(scene: Scene, deal: Deal) -> str:
    """From the contract's page; the file goes to the portal by the supplier's own account."""
    winner = scene.companies[WINNER]
    page = winner.get(f"/candidatures/{scene.answers[WINNER]}/contrat/facture")
    pdf = winner.take(
        page, "/facture", "download", number=NUMBER, iban=IBAN, label=["Comptages de mobilité, premier trimestre"],
        quantity=["1"], unit_price=[QUARTER],
    )  # fmt: skip
    scene.tale.keep("facture.pdf", pdf, "Facture Factur-X du titulaire")
    flow = Company(scene.house.context.services, deal.holder_siret).deposit("facture.pdf", pdf)
    return f"Factur-X de {len(pdf)} octets, flux {flow}"


def _received(scene: Scene, finance: Browser, portal: Portal) -> Page:
    """The invoice's page, once the worker has read the portal; the administrator asks for it at once."""
    portal.administrator.submit(portal.administrator.get(portal.page), "/relire")
    ref = wait_for("La facture du portail", lambda: _ref(scene))
    return finance.get(f"/factures/{ref}")


def _ref(scene: Scene) -> str | None:
    with reading(scene.house.context.database) as db:
        return db.scalar(select(InvoiceCopy.ref))


def _copy(scene: Scene) -> dict[str, object]:
    with reading(scene.house.context.database) as db:
        return dict(db.scalars(select(InvoiceCopy)).one().match)


def _open_data(scene: Scene) -> str:
    content = wait_for("La publication des données essentielles", lambda: _published(Browser(scene.house.base)))
    scene.tale.keep("decp.json", content, "Données essentielles du marché")
    today = datetime.now(PARIS).date()
    try:
        report = isolate.run("procurement.publication.check:check_document_dict", content, today, seconds=60)
    except WorkFailed as error:
        raise Stop(f"Les données essentielles ne se lisent pas. {error.sentence}") from None
    scene.tale.results["decp"] = {key: report[key] for key in ("schema_valid", "exploitable")}
    if not report["schema_valid"]:
        raise Stop(f"Les données essentielles ne suivent pas le schéma : {report['findings'][0]['message']}")
    return "schéma respecté, " + ("exploitable" if report["exploitable"] else "non exploitable (données d’essai)")


def _published(browser: Browser) -> bytes | None:
    """The feed, once the worker has checked the record and published it."""
    content = browser.download("/decp.json")
    return content if json.loads(content)["marches"]["marche"] else None


def _register(scene: Scene) -> str:
    with reading(scene.house.context.database) as db:
        consultation = db.scalars(select(Consultation).where(Consultation.ref == scene.ref)).one()
        lines = [line(event) for event in register(db, consultation)]
        holds = chain_holds(db, consultation)
    scene.tale.keep("registre.json", json.dumps(lines, ensure_ascii=False, indent=1).encode(), "Registre chaîné")
    scene.tale.results["register_holds"] = holds
    if not holds:
        raise Stop("Le registre ne correspond plus à ses empreintes.")
    return f"{len(lines)} lignes, chaîne d’empreintes intacte"
