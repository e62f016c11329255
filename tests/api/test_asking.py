"""Asking more than the usual pieces: with a motive that is kept, for one candidate or for all alike."""

import pytest

from api import worker
from api.context import Context
from api.db import reading
from procurement.candidacy import Candidacy
from procurement.events import Event
from procurement.pieces import Piece
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, Browser, Scene, deposit, press, published, start
from tests.checked_client import CheckedClient
from tests.factories import make_account

MOTIVE = "Le marché porte sur une prestation continue de trois ans."


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def officer(scene: Scene, browser: Browser, context: Context) -> CheckedClient:
    """Two deposits, opened, pieces answered."""
    for siret, account in ((BAKERY, scene.account), (REFUSED_BY_URSSAF, make_account(context.database))):
        mine = browser(account)
        deposit(mine, start(mine, scene, siret))
    scene.close()
    at_work = browser(scene.officer)
    assert press(at_work, f"{scene.hub}/ouvrir") == 303
    worker.run_once(context)
    return at_work


def pli(context: Context, scene: Scene, siret: str) -> str:
    with reading(context.database) as db:
        return f"{scene.hub}/plis/{db.query(Candidacy).filter_by(siret=siret).one().ref}"


def asked(context: Context, key: str) -> list[tuple[str, str]]:
    with reading(context.database) as db:
        rows = db.query(Piece).join(Candidacy).filter(Piece.key == key).order_by(Candidacy.siret)
        return [(p.candidacy.siret, p.motive) for p in rows]


def test_what_is_off_by_default_is_asked_of_all_with_its_motive(
    scene: Scene, officer: CheckedClient, context: Context
) -> None:
    here = pli(context, scene, BAKERY)
    form = officer.get(here)
    assert officer.submit(form, "/demander", key="bilans_bdf", motive=MOTIVE, everyone="1").status_code == 200
    assert asked(context, "bilans_bdf") == [(BAKERY, MOTIVE), (REFUSED_BY_URSSAF, MOTIVE)]
    worker.run_once(context)
    officer.get(here)
    assert f"Demandée pour ce motif : {MOTIVE}" in officer.page.main
    with reading(context.database) as db:
        kept = [e.data["motive"] for e in db.query(Event).filter_by(kind="pieces.asked") if "motive" in e.data]
        assert kept == [MOTIVE, MOTIVE]


def test_what_was_left_out_says_why_and_may_be_asked_of_one(
    scene: Scene, officer: CheckedClient, context: Context
) -> None:
    here = pli(context, scene, BAKERY)
    form = officer.get(here)
    assert "l’activité 10.71C ne relève pas du bâtiment" in officer.page.main
    officer.submit(form, "/demander", key="qualibat", motive=MOTIVE, everyone=False)
    with reading(context.database) as db:
        states = {p.candidacy.siret: p.state for p in db.query(Piece).filter_by(key="qualibat")}
    assert states == {BAKERY: "waiting", REFUSED_BY_URSSAF: "settled"}
    worker.run_once(context)
    officer.get(here)
    assert "l’activité 10.71C ne relève pas du bâtiment" not in officer.page.main


@pytest.mark.parametrize(
    ("key", "motive", "status", "sentence"),
    [
        ("bilans_bdf", "", 422, "Écrivez en une phrase en quoi le marché l’exige"),
        ("beneficiaires_effectifs", MOTIVE, 422, "Choisissez une pièce de la liste."),
        ("vigilance", MOTIVE, 409, "Cette preuve ne se demande qu’à l’attributaire pressenti."),
    ],
)
def test_without_motive_or_out_of_turn_nothing_is_asked(
    scene: Scene, officer: CheckedClient, context: Context, key: str, motive: str, status: int, sentence: str
) -> None:
    here = pli(context, scene, BAKERY)
    data = {"key": key, "motive": motive, "everyone": "1"}
    answer = officer.post(f"{here}/demander", data=data, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == status
    assert sentence in officer.page.main
    assert asked(context, key) == [] or key == "vigilance"
    assert not [m for _, m in asked(context, key) if m]
