"""The opening: not a second before, whoever asks; then board, pli, downloads, ZIP, journal."""

import hashlib
import json
import zipfile
from io import BytesIO

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from api import worker
from api.app import create_app
from api.auth import open_session
from api.context import Context
from api.db import now, reading, transaction
from api.settings import Settings
from procurement.candidacy import Candidacy, CandidacyFile, open_candidacy, submit
from procurement.candidacy import answer as fill_in
from procurement.consultation import Consultation, find
from procurement.people import User, person_of
from procurement.pieces import CAPACITY, Piece
from tests.candidacy_scene import (
    ANSWERS,
    BAKERY,
    REFUSED_BY_URSSAF,
    Browser,
    Scene,
    add,
    deposit,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient, page_of
from tests.factories import make_account, make_buyer, make_officer, make_siret

CONTENT = b"%PDF-1.7 " + bytes(range(256)) * 4000


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


def answered(scene: Scene, browser: Browser, siret: str = BAKERY, amount: str = "84 000") -> str:
    """A deposit with an offer, by a new account; its ref."""
    mine = browser(make_account(scene.context.database))
    path = start(mine, scene, siret)
    add(mine, path, "offre", "offre technique.pdf", CONTENT)
    add(mine, path, "candidature", "références.pdf", b"references")
    assert deposit(mine, path, amount=amount) == 200
    return path.rpartition("/")[2]


def opened(scene: Scene, officer: CheckedClient) -> None:
    scene.close()
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
    assert "Les plis sont ouverts." in officer.page.main


def doors(scene: Scene, cref: str, context: Context) -> list[str]:
    with reading(context.database) as db:
        file = db.scalars(select(CandidacyFile.ref)).first()
    here = f"{scene.hub}/plis/{cref}"
    return [f"{scene.hub}/plis", f"{scene.hub}/plis.zip", f"{scene.hub}/journal", here, f"{here}/fichiers/{file}",
            f"{here}/pieces/000000000000", f"{scene.hub}/proces-verbal/ouverture.docx",
            f"{scene.hub}/proces-verbal/rapport.pdf", f"{scene.hub}/ouvrir"]  # fmt: skip


def test_before_the_deadline_nothing_opens_and_nothing_leaks(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    silent = {path: officer.get(path).status_code for path in doors(scene, "000000000000", context)}
    words = {path: officer.get(path).text.partition("Numéro")[0] for path in silent}
    cref = answered(scene, browser)
    for path in doors(scene, cref, context):
        assert officer.get(path).status_code == 409, path
        assert "R2132-9" in officer.page.main
        assert words.get(path, words[f"{scene.hub}/plis"])[:200] == officer.get(path).text.partition("Numéro")[0][:200]
    assert press(officer, f"{scene.hub}/ouvrir") == 409
    assert press(officer, f"{scene.hub}/plis/{cref}/pieces/000000000000") == 409
    with reading(context.database) as db:
        assert db.query(Piece).count() == 0
        assert find(db, scene.ref).state == "published"


def test_after_the_deadline_it_still_takes_the_opening_to_see_anything(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    cref = answered(scene, browser)
    scene.close()
    for path in doors(scene, cref, context)[:-1]:
        assert officer.get(path).status_code == 409, path
    assert officer.get(f"{scene.hub}/ouvrir").status_code == 200
    officer.get(scene.hub)
    assert officer.page.links["Ouvrir les plis"] == f"{scene.hub}/ouvrir"


def test_another_buyer_s_officer_and_strangers_find_no_such_page(
    scene: Scene, officer: CheckedClient, browser: Browser, client: CheckedClient, context: Context
) -> None:
    cref = answered(scene, browser)
    other = browser(make_officer(context.database, make_buyer(context.database)))
    for moment in ("before", "after"):
        for path in doors(scene, cref, context):
            assert other.get(path).status_code == 404, (moment, path)
            assert client.get(path, follow_redirects=False).headers["location"].startswith("/connexion")
        assert press(other, f"{scene.hub}/ouvrir") == 404
        if moment == "before":
            opened(scene, officer)


def test_the_board_the_pli_and_the_journal(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    cref = answered(scene, browser)
    opened(scene, officer)
    text = officer.page.main
    assert "BOULANGERIE TOUT VA BIEN" in text
    assert "84 000,00 € HT" in text.replace("\u202f", " ").replace("\u00a0", " ")
    assert "Demandée, réponse attendue" in text
    worker.run_once(context)
    page = officer.get(f"{scene.hub}/plis")
    assert "réponse attendue" not in page.text
    for said in (
        "Obtenue : 4",
        "Non trouvée : 1 Numéro EORI",
        "Obtenue : 2",
        "Aucune procédure en cours publiée : 1",
        "Non demandée : 6",
    ):
        assert said in officer.page.main
    assert "Attestation de vigilance" not in officer.page.main
    officer.click(page, "BOULANGERIE TOUT VA BIEN")
    assert "Chiffres d’affaires" in officer.page.main
    assert "SHA-256 de la réponse" in officer.page.main
    assert "n° 42" in officer.page.main
    download = officer.click(officer.page, "offre technique.pdf")
    assert download.content == CONTENT
    assert download.headers["content-disposition"].startswith("attachment")
    assert "Fichier : offre technique.pdf" in page_of(officer.get(f"{scene.hub}/journal")).text
    with reading(context.database) as db:
        account = db.get_one(User, db.query(Candidacy).filter_by(ref=cref).one().account_id)
    own = page_of(browser(account).get(f"/candidatures/{cref}"))
    assert "Fichier : offre technique.pdf" in own.text
    assert scene.officer.email in own.text


def test_everything_comes_as_one_zip_with_its_manifest(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    answered(scene, browser)
    answered(scene, browser, REFUSED_BY_URSSAF)
    worker.run_once(context)
    opened(scene, officer)
    worker.run_once(context)
    answer = officer.click(officer.get(f"{scene.hub}/plis"), "Télécharger tous les plis (ZIP)")
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert {line["path"] for line in manifest["files"]} | {"manifest.json"} == set(archive.namelist())
        for line in manifest["files"]:
            content = archive.read(line["path"])
            assert line["sha256"] == hashlib.sha256(content).hexdigest()
            assert line["size"] == len(content)
            assert line.get("announced_sha256", line["sha256"]) == line["sha256"]
        offers = [name for name in archive.namelist() if "/offre/" in name]
        assert len(offers) == 2
        assert archive.read(offers[0]) == CONTENT
        assert sum(name.endswith("recepisse.pdf") for name in archive.namelist()) == 2
        told = json.loads(next(archive.read(n) for n in archive.namelist() if n.endswith("pieces.json")))
        assert {piece["outcome"] for piece in told} == {"obtained", "not_found", "not_applicable"}
    assert "ZIP de tous les plis" in officer.get(f"{scene.hub}/journal").text


def test_two_clicks_open_once(scene: Scene, officer: CheckedClient, browser: Browser, context: Context) -> None:
    answered(scene, browser)
    opened(scene, officer)
    assert press(officer, f"{scene.hub}/ouvrir") == 303
    assert officer.get(f"{scene.hub}/ouvrir").url.path == f"{scene.hub}/plis"
    with reading(context.database) as db:
        assert db.query(Piece).count() == len(CAPACITY)


def test_two_strangers_with_one_siret_both_stay_and_the_buyer_is_told(
    scene: Scene, officer: CheckedClient, browser: Browser
) -> None:
    answered(scene, browser)
    answered(scene, browser)
    opened(scene, officer)
    assert officer.page.main.count("2 dépôts portent ce SIRET") == 2


def test_only_deposits_that_count_are_on_the_board(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    mine = browser(scene.account)
    path = start(mine, scene)
    deposit(mine, path)
    mine.submit(mine.page, "/retirer")
    start(browser(make_account(context.database)), scene)
    opened(scene, officer)
    assert "Aucun pli reçu" in officer.page.main
    assert officer.get(f"{scene.hub}/plis/{path.rpartition('/')[2]}").status_code == 404


def test_what_cannot_be_unsealed_is_said_and_the_rest_opens(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    cref = answered(scene, browser)
    damaged = context.storage.put("plis", b"age-encryption.org/v1\nabime")
    with transaction(context.database) as db:
        candidacy = db.query(Candidacy).filter_by(ref=cref).one()
        candidacy.offer_amount = b"age-encryption.org/v1\nabime"
        offer = next(f for f in candidacy.files if f.kind == "offer")
        offer.key = damaged
        path = f"{scene.hub}/plis/{cref}/fichiers/{offer.ref}"
    opened(scene, officer)
    assert "Le montant scellé ne s’ouvre pas" in officer.page.main
    assert officer.get(path).status_code == 503
    assert "Ce fichier scellé ne s’ouvre pas" in officer.page.main


def test_a_server_whose_key_changed_opens_nothing(
    scene: Scene, browser: Browser, settings: Settings, context: Context
) -> None:
    answered(scene, browser)
    scene.close()
    settings.secret_key = SecretStr("z" * 48)
    with CheckedClient(create_app(settings, sandbox=True, **context.services)) as officer:
        with transaction(context.database) as db:
            officer.cookies.set("mps_session", open_session(db, db.get_one(User, scene.officer.id)))
        assert press(officer, f"{scene.hub}/ouvrir") == 503
        assert "MPS_SECRET_KEY" in officer.page.main
    with reading(context.database) as db:
        assert find(db, scene.ref).opened_at is None


def test_a_settled_piece_is_asked_again_and_its_document_downloaded(
    scene: Scene, officer: CheckedClient, browser: Browser, context: Context
) -> None:
    cref = answered(scene, browser)
    opened(scene, officer)
    worker.run_once(context)
    stored = context.storage.put("pieces", b"%PDF-1.7 document")
    with transaction(context.database) as db:
        piece = db.query(Piece).filter_by(key="insee_unite_legale").one()
        piece.document_key = stored
        piece.document_name, piece.document_type = "document.pdf", "application/pdf"
        piece.document_sha256 = "0" * 64
        ref = piece.ref
    here = f"{scene.hub}/plis/{cref}"
    assert officer.click(officer.get(here), "Télécharger document.pdf").content == b"%PDF-1.7 document"
    officer.submit(officer.get(here), f"/pieces/{ref}")
    assert press(officer, f"{here}/pieces/{ref}") == 303
    with reading(context.database) as db:
        assert db.query(Piece).filter_by(ref=ref).one().state == "waiting"
    assert officer.get(f"{here}/pieces/000000000000").status_code == 404
    assert officer.get(f"{here}/fichiers/000000000000").status_code == 404


def many(scene: Scene, how_many: int) -> None:
    """Deposits straight through the domain."""
    with transaction(scene.context.database) as db:
        consultation: Consultation = find(db, scene.ref)
        account = person_of(db.get_one(User, scene.account.id))
        for number in range(how_many):
            identity = {"name": f"Société {number:02d}", "origin": "fetched", "fetched_at": now(db).isoformat()}
            candidacy, _ = open_candidacy(db, consultation, make_siret(500 + number), identity, account, now(db))
            fill_in(candidacy, ANSWERS, {}, now(db))
            submit(db, candidacy, True, now(db))


def test_the_board_goes_by_twenty_in_order_of_arrival(scene: Scene, officer: CheckedClient) -> None:
    many(scene, 23)
    opened(scene, officer)
    assert "23 dépôts reçus" in officer.page.main
    assert "Société 19" in officer.page.main
    assert "Société 20" not in officer.page.main
    officer.click(officer.page, "Page suivante →")
    assert "Société 22" in officer.page.main
    assert "Société 19" not in officer.page.main
    officer.click(officer.page, "Qui a regardé quoi")
    assert officer.page.main.count("Tableau des candidats") == 23


def test_a_consultation_that_was_cancelled_has_nothing_to_open(scene: Scene, officer: CheckedClient) -> None:
    with transaction(scene.context.database) as db:
        find(db, scene.ref).state = "cancelled"
    scene.close()
    assert officer.get(f"{scene.hub}/ouvrir").status_code == 409
    assert press(officer, f"{scene.hub}/ouvrir") == 409


def test_a_deposit_on_an_older_dossier_is_flagged(scene: Scene, officer: CheckedClient, browser: Browser) -> None:
    answered(scene, browser)
    with transaction(scene.context.database) as db:
        find(db, scene.ref).dce_version += 1
    opened(scene, officer)
    assert "version antérieure du dossier" in officer.page.main


def test_identity_typed_by_hand_is_flagged(scene: Scene, officer: CheckedClient, browser: Browser) -> None:
    mine = browser(scene.account)
    press(mine, scene.form, siret=make_siret(97), by_hand="1", name="Atelier Neuf")
    page = mine.click(mine.get("/candidatures"), "2026-MAPA-07 – Capteurs de trafic")
    deposit(mine, page.url.path)
    opened(scene, officer)
    assert "Identité saisie par l’entreprise" in officer.page.main
