"""Anyone may have a signed PDF explained, and every bad file gets its sentence."""

import base64
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi import FastAPI
from PIL import Image, ImageChops
from pypdf import PdfReader, PdfWriter

from api.context import Context
from api.db import now, transaction
from api.sandbox import pki
from api.trusted import judged
from signature.facts import Embedded
from signature.making import desk
from signature.making.keys import Pkcs12
from signature.token_uri import TokenPlace
from tests.award_scene import PASSWORD, sign
from tests.checked_client import CheckedClient
from tests.factories import make_siret
from tests.signature.pdf_attacks import act, stream, updated

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


ACTE = b"Acte d'engagement : 12 345,60 euros\n"


def token(context: Context, form: str, document: bytes) -> bytes:
    """A signature kept beside the document, with a key of the sandbox's authority."""
    folder = Path(context.services.get("pki", str(pki.FOLDER)))
    with transaction(context.database) as db:
        moment = now(db)
    path = pki.issue_signer(folder, "Jeanne Martin", "Capteurs SAS", make_siret(6100), PASSWORD, now=moment)
    key, at = Pkcs12(path.read_bytes(), PASSWORD), moment.isoformat()
    if form == "CAdES":
        return desk.cades(document, key, "B", None, at, Embedded()).content
    return desk.xades(document, key, "B", None, at, Embedded(), "acte.txt", False).content


def drop_both(client: CheckedClient, first: bytes, second: bytes) -> int:
    """Names say nothing of what the files are."""
    page = client.get("/verifier")
    plain = "application/octet-stream"
    return client.submit(page, PATH, file=("un", first, plain), document=("deux", second, plain)).status_code


@pytest.mark.parametrize("form", ["XAdES", "CAdES"])
def test_a_token_and_its_document_in_any_order(client: CheckedClient, context: Context, form: str) -> None:
    signature = token(context, form, ACTE)
    for first, second in ((signature, ACTE), (ACTE, signature)):
        assert drop_both(client, first, second) == 200
        assert "Signature techniquement valide ? ✓Oui" in client.page.main
        assert f"{form}, niveau B" in client.page.main


@pytest.mark.parametrize("form", ["XAdES", "CAdES"])
def test_a_token_alone_or_with_another_document_does_not_hold(
    client: CheckedClient, context: Context, form: str
) -> None:
    signature = token(context, form, ACTE)
    assert drop(client, signature) == 200
    assert "Le fichier signé n’a pas été donné" in client.page.main
    assert drop_both(client, signature, ACTE + b"!") == 200
    assert "techniquement valide ? ✓Oui" not in client.page.main


def test_a_signed_archive_is_warned_about(client: CheckedClient, context: Context) -> None:
    archive = BytesIO()
    with ZipFile(archive, "w") as made:
        made.writestr("acte.txt", ACTE)
    assert drop_both(client, token(context, "CAdES", archive.getvalue()), archive.getvalue()) == 200
    assert "signer une archive ne signe pas les documents" in client.page.main


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


def test_what_was_changed_is_shown_beside_what_was_signed(client: CheckedClient, context: Context) -> None:
    """The amount redrawn after the signature: the page then and now, the difference framed."""
    signed = sign(context, act())
    tampered = updated(signed, {5: stream(b"", b"BT /F1 24 Tf 60 700 Td (Montant : 999 999 EUR) Tj ET")})
    assert drop(client, tampered) == 200
    assert "Ce qui a été changé après la signature de Jeanne Martin" in client.page.main
    pictures = [image.get("src", "") for image in client.page.tree.iter("img")]
    assert len(pictures) == 2
    then, now_shown = (Image.open(BytesIO(base64.b64decode(p.partition(",")[2]))) for p in pictures)
    assert then.size == now_shown.size
    assert ImageChops.difference(then.convert("RGB"), now_shown.convert("RGB")).getbbox() is not None
    assert drop(client, signed) == 200
    assert "Ce qui a été changé" not in client.page.main


def downloaded(client: CheckedClient) -> dict[str, bytes]:
    """The reports that the page offers, by the name they are saved under."""
    links = [link for link in client.page.tree.iter("a") if link.get("download")]
    found = {str(link.get("download")): str(link.get("href")) for link in links}
    assert all(address.startswith("data:application/") for address in found.values())
    return {name: base64.b64decode(address.partition(",")[2]) for name, address in found.items()}


def words_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_both_reports_come_with_the_verdict(client: CheckedClient, context: Context) -> None:
    """Without account, script or second sending; nothing is stored."""
    signed = sign(context, blank())
    assert drop(client, signed, "l’acte signé.pdf") == 200
    found = downloaded(client)
    assert list(found) == ["rapport-l’acte signé.pdf", "rapport-l’acte signé.xml"]
    text = words_of(found["rapport-l’acte signé.pdf"])
    assert "Signature de Jeanne Martin" in text
    assert "n’est pas scellé" not in text
    sealed = found["rapport-l’acte signé.pdf"]
    report, _ = judged(context, sealed, sandbox=True)
    [seal] = report["signatures"]
    assert (seal["indication"], "Seal" in seal["qualification"]) == ("TOTAL-PASSED", True)
    assert sha256(signed).hexdigest() in text.replace(" ", "")
    assert b"urn:etsi:019102:mainindication:total-passed" in found["rapport-l’acte signé.xml"]
    assert list(context.storage.names()) == []


def test_a_report_that_cannot_be_sealed_says_so(client: CheckedClient, context: Context, app: FastAPI) -> None:
    """The token is away: the verdict and its reports come all the same."""
    away = TokenPlace("/nulle/part.so", token="absent")
    app.state.context.settings.seal = away
    assert drop(client, sign(context, blank()), "acte.pdf") == 200
    assert "n’est pas scellé" in words_of(downloaded(client)["rapport-acte.pdf"])


def test_what_is_not_signed_has_a_pdf_report_alone(client: CheckedClient) -> None:
    assert drop(client, blank()) == 200
    assert list(downloaded(client)) == ["rapport-acte.pdf"]


def test_a_container_is_explained(client: CheckedClient, context: Context) -> None:
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        archive.writestr("mimetype", "application/vnd.etsi.asic-e+zip")
        archive.writestr("acte.txt", ACTE)
        archive.writestr("META-INF/signatures.xml", token(context, "XAdES", ACTE))
    assert drop(client, made.getvalue(), "marché.asice") == 200
    assert "Signature techniquement valide ? ✓Oui" in client.page.main
    assert "acte.txt" in client.page.main
    assert "(ASiC-E), dont 1 techniquement valide" in words_of(downloaded(client)["rapport-marché.pdf"])


def send(client: CheckedClient, signature: bytes, *documents: tuple[str, bytes]) -> int:
    page = client.get("/verifier")
    several = [(name, content, "text/plain") for name, content in documents]
    first = ("acte.p7s", signature, "application/octet-stream")
    return client.submit(page, PATH, file=first, document=several).status_code


def test_two_documents_of_the_same_name(client: CheckedClient, context: Context) -> None:
    """Each is taken for what it holds: the one that is signed is found, the other is said to be unsigned."""
    assert send(client, token(context, "CAdES", ACTE), ("acte.txt", b"un autre"), ("acte.txt", ACTE)) == 200
    assert "Signature techniquement valide ? ✓Oui" in client.page.main
    assert "Le fichier « acte.txt » : aucune signature ne le couvre." in client.page.main
    text = words_of(downloaded(client)["rapport-acte.pdf"]).replace(" ", "")
    assert all(sha256(content).hexdigest() in text for content in (b"un autre", ACTE))


def test_more_than_ten_files(client: CheckedClient, context: Context) -> None:
    documents = [(f"piece-{number}.txt", b"x" * (number + 1)) for number in range(10)]
    assert send(client, token(context, "CAdES", ACTE), *documents) == 422
    assert "Envoyez 10 fichiers au plus." in client.page.main
