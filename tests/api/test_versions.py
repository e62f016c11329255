"""A longer delay makes a second version of the documents: both are read, the register has both, who answers is told."""

import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from pypdf import PdfReader

from api.db import Database, now, reading, transaction
from procurement.candidacy import Candidacy, open_candidacy
from procurement.consultation import find
from procurement.events import chain_holds, register
from procurement.mail import Mail
from procurement.people import User, person_of
from tests.api.consultation_scene import Browser, Desk, desk, publish, write
from tests.candidacy_scene import deposit
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret

NEW = "2031-03-03T12:00"


@pytest.fixture
def at(database: Database, browser: Browser) -> Desk:
    return desk(database, browser)


@pytest.fixture
def ref(at: Desk, database: Database) -> str:
    made = write(at, database)
    publish(at, made)
    return made


def extend(at: Desk, ref: str, deadline: str = NEW) -> str:
    page = at.client.get(f"/acheteur/consultations/{ref}")
    at.client.submit(page, f"/acheteur/consultations/{ref}/prolonger", deadline=deadline)
    return at.client.page.main


def answers(database: Database, ref: str, number: int) -> User:
    user = make_account(database)
    with transaction(database) as db:
        person = person_of(db.get_one(User, user.id))
        open_candidacy(db, find(db, ref), make_siret(6500 + number), {"name": f"Essai {number}"}, person, now(db))
    return user


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_the_documents_are_made_anew_with_the_date_and_the_former_stay(
    at: Desk, ref: str, client: CheckedClient, database: Database
) -> None:
    page = client.get(f"/consultations/{ref}")
    assert "Dossier modifié" not in page.text
    with reading(database) as db:
        former = {f.name: client.click(page, f.name).content for f in find(db, ref).files}
    assert "Le délai est prolongé" in extend(at, ref)
    assert "Dossier modifié le" in at.client.page.main
    page = client.get(f"/consultations/{ref}")
    assert "Dossier modifié le" in client.page.main
    assert "cette date remplace celle qui est écrite" not in client.page.main
    with reading(database) as db:
        files = list(find(db, ref).files)
        assert {(f.version, f.published_at is not None) for f in files} == {(1, True), (2, True)}
    for file in files:
        got = client.get(f"/consultations/{ref}/dce/{file.id}/{file.name}")
        assert hashlib.sha256(got.content).hexdigest() == file.sha256
        assert file.sha256 in page.text
        if file.version == 1:
            assert got.content == former[file.name]
        if file.name.startswith("RC_") and file.name.endswith(".pdf"):
            assert ("3 mars 2031 à 12 h 00" in words(got.content)) == (file.version == 2)
    assert "Versions précédentes" in page.text


def test_the_zip_and_its_manifest_are_of_the_version_in_force(at: Desk, ref: str, client: CheckedClient) -> None:
    extend(at, ref)
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"/consultations/{ref}/dce.zip").content))
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["version"] == 2
    assert len(archive.namelist()) == 14
    assert all("_v2." in name for name in archive.namelist() if name != "manifest.json")
    for file in manifest["files"]:
        assert hashlib.sha256(archive.read(file["name"])).hexdigest() == file["sha256"]
    told = client.get(f"/api/v1/consultations/{ref}").json()
    assert told["dce_version"] == 2
    assert told["modified_at"] is not None
    assert {f["name"] for f in told["files"]} == set(archive.namelist())
    the_notice_and_the_redline_tell_what_changed(archive)


def the_notice_and_the_redline_tell_what_changed(archive: zipfile.ZipFile) -> None:
    notice = words(archive.read("AVIS_2026-NUM-014_v2.pdf"))
    assert "La date limite de réception des plis est reportée au 3 mars 2031 à 12 h 00" in notice
    assert "2, qui remplace la version 1" in notice
    assert "Le texte de ces documents ne change pas : Acte d’engagement" in notice
    assert [name for name in archive.namelist() if "modifications" in name] == ["RC_2026-NUM-014_modifications_v2.docx"]
    marked = zipfile.ZipFile(io.BytesIO(archive.read("RC_2026-NUM-014_modifications_v2.docx")))
    assert re.search("<w:delText[^>]*>[^<]*20", marked.read("word/document.xml").decode())


def test_the_register_holds_both_hashes(at: Desk, ref: str, database: Database) -> None:
    extend(at, ref)
    with reading(database) as db:
        consultation = find(db, ref)
        (event,) = [e for e in register(db, consultation) if e.kind == "consultation.extended"]
        by_version = {v: {f.name: f.sha256 for f in consultation.files if f.version == v} for v in (1, 2)}
        assert (event.data["files_before"], event.data["files"]) == (by_version[1], by_version[2])
        assert chain_holds(db, consultation)
    line = at.client.get(f"/acheteur/consultations/{ref}/registre").text
    for files in by_version.values():
        assert all(f"{name} ({sha256[:12]}…)" in line for name, sha256 in files.items())


def test_who_answers_this_consultation_is_told_alone_and_each_on_its_own(
    at: Desk, ref: str, database: Database, browser: Browser
) -> None:
    first, second = answers(database, ref, 1), answers(database, ref, 2)
    other = write(at, database, reference="2026-AUTRE")
    publish(at, other)
    stranger = answers(database, other, 3)
    mine = browser(first)
    with reading(database) as db:
        path = f"/candidatures/{db.query(Candidacy).filter_by(account_id=first.id).one().ref}"
    deposit(mine, path)
    extend(at, ref)
    with reading(database) as db:
        mails = db.query(Mail).all()
        assert sorted(m.to for m in mails) == sorted([first.email, second.email])
        for mail in mails:
            assert "3 mars 2031 à 12 h 00" in mail.body
            assert f"/consultations/{ref}" in mail.body
            assert not [who for who in (first, second, stranger) if who.email in mail.body]
    mine.get(path)
    assert "Votre dépôt répond à la version précédente du dossier" in mine.page.main
    assert "Dossier modifié le" in mine.page.main
    assert not [w for w in (first.email, second.email) if w in at.client.get(f"/acheteur/consultations/{ref}").text]


def test_once_the_deadline_has_passed_no_version_is_made(at: Desk, ref: str, database: Database) -> None:
    page = at.client.get(f"/acheteur/consultations/{ref}")
    with transaction(database) as db:
        find(db, ref).deadline = now(db) - timedelta(seconds=1)
    answer = at.client.submit(page, f"/acheteur/consultations/{ref}/prolonger", deadline=NEW)
    assert answer.status_code == 409
    assert "Le délai ne se prolonge que tant que la consultation est ouverte." in at.client.page.main
    with reading(database) as db:
        assert find(db, ref).dce_version == 1


def test_a_dossier_that_cannot_be_read_any_more_keeps_its_documents_and_says_so(
    at: Desk, ref: str, database: Database, client: CheckedClient
) -> None:
    """Written by a former version of mps, for instance: the date is what matters most."""
    with transaction(database) as db:
        consultation = find(db, ref)
        consultation.dossier = {k: v for k, v in consultation.dossier.items() if k != "criteria"}
    assert "Le délai est prolongé" in extend(at, ref)
    assert "3 mars 2031" in client.get(f"/consultations/{ref}").text
    assert "cette date remplace celle qui est écrite dans les documents" in client.page.main
    with reading(database) as db:
        assert find(db, ref).dce_version == 1
