"""What anyone reads without an account: list, search, page, documents."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest

from api.db import Database, now, transaction
from api.wording import time_left
from procurement.consultation import Consultation, draft, find
from procurement.consultation import publish as publish_row
from procurement.people import Organisation, User, person_of
from tests.api.consultation_scene import Browser, Desk, desk, example, publish, write
from tests.checked_client import CheckedClient
from tests.factories import at as instant


@pytest.fixture
def at(database: Database, browser: Browser) -> Desk:
    return desk(database, browser)


@pytest.fixture
def ref(at: Desk, database: Database) -> str:
    made = write(at, database)
    publish(at, made)
    return made


def many(at: Desk, database: Database, number: int) -> None:
    """Published rows, straight through the domain."""
    base = example(database)
    with transaction(database) as db:
        person = person_of(db.get_one(User, at.officer.id))
        for n in range(number):
            dossier = base | {"reference": f"LOT-{n:03d}", "object": f"Étude numéro {n} du réseau"}
            row = draft(db, db.get_one(Organisation, at.buyer.id), dossier, person, now(db))
            publish_row(db, row, [], "age1essai", b"cle", person, now(db))


def test_a_stranger_reads_all_that_is_needed_to_decide(client: CheckedClient, ref: str, at: Desk) -> None:
    client.get(f"/consultations/{ref}")
    main = client.page.main
    for said in (at.buyer.name, at.buyer.siret, "min 00 s, heure de Paris", "Il reste", "Prix des prestations", "40 %"):
        assert said in main.replace("\u00a0", " ")
    assert "un engagement de ce service, pas une preuve" in main
    assert "96 000" not in main.replace("\u202f", " ").replace("\u00a0", " ")
    assert client.page.links["Répondre avec mon SIRET"] == f"/consultations/{ref}/candidater"


def test_offers_received_elsewhere_are_said_so(at: Desk, database: Database, client: CheckedClient) -> None:
    made = write(at, database, offers="elsewhere", offers_url="https://depot.exemple.fr/014")
    publish(at, made)
    client.get(f"/consultations/{made}")
    assert "L’offre ne se dépose pas ici." in client.page.main
    assert client.page.links["https://depot.exemple.fr/014"] == "https://depot.exemple.fr/014"


def test_documents_come_whole_with_their_name_and_type(client: CheckedClient, ref: str, database: Database) -> None:
    page = client.get(f"/consultations/{ref}")
    with transaction(database) as db:
        files = {f.name: f for f in find(db, ref).files}
    assert len(files) == 11
    for name, file in files.items():
        got = client.click(page, name)
        assert hashlib.sha256(got.content).hexdigest() == file.sha256
        assert got.headers["content-type"].startswith(file.media_type)
        assert f'filename="{name}"' in got.headers["content-disposition"]
        assert file.sha256 in page.text


def test_the_zip_holds_every_document_and_its_manifest(client: CheckedClient, ref: str) -> None:
    got = client.click(client.get(f"/consultations/{ref}"), "Tout télécharger (ZIP)")
    assert got.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(got.content))
    manifest = json.loads(archive.read("manifest.json"))
    for file in manifest["files"]:
        assert hashlib.sha256(archive.read(file["name"])).hexdigest() == file["sha256"]
    assert len(archive.namelist()) == 11
    assert client.get(f"/consultations/{ref}/dce.zip").content == got.content


def test_a_draft_and_a_guessed_address_are_nowhere(
    at: Desk, database: Database, client: CheckedClient, ref: str
) -> None:
    hidden = write(at, database, reference="2026-CACHE")
    for path in (f"/consultations/{hidden}", f"/consultations/{hidden}/dce.zip", "/consultations/000000000000"):
        assert client.get(path).status_code == 404
    assert client.get(f"/consultations/{ref}/dce/999999/RC.pdf").status_code == 404
    assert client.get(f"/consultations/{ref}/dce/99999999999999999999/RC.pdf").status_code == 422
    assert "2026-CACHE" not in client.get("/consultations").text


def test_search_folds_accents_and_says_when_nothing_matches(client: CheckedClient, ref: str) -> None:
    form = client.get("/consultations")
    client.submit(form, "/consultations", q="MOBILITE")
    assert "Collecte et mise en ligne" in client.page.main
    client.submit(form, "/consultations", q="piscine % _")
    assert "Rien ne correspond à « piscine % _ »." in client.page.main
    assert client.get("/consultations?q=%00").status_code == 200
    assert client.get("/consultations?avant=99999999999").status_code == 422


def test_the_list_pages_without_skipping(at: Desk, database: Database, client: CheckedClient) -> None:
    many(at, database, 120)
    seen: list[str] = []
    page = client.get("/consultations?q=etude")
    for _ in range(3):
        seen += [label for label in reversed(client.page.links) if label.startswith("Étude numéro")]
        if "Page suivante →" in client.page.links:
            page = client.click(page, "Page suivante →")
    assert seen == [f"Étude numéro {n} du réseau" for n in reversed(range(120))]


def test_past_the_deadline_nothing_invites_to_answer(client: CheckedClient, ref: str, database: Database) -> None:
    with transaction(database) as db:
        row: Consultation = find(db, ref)
        row.deadline = now(db) - timedelta(seconds=1)
    client.get(f"/consultations/{ref}")
    assert "La date limite est passée" in client.page.main
    assert "Répondre avec mon SIRET" not in client.page.links


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2026-12-04 14:30", "3 jours et 4 heures"),
        ("2026-12-01 11:00", "30 minutes"),
        ("2026-12-01 10:30:20", "moins d’une minute"),
        ("2026-12-01 10:30", "aucun : la date limite est passée"),
        ("2026-12-02 10:30", "1 jour"),
    ],
)
def test_remaining_time_is_said_in_words(end: str, said: str) -> None:
    assert time_left(instant(end), instant("2026-12-01 10:30")) == said
