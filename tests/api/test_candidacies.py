"""A draft becomes a deposit: files, amount, receipt; replacement, withdrawal, deadline, strangers, two tabs."""

import asyncio
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from starlette.types import Message

from api import db as database_clock
from api import worker
from api.app import create_app
from api.context import Context
from api.db import reading, transaction
from api.settings import Settings
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.consultation import find
from procurement.mail import Mail
from tests.candidacy_scene import (
    BAKERY,
    Browser,
    Scene,
    add,
    deposit,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def test_a_correction_stands_beside_the_official_value(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene)
    mine.submit(mine.page, "/deposer", button="save", correct_name="Boulangerie Neuve")
    assert "C’est enregistré" in mine.page.main
    assert "BOULANGERIE TOUT VA BIEN" in mine.page.main
    assert mine.page.h1 == "Boulangerie Neuve"


def test_what_is_left_to_give_comes_first_and_shrinks(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    left = mine.page.main.partition("Il reste à donner : ")[2].partition(". Puis")[0]
    assert left == "votre offre, votre qualité, votre assurance, la déclaration sur l’honneur"
    assert mine.page.main.index("Il reste à donner") < mine.page.main.index("Votre identité, et d’où elle vient")
    add(mine, path, "offre", "offre.pdf", b"offre")
    mine.submit(mine.page, "/deposer", button="save", insurance="n° 42")
    assert "Il reste à donner : votre qualité, la déclaration sur l’honneur. Puis" in mine.page.main


def test_a_deposit_from_form_to_receipt(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    content = b"%PDF-1.7 une offre" * 1000
    assert add(mine, path, "offre", "mémoire 漢.pdf", content) == 200
    assert add(mine, path, "candidature", "dc2.pdf", b"dc2") == 200
    assert deposit(mine, path, amount="12 345,60") == 200
    assert "Déposée le" in mine.page.main
    assert "offre est reçue ici" in mine.page.main
    assert mine.get(f"{path}/recu").status_code == 503
    assert worker.run_once(scene.context) >= 1
    answer = mine.click(mine.get(path), "Télécharger le récépissé (PDF)")
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    flat = "".join(text.split())
    assert "L’OFFRE EST REÇUE ICI : 1 fichier d’offre, et son montant" in " ".join(text.split())
    for item in (
        BAKERY,
        scene.buyer.name,
        scene.buyer.siret,
        "2026-MAPA-07",
        "Capteurs de trafic",
        scene.account.email,
    ):
        assert item.replace(" ", "") in flat
    assert hashlib.sha256(content).hexdigest() in flat
    assert "(U+6F22)" in flat
    with reading(scene.context.database) as db:
        (candidacy,) = db.query(Candidacy)
        assert candidacy.receipt_sha256 == hashlib.sha256(answer.content).hexdigest()
        assert [m.to for m in db.query(Mail) if "récépissé" in m.subject] == [scene.account.email]
        assert b"12345.60" not in (candidacy.offer_amount or b"")
        key = candidacy.files[0].key
    assert scene.context.storage.get(key).startswith(b"age-encryption.org/v1")


def test_where_offers_go_elsewhere_the_page_and_the_receipt_say_so(context: Context, browser: Browser) -> None:
    scene = published(context, elsewhere="https://offres.exemple.fr/")
    mine = browser(scene.account)
    path = start(mine, scene)
    assert "L’offre ne se dépose pas ici" in mine.page.main
    assert press(mine, f"{path}/fichiers/offre") == 409
    deposit(mine, path)
    assert "offre n’est pas reçue ici" in mine.page.main
    worker.run_once(scene.context)
    pdf = PdfReader(BytesIO(mine.get(f"{path}/recu").content))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    assert "L’OFFRE N’EST PAS REÇUE ICI" in text
    assert "https://offres.exemple.fr/" in text


def test_a_deposit_that_misses_something_keeps_what_was_typed(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    answer = mine.submit(mine.page, "/deposer", button="deposit", capacity="gérante")
    assert answer.status_code == 422
    assert "La déclaration sur l’honneur est nécessaire" in mine.page.main
    assert "gérante" in answer.text
    assert "gérante" in mine.get(path).text


@pytest.mark.parametrize("typed", ["douze", "-5", "0", "1,234", "1e400"])
def test_an_amount_that_is_none_is_said(scene: Scene, mine: CheckedClient, typed: str) -> None:
    start(mine, scene)
    assert mine.submit(mine.page, "/deposer", button="save", amount=typed).status_code == 422
    assert "Écrivez un montant en euros" in mine.page.main


def test_an_amount_is_taken_back(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene)
    mine.submit(mine.page, "/deposer", button="save", amount="10")
    assert "scellé" in mine.page.main
    mine.submit(mine.page, "/montant")
    assert "Enlever le montant" not in mine.page.main


def test_a_file_is_taken_out_of_a_draft_only(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    add(mine, path, "candidature", "a.pdf", b"a")
    with reading(scene.context.database) as db:
        ref = db.query(CandidacyFile).one().ref
    mine.submit(mine.get(path), f"/enlever/{ref}")
    assert "a.pdf" not in mine.page.main
    assert press(mine, f"{path}/enlever/{ref}") == 303
    add(mine, path, "candidature", "b.pdf", b"b")
    deposit(mine, path)
    assert press(mine, f"{path}/enlever/{ref}") == 409


def test_a_file_that_is_empty_missing_too_heavy_or_of_no_kind(
    scene: Scene, mine: CheckedClient, settings: Settings
) -> None:
    path = start(mine, scene)
    assert add(mine, path, "offre", "vide.pdf", b"") == 422
    assert "n’est pas vide" in mine.page.main
    assert mine.submit(mine.get(path), "/fichiers/offre").status_code == 422
    assert press(mine, f"{path}/fichiers/autre") == 404
    settings.max_upload_mb = 1
    app = create_app(settings, sandbox=True, **scene.context.services)
    with CheckedClient(app) as small:
        small.cookies = mine.cookies
        assert "1 Mo au plus" in small.get(path).text
        assert add(small, path, "offre", "lourd.pdf", b"x" * 1_100_000) == 409
        assert "dépasse la taille permise (1 Mo)" in small.page.main
    with reading(scene.context.database) as db:
        assert db.query(CandidacyFile).count() == 0


def test_replacing_starts_from_the_deposit_which_stands_until_then(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    add(mine, path, "offre", "offre.pdf", b"offre")
    deposit(mine, path, amount="100")
    mine.submit(mine.page, "/remplacer")
    second = mine.page.url.removeprefix("http://testserver")
    assert second != path
    assert "offre.pdf" in mine.page.main
    assert "Déposée le" in mine.get(path).text
    assert press(mine, f"{path}/remplacer") == 303
    deposit(mine, second)
    assert "Remplacée par un autre dépôt" in mine.get(path).text
    with reading(scene.context.database) as db:
        assert sorted(c.state for c in db.query(Candidacy)) == ["replaced", "submitted"]


def test_withdrawing_twice_is_withdrawing_once(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    assert press(mine, f"{path}/retirer") == 409
    deposit(mine, path)
    mine.submit(mine.page, "/retirer")
    assert "Retirée" in mine.page.main
    assert press(mine, f"{path}/retirer") == 303
    assert press(mine, f"{path}/remplacer") == 409


def test_two_tabs_deposit_once(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    tab = mine.get(path)
    deposit(mine, path)
    answer = mine.submit(tab, "/deposer", button="deposit", attested="1", capacity="autre", insurance="autre")
    assert answer.status_code == 409
    assert "Ce dépôt est fait" in mine.page.main


def test_once_the_procedure_is_stopped_nothing_enters(scene: Scene, mine: CheckedClient, browser: Browser) -> None:
    path = start(mine, scene)
    page = mine.get(path)
    assert press(browser(scene.officer), f"{scene.hub}/annuler", reason="Le besoin a disparu.") == 303
    answer = mine.submit(page, "/fichiers/offre", file=("tard.pdf", b"tard", "application/pdf"))
    assert answer.status_code == 409
    assert "ne reçoit plus de réponses" in mine.page.main
    assert press(mine, f"{path}/deposer", action="deposit", attested="1") == 409
    assert mine.get(scene.form).status_code == 409
    assert press(mine, scene.form, siret=BAKERY) == 409


def send_slowly(mine: CheckedClient, path: str, parts: Iterable[Message]) -> list[Message]:
    """One upload spoken to the application message by message, as a slow network does."""
    pending, answers = iter(parts), []

    async def receive() -> Message:
        return next(pending)

    async def send(message: Message) -> None:
        answers.append(message)

    cookie = f"mps_session={mine.cookies['mps_session']}".encode()
    headers = [(b"cookie", cookie), (b"sec-fetch-site", b"same-origin"), (b"host", b"testserver")]
    headers += [(b"content-type", b"application/pdf"), (b"x-file-name", b"offre.pdf")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "scheme": "http", "server": ("testserver", 80), "client": ("testclient", 1),
        "http_version": "1.1", "root_path": "",
    }  # fmt: skip

    async def speak() -> None:
        await mine.app(scope, receive, send)

    asyncio.run(speak())
    return answers


def body(data: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


def test_the_end_of_the_upload_counts(scene: Scene, mine: CheckedClient) -> None:
    """Begun before the deadline, received after it: the file is kept with both times, and the answer is late."""
    path = start(mine, scene)

    def parts() -> Iterator[Message]:
        yield body(b"premier morceau", True)
        scene.close()
        yield body(b"second morceau", False)

    answers = send_slowly(mine, f"{path}/fichiers/offre", parts())
    assert answers[0]["status"] == 303
    with reading(scene.context.database) as db:
        file, deadline = db.query(CandidacyFile).one(), find(db, scene.ref).deadline
        assert deadline is not None
        assert file.started_at < file.received_at
        assert file.received_at >= deadline
    deposit(mine, path)
    assert "Reçue hors délai, non ouverte" in mine.page.main


def test_an_upload_that_breaks_off_leaves_nothing(
    scene: Scene, mine: CheckedClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = start(mine, scene)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answers = send_slowly(mine, f"{path}/fichiers/offre", [body(b"debut", True), {"type": "http.disconnect"}])
    assert answers[0]["status"] == 409
    assert not list(tmp_path.glob("*.age"))
    assert not list((tmp_path / "files").rglob("plis/*"))
    with reading(scene.context.database) as db:
        assert db.query(CandidacyFile).count() == 0


def test_strangers_get_nothing(scene: Scene, mine: CheckedClient, client: CheckedClient, browser: Browser) -> None:
    path = start(mine, scene)
    assert client.get(path, follow_redirects=False).headers["location"].startswith("/connexion")
    other, officer = browser(make_account(scene.context.database)), browser(scene.officer)
    for stranger in (other, officer):
        assert stranger.get(path).status_code == 404
        for word in ("deposer", "retirer", "remplacer", "montant", "pieces", "fichiers/offre"):
            assert press(stranger, f"{path}/{word}") == 404
    assert "Aucune réponse" in other.get("/candidatures").text


def test_own_answers_are_listed_by_cursor(scene: Scene, mine: CheckedClient) -> None:
    for number in range(21):
        press(mine, scene.form, siret=make_siret(300 + number), by_hand="1", name=f"Société {number}")
    first = mine.get("/candidatures")
    assert "Société 20" in first.text
    assert "Société 0<" not in first.text
    assert "Société 0<" in mine.click(first, "Page suivante →").text


def test_a_receipt_made_by_a_dead_worker_is_made_by_another(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    deposit(mine, path)
    with transaction(scene.context.database) as db:
        (candidacy,) = db.query(Candidacy)
        candidacy.receipt_lease = database_clock.now(db)
    assert worker.run_once(scene.context) >= 1
    assert mine.get(f"{path}/recu").status_code == 200
