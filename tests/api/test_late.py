"""What comes from the second of the deadline on: received, said late in so many words, kept closed."""

import zipfile
from io import BytesIO

import pytest
from pypdf import PdfReader

from api import worker
from api.context import Context
from api.db import reading
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.mail import Mail
from procurement.pieces import Piece
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, Browser, Scene, add, deposit, press, published, start
from tests.checked_client import CheckedClient, page_of

LATE = "REÇUE HORS DÉLAI, NON OUVERTE"


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def late(scene: Scene, mine: CheckedClient, siret: str = BAKERY) -> str:
    """A draft begun in time, deposited too late with its offer; its address."""
    path = start(mine, scene, siret)
    scene.close()
    assert add(mine, path, "offre", "offre secrète.pdf", b"%PDF-1.7 mon prix") == 200
    assert deposit(mine, path, amount="77 000") == 200
    return path


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_the_company_is_told_before_and_after_and_gets_a_receipt_that_says_late(
    scene: Scene, mine: CheckedClient
) -> None:
    path = start(mine, scene)
    scene.close()
    assert "Si vous déposez maintenant, votre réponse est reçue hors délai" in mine.get(path).text
    add(mine, path, "offre", "offre.pdf", b"offre")
    deposit(mine, path)
    assert "Votre réponse est reçue hors délai : elle est conservée, elle ne sera pas ouverte." in mine.page.main
    assert "Reçue hors délai, non ouverte" in mine.get("/candidatures").text
    assert worker.run_once(scene.context) >= 1
    said = words(mine.click(mine.get(path), "Télécharger le récépissé (PDF)").content)
    assert LATE in said
    assert "Récépissé d’un dépôt hors délai" in said
    assert "Premier envoi commencé le" in said
    assert "L’OFFRE EST REÇUE ICI" not in said
    with reading(scene.context.database) as db:
        (mail,) = [m for m in db.query(Mail) if m.to == scene.account.email]
        assert LATE in mail.body
        assert "est déposée" not in mail.body
        assert "remplacer" not in mail.body
    for action in ("deposer", "remplacer", "retirer", "montant"):
        assert press(mine, f"{path}/{action}") == 409


def test_the_officer_sees_that_it_exists_and_nothing_of_it(scene: Scene, mine: CheckedClient, browser: Browser) -> None:
    path = late(scene, mine)
    officer = browser(scene.officer)
    assert "hors délai" not in officer.get(f"{scene.hub}/registre").text
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
    board = officer.page.main
    assert "Plis reçus hors délai : 1, non ouvert" in board
    assert "BOULANGERIE TOUT VA BIEN" in board
    assert "77" not in board
    register = officer.get(f"{scene.hub}/registre").text
    assert "Réponse reçue hors délai, non ouverte" in register
    assert "BOULANGERIE TOUT VA BIEN" in register
    cref = path.rpartition("/")[2]
    with reading(scene.context.database) as db:
        file, candidacy = db.query(CandidacyFile).one(), db.query(Candidacy).one()
        assert (candidacy.state, candidacy.opened_amount, db.query(Piece).count()) == ("late", None, 0)
    for door in (f"plis/{cref}", f"plis/{cref}/fichiers/{file.ref}", f"plis/{cref}/pieces/000000000000"):
        assert officer.get(f"{scene.hub}/{door}").status_code == 404
    whole = zipfile.ZipFile(BytesIO(officer.get(f"{scene.hub}/plis.zip").content))
    assert whole.namelist() == ["manifest.json"]
    assert press(officer, f"{scene.hub}/attribuer/designer", candidacy=cref) == 422


def test_a_replacement_that_comes_too_late_replaces_nothing(
    scene: Scene, mine: CheckedClient, browser: Browser
) -> None:
    path = start(mine, scene)
    add(mine, path, "offre", "offre.pdf", b"offre")
    deposit(mine, path, amount="100")
    mine.submit(mine.page, "/remplacer")
    second = mine.page.url.removeprefix("http://testserver")
    scene.close()
    deposit(mine, second, amount="90")
    assert "hors délai" in mine.page.main
    assert "Déposée le" in mine.get(path).text
    officer = browser(scene.officer)
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
    assert "100,00" in officer.page.main
    assert "90,00" not in officer.page.main
    assert "Plis reçus hors délai : 1, non ouvert" in officer.page.main


def test_one_begun_after_the_deadline_is_late_too_until_the_decision(
    scene: Scene, mine: CheckedClient, browser: Browser, context: Context
) -> None:
    scene.close()
    mine.click(mine.get(f"/consultations/{scene.ref}"), "Déposer hors délai")
    assert "La date limite est passée" in mine.page.main
    path = start(mine, scene, REFUSED_BY_URSSAF)
    assert press(browser(scene.officer), f"{scene.hub}/ouvrir") == 303
    deposit(mine, path)
    assert "Reçue hors délai, non ouverte" in mine.page.main
    officer = browser(scene.officer)
    assert "Plis reçus hors délai : 1, non ouvert" in page_of(officer.get(f"{scene.hub}/plis")).text
    assert press(officer, f"{scene.hub}/sans-suite", reason="Aucune offre en temps utile.") == 303
    assert "Déposer hors délai" not in mine.get(f"/consultations/{scene.ref}").text
    assert mine.get(scene.form).status_code == 409
