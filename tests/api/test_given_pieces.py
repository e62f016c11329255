"""A piece that the company gives itself: asked of the intended winner, given, read beside the authority's answer."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from api.db import Database, now, reading, transaction
from procurement.consultation import find
from procurement.contract import paris_day
from procurement.events import chain_holds, register
from procurement.mail import Mail
from procurement.people import User
from procurement.piece_requests import PieceRequest
from procurement.pieces import Piece, ask_again, keep_result
from tests.award_scene import Scene, opened
from tests.candidacy_scene import press
from tests.checked_client import CheckedClient, page_of
from tests.factories import make_account

Browser = Callable[[User], CheckedClient]
PDF = b"%PDF-1.7\nattestation\n%%EOF\n"
REFUSED = "Non délivrée par l’organisme"


@pytest.fixture
def scene(database: Database, browser: Browser) -> Scene:
    """The winner is intended; Urssaf does not deliver, the tax office does."""
    scene = opened(database)
    officer = browser(scene.officer)
    officer.submit(officer.get(scene.award), "/designer", candidacy=scene.won)
    with transaction(database) as db:
        for piece in db.query(Piece).filter_by(state="waiting"):
            piece.attempts = 1
            answer(db, piece, "refused_by_authority" if piece.key == "vigilance" else "obtained")
    return scene


def answer(db: Any, piece: Piece, outcome: str) -> None:
    current = now(db)
    keep_result(db, piece, {"outcome": outcome, "fetched_at": current, "facts": {}, "source": piece.key}, None, current)


def ask_company(officer: CheckedClient, scene: Scene, database: Database, days: int = 5) -> int:
    with reading(database) as db:
        day = paris_day(now(db)) + timedelta(days=days)
    page = officer.get(scene.award)
    return officer.submit(page, "/demander-pieces", keys=["vigilance"], due_on=day.isoformat()).status_code


def give(winner: CheckedClient, scene: Scene, content: bytes, name: str = "urssaf.pdf") -> int:
    winner.get(f"/candidatures/{scene.won}")
    page = winner.click(winner.page, "Pièces demandées par l’acheteur")
    return winner.submit(page, 0, file=(name, content, "application/pdf")).status_code


def test_the_refusal_stays_beside_what_the_company_gave(scene: Scene, database: Database, browser: Browser) -> None:
    officer, winner = browser(scene.officer), browser(scene.winner)
    assert ask_company(officer, scene, database) == 200
    assert "Les pièces sont demandées à l’entreprise" in officer.page.text
    assert give(winner, scene, PDF) == 200
    assert "Fournie par l’entreprise" in winner.page.main
    assert REFUSED not in winner.page.main, "what an authority answered is not told by a request"

    officer.get(scene.award)
    assert REFUSED in officer.page.main
    assert "Fournie par l’entreprise" in officer.page.main
    assert f"Déposé par {scene.winner.email}" in officer.page.main
    document = officer.click(officer.page, "urssaf.pdf")
    assert (document.content, document.headers["content-type"]) == (PDF, "application/pdf")
    pli = page_of(officer.get(f"/acheteur/consultations/{scene.consultation}/plis/{scene.won}"))
    assert all(words in pli.text for words in (REFUSED, "non vérifiée auprès de l’organisme", "Document fourni :"))
    own = page_of(winner.get(f"/candidatures/{scene.won}"))
    assert "Document fourni :" in own.text, "the look is shown to the company"

    zipped = ZipFile(BytesIO(officer.get(f"/acheteur/consultations/{scene.consultation}/plis.zip").content))
    assert zipped.read(next(n for n in zipped.namelist() if "/fournies/vigilance-" in n)) == PDF
    with transaction(database) as db:
        piece = db.query(Piece).filter_by(key="vigilance").join(Piece.candidacy).one()
        ask_again(db, piece, "worker", now(db))
        answer(db, piece, "not_found")
        assert db.query(PieceRequest).one().document_key, "asking the authority again erases nothing"
        consultation = find(db, scene.consultation)
        kinds = [event.kind for event in register(db, consultation)]
        assert kinds.index("pieces.requested") < kinds.index("piece.given")
        assert chain_holds(db, consultation)
        said = db.query(Mail).filter(Mail.subject.contains("pièces à fournir")).one().body
        assert "Attestation de vigilance" in said
        assert REFUSED not in said


def test_what_is_no_document_comes_back_with_a_sentence(scene: Scene, database: Database, browser: Browser) -> None:
    winner = browser(scene.winner)
    ask_company(browser(scene.officer), scene, database)
    for content in (b"<html><script>1</script>", b"%PDF-1.7 cut", b"PK\x03\x04"):
        assert give(winner, scene, content) == 422
        assert "Déposez un PDF ou une image" in winner.page.main
    with transaction(database) as db:
        assert db.query(PieceRequest).one().given_at is None


def test_only_what_is_missing_is_asked_until_a_day_to_come(scene: Scene, database: Database, browser: Browser) -> None:
    officer = browser(scene.officer)
    assert ask_company(officer, scene, database, days=0) == 422
    assert "Laissez au moins jusqu’à demain" in officer.page.main
    path = f"{scene.award}/demander-pieces"
    assert press(officer, path, keys="attestation_fiscale", due_on="2099-01-01") == 422
    assert press(officer, path, due_on="2099-01-01") == 422
    with transaction(database) as db:
        assert db.query(PieceRequest).count() == 0


def test_nobody_else_gives_and_nothing_after_the_day(scene: Scene, database: Database, browser: Browser) -> None:
    ask_company(browser(scene.officer), scene, database)
    with transaction(database) as db:
        asked = db.query(PieceRequest).one()
        path = f"/candidatures/{scene.won}/pieces-demandees/{asked.ref}"
        asked.due_on = paris_day(now(db)) - timedelta(days=1)
    assert press(browser(scene.winner), path) == 409
    for stranger in (scene.loser, make_account(database)):
        other = browser(stranger)
        assert press(other, path) == 404
        assert other.get(f"/candidatures/{scene.won}/pieces-demandees").status_code == 404
