"""The State's services answer nobody: a company answers by hand, the officer's pieces wait, and then they come."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI

from api import worker
from api.app import create_app
from api.context import Context
from api.db import now, reading, transaction
from api.settings import Settings
from procurement.pieces import CAPACITY, Piece
from tests.candidacy_scene import BAKERY, Browser, deposit, press, published

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def down(context: Context) -> Context:
    """The same install, whose services do not answer."""
    return replace(context, services=dict.fromkeys(("api_entreprise", "recherche_entreprises"), NOWHERE))


@pytest.fixture
def app(settings: Settings, down: Context) -> Iterator[FastAPI]:
    made = create_app(settings, sandbox=True, **down.services)
    yield made
    made.state.database.dispose()


def test_by_hand_then_late_then_obtained(context: Context, down: Context, browser: Browser) -> None:
    scene = published(context)
    mine, officer = browser(scene.account), browser(scene.officer)
    mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY)
    assert "ne répond pas. Rien n’est perdu" in mine.page.main
    mine.submit(mine.page, "/candidater", name="Boulangerie de l’Essai", address="1 rue des Essais")
    assert deposit(mine, mine.page.url.removeprefix("http://testserver"), amount="100") == 200
    scene.close()
    assert press(officer, f"{scene.hub}/ouvrir") == 303
    worker.run_once(down)
    late(context)
    officer.get(f"{scene.hub}/plis")
    late_ones = re.findall(r"Indisponible pour l’instant : (\d+)", officer.page.main)
    assert sum(int(number) for number in late_ones) == len(CAPACITY)
    assert "aucune absence de réponse ne vaut contre un candidat" in officer.page.main
    officer.click(officer.page, "Boulangerie de l’Essai")
    assert officer.page.main.count("Incident extérieur au candidat ; nouvel essai le") == len(CAPACITY)
    with transaction(context.database) as db:
        for piece in db.query(Piece):
            piece.next_try_at = now(db)  # the retry's time has come
    worker.run_once(context)
    officer.get(f"{scene.hub}/plis")
    assert "Indisponible" not in officer.page.main
    assert re.findall(r"Obtenue : (\d+)", officer.page.main) == ["4", "2"]


def late(context: Context) -> None:
    """Each piece still waits, tried once, with the time of its next try."""
    with reading(context.database) as db:
        pieces = db.query(Piece).all()
        assert len(pieces) == len(CAPACITY)
        for piece in pieces:
            assert (piece.state, piece.outcome, piece.attempts) == ("waiting", "unavailable", 1)
            assert piece.next_try_at is not None
            assert piece.next_try_at > now(db)
