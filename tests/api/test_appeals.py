"""« Recours reçu »: nothing is signed nor notified until its end; the application is kept as it came."""

import hashlib
from collections.abc import Callable

import pytest

from api.context import Context
from api.db import Database, reading
from procurement.appeals import appeals_of
from procurement.consultation import find
from procurement.events import chain_holds
from procurement.people import User
from tests.api.test_signing import drop, path_of
from tests.award_scene import Scene, awarded, buyer_signs, opened, sign
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_officer, make_siret

Browser = Callable[[User], CheckedClient]
RECEIVED = {"received_at": "2026-11-20T10:30", "author": "Trafic Conseil SARL"}


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


def test_an_appeal_freezes_everything_until_its_end(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    act = winner.get(f"{path}/acte-engagement.pdf").content
    signed = sign(context, act)
    officer.submit(officer.get(scene.award), "/recours", received_at="2026-11-20T10:30", author="Trafic Conseil SARL")
    assert "Signature suspendue : recours de Trafic Conseil SARL, reçu le 20 novembre 2026" in officer.page.main
    assert "Signature suspendue" in winner.get(path).text
    same_site = {"sec-fetch-site": "same-origin"}
    files = {"file": ("signe.pdf", signed, "application/pdf")}
    refused = winner.post(f"{path}/fichier", files=files, headers=same_site)
    assert (refused.status_code, "Un recours est en cours" in refused.text) == (409, True)
    assert officer.post(f"{scene.award}/signe-a-la-main", headers=same_site).status_code == 409
    assert officer.submit(officer.get(scene.award), "/fin", end="rejected", appeal_motive=" ").status_code == 422
    officer.submit(officer.get(scene.award), "/fin", end="rejected", appeal_motive="Ordonnance du 24 novembre 2026")
    assert "rejeté par le juge" in officer.page.main
    assert drop(winner, path, signed) == 200
    assert buyer_signs(context, scene, officer) == 200
    officer.submit(officer.get(scene.award), "/recours", received_at="2026-11-21T09:00", author="Trafic Conseil SARL")
    notified = officer.post(f"{scene.award}/notifier", headers=same_site)
    assert (notified.status_code, "Un recours est en cours" in notified.text) == (409, True)
    with reading(database) as db:
        assert chain_holds(db, find(db, scene.consultation))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"received_at": "2026-11-20T10:30", "author": " "}, "qui fait ce recours"),
        ({"received_at": "2099-01-01T10:30", "author": "X"}, "à venir"),
        ({"received_at": "hier", "author": "X"}, "date"),
    ],
)
def test_an_appeal_typed_wrong_comes_back(
    scene: Scene, context: Context, officer: CheckedClient, fields: dict[str, str], said: str
) -> None:
    awarded(context, scene)
    answer = officer.submit(officer.get(scene.award), "/recours", **fields)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert said in officer.page.main


def test_the_application_is_kept_as_it_came(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene)
    officer.submit(officer.get(scene.award), "/recours", **RECEIVED)  # type: ignore[arg-type]
    content = b"%PDF-1.7 requete"
    wrong = officer.submit(officer.get(scene.award), "/requete", file=("r.docx", b"PK", "application/zip"))
    assert (wrong.status_code, "attendue en PDF" in officer.page.main) == (422, True)
    officer.submit(officer.get(scene.award), "/requete", file=("requête.pdf", content, "application/pdf"))
    assert hashlib.sha256(content).hexdigest() in officer.page.main
    with reading(database) as db:
        (appeal,) = appeals_of(db, find(db, scene.consultation))
        assert chain_holds(db, find(db, scene.consultation))
    path = f"{scene.award}/recours/{appeal.ref}/requete.pdf"
    assert officer.get(path).content == content
    for other in (scene.winner, scene.loser, make_officer(database, make_buyer(database))):
        assert browser(other).get(path).status_code == 404
    assert officer.get(f"{scene.award}/recours/AAAAAAAAAAAA/requete.pdf").status_code == 404
