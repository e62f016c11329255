"""Proving that one belongs to a company by a code posted to its head office; who sees it, who may end it."""

import io
import re
from collections.abc import Callable
from datetime import timedelta

import pypdf
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from api.context import Context
from api.db import Database, now, reading, transaction
from procurement.belonging import Proof, proof_of, prove
from procurement.letter import Letter
from procurement.mail import Mail
from procurement.people import Membership, Organisation, Role, User
from tests.candidacy_scene import (
    BAKERY,
    DISCREET,
    NOT_TO_BE_SHOWN,
    Scene,
    deposit,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient, page_of
from tests.factories import (
    make_account,
    make_administrator,
    make_buyer,
    make_company,
    make_company_member,
)

Browser = Callable[[User], CheckedClient]
HERE, LETTERS = "/compte/appartenance", "/administration/courriers"
CLOSED, UNKNOWN = "00001019900016", "00007016900016"


def asked(client: CheckedClient, siret: str = BAKERY) -> int:
    return client.submit(client.get(HERE), f"{HERE}/courriers", siret=siret).status_code


def code_in(pdf: bytes) -> str:
    text = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    found = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", text)
    assert found, text
    return found.group()


def letter_of(database: Database) -> Letter:
    with reading(database) as db:
        return db.scalars(select(Letter).order_by(Letter.id.desc())).first() or Letter()


@pytest.fixture
def operator(database: Database) -> User:
    """The administrator of the install's first buyer."""
    return make_administrator(database, make_buyer(database, "Ville première"))


def taken(operator: CheckedClient, database: Database) -> bytes:
    answer = operator.submit(operator.get(LETTERS), f"{letter_of(database).ref}/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    return answer.content


def test_a_code_goes_by_post_to_the_head_office_and_comes_back(
    operator: User, database: Database, browser: Browser
) -> None:
    person = make_account(database)
    mine, theirs = browser(person), browser(operator)
    assert asked(mine) == 200
    assert "Pas encore posté" in mine.page.main
    pdf = taken(theirs, database)
    text = " ".join(pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 1
    assert all(
        part in text for part in ("BOULANGERIE TOUT VA BIEN", "1 RUE DES ESSAIS", person.email, "Ville première")
    )
    today = f"{letter_of(database).taken_at:%Y-%m-%d}"
    theirs.submit(theirs.get(LETTERS), "/poste", posted_on=today)
    assert "Posté le" in theirs.page.main
    typed = code_in(pdf).lower().replace("0", "o").replace("1", "l").replace("-", " ")
    mine.submit(mine.get(HERE), letter_of(database).ref, code=typed)
    assert "Votre appartenance est prouvée." in mine.page.main
    assert "(code posté au siège)" in mine.page.main
    with reading(database) as db:
        proof = proof_of(db, person.id, BAKERY, now(db))
        assert proof is not None
        assert re.fullmatch(r"Code posté au siège le .+, rendu le .+", proof.evidence)
        assert proof_of(db, person.id, BAKERY, now(db) + timedelta(days=366)) is None


def test_no_page_shows_the_code_and_the_letter_is_taken_once_by_a_name(
    operator: User, database: Database, browser: Browser
) -> None:
    mine, theirs = browser(make_account(database)), browser(operator)
    asked(mine)
    sealed = letter_of(database)
    assert sealed.code_sealed is not None
    code = code_in(taken(theirs, database))
    for client, path in ((mine, HERE), (theirs, LETTERS), (mine, "/boite")):
        assert code not in client.get(path).text
    assert press(theirs, f"{LETTERS}/{sealed.ref}/pdf") == 409
    after = letter_of(database)
    assert (after.code_sealed, after.taken_by) == (None, operator.email)
    assert after.taken_at is not None
    assert code.replace("-", "") not in after.code_hash


def test_only_the_operator_s_administrators_see_letters_and_none_takes_its_own(
    operator: User, database: Database, browser: Browser
) -> None:
    other = browser(make_administrator(database, make_buyer(database)))
    theirs = browser(operator)
    assert asked(theirs) == 200
    ref = letter_of(database).ref
    assert press(theirs, f"{LETTERS}/{ref}/pdf") == 409
    assert "Courriers à poster" in theirs.get("/administration").text
    assert other.get(LETTERS).status_code == 404
    assert "Courriers à poster" not in other.get("/administration").text
    assert press(other, f"{LETTERS}/{ref}/pdf") == 404
    assert press(other, f"{LETTERS}/{ref}/poste", posted_on="2026-12-01") == 404
    assert letter_of(database).taken_at is None


def test_five_wrong_tries_and_the_right_code_is_worth_nothing(
    operator: User, database: Database, browser: Browser
) -> None:
    mine = browser(make_account(database))
    asked(mine)
    code, ref = code_in(taken(browser(operator), database)), letter_of(database).ref
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    assert press(mine, f"{HERE}/courriers/{ref}", code="trop court") == 422
    for left in (4, 3, 2, 1):
        assert mine.submit(mine.get(HERE), ref, code=wrong).status_code == 422
        assert f"essais restants : {left}" in mine.page.main
    assert mine.submit(mine.get(HERE), ref, code=wrong).status_code == 422
    assert "dernier essai" in mine.page.main
    assert press(mine, f"{HERE}/courriers/{ref}", code=code) == 422
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(Membership).where(Membership.role == "company")) == 0


def test_a_code_serves_once_for_its_own_account_and_in_time(
    operator: User, database: Database, browser: Browser
) -> None:
    mine, thief = browser(make_account(database)), browser(make_account(database))
    asked(mine)
    code, path = code_in(taken(browser(operator), database)), f"{HERE}/courriers/{letter_of(database).ref}"
    assert press(thief, path, code=code) == 404
    with transaction(database) as db:
        letter = db.scalars(select(Letter)).one()
        expires, letter.expires_at = letter.expires_at, now(db)
    assert press(mine, path, code=code) == 422
    with transaction(database) as db:
        db.scalars(select(Letter)).one().expires_at = expires
    assert expires - letter_of(database).asked_at == timedelta(days=60)
    assert press(mine, path, code=code) == 303
    assert press(mine, path, code=code) == 422


@pytest.mark.parametrize(
    ("siret", "sentence"),
    [
        (DISCREET, "n’est pas publique"),
        (NOT_TO_BE_SHOWN, "Aucun établissement public"),
        (UNKNOWN, "Aucun établissement public"),
        (CLOSED, "fermé"),
        ("12", "14"),
    ],
)
def test_where_no_letter_can_go_one_sentence_says_it(
    database: Database, browser: Browser, siret: str, sentence: str
) -> None:
    mine = browser(make_account(database))
    assert asked(mine, siret) == 422
    assert sentence in mine.page.main
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(Letter)) == 0


def test_letters_are_few_per_month(database: Database, browser: Browser) -> None:
    mine, other = browser(make_account(database)), browser(make_account(database))
    assert [asked(mine), asked(other)] == [200, 200]
    assert press(mine, f"{HERE}/courriers", siret=BAKERY) == 409
    with transaction(database) as db:
        for letter in db.scalars(select(Letter)):
            letter.asked_at -= timedelta(days=31)
    assert press(mine, f"{HERE}/courriers", siret=BAKERY) == 303


def test_an_unproven_address_and_a_buyer_s_siret_get_no_letter(database: Database, browser: Browser) -> None:
    assert press(browser(make_account(database, verified=False)), f"{HERE}/courriers", siret=BAKERY) == 409
    with transaction(database) as db:
        db.add(Organisation(name="Ville", siret=BAKERY, kind="buyer", created_at=now(db)))
    assert press(browser(make_account(database)), f"{HERE}/courriers", siret=BAKERY) == 409


def test_the_register_that_is_down_loses_nothing(app: FastAPI, database: Database, browser: Browser) -> None:
    mine = browser(make_account(database))
    app.state.context.services["recherche_entreprises"] = "http://127.0.0.1:9"
    assert press(mine, f"{HERE}/courriers", siret=BAKERY) == 503


def test_the_trial_box_shows_the_letter_until_it_is_taken(operator: User, database: Database, browser: Browser) -> None:
    mine = browser(make_account(database))
    asked(mine)
    box = mine.click(mine.page, "boîte d’essai")
    mine.get(mine.page.links["Ouvrir le courrier (PDF)"])
    path = f"/boite/courriers/{letter_of(database).ref}"
    code = code_in(mine.get(path).content)
    assert "BOULANGERIE" in box.text
    assert mine.get(path, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 404
    assert code_in(taken(browser(operator), database)) == code
    assert mine.get(path).status_code == 404


# Members: told of each other, seeing each other, ending each other's proof.


def test_members_are_told_see_each_other_and_may_end_a_proof(database: Database, browser: Browser) -> None:
    company = make_company(database, BAKERY)
    first, second = make_company_member(database, company), make_account(database)
    with transaction(database) as db:
        where = db.get_one(Organisation, company.id)
        for _ in range(2):
            prove(db, db.get_one(User, second.id), where, Proof("proconnect", "ProConnect", "ProConnect"), now(db))
    with reading(database) as db:
        told = db.scalars(select(Mail)).all()
        assert [mail.to for mail in told] == [first.email]
        assert second.email in told[0].body
    member = browser(first)
    page = member.get(f"{HERE}/{company.ref}")
    assert second.email in page.text
    member.submit(page, f"/membres/{second.ref}/fin")
    assert second.email not in member.page.main
    assert press(member, f"{HERE}/{company.ref}/membres/{second.ref}/fin") == 303
    with reading(database) as db:
        assert proof_of(db, second.id, BAKERY, now(db)) is None
        trace = db.scalars(select(Membership).where(Membership.user_id == second.id)).one()
        assert (trace.ended_at is not None, trace.ended_by) == (True, first.email)
    gone = browser(second)
    assert gone.get(f"{HERE}/{company.ref}").status_code == 404
    assert press(gone, f"{HERE}/{company.ref}/membres/{first.ref}/fin") == 404


def test_one_may_leave_a_company_and_a_stranger_sees_nobody(database: Database, browser: Browser) -> None:
    company = make_company(database, BAKERY)
    mine = browser(make_company_member(database, company))
    assert browser(make_account(database)).get(f"{HERE}/{company.ref}").status_code == 404
    mine.submit(mine.get(f"{HERE}/{company.ref}"), "/fin")
    assert mine.page.h1 == "Appartenance à une entreprise"
    assert "Rien n’est prouvé" in mine.page.main


# Belonging conditions no deposit; the deposit says what is known, then.


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


def prove_by_proconnect(scene: Scene) -> None:
    with transaction(scene.context.database) as db:
        company = Organisation(name="Boulangerie", siret=BAKERY, kind="company", created_at=now(db))
        db.add(company)
        db.flush()
        prove(db, db.get_one(User, scene.account.id), company, Proof("proconnect", "ProConnect", "ProConnect"), now(db))


def as_the_buyer_reads_it(scene: Scene, browser: Browser) -> str:
    scene.close()
    officer = browser(scene.officer)
    officer.submit(officer.get(f"{scene.hub}/ouvrir"), "/ouvrir")
    officer.get(f"{scene.hub}/plis")
    board = officer.page.main
    officer.click(officer.page, next(iter(label for label, href in officer.page.links.items() if "/plis/" in href)))
    return board + officer.page.main


def test_an_unproven_company_deposits_and_is_said_to_be_declared(scene: Scene, browser: Browser) -> None:
    mine = browser(scene.account)
    path = start(mine, scene)
    assert "Appartenance : déclarée" in mine.page.main
    assert deposit(mine, path) == 200
    assert as_the_buyer_reads_it(scene, browser).count("Appartenance : déclarée") == 2


def test_a_proof_that_came_since_the_draft_counts_at_the_deposit_with_when_and_how(
    scene: Scene, browser: Browser
) -> None:
    mine = browser(scene.account)
    path = start(mine, scene)
    prove_by_proconnect(scene)
    proven = r"Appartenance : prouvée le \d+(er)? \w+ \d{4} \(ProConnect\)"
    assert re.search(proven, page_of(mine.get(path)).text)
    assert deposit(mine, path) == 200
    assert re.search(proven, mine.page.main)
    assert len(re.findall(proven, as_the_buyer_reads_it(scene, browser))) == 2


def test_a_proof_that_ended_before_the_deposit_is_not_told(scene: Scene, browser: Browser) -> None:
    prove_by_proconnect(scene)
    mine = browser(scene.account)
    path = start(mine, scene)
    with transaction(scene.context.database) as db:
        db.scalars(select(Membership).where(Membership.role == Role.COMPANY)).one().ended_at = now(db)
    assert deposit(mine, path) == 200
    assert "Appartenance : déclarée" in mine.page.main
