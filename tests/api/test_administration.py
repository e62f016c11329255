"""Administrators: their own buyer's people, and on paper the people of companies whose answers are open. No others."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from api import worker
from api.context import Context
from api.db import Database, now, reading, transaction
from api.drafts import starting_dossier
from procurement.belonging import proof_of
from procurement.consultation import find
from procurement.mail import Mail
from procurement.people import Membership, Organisation, User
from procurement.pieces import Piece
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, Scene, deposit, press, published, start
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_administrator, make_buyer, make_company, make_company_member

Browser = Callable[[User], CheckedClient]
HOME = "/administration"
PAPER = "Pouvoir signé de la gérante, reçu le 12 mars"


@pytest.fixture
def scene(context: Context, browser: Browser) -> Scene:
    """A company has deposited; nothing is opened yet."""
    made = published(context)
    mine = browser(made.account)
    assert deposit(mine, start(mine, made)) == 200
    return made


@pytest.fixture
def administrator(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(make_administrator(scene.context.database, scene.buyer))


def opened(scene: Scene, browser: Browser) -> None:
    scene.close()
    officer = browser(scene.officer)
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")


def company_page(administrator: CheckedClient) -> None:
    administrator.submit(administrator.get(HOME), f"{HOME}/entreprises")
    assert administrator.page.h1 == "BOULANGERIE TOUT VA BIEN"


def companies(database: Database) -> int:
    with reading(database) as db:
        return db.scalar(select(func.count()).select_from(Organisation).where(Organisation.kind == "company")) or 0


def test_before_the_opening_nothing_betrays_who_answers(scene: Scene, administrator: CheckedClient) -> None:
    make_company(scene.context.database, REFUSED_BY_URSSAF)
    known = make_company(scene.context.database, BAKERY)
    text = administrator.get(HOME).text
    assert "Aucune réponse n’est ouverte." in text
    assert BAKERY not in text
    assert REFUSED_BY_URSSAF not in text
    assert press(administrator, f"{HOME}/entreprises", siret=BAKERY) == 404
    assert administrator.get(f"{HOME}/{known.ref}").status_code == 404
    fields = {"email": "a@exemple.fr", "role": "company", "evidence": PAPER}
    assert press(administrator, f"{HOME}/{known.ref}/personnes", **fields) == 404


def test_after_the_opening_a_person_is_attached_on_paper(
    scene: Scene, administrator: CheckedClient, browser: Browser
) -> None:
    database = scene.context.database
    opened(scene, browser)
    company_page(administrator)
    page = administrator.page
    assert administrator.submit(page, "/personnes", email="lea@exemple.fr").status_code == 422
    assert "quelle pièce prouve" in administrator.page.main
    administrator.submit(page, "/personnes", email="lea@exemple.fr", name="Léa", evidence=PAPER)
    assert PAPER in administrator.page.main
    company_page(administrator)
    assert companies(database) == 1
    with reading(database) as db:
        user = db.scalars(select(User).where(User.email == "lea@exemple.fr")).one()
        proof = proof_of(db, user.id, BAKERY, now(db))
        assert proof is not None
        assert (proof.way, proof.evidence) == ("administrator", PAPER)


def test_another_buyer_s_administrator_attaches_nobody_to_that_company(
    scene: Scene, administrator: CheckedClient, browser: Browser
) -> None:
    opened(scene, browser)
    company_page(administrator)
    ref = administrator.page.url.rpartition("/")[2]
    stranger = browser(make_administrator(scene.context.database, make_buyer(scene.context.database)))
    assert BAKERY not in stranger.get(HOME).text
    assert press(stranger, f"{HOME}/entreprises", siret=BAKERY) == 404
    assert stranger.get(f"{HOME}/{ref}").status_code == 404
    assert press(stranger, f"{HOME}/{ref}/personnes", email="x@exemple.fr", role="company", evidence=PAPER) == 404
    assert press(administrator, f"{HOME}/entreprises", siret=REFUSED_BY_URSSAF) == 404


def test_never_oneself(scene: Scene, browser: Browser) -> None:
    me = make_administrator(scene.context.database, scene.buyer)
    administrator = browser(me)
    opened(scene, browser)
    company_page(administrator)
    answer = administrator.submit(administrator.page, "/personnes", email=me.email.upper(), evidence=PAPER)
    assert answer.status_code == 422
    assert "ne se rattache pas lui-même" in administrator.page.main


def test_members_are_told_and_what_one_of_them_ended_stays_ended(
    scene: Scene, administrator: CheckedClient, browser: Browser
) -> None:
    database = scene.context.database
    company = make_company(database, BAKERY, "BOULANGERIE TOUT VA BIEN")
    member, person = make_company_member(database, company), make_account(database)
    opened(scene, browser)
    company_page(administrator)
    page = administrator.page
    assert member.email not in page.text
    administrator.submit(page, "/personnes", email=person.email, evidence=PAPER)
    with reading(database) as db:
        told = db.scalars(select(Mail).where(Mail.to == member.email)).one()
        assert person.email in told.body
        assert PAPER in told.body
    theirs = browser(member)
    seen = theirs.get(f"/compte/appartenance/{company.ref}")
    assert PAPER in seen.text
    theirs.submit(seen, f"/membres/{person.ref}/fin")
    assert administrator.submit(page, "/personnes", email=person.email, evidence=PAPER).status_code == 409
    assert "Un membre de l’entreprise a mis fin" in administrator.page.main
    with reading(database) as db:
        assert proof_of(db, person.id, BAKERY, now(db)) is None


def test_a_proof_that_holds_is_left_as_it_is(scene: Scene, administrator: CheckedClient, browser: Browser) -> None:
    database = scene.context.database
    member = make_company_member(database, make_company(database, BAKERY, "BOULANGERIE TOUT VA BIEN"))
    opened(scene, browser)
    company_page(administrator)
    administrator.submit(administrator.page, "/personnes", email=member.email, evidence=PAPER)
    with reading(database) as db:
        kept = db.scalars(select(Membership).where(Membership.user_id == member.id)).one()
        assert kept.evidence != PAPER


def test_a_withdrawn_answer_opens_no_company(scene: Scene, administrator: CheckedClient, browser: Browser) -> None:
    mine = browser(scene.account)
    mine.get("/candidatures")
    ref = next(href for href in mine.page.links.values() if href.startswith("/candidatures/"))
    assert press(mine, f"{ref}/retirer") == 303
    opened(scene, browser)
    assert "Aucune réponse n’est ouverte." in administrator.get(HOME).text


def test_one_s_own_buyer_is_administered_as_before(scene: Scene, administrator: CheckedClient) -> None:
    administrator.click(administrator.get(HOME), scene.buyer.name)
    administrator.submit(administrator.page, "/personnes", email="paul@ville.example", name="Paul", role="officer")
    assert "paul@ville.example" in administrator.page.main
    with transaction(scene.context.database) as db:
        assert db.scalars(select(User).where(User.email == "paul@ville.example")).one().email_verified_at is None


def test_a_call_is_found_by_its_number_once_the_plis_are_open(
    scene: Scene, administrator: CheckedClient, browser: Browser
) -> None:
    opened(scene, browser)
    worker.run_once(scene.context)
    with reading(scene.context.database) as db:
        number = db.query(Piece).filter(Piece.request_id != "").first().request_id  # type: ignore[union-attr]
    page = f"{HOME}/{scene.buyer.ref}"
    administrator.submit(administrator.get(page), "/appels", number=number)
    assert "BOULANGERIE TOUT VA BIEN" in administrator.page.main
    assert "Obtenu" not in administrator.page.main
    administrator.submit(administrator.get(page), "/appels", number="autre")
    nothing = administrator.page.main
    assert "Aucun appel de ce numéro" in nothing
    elsewhere = make_buyer(scene.context.database)
    other = browser(make_administrator(scene.context.database, elsewhere))
    other.submit(other.get(f"{HOME}/{elsewhere.ref}"), "/appels", number=number)
    assert "Aucun appel de ce numéro" in other.page.main
    with transaction(scene.context.database) as db:
        find(db, scene.ref).opened_at = None
    administrator.submit(administrator.get(page), "/appels", number=number)
    assert "Aucun appel de ce numéro" in administrator.page.main


def test_the_kind_of_a_buyer_is_said_once_and_fills_its_next_dossiers(
    scene: Scene, administrator: CheckedClient, browser: Browser
) -> None:
    path, headers = f"{HOME}/{scene.buyer.ref}", {"sec-fetch-site": "same-origin"}
    administrator.submit(administrator.get(path), "/genre", public_kind="local_large")
    with transaction(scene.context.database) as db:
        buyer = db.scalars(select(Organisation).where(Organisation.ref == scene.buyer.ref)).one()
        started = starting_dossier(db, buyer, "https://exemple.fr", now(db))["buyer"]
    assert (buyer.public_kind, started["kind"], started["large"]) == ("local_large", "local", True)
    assert administrator.post(f"{path}/genre", data={"public_kind": "royaume"}, headers=headers).status_code == 422
    other = browser(make_administrator(scene.context.database, make_buyer(scene.context.database)))
    assert other.post(f"{path}/genre", data={"public_kind": "state"}, headers=headers).status_code == 404
