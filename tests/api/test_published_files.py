"""What is published says nothing that is the buyer's own: its estimate, the findings, the motives."""

import io
import json

from pypdf import PdfReader

from api.db import Database
from tests.api.consultation_scene import desk, publish, write
from tests.candidacy_scene import Browser

ESTIMATE = "98765.43"
TRACES = ("98765", "98 765", "98\u202f765", "98\u00a0765")


def pdf_words(content: bytes) -> str:
    """Text and attachments of a PDF, decompressed."""
    reader = PdfReader(io.BytesIO(content))
    attached = b"".join(part for parts in reader.attachments.values() for part in parts)
    return "".join(page.extract_text() for page in reader.pages) + attached.decode("utf-8", "replace")


def test_the_estimate_the_findings_and_the_motives_stay_with_the_buyer(database: Database, browser: Browser) -> None:
    at = desk(database, browser, adopted=False)
    ref = write(at, database, estimated_amount=ESTIMATE, environmental_condition="")
    assert "L2112-2" in at.client.get(f"/acheteur/consultations/{ref}/verifier").text
    publish(at, ref)
    page = at.client.get(f"/consultations/{ref}")
    assert not any(trace in page.text for trace in TRACES)
    files = at.client.get(f"/api/v1/consultations/{ref}", headers={"cookie": ""}).json()["files"]
    assert {f["name"].rpartition(".")[2] for f in files} == {"docx", "pdf", "json"}
    for file in files:
        content = at.client.get(file["url"]).content
        words = pdf_words(content) if file["name"].endswith(".pdf") else content.decode("utf-8", "replace")
        assert not any(trace in words for trace in TRACES), file["name"]
        if file["name"] == "manifest.json":
            assert json.loads(content)["findings"] == []
