"""The record of a contract: its overview, who may read and write each page, its papers, its ZIP, its JSON."""

import io
import json
import zipfile

import pytest

from api.auth import create_token
from api.context import Context
from api.contract_record import CAP
from api.db import reading, transaction
from procurement.execution.documents import papers_of
from procurement.people import User
from tests.factories import make_buyer, make_finance
from tests.record_scene import OURS, PDF, Browser, Record, post, record

PAGES = {
    "fiche": "Fiche financière", "engagements": "Engagements et comptes", "commandes": "Tranches et commandes",
    "modifications": "Modifications", "cessions": "Cessions et oppositions", "service-fait": "Service fait",
    "fin": "Fin du marché", "documents": "Documents",
}  # fmt: skip
# Address → whether an officer, then finance, may send it.
WRITES = {
    "facturation": (False, True), "comptes": (False, True), "engagements/clore": (False, True),
    "fiche/modifier": (True, True), "fiche/indices": (True, True), "commandes": (True, False),
    "modifications": (True, False), "cessions": (False, True), "cessions/certificat": (True, True),
    "service-fait": (True, True), "fin": (True, False), "fin/decompte": (True, True), "fin/retenue": (True, True),
    "fin/decompte/suite": (True, True), "documents": (True, True),
}  # fmt: skip


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def test_the_overview_leads_to_every_page_for_officers_and_finance(running: Record) -> None:
    for client in (running.officer(), running.finance()):
        overview = client.get(running.path)
        assert "Prix révisable, paiement à 30 jours, lu dans le dossier : à vérifier" in client.page.main
        for word, title in PAGES.items():
            assert client.click(overview, f"Ouvrir : {title}").url.path == f"{running.path}/{word}"
            assert client.page.h1 == title


def test_each_page_is_written_by_its_people_alone(running: Record) -> None:
    officer, finance = running.officer(), running.finance()
    stranger = running.browser(make_finance(running.context.database, make_buyer(running.context.database)))
    for word in PAGES:
        assert stranger.get(f"{running.path}/{word}").status_code == 404
        assert running.browser(running.scene.winner).get(f"{running.path}/{word}").status_code == 404
    for word, (for_officers, for_finance) in WRITES.items():
        where = f"{running.path}/{word}"
        got = [post(client, where, x="1") == 404 for client in (officer, finance, stranger)]
        assert got == [not for_officers, not for_finance, True], word


def test_a_paper_is_added_read_and_told(running: Record) -> None:
    finance, where = running.finance(), f"{running.path}/documents"
    finance.submit(finance.get(where), "/documents", kind="other", file=PDF)
    assert "Le fichier est reçu" in finance.page.text
    read = finance.get(finance.page.links["piece.pdf"])
    assert (read.content, read.headers["content-type"]) == (PDF[1], "application/pdf")
    assert "attachment" in read.headers["content-disposition"]
    (told,) = running.told("paper.kept")
    assert told["of"] == "other"
    assert running.said[-1] == "Document joint au marché"
    stranger = running.browser(make_finance(running.context.database, make_buyer(running.context.database)))
    for path in (read.url.path, f"{running.path}/documents.zip"):
        assert stranger.get(path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "file", "said"),
    [
        ("", PDF, "Dites ce qu’est ce document"),
        ("other", ("a.exe", b"MZ", "application/pdf"), "Choisissez un fichier PDF"),
        ("other", ("a.pdf", b"<html>", "application/pdf"), "n’est pas un PDF, quoi que dise son nom"),
        ("other", ("a.pdf", b"", "application/pdf"), "Choisissez un fichier qui n’est pas vide"),
        ("other", ("a.pdf", b"%PDF-1.7" + b" " * CAP, "application/pdf"), "dépasse la taille permise (20 Mo)"),
    ],
)
def test_a_paper_that_cannot_be_kept_comes_back(
    running: Record, kind: str, file: tuple[str, bytes, str], said: str
) -> None:
    officer = running.officer()
    answer = officer.submit(officer.get(f"{running.path}/documents"), "/documents", kind=kind, file=file)
    assert answer.status_code == 422
    assert said in officer.page.main
    with reading(running.context.database) as db:
        assert not papers_of(db, running.contract)
    assert not [name for name in running.context.storage.names() if name.startswith("papers/")]


def test_everything_leaves_in_one_zip(running: Record) -> None:
    officer = running.officer()
    for kind, name in (("other", "a.pdf"), ("account", "a.pdf")):
        where = f"{running.path}/documents"
        officer.submit(officer.get(where), "/documents", kind=kind, file=(name, b"%PDF-1.7 " + kind.encode(), PDF[2]))
    archive = zipfile.ZipFile(io.BytesIO(officer.get(f"{running.path}/documents.zip").content))
    assert archive.namelist() == ["acte-engagement.pdf", "other/001-a.pdf", "account/002-a.pdf", "manifest.json"]
    assert archive.read("account/002-a.pdf") == b"%PDF-1.7 account"
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["contract"], len(manifest["files"])) == (running.contract.number, 3)


def test_the_json_of_a_contract_has_its_record(running: Record) -> None:
    client = running.finance()
    with transaction(running.context.database) as db:
        token = create_token(db, db.get_one(User, running.scene.finance.id), "essai")
    answer = client.get(f"/api/v1/contracts/{running.contract.ref}", headers={"authorization": f"Bearer {token}"})
    body = answer.json()
    assert (body["number"], body["record"]["id"]) == (running.contract.number, running.contract.number)
    assert body["record"]["amount_ht"] == "84000.00"
    assert body["record"]["holders"][0]["siret"] == running.contract.holder_siret


def test_a_paper_that_is_not_there_is_not_found(running: Record) -> None:
    finance = running.finance()
    for word in ("documents/000000000000/fichier", "commandes/000000000000", "modifications/000000000000"):
        assert finance.get(f"{running.path}/{word}").status_code == 404
    for word in ("service-fait/000000000000/annuler", "cessions/000000000000/rendu"):
        assert finance.post(f"{running.path}/{word}", headers=OURS).status_code == 404
