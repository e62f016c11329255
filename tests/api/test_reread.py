"""The officer has an edited document read against the dossier: a report, nothing kept, one sentence for a bad file."""

from api.db import Database
from dce_templates.word.file import open_word, pack
from tests.api.consultation_scene import Browser, desk, write
from tests.factories import make_buyer, make_officer


def edited(content: bytes, before: str, after: str) -> bytes:
    parts = dict(open_word(content))
    text = parts["word/document.xml"].decode()
    assert before in text
    return pack((parts | {"word/document.xml": text.replace(before, after, 1).encode()}).items())


def test_an_edited_document_is_read_against_its_dossier(database: Database, browser: Browser) -> None:
    at = desk(database, browser)
    base = f"/acheteur/consultations/{write(at, database)}"
    path = f"{base}/relire"

    def report(content: bytes, status: int = 200) -> str:
        answer = at.client.submit(at.client.get(path), path, file=("CCAP.docx", content, "application/octet-stream"))
        assert answer.status_code == status
        return " ".join(at.client.page.main.split())

    ours = at.client.get(f"{base}/projet/ccap.docx").content
    assert "Ce document dit ce que dit le dossier" in report(ours)
    found = report(edited(ours, "dure 24 mois", "dure 36 mois &amp; &lt;b&gt;plus"))
    assert "Dans « Durée », la durée n’est plus « 24 mois »" in found
    assert "24 → 36" in found
    assert "ajouté : & <b>plus" in found
    assert "Comme au dossier" in found
    assert "pas un document Word" in report(b"%PDF-1.7", 422)
    rewritten = edited(ours, "dispose de 15 jours", "dispose de 20 jours ouvrés")
    assert "Faire de la clause OD-05 réécrite une version à vous" in report(rewritten)
    at.client.submit(at.client.page, f"/acheteur/clauses/{at.buyer.ref}/OD-05")
    assert at.client.page.h1 == "Écrire une version"
    text = str(at.client.page.tree.xpath("//textarea[@name='text']")[0].text)  # type: ignore[index, union-attr]
    assert "dispose de 20 jours ouvrés pour signaler" in text
    assert "{{ first_delivery_days }} jours" in text
    assert browser(make_officer(database, make_buyer(database))).get(path).status_code == 404
