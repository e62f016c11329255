"""Every page and endpoint, walked as each kind of person: who may not know a protected answer never reads one.

Marks are values that only the State's protected answers hold. They are looked for in every reply, whatever its status.
"""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from api import worker
from api.context import Context
from api.db import reading, transaction
from procurement.award import name_intended
from procurement.candidacy import Candidacy
from procurement.consultation import find
from procurement.people import User, person_of
from procurement.pieces import Piece
from tests.api.test_routes import routes
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, Browser, Scene, deposit, press, published, start
from tests.checked_client import CheckedClient
from tests.factories import (
    make_account,
    make_administrator,
    make_buyer,
    make_company,
    make_company_member,
    make_finance,
    make_officer,
)

# The Urssaf's control code, the turnover, the Urssaf's answer on the rival: nowhere in open data.
MARKS = ("ESSAI0123456789", "250 000,00", "1250000", "refus_de_delivrance")


@pytest.fixture
def scene(context: Context, browser: Browser) -> Scene:
    """Two answers, opened, the bakery intended: every piece is answered."""
    made = published(context)
    for siret, account in ((BAKERY, made.account), (REFUSED_BY_URSSAF, make_account(context.database))):
        mine = browser(account)
        deposit(mine, start(mine, made, siret))
    made.close()
    assert press(browser(made.officer), f"{made.hub}/ouvrir") == 303
    with transaction(context.database) as db:
        consultation, agent = find(db, made.ref), person_of(db.get_one(User, made.officer.id))
        winner = db.query(Candidacy).filter_by(siret=BAKERY).one()
        name_intended(db, consultation, winner.ref, agent, winner.submitted_at or winner.created_at)
    worker.run_once(context)
    with reading(context.database) as db:
        answered = {p.key for p in db.query(Piece).filter_by(outcome="obtained")}
        assert {"vigilance", "chiffres_affaires"} <= answered
    return made


def addresses(app: FastAPI, context: Context, scene: Scene) -> Iterator[str]:
    """Each GET route with real references of this scene: every candidacy, with one of its pieces."""
    with reading(context.database) as db:
        pieces = {piece.candidacy.ref: piece.ref for piece in db.query(Piece)}
    paths = [route.path for route, _ in routes(app) if "GET" in (route.methods or ())]
    for path in paths:
        for candidacy, piece in pieces.items():
            known = {"cref": candidacy, "piece": piece, "file": piece, "organisation": scene.buyer.ref, "siret": BAKERY}
            known |= {"slug": "pieces", "name": "RC.pdf", "file_id": "1"}
            for ref in {"/acheteur": (scene.ref,), "/administration": (scene.buyer.ref,)}.get(
                "/" + path.split("/")[1], (candidacy, scene.ref)
            ):
                yield filled(path, known | {"ref": ref})


def filled(path: str, known: dict[str, str]) -> str:
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: known.get(found[1], "000000000000"), path)


def read_by(visitor: CheckedClient, app: FastAPI, context: Context, scene: Scene) -> dict[str, list[str]]:
    """Address → marks seen there."""
    seen: dict[str, list[str]] = {}
    for path in sorted(set(addresses(app, context, scene))):
        text = visitor.get(path, follow_redirects=False).text.replace("\u202f", " ").replace("\u00a0", " ")
        if found := [mark for mark in MARKS if mark in text]:
            seen[path] = found
    return seen


def test_nobody_but_the_buyer_s_officers_reads_a_protected_answer(
    scene: Scene, app: FastAPI, context: Context, browser: Browser, client: CheckedClient
) -> None:
    database = context.database
    rival = make_account(database)
    other_buyer = make_buyer(database)
    walkers = {
        "stranger": client,
        "account": browser(rival),
        "the winner's account, not proven": browser(scene.account),
        "a member of another company": browser(make_company_member(database, make_company(database, "00001003300017"))),
        "an officer of another buyer": browser(make_officer(database, other_buyer)),
        "an administrator of another buyer": browser(make_administrator(database, other_buyer)),
        "the buyer's administrator": browser(make_administrator(database, scene.buyer)),
        "the buyer's finance staff": browser(make_finance(database, scene.buyer)),
    }
    assert {name: seen for name, walker in walkers.items() if (seen := read_by(walker, app, context, scene))} == {}
    officer = read_by(browser(scene.officer), app, context, scene)
    assert {mark for marks in officer.values() for mark in marks} >= {"ESSAI0123456789", "250 000,00"}


def test_a_proven_member_reads_its_own_and_it_is_logged(
    scene: Scene, app: FastAPI, context: Context, browser: Browser
) -> None:
    company = make_company(context.database, BAKERY)
    member = browser(make_company_member(context.database, company))
    assert read_by(member, app, context, scene) == {}, "nothing is shown before it is asked for"
    with reading(context.database) as db:
        assert all(p.document_key for p in db.query(Piece).filter_by(key="vigilance", outcome="obtained"))
