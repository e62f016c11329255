"""The « mode d'emploi » of article 6, written for who signs elsewhere; what a company says of its certificate."""

import io
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, reading
from api.how_to_verify import HowTo
from api.how_to_verify_pdf import render
from procurement.candidacy import Candidacy
from procurement.contract import Contract
from procurement.people import User
from procurement.signers import Signer, signers_of
from tests.award_scene import Scene, awarded, opened, sign
from tests.checked_client import CheckedClient, page_of
from tests.dce_templates.sample import NOW
from tests.verapdf import verdicts

Browser = Callable[[User], CheckedClient]
SAME_SITE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


def signer_of(database: Database) -> Signer:
    with reading(database) as db:
        return signers_of(db, db.scalars(select(Contract)).one().act)[0]


def words(content: bytes) -> str:
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return " ".join(text.split())


def test_who_signs_elsewhere_hands_over_nothing(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), f"/signatures/{signer_of(database).ref}"
    assert "Vous n’avez rien à écrire" in winner.get(f"{path}/mode-emploi").text
    assert winner.get(f"{path}/mode-emploi.pdf").status_code == 404
    act = winner.get(f"{path}/acte-engagement.pdf").content
    file = ("signe.pdf", sign(context, act), "application/pdf")
    assert winner.submit(winner.get(path), "/fichier", file=file, tool="Assistant\tde signature 4").status_code == 200
    paper = words(winner.get(f"{path}/mode-emploi.pdf").content)
    assert "Assistant de signature 4" in paper
    assert "AC émettrice bac à sable mps" in paper
    assert "PAdES" in paper
    assert "http://testserver/verifier" in paper
    winner.submit(winner.get(f"{path}/mode-emploi"), "/mode-emploi", tool="Autre outil")
    officer, contract = browser(scene.officer), signer_of(database)
    with reading(database) as db:
        ref = db.scalars(select(Contract)).one().ref
    assert "mode d’emploi pour vérifier sa signature" in officer.get(f"/contrats/{ref}").text
    assert "Autre outil" in words(officer.get(f"/contrats/{ref}/modes-emploi/{contract.ref}.pdf").content)
    assert browser(scene.loser).get(f"{path}/mode-emploi").status_code == 404
    assert officer.get(f"/contrats/{ref}/modes-emploi/000000000000.pdf").status_code == 404


def test_the_paper_is_accessible_and_archivable(tmp_path: Path) -> None:
    path = tmp_path / "how-to.pdf"
    path.write_bytes(render(HowTo("Mode d’emploi", "R-1", "Exemple", [("a", "é <b>")], ["Un", "Deux"]), NOW))
    found = verdicts({path: ("PDFUA-1", "PDFA-2A")})
    assert {profile: verdict.broken for (_, profile), verdict in found.items()} == {"PDFUA-1": {}, "PDFA-2A": {}}


def test_the_question_on_the_certificate_is_optional_and_the_buyer_never_sees_it(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    winner, path = browser(scene.winner), f"/candidatures/{scene.won}"
    assert "Avez-vous un certificat de signature ?" in page_of(winner.get(path)).text
    before = _snapshot(database, scene)
    winner.submit(winner.page, "/certificat", certificate="no")
    assert "deux jours ouvrés" in winner.get(path).text
    assert _snapshot(database, scene) == before
    assert winner.post(f"{path}/certificat", data={"certificate": "x"}, headers=SAME_SITE).status_code == 422
    assert browser(scene.loser).post(f"{path}/certificat", data={}, headers=SAME_SITE).status_code == 404
    awarded(context, scene)
    page = winner.get(f"/signatures/{signer_of(database).ref}")
    assert "vous avez dit ne pas en avoir : commandez-le aujourd’hui" in page.text
    pli = browser(scene.officer).get(f"/acheteur/consultations/{scene.consultation}/plis/{scene.won}")
    assert "certificat de signature" not in pli.text


def _snapshot(database: Database, scene: Scene) -> str | None:
    with reading(database) as db:
        return db.query(Candidacy).filter_by(ref=scene.won).one().snapshot_sha256
