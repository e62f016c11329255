"""A reason stands beside what is contested: an official value, a piece, a notice; the buyer reads both, nobody else."""

import json
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest

from api.context import Context
from api.db import now, reading, transaction
from procurement.candidacy import Candidacy
from procurement.events import chain_holds, register
from procurement.people import Membership, Role
from procurement.purge import CONTESTS_AFTER, DRAFTS_AFTER, UNDECIDED_AFTER, purge_contests
from tests.candidacy_scene import BAKERY, Browser, Scene, deposit, press, published, start
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_company, make_company_member

REASON = "Le plan a pris fin le 3 mars 2026, tribunal de commerce d’Essai."


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def member(scene: Scene, browser: Browser) -> CheckedClient:
    database = scene.context.database
    return browser(make_company_member(database, make_company(database, BAKERY)))


def opened(scene: Scene, browser: Browser) -> CheckedClient:
    """The officer on the page of the plis."""
    scene.close()
    officer = browser(scene.officer)
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
    officer.get(f"{scene.hub}/plis")
    return officer


def contested(member: CheckedClient, path: str, key: str = "bodacc", reason: str = REASON) -> int:
    return member.submit(member.get(f"{path}/pieces"), "/contester", key=key, reason=reason).status_code


def test_the_reason_of_a_correction_stands_beside_it_up_to_the_buyer(scene: Scene, browser: Browser) -> None:
    mine = browser(scene.account)
    path = start(mine, scene)
    mine.submit(
        mine.page, "/deposer", button="save", correct_name="Boulangerie Neuve", why_name="Le nom a changé en mars.",
        why_address="Déménagement.",
    )  # fmt: skip
    assert "Pourquoi : Le nom a changé en mars." in mine.page.main
    assert "Pourquoi : Déménagement." in mine.page.main
    assert deposit(mine, path) == 200
    officer = opened(scene, browser)
    officer.click(officer.page, next(label for label, href in officer.page.links.items() if "/plis/" in href))
    assert "BOULANGERIE TOUT VA BIEN" in officer.page.main
    assert "Boulangerie Neuve Pourquoi : Le nom a changé en mars." in " ".join(officer.page.main.split())
    with ZipFile(BytesIO(officer.get(f"{scene.hub}/plis.zip").content)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("reponse.json"))
        said = json.loads(archive.read(name))["snapshot"]["corrections"]
    assert said["reasons"] == {"name": "Le nom a changé en mars.", "address": "Déménagement."}


def test_a_member_contests_a_piece_and_the_buyer_reads_it_beside_the_answer(
    scene: Scene, member: CheckedClient, browser: Browser
) -> None:
    path = start(member, scene)
    assert contested(member, path) == 200
    assert "Votre raison est gardée" in member.page.main
    assert REASON in member.page.main
    deposit(member, path)
    member.submit(member.page, "/remplacer")
    second = member.page.url.removeprefix("http://testserver")
    deposit(member, second)
    assert contested(member, second, "vigilance", "Réglé hier auprès de l’Urssaf.") == 200
    officer = opened(scene, browser)
    assert "Contesté" not in officer.page.main
    officer.get(f"{scene.hub}/plis/{second.rpartition('/')[2]}")
    pieces = officer.page.main
    beside = pieces.partition("Procédures collectives publiées au BODACC")[2]
    assert "Contesté par l’entreprise le" in beside.partition("Redemander")[0]
    assert REASON in pieces
    assert "Attestation de vigilance : contesté par l’entreprise le" in pieces
    assert REASON.encode() not in officer.get(f"{scene.hub}/plis.zip").content
    with reading(scene.context.database) as db:
        one = db.query(Candidacy).filter_by(ref=second.rpartition("/")[2]).one()
        lines = [event for event in register(db, one.consultation) if event.kind == "candidacy.contested"]
        assert len(lines) == 2
        assert REASON not in str([line.data for line in lines])
        assert chain_holds(db, one.consultation)


def test_what_is_taken_back_leaves_nothing(scene: Scene, member: CheckedClient) -> None:
    path = start(member, scene)
    contested(member, path)
    member.submit(member.page, "/bodacc/retirer")
    assert REASON not in member.page.main
    assert press(member, f"{path}/contester/bodacc/retirer") == 303
    with reading(scene.context.database) as db:
        assert db.query(Candidacy).one().contests == {}


def test_a_contest_that_says_nothing_comes_back_with_what_was_typed(scene: Scene, member: CheckedClient) -> None:
    path = start(member, scene)
    assert contested(member, path, reason="Faux") == 422
    assert "Dites en une phrase" in member.page.main
    assert "Faux" in member.page.main
    assert press(member, f"{path}/contester", key="autre", reason=REASON) == 422
    assert press(member, f"{path}/contester", key="bodacc", reason="x" * 2001) == 422


def test_only_a_proven_member_contests_its_own(scene: Scene, member: CheckedClient, browser: Browser) -> None:
    path = start(member, scene)
    for stranger in (browser(make_account(scene.context.database)), browser(scene.officer)):
        assert press(stranger, f"{path}/contester", key="bodacc", reason=REASON) == 404
        assert press(stranger, f"{path}/contester/bodacc/retirer") == 404
    with transaction(scene.context.database) as db:
        db.query(Membership).filter_by(role=Role.COMPANY.value).one().ended_at = now(db)
    assert press(member, f"{path}/contester", key="bodacc", reason=REASON) == 409
    assert "Contester une réponse" not in member.get(f"{path}/pieces").text


def test_a_withdrawn_answer_has_nothing_left_to_contest(scene: Scene, member: CheckedClient) -> None:
    path = start(member, scene)
    deposit(member, path)
    press(member, f"{path}/retirer")
    assert press(member, f"{path}/contester", key="bodacc", reason=REASON) == 409
    with reading(scene.context.database) as db:
        assert db.query(Candidacy).one().contests == {}


def test_a_reason_has_a_term(scene: Scene, member: CheckedClient, browser: Browser) -> None:
    path, minute = start(member, scene), timedelta(minutes=1)
    contested(member, path)
    deposit(member, path)
    member.submit(member.page, "/remplacer")
    second = member.page.url.removeprefix("http://testserver")
    deposit(member, second)
    officer = opened(scene, browser)
    assert forgotten(scene, DRAFTS_AFTER - minute) == 0
    assert forgotten(scene, DRAFTS_AFTER + minute) == 1, "the replaced answer's"
    assert forgotten(scene, CONTESTS_AFTER * 2) == 0, "still examined"
    with transaction(scene.context.database) as db:
        assert purge_contests(db, now(db) + UNDECIDED_AFTER + minute) == 1, "forgotten by its buyer"
        db.rollback()
    assert press(officer, f"{scene.hub}/sans-suite", reason="Le besoin a disparu.") == 303
    assert contested(member, second, "vigilance", "Réglé hier auprès de l’Urssaf.") == 200
    assert forgotten(scene, CONTESTS_AFTER - minute) == 0
    assert forgotten(scene, CONTESTS_AFTER + minute) == 2
    assert forgotten(scene, CONTESTS_AFTER + minute) == 0
    with reading(scene.context.database) as db:
        assert [c.contests for c in db.query(Candidacy)] == [{}, {}]


def forgotten(scene: Scene, later: timedelta) -> int:
    with transaction(scene.context.database) as db:
        return purge_contests(db, now(db) + later)
