"""A company answers with its SIRET: identity, files, deposit, receipt; strangers, bad input, two tabs, wrong order."""

import asyncio
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from pypdf import PdfReader
from starlette.types import Message

from api import db as database_clock
from api import worker
from api.app import create_app
from api.auth import open_session
from api.context import Context
from api.db import reading, transaction
from api.sandbox.server import SandboxUrls, running_sandbox
from api.settings import Settings
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.mail import Mail
from procurement.people import User
from procurement.pieces import Piece
from tests.candidacy_scene import (
    BAKERY,
    DISCREET,
    NOT_TO_BE_SHOWN,
    REFUSED_BY_URSSAF,
    Browser,
    Scene,
    add,
    deposit,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_company, make_company_member, make_siret


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxUrls]:
    """This file's own, so that its quotas are spent here only."""
    with running_sandbox() as urls:
        yield urls


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def test_a_siret_gives_identity_and_the_list_of_what_the_buyer_obtains(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene, "000 010 017 00010")
    text = mine.page.main
    assert "BOULANGERIE TOUT VA BIEN" in text
    assert "Brouillon, rien n’est envoyé" in text
    assert text.count("Sera vérifiée après l’ouverture") == 6
    assert "R2143-13" in text
    with reading(scene.context.database) as db:
        assert db.query(Piece).count() == 0
        (candidacy,) = db.query(Candidacy)
        assert candidacy.identity["origin"] == "fetched"
        assert len(candidacy.identity["sha256"]) == 64


def test_the_same_siret_again_is_the_same_draft_and_another_account_has_its_own(
    scene: Scene, mine: CheckedClient, browser: Browser
) -> None:
    first = start(mine, scene)
    assert start(mine, scene) == first
    other = browser(make_account(scene.context.database))
    assert start(other, scene) != first
    assert "Personne n’a encore regardé" in other.page.main


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Indiquez un numéro SIRET"),
        ("abc", "que des chiffres"),
        ("00001001700011", "mal recopié"),
        ("123", "14 chiffres"),
        ("00000000000000", "zéros"),
    ],
)
def test_a_wrong_siret_comes_back_with_its_sentence_and_its_value(
    scene: Scene, mine: CheckedClient, typed: str, sentence: str
) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret=typed)
    assert answer.status_code == 422
    assert sentence in mine.page.main
    assert f'value="{typed}"' in answer.text


def test_nine_digits_let_the_person_choose_the_establishment(scene: Scene, mine: CheckedClient) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY[:9])
    assert answer.status_code == 200
    assert "Quel établissement de « BOULANGERIE TOUT VA BIEN » répond ?" in mine.page.main
    mine.submit(mine.page, "/candidater", siret=BAKERY)
    assert "BOULANGERIE TOUT VA BIEN" in mine.page.h1


def test_an_unknown_siren_says_so(scene: Scene, mine: CheckedClient) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret=make_siret(99)[:9])
    assert answer.status_code == 422
    assert "Aucune entreprise n’a le SIREN" in mine.page.main


def test_a_closed_establishment_proposes_the_open_ones(scene: Scene, mine: CheckedClient) -> None:
    mine.submit(mine.get(scene.form), "/candidater", siret="000010199")
    closed = "00001019900016"
    answer = mine.post(scene.form, data={"siret": closed}, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 422
    assert "est fermé" in mine.page.main
    mine.submit(mine.page, "/candidater", siret="00001019900024")
    assert "MENUISERIE DÉMÉNAGÉE" in mine.page.h1


@pytest.mark.parametrize("siret", [NOT_TO_BE_SHOWN, make_siret(98)])
def test_what_open_data_does_not_hold_is_typed_by_hand_and_marked(
    scene: Scene, mine: CheckedClient, siret: str
) -> None:
    mine.submit(mine.get(scene.form), "/candidater", siret=siret)
    assert "n’est pas dans les données ouvertes" in mine.page.main
    answer = mine.submit(mine.page, "/candidater", name="")
    assert answer.status_code == 422
    assert "Écrivez le nom de l’entreprise." in mine.page.main
    mine.submit(mine.page, "/candidater", name="Atelier Neuf", address="1 rue des Essais")
    assert mine.page.h1 == "Atelier Neuf"
    assert "saisi par l’entreprise" in mine.page.main


def unreachable(scene: Scene, settings: Settings) -> CheckedClient:
    """The same install, whose remote services do not answer."""
    nowhere = "http://127.0.0.1:9"
    app: FastAPI = create_app(settings, sandbox=True, api_entreprise=nowhere, recherche_entreprises=nowhere)
    client = CheckedClient(app)
    with transaction(scene.context.database) as db:
        client.cookies.set("mps_session", open_session(db, db.get_one(User, scene.account.id)))
    return client


def test_a_service_that_is_down_stops_nobody(scene: Scene, settings: Settings) -> None:
    with unreachable(scene, settings) as mine:
        answer = mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY)
        assert answer.status_code == 200
        assert "ne répond pas. Rien n’est perdu" in mine.page.main
        mine.submit(mine.page, "/candidater", name="Boulangerie", address="")
        assert mine.page.h1 == "Boulangerie"
        mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY[:9])
        assert "ne répond pas pour l’instant" in mine.page.main


def test_what_a_person_does_not_diffuse_is_asked(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene, DISCREET)
    assert "[ND]" not in mine.page.main
    assert "Non diffusé par l’Insee : écrivez-le" in mine.page.main
    mine.submit(mine.page, "/deposer", button="save", correct_name="Jeanne Essai")
    assert mine.page.h1 == "Jeanne Essai"


def test_a_correction_stands_beside_the_official_value(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene)
    mine.submit(mine.page, "/deposer", button="save", correct_name="Boulangerie Neuve")
    assert "C’est enregistré" in mine.page.main
    assert "BOULANGERIE TOUT VA BIEN" in mine.page.main
    assert mine.page.h1 == "Boulangerie Neuve"


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
        sealed = scene.context.storage.get(candidacy.files[0].key)
        assert sealed.startswith(b"age-encryption.org/v1")
        assert b"12345.60" not in (candidacy.offer_amount or b"")


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


def test_after_the_deadline_nothing_enters(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    page = mine.get(path)
    scene.close()
    answer = mine.submit(page, "/fichiers/offre", file=("tard.pdf", b"tard", "application/pdf"))
    assert answer.status_code == 409
    assert "La date limite est passée" in mine.page.main
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
    """Authorised before the deadline, received after it: refused, and no row."""
    path = start(mine, scene)

    def parts() -> Iterator[Message]:
        yield body(b"premier morceau", True)
        scene.close()
        yield body(b"second morceau", False)

    answers = send_slowly(mine, f"{path}/fichiers/offre", parts())
    assert answers[0]["status"] == 409
    assert "La date limite est passée".encode() in answers[1]["body"]
    with reading(scene.context.database) as db:
        assert db.query(CandidacyFile).count() == 0


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


def test_an_unproven_address_is_asked_to_prove_itself(scene: Scene, browser: Browser) -> None:
    new = browser(make_account(scene.context.database, verified=False))
    assert "Confirmez d’abord votre adresse" in new.get(scene.form).text
    assert press(new, scene.form, siret=BAKERY) == 409


def test_own_answers_are_listed_by_cursor(scene: Scene, mine: CheckedClient) -> None:
    for number in range(21):
        press(mine, scene.form, siret=make_siret(300 + number), by_hand="1", name=f"Société {number}")
    first = mine.get("/candidatures")
    assert "Société 20" in first.text
    assert "Société 0<" not in first.text
    assert "Société 0<" in mine.click(first, "Page suivante →").text


def test_protected_pieces_need_a_proven_belonging(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    assert "La vôtre est seulement déclarée" in mine.get(f"{path}/pieces").text
    assert press(mine, f"{path}/pieces") == 409
    assert press(mine, f"{path}/pieces/vigilance") == 409


def test_a_member_sees_the_company_s_own_pieces_and_the_look_is_logged(scene: Scene, browser: Browser) -> None:
    database = scene.context.database
    member = browser(make_company_member(database, make_company(database, REFUSED_BY_URSSAF)))
    path = start(member, scene, REFUSED_BY_URSSAF)
    assert "Appartenance : prouvée" in member.page.main
    page = member.get(f"{path}/pieces")
    member.submit(page, f"{path}/pieces")
    assert "Non délivrée par l’organisme" in member.page.main
    assert "régularisation" in member.page.main
    assert press(member, f"{path}/pieces/insee_unite_legale") == 404
    assert "Ses propres pièces protégées" in member.get(path).text
    with reading(database) as db:
        assert db.query(Piece).count() == 0


def test_a_member_downloads_the_company_s_own_certificate(scene: Scene, browser: Browser) -> None:
    member = browser(make_company_member(scene.context.database, make_company(scene.context.database, BAKERY)))
    path = start(member, scene)
    page = member.submit(member.get(f"{path}/pieces"), f"{path}/pieces")
    assert "Chiffres d’affaires" in member.page.main
    answer = member.submit(page, "/pieces/vigilance")
    assert answer.content.startswith(b"%PDF")
    assert "Son propre document : Attestation de vigilance" in member.get(path).text
    assert press(member, f"{path}/pieces/chiffres_affaires") == 503


def test_own_pieces_of_a_service_that_is_down(scene: Scene, settings: Settings, browser: Browser) -> None:
    database = scene.context.database
    user = make_company_member(database, make_company(database, BAKERY))
    path = start(browser(user), scene)
    with unreachable(replace(scene, account=user), settings) as member:
        member.submit(member.get(f"{path}/pieces"), f"{path}/pieces")
        assert member.page.main.count("Indisponible pour l’instant") == 3


def test_the_brake_stops_whoever_tries_numbers(scene: Scene, mine: CheckedClient) -> None:
    for _ in range(60):
        press(mine, scene.form, siret="1")
    assert press(mine, scene.form, siret="1") == 409


def test_a_receipt_made_by_a_dead_worker_is_made_by_another(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    deposit(mine, path)
    with transaction(scene.context.database) as db:
        (candidacy,) = db.query(Candidacy)
        candidacy.receipt_lease = database_clock.now(db)
    assert worker.run_once(scene.context) >= 1
    assert mine.get(f"{path}/recu").status_code == 200
