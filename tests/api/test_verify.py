"""Anyone may have a signed PDF explained, and every bad file gets its sentence."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from pypdf import PdfWriter

from api.context import Context
from tests.award_scene import sign
from tests.checked_client import CheckedClient

PATH = "/verifier/fichiers"


def blank() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def drop(client: CheckedClient, content: bytes, name: str = "acte.pdf") -> int:
    page = client.get("/verifier")
    return client.submit(page, PATH, file=(name, content, "application/pdf")).status_code


def test_a_good_signature_is_explained(client: CheckedClient, context: Context) -> None:
    assert drop(client, sign(context, blank())) == 200
    text = client.page.main
    assert "Signature de Jeanne Martin" in text
    assert "Signature techniquement valide ? ✓Oui" in text
    for number, title in enumerate(("Identité", "Catégorie", "Format", "Certificat en cours", "Intégrité"), 1):
        assert f"{number}. {title}" in text
    assert f"{datetime.now(UTC):%Y}" in text


def test_a_revoked_certificate_and_a_changed_file_do_not_hold(client: CheckedClient, context: Context) -> None:
    assert drop(client, sign(context, blank(), revoked=True)) == 200
    assert "Oui" not in client.page.main.split("Recevable")[0]
    changed = bytearray(sign(context, blank()))
    changed[60] ^= 1
    assert drop(client, bytes(changed)) in (200, 422)
    assert "techniquement valide ? ✓Oui" not in client.page.main


def test_an_unsigned_pdf_says_so(client: CheckedClient) -> None:
    assert drop(client, blank()) == 200
    assert "ne porte aucune signature" in client.page.main


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "fichier qui n’est pas vide"),
        (b"bonjour", "ni un PDF, ni une signature"),
        (b"%PDF-1.7\nrien", "PDF abîmé"),
        (b"PK\x03\x04" + b"0" * 50, "conteneur (ZIP) abîmé"),
        (b"x" * 20_000_001, "dépasse la taille permise (20 Mo)"),
    ],
)
def test_bad_files(client: CheckedClient, content: bytes, said: str) -> None:
    assert drop(client, content) == 422
    assert said in client.page.main


def test_the_door_has_a_brake(client: CheckedClient) -> None:
    """Sixty per window: of 121 files in a row, spread over two windows at most, one is turned away."""
    statuses = [drop(client, b"") for _ in range(121)]
    assert set(statuses) == {422, 409}
