"""From the intended winner to the contract in effect, by both sides, and everything that must not pass."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from sqlalchemy import select

from api import isolate
from api.context import Context
from api.db import Database, now, reading, transaction
from api.sandbox import invoices
from api.steps.essential import publish_one
from procurement.award import decide
from procurement.consultation import find
from procurement.contract import Contract
from procurement.errors import Refused
from procurement.events import chain_holds
from procurement.mail import Mail
from procurement.people import User, person_of
from tests.award_scene import IBAN, Scene, buyer_signs, invoice, opened, settle_pieces, sign
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_officer, make_siret

Browser = Callable[[User], CheckedClient]
MOTIVE = "La meilleure note technique et le prix le plus bas."


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


def press(browser: CheckedClient, path: str, **fields: str) -> int:
    """A POST without the page that offers it."""
    return browser.post(path, data=fields, headers={"sec-fetch-site": "same-origin"}).status_code


def name_winner(officer: CheckedClient, scene: Scene, database: Database) -> None:
    page = officer.get(scene.award)
    answer = officer.submit(page, "/designer", candidacy=scene.won)
    assert "ses preuves sont demandées" in officer.page.main, answer.status_code
    settle_pieces(database)


def award(officer: CheckedClient, scene: Scene, database: Database) -> None:
    name_winner(officer, scene, database)
    officer.submit(officer.get(scene.award), "/decider", motive=MOTIVE)
    assert "Le marché est attribué" in officer.page.main


def unsigned_of(winner: CheckedClient, scene: Scene) -> bytes:
    winner.get(f"/candidatures/{scene.won}")
    link = next(words for words in winner.page.links if words.startswith("Marché "))
    answer = winner.click(winner.click(winner.page, link), "Téléchargez l’acte d’engagement")
    assert answer.headers["content-type"] == "application/pdf"
    return answer.content


def hand_in(winner: CheckedClient, scene: Scene, content: bytes) -> int:
    page = winner.get(scene.contract)
    return winner.submit(page, "/signature-recue", file=("signe.pdf", content, "application/pdf")).status_code


def test_the_whole_way(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    officer, winner, loser = browser(scene.officer), browser(scene.winner), browser(scene.loser)
    assert "Capteurs et Mesures SAS" in officer.get(scene.award).text
    award(officer, scene, database)
    with reading(database) as db:
        subjects = [m.subject for m in db.scalars(select(Mail))]
    assert sum("votre offre est retenue" in s for s in subjects) == 1
    assert sum("n’est pas retenue" in s for s in subjects) == 1

    acte = unsigned_of(winner, scene)
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(acte)).pages)
    assert "Capteurs et Mesures SAS" in text
    assert "3 rue du Port" in text
    assert f"Vérifier cette signature : {context.settings.public_url}/verifier" in " ".join(text.split())
    assert "84 000,00" in text.replace("\u202f", " ").replace("\xa0", " ")
    assert loser.get(scene.contract).status_code == 404
    assert loser.get(f"/candidatures/{scene.lost}/contrat").status_code == 404

    assert hand_in(winner, scene, sign(context, acte)) == 200
    assert "Votre signature est vérifiée" in winner.page.main
    assert "Jeanne Martin" in winner.page.main
    for point in ("1. Identité du signataire", "3. Format", "5. Intégrité"):
        assert point in winner.page.main

    assert "c’est à l’acheteur" in officer.get(scene.award).text
    assert buyer_signs(context, scene, officer) == 200
    officer.submit(officer.get(scene.award), "/notifier")
    assert "La notification part" in officer.page.main
    winner.submit(winner.get(scene.contract), "/reception")
    assert "Le marché a pris effet" in winner.page.main
    assert "Le marché a pris effet" in officer.get(scene.award).text
    with reading(database) as db:
        assert chain_holds(db, find(db, scene.consultation))
        contract = db.scalars(select(Contract)).one()
        assert (contract.state, contract.received_on is not None) == ("in_effect", True)
    assert winner.get(f"{scene.contract}/acte-engagement-signe.pdf").content.startswith(acte)
    bill(browser(scene.finance), scene, contract)
    assert publish_one(context)
    published = officer.get("/decp.json").content
    report = isolate.run("procurement.publication.check:check_document_dict", published, None)
    assert (report["exploitable"], report["records"]) == (True, 1)
    assert contract.number in published.decode()


def bill(finance: CheckedClient, scene: Scene, contract: Contract) -> None:
    """The end of the story: what invoices must quote, the supplier's Factur-X, a person's decision."""
    page = finance.get(f"/contrats/{contract.ref}/engagements")
    finance.submit(page, "/facturation", engagement="EJ-2026-77", service="VOIRIE")
    finance.submit(finance.get(f"/contrats/{contract.ref}/engagements"), "/comptes", iban=IBAN)
    sent = invoices.facturx_pdf(invoice(scene, contract))
    finance.submit(finance.get("/factures/copie"), "/factures/copie", file=("f.pdf", sent, "application/pdf"))
    assert "Proposition : approuver" in finance.page.main
    finance.submit(finance.page, "/decision", decision="approved")
    assert "Approuvée" in finance.page.main


def test_only_the_buyers_officers_and_the_company_itself(
    scene: Scene, client: CheckedClient, database: Database, browser: Browser
) -> None:
    other = browser(make_officer(database, make_buyer(database)))
    assert other.get(scene.award).status_code == 404
    assert press(other, f"{scene.award}/designer", candidacy=scene.won) == 404
    assert browser(scene.finance).get(scene.award).status_code == 404
    assert browser(scene.winner).get(scene.award).status_code == 404
    assert "/connexion" in str(client.get(scene.award).url)
    award(browser(scene.officer), scene, database)
    assert browser(scene.officer).get(scene.contract).status_code == 404
    assert "/connexion" in str(client.get(scene.contract).url)
    assert press(browser(scene.loser), f"{scene.contract}/signature-recue") == 404


def test_naming_asks_for_a_received_candidacy(scene: Scene, browser: Browser) -> None:
    officer = browser(scene.officer)
    officer.get(scene.award)
    answer = officer.submit(officer.page, "/designer")
    assert answer.status_code == 422
    assert "Choisissez une des candidatures reçues" in officer.page.main


def test_deciding_waits_for_the_proofs(scene: Scene, browser: Browser) -> None:
    officer = browser(scene.officer)
    officer.submit(officer.get(scene.award), "/designer", candidacy=scene.won)
    assert "Les preuves sont en cours de demande" in officer.page.main
    answer = officer.submit(officer.page, "/decider", motive=MOTIVE)
    assert answer.status_code == 409
    assert "attendez leur réponse" in officer.page.main


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("beaucoup", "Écrivez un montant"),
        ("0", "Le montant est positif"),
        ("-5", "Le montant est positif"),
        ("NaN", "Écrivez un montant"),
        ("12,345", "deux décimales"),
        ("1e12", "dix milliards"),
    ],
)
def test_a_wrong_amount_and_no_motive(
    scene: Scene, database: Database, browser: Browser, amount: str, said: str
) -> None:
    officer = browser(scene.officer)
    name_winner(officer, scene, database)
    answer = officer.submit(officer.get(scene.award), "/decider", amount=amount, motive="court")
    assert answer.status_code == 422
    assert said in officer.page.main
    assert "Écrivez en une phrase ce qui a fait choisir" in officer.page.main
    assert f'value="{amount}"' in answer.text


def test_two_tabs_decide_once(scene: Scene, database: Database, browser: Browser) -> None:
    officer = browser(scene.officer)
    name_winner(officer, scene, database)
    page = officer.get(scene.award)
    assert officer.submit(page, "/decider", motive=MOTIVE).status_code == 200
    assert officer.submit(page, "/decider", motive=MOTIVE).status_code == 409
    with reading(database) as db:
        assert len(list(db.scalars(select(Contract)))) == 1


def test_back_to_the_analysis_and_another_is_named(scene: Scene, database: Database, browser: Browser) -> None:
    officer = browser(scene.officer)
    name_winner(officer, scene, database)
    page = officer.get(scene.award)
    assert officer.submit(page, "/ecarter", reason="non").status_code == 422
    assert "Écrivez le motif en une phrase" in officer.page.main
    officer.submit(page, "/ecarter", reason="Attestation non fournie dans le délai.")
    assert "Désigner l’attributaire pressenti" in officer.page.main
    officer.submit(officer.page, "/designer", candidacy=scene.lost)
    assert "Trafic Conseil SARL" in officer.page.main


def test_a_page_that_names_another_winner_decides_nothing(scene: Scene, database: Database, browser: Browser) -> None:
    """The officer read one name and its amount; meanwhile a colleague named another."""
    officer, colleague = browser(scene.officer), browser(scene.officer)
    name_winner(officer, scene, database)
    old = officer.get(scene.award)
    colleague.submit(colleague.get(scene.award), "/ecarter", reason="Attestation non fournie dans le délai.")
    colleague.submit(colleague.page, "/designer", candidacy=scene.lost)
    settle_pieces(database)
    answer = officer.submit(old, "/decider", motive=MOTIVE)
    assert answer.status_code == 409
    assert "Un autre attributaire" in answer.text
    with reading(database) as db:
        assert find(db, scene.consultation).state == "intended"


def test_the_acte_made_for_one_is_never_the_award_of_another(
    scene: Scene, database: Database, browser: Browser
) -> None:
    name_winner(browser(scene.officer), scene, database)
    with transaction(database) as db:
        agent = person_of(db.get_one(User, scene.officer.id))
        with pytest.raises(Refused, match="Un autre attributaire"):
            decide(db, find(db, scene.consultation), scene.lost, Decimal(1000), MOTIVE, agent, now(db))


def test_numbers_follow_each_other(database: Database, browser: Browser) -> None:
    first = opened(database)
    second = opened(database, "2026-MAPA-02", first.buyer)
    for scene in (first, second):
        award(browser(scene.officer), scene, database)
    with reading(database) as db:
        numbers = [c.number for c in db.scalars(select(Contract).order_by(Contract.id))]
    assert [n[4:] for n in numbers] == ["-0001", "-0002"]


def other_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def redrawn(acte: bytes) -> bytes:
    """The acte with its first page redrawn in an incremental update."""
    writer = PdfWriter(BytesIO(acte), incremental=True)
    writer.pages[0].rotate(180)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def test_what_is_not_the_signed_acte_is_refused(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    award(browser(scene.officer), scene, database)
    winner = browser(scene.winner)
    acte = unsigned_of(winner, scene)
    signed = sign(context, acte)
    broken = bytearray(signed)
    broken[len(acte) + 40] ^= 1
    cases = [
        (b"", "fichier qui n’est pas vide"),
        (acte, "il n’est pas encore signé"),
        (sign(context, other_pdf()), "un autre fichier"),
        (acte + b"\n% rien", "aucune signature"),
        (sign(context, redrawn(acte)), "modifié avant d’être signé"),
        (sign(context, acte, revoked=True), "n’est pas valide"),
        (sign(context, acte, seal=True), "Un cachet n’est pas"),
        (sign(context, acte, make_siret(6999)), "une autre entreprise"),
        (signed + b"\nsuite", "signez-le en dernier"),
        (b"x" * 20_000_001, "dépasse la taille permise"),
    ]
    for content, said in cases:
        assert hand_in(winner, scene, content) == 422, said
        assert said in winner.page.main, winner.page.main
    assert hand_in(winner, scene, bytes(broken)) == 422
    with reading(database) as db:
        assert db.scalars(select(Contract)).one().state == "awaiting_signature"


def test_a_signed_file_comes_once(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    award(browser(scene.officer), scene, database)
    winner = browser(scene.winner)
    content = sign(context, unsigned_of(winner, scene))
    page = winner.get(scene.contract)
    file = ("signe.pdf", content, "application/pdf")
    assert winner.submit(page, "/signature-recue", file=file).status_code == 200
    assert winner.submit(page, "/signature-recue", file=file).status_code == 409
    assert "est déjà reçu" in winner.page.main


def test_nothing_out_of_order(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    officer, winner = browser(scene.officer), browser(scene.winner)
    assert press(officer, f"{scene.award}/notifier") == 404
    award(officer, scene, database)
    assert press(officer, f"{scene.award}/notifier") == 409
    assert press(winner, f"{scene.contract}/reception") == 409
    hand_in(winner, scene, sign(context, unsigned_of(winner, scene)))
    assert press(winner, f"{scene.contract}/reception") == 409
    assert press(officer, f"{scene.award}/notifier") == 409
    buyer_signs(context, scene, officer)
    assert press(officer, f"{scene.award}/notifier") == 200
    assert press(officer, f"{scene.award}/notifier") == 409


def test_the_officer_gives_the_date_of_reception(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    officer, winner = browser(scene.officer), browser(scene.winner)
    award(officer, scene, database)
    hand_in(winner, scene, sign(context, unsigned_of(winner, scene)))
    buyer_signs(context, scene, officer)
    officer.submit(officer.get(scene.award), "/notifier")
    with transaction(database) as db:
        contract = db.scalars(select(Contract)).one()
        contract.notified_at = now(db) - timedelta(days=3)
        today, tomorrow, before = (now(db).date() + timedelta(days=d) for d in (0, 2, -9))
    page = officer.get(scene.award)
    for wrong in ("", "hier", tomorrow.isoformat(), before.isoformat()):
        assert officer.submit(page, "/reception", received_on=wrong).status_code == 422
    officer.submit(page, "/reception", received_on=(today - timedelta(days=1)).isoformat())
    assert "Le marché a pris effet" in officer.page.main
