"""What is published says nothing that is the buyer's own: its estimate, the findings, the motives."""

import io
import json

from pypdf import PdfReader

from api.db import Database
from tests.api.consultation_scene import Desk, desk, publish, write
from tests.candidacy_scene import Browser
from tests.factories import make_buyer, make_officer

ESTIMATE = "98765.43"
TRACES = ("98765", "98 765", "98\u202f765", "98\u00a0765")


def pdf_words(content: bytes) -> str:
    """Text and attachments of a PDF, decompressed."""
    reader = PdfReader(io.BytesIO(content))
    attached = b"".join(part for parts in reader.attachments.values() for part in parts)
    return "".join(page.extract_text() for page in reader.pages) + attached.decode("utf-8", "replace")


def sources(at: Desk, ref: str, extension: str) -> bytes:
    """The annex that the page of checks links to."""
    page = at.client.get(f"/acheteur/consultations/{ref}/verifier")
    (link,) = (href for href in at.client.page.links.values() if href.endswith(f"/sources.{extension}"))
    assert page.status_code == 200
    return at.client.get(link).content


def test_the_estimate_the_findings_and_the_motives_stay_with_the_buyer(database: Database, browser: Browser) -> None:
    at = desk(database, browser, adopted=False)
    ref = write(at, database, estimated_amount=ESTIMATE, environmental_condition="")
    assert "L2112-2" in at.client.get(f"/acheteur/consultations/{ref}/verifier").text
    before = sources(at, ref, "pdf")
    assert "L2112-2" in pdf_words(before)
    publish(at, ref)
    assert "weights@2019-04-01" in sources(at, ref, "csv").decode()
    page = at.client.get(f"/consultations/{ref}")
    assert not any(trace in page.text for trace in TRACES)
    files = at.client.get(f"/api/v1/consultations/{ref}", headers={"cookie": ""}).json()["files"]
    assert {f["name"].rpartition(".")[2] for f in files} == {"docx", "pdf", "json"}
    for file in files:
        assert "SOURCES" not in file["name"]
        content = at.client.get(file["url"]).content
        words = pdf_words(content) if file["name"].endswith(".pdf") else content.decode("utf-8", "replace")
        assert not any(trace in words for trace in TRACES), file["name"]
        if file["name"] == "manifest.json":
            assert json.loads(content)["findings"] == []


def test_the_sources_are_the_buyer_s_alone_and_wait_for_a_readable_draft(database: Database, browser: Browser) -> None:
    at = desk(database, browser)
    path = f"/acheteur/consultations/{write(at, database, duration_months='')}/verifier/fichiers"
    waiting = at.client.get(f"{path}/sources.pdf")
    assert (waiting.status_code, "attend encore des réponses" in waiting.text) == (409, True)
    assert at.client.get(f"{path}/sources.exe").status_code == 404
    stranger = browser(make_officer(database, make_buyer(database)))
    assert stranger.get(f"{path}/sources.pdf").status_code == 404
