"""The officer's own documents: joined to a draft, looked at, listed everywhere, published as they are."""

import hashlib
import io
import json
import zipfile

import docx
import pytest
from pypdf import PdfReader

from api.context import Context
from api.db import Database, reading, transaction
from api.steps.sweep import sweep_once
from procurement.consultation import DceFile, find
from tests.api.consultation_scene import Browser, Desk, desk, publish, write
from tests.api.test_sweep import age
from tests.candidacy_scene import press
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_officer

PDF = b"%PDF-1.7\nCahier des clauses techniques"


def word() -> bytes:
    out = io.BytesIO()
    written = docx.Document()
    written.add_paragraph("Annexe")
    written.save(out)
    return out.getvalue()


def archive(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in parts.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


SHEET = archive(xl__workbook_dot_xml=b"<workbook/>")
ODT = archive(mimetype=b"application/vnd.oasis.opendocument.text", content_dot_xml=b"<x/>")


@pytest.fixture
def at(database: Database, browser: Browser) -> Desk:
    return desk(database, browser)


def join(at: Desk, ref: str, name: str, content: bytes) -> int:
    page = at.client.get(f"/acheteur/consultations/{ref}")
    return at.client.submit(page, "/joindre", file=(name, content, "application/octet-stream")).status_code


def test_every_kind_is_joined_read_again_and_published(at: Desk, database: Database, client: CheckedClient) -> None:
    ref = write(at, database)
    given = {"CCTP n° 1.pdf": PDF, "annexe 100 %.docx": word(), "bordereau.xlsx": SHEET, "plan#2.odt": ODT}
    for name, content in given.items():
        assert join(at, ref, name, content) == 200, at.client.page.main
        assert "Le fichier est reçu." in at.client.page.main
    for name, content in given.items():
        assert at.client.click(at.client.get(f"/acheteur/consultations/{ref}"), name).content == content
    publish(at, ref)
    page = client.get(f"/consultations/{ref}")
    for name, content in given.items():
        assert client.click(page, name).content == content
        assert hashlib.sha256(content).hexdigest() in page.text
    whole = zipfile.ZipFile(io.BytesIO(client.get(f"/consultations/{ref}/dce.zip").content))
    listed = {f["name"]: f["sha256"] for f in json.loads(whole.read("manifest.json"))["files"]}
    for name, content in given.items():
        assert whole.read(name) == content
        assert listed[name] == hashlib.sha256(content).hexdigest()
    (rules,) = (name for name in whole.namelist() if name.startswith("RC_") and name.endswith(".pdf"))
    text = " ".join(" ".join(p.extract_text() for p in PdfReader(io.BytesIO(whole.read(rules))).pages).split())
    assert "le fichier CCTP n° 1.pdf" in text.replace("\u00a0", " ").replace("\u202f", " ")
    api = {f["name"]: f["url"] for f in client.get(f"/api/v1/consultations/{ref}").json()["files"]}
    assert all(client.get(api[name]).content == content for name, content in given.items())


def test_a_piece_follows_into_the_next_version(at: Desk, database: Database, client: CheckedClient) -> None:
    ref = write(at, database)
    join(at, ref, "CCTP.pdf", PDF)
    publish(at, ref)
    page = at.client.get(f"/acheteur/consultations/{ref}")
    at.client.submit(page, "/prolonger", deadline="2031-03-03T12:00")
    with reading(database) as db:
        rows = [f for f in find(db, ref).files if f.name == "CCTP.pdf"]
        assert [(f.version, f.origin) for f in rows] == [(1, "uploaded"), (2, "uploaded")]
        assert len({f.key for f in rows}) == 1
    whole = zipfile.ZipFile(io.BytesIO(client.get(f"/consultations/{ref}/dce.zip").content))
    assert whole.read("CCTP.pdf") == PDF
    assert "CCTP.pdf" in {f["name"] for f in json.loads(whole.read("manifest.json"))["files"]}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("vide.pdf", b"", "n’est pas vide"),
        ("programme.pdf", b"MZ\x90\x00", "n’est pas un PDF, un DOCX, un ODT ni un XLSX"),
        ("page.docx", b"<html></html>", "n’est pas un PDF, un DOCX, un ODT ni un XLSX"),
        ("archive.docx", archive(readme=b"x"), "n’est pas un PDF, un DOCX, un ODT ni un XLSX"),
        ("coupé.xlsx", SHEET[:-30], "n’est pas un PDF, un DOCX, un ODT ni un XLSX"),
        ("tableau.pdf", SHEET, "Ce fichier est un XLSX : donnez-lui un nom en .xlsx."),
        ("CCTP", PDF, "Ce fichier est un PDF : donnez-lui un nom en .pdf."),
        ("macros.docx", archive(word__document_dot_xml=b"x", word__vbaProject_dot_bin=b"x"), "contient des macros"),
        ("macros.odt", archive(mimetype=b"application/vnd.oasis.opendocument.text", Basic__x=b"x"), "des macros"),
        ("RC_2026.pdf", PDF, "celui d’un document produit ici"),
        ("Manifest.JSON", PDF, "celui d’un document produit ici"),
        (f"{'n' * 130}.pdf", PDF, "dépasse 120 caractères"),
    ],
)
def test_what_cannot_be_joined_is_said_and_leaves_nothing(
    at: Desk, database: Database, context: Context, name: str, content: bytes, said: str
) -> None:
    ref = write(at, database)
    assert join(at, ref, name, content) == 422
    assert said in at.client.page.main
    assert not list(context.storage.names())
    with reading(database) as db:
        assert not find(db, ref).files


def test_two_of_one_name_and_too_many_are_refused(at: Desk, database: Database, context: Context) -> None:
    ref = write(at, database)
    assert join(at, ref, "CCTP.pdf", PDF) == 200
    assert join(at, ref, "cctp.PDF", PDF) == 422
    assert "Une pièce porte déjà ce nom" in at.client.page.main
    with transaction(database) as db:
        consultation = find(db, ref)
        for number in range(19):
            kept = {"name": f"{number}.pdf", "media_type": "application/pdf", "size": 1, "sha256": "0" * 64}
            consultation.files.append(DceFile(version=0, origin="uploaded", key="dce/x", **kept))
    assert join(at, ref, "de-trop.pdf", PDF) == 409
    assert "Vingt pièces et cent mégaoctets au plus" in at.client.page.main
    assert len(list(context.storage.names())) == 1


def test_a_file_over_the_cap_is_cut(at: Desk, database: Database, context: Context) -> None:
    ref = write(at, database)
    assert join(at, ref, "lourd.pdf", b"%PDF-" + bytes(30_000_000)) == 409
    assert "dépasse la taille permise (30 Mo)" in at.client.page.main
    assert not list(context.storage.names())


def test_a_piece_is_taken_out_of_a_draft_and_swept(at: Desk, database: Database, context: Context) -> None:
    ref = write(at, database)
    join(at, ref, "CCTP.pdf", PDF)
    at.client.submit(at.client.page, "/enlever")
    assert "Aucune pièce jointe." in at.client.page.main
    (key,) = context.storage.names()
    age(context, key)
    assert sweep_once(context)
    assert not list(context.storage.names())
    assert "Pièce retirée du dossier" in at.client.get(f"/acheteur/consultations/{ref}/registre").text


def test_a_published_dossier_takes_none_and_loses_none(at: Desk, database: Database) -> None:
    ref = write(at, database)
    join(at, ref, "CCTP.pdf", PDF)
    draft_page = at.client.page
    publish(at, ref)
    assert at.client.submit(draft_page, "/joindre", file=("plus.pdf", PDF, "application/pdf")).status_code == 409
    assert "Ce dossier est publié : ses pièces ne changent plus." in at.client.page.main
    assert at.client.submit(draft_page, "/enlever").status_code == 409
    assert "Les pièces d’un dossier publié ne changent plus." in at.client.get(f"/acheteur/consultations/{ref}").text


def test_nobody_else_joins_reads_or_removes(
    at: Desk, database: Database, browser: Browser, client: CheckedClient
) -> None:
    ref = write(at, database)
    join(at, ref, "CCTP.pdf", PDF)
    with reading(database) as db:
        (number,) = (f.id for f in find(db, ref).files)
    base = f"/acheteur/consultations/{ref}"
    other = browser(make_officer(database, make_buyer(database)))
    assert other.get(f"{base}/pieces/{number}/CCTP.pdf").status_code == 404
    assert press(other, f"{base}/joindre") == 404
    assert press(other, f"{base}/pieces/{number}/enlever") == 404
    assert client.get(f"/consultations/{ref}/dce/{number}/CCTP.pdf").status_code == 404
    assert client.get(f"{base}/pieces/{number}/CCTP.pdf", follow_redirects=False).status_code == 303
