"""Signing in with a password, or with a code that proves the address."""

import re
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.auth import create_token, set_password
from api.db import Database, now, reading, transaction
from procurement.mail import Mail
from procurement.people import ApiToken, LoginSession, User
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.checked_client import CheckedClient
from tests.factories import make_account
from tests.html import words

PASSWORD = "une phrase assez longue"


def with_password(database: Database) -> User:
    user = make_account(database)
    with transaction(database) as db:
        set_password(db, db.get_one(User, user.id), PASSWORD)
    return user


def last_code(database: Database) -> str:
    with reading(database) as db:
        body = db.scalars(select(Mail).order_by(Mail.id.desc())).first()
        assert body is not None
        found = re.search(r"\d{4} \d{4}", body.body)
        assert found
        return found.group()


def test_a_password_opens_and_closes_a_session(client: CheckedClient, database: Database) -> None:
    user = with_password(database)
    form = client.get("/connexion?suite=/compte")
    client.submit(form, "/connexion", email=user.email, password=PASSWORD)
    assert client.page.h1 == "Mon compte"
    assert user.email in client.page.text
    client.submit(client.page, "/deconnexion")
    assert client.get("/compte", follow_redirects=False).headers["location"] == "/connexion?suite=/compte"


def test_the_session_token_is_stored_hashed_and_the_cookie_closed_to_scripts(
    client: CheckedClient, database: Database
) -> None:
    user = with_password(database)
    answer = client.post("/connexion", data={"email": user.email, "password": PASSWORD}, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    with reading(database) as db:
        assert token not in db.scalars(select(LoginSession.token_hash)).all()


def test_a_new_password_ends_every_session_of_that_account_alone(database: Database, browser: Browser) -> None:
    user, other = with_password(database), make_account(database)
    here, elsewhere, theirs = browser(user), browser(user), browser(other)
    assert "ferme toutes vos sessions" in here.get("/compte").text
    with transaction(database) as db:
        assert set_password(db, db.get_one(User, user.id), "une autre phrase longue") == 2
    for client in (here, elsewhere):
        answer = client.get("/compte", follow_redirects=False)
        assert answer.headers["location"].startswith("/connexion")
    assert theirs.get("/compte", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("email", ["known", "inconnue@exemple.fr", "", "pas une adresse"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_sentence(
    client: CheckedClient, database: Database, email: str
) -> None:
    user = with_password(database)
    answer = client.submit(
        client.get("/connexion"), "/connexion", email=user.email if email == "known" else email, password="non"
    )
    assert answer.status_code == 422
    assert "Adresse ou mot de passe inconnus." in client.page.text
    assert client.page.title.startswith("Erreur")


def test_ten_wrong_tries_and_the_door_waits(client: CheckedClient, database: Database) -> None:
    user = with_password(database)
    for _ in range(10):
        client.post("/connexion", data={"email": user.email, "password": "non"})
    answer = client.post("/connexion", data={"email": user.email, "password": PASSWORD})
    assert answer.status_code == 409
    assert "Trop d’essais" in answer.text


def test_who_signs_in_often_is_never_locked_out_and_failures_still_count(
    client: CheckedClient, database: Database
) -> None:
    user = with_password(database)

    def tries(password: str) -> int:
        data = {"email": f" {user.email.upper()} ", "password": password}
        return client.post("/connexion", data=data, headers=SAME_ORIGIN, follow_redirects=False).status_code

    assert [tries(PASSWORD) for _ in range(35)] == [303] * 35
    assert [tries("non") for _ in range(5)] == [422] * 5
    assert [tries(PASSWORD) for _ in range(5)] == [303] * 5
    assert [tries("non") for _ in range(6)] == [422] * 5 + [409], "a success between gives no failure back"
    assert tries(PASSWORD) == 409


@pytest.mark.parametrize("target", ["https://ailleurs.example/", "//ailleurs.example", "/\\ailleurs.example"])
def test_signing_in_never_leads_to_another_site(client: CheckedClient, database: Database, target: str) -> None:
    user = with_password(database)
    answer = client.post(
        "/connexion",
        data={"email": user.email, "password": PASSWORD, "suite": target},
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/"


def test_a_code_proves_the_address_once(client: CheckedClient, database: Database) -> None:
    client.submit(client.get("/inscription"), "/inscription", name="Léa Martin", email="Lea@Exemple.fr")
    code = last_code(database)
    client.submit(client.page, "/inscription/code", email="lea@exemple.fr", code=code)
    with reading(database) as db:
        user = db.scalar(select(User).where(User.email == "lea@exemple.fr"))
        assert user is not None
        assert user.email_verified_at is not None
    again = client.submit(client.get("/inscription/code"), "/inscription/code", email="lea@exemple.fr", code=code)
    assert again.status_code == 422
    assert "n’est pas le bon" in client.page.main


def test_a_code_of_somebody_else_opens_nothing(client: CheckedClient, database: Database) -> None:
    client.post("/inscription", data={"name": "Léa", "email": "lea@exemple.fr"})
    code = last_code(database)
    client.post("/inscription", data={"name": "Max", "email": "max@exemple.fr"})
    answer = client.post("/inscription/code", data={"email": "max@exemple.fr", "code": code})
    assert answer.status_code == 422


@pytest.mark.parametrize("email", ["", "lea", "lea@", "@exemple.fr", "lea@exemple", "a b@exemple.fr", "a@b.fr,c@d.fr"])
def test_an_address_that_is_none_is_said_at_once(client: CheckedClient, email: str) -> None:
    answer = client.submit(client.get("/inscription"), "/inscription", name="Léa", email=email)
    assert answer.status_code == 422
    assert "nom@exemple.fr" in client.page.main


def test_a_token_of_the_api_opens_no_page(client: CheckedClient, database: Database) -> None:
    user = with_password(database)
    with transaction(database) as db:
        headers = {"authorization": f"Bearer {create_token(db, db.get_one(User, user.id), 'test')}"}
    assert client.get("/compte", headers=headers, follow_redirects=False).status_code == 303


def test_the_trial_box_and_the_figures_stay_on_this_machine(client: CheckedClient) -> None:
    for path in ("/boite", "/metrics"):
        assert client.get(path).status_code == 200
        for name in ("x-forwarded-for", "forwarded", "via"):
            assert client.get(path, headers={name: "192.0.2.1"}).status_code == 404, (path, name)


def test_a_stranger_s_wrong_tries_lock_nobody_else_out(app: FastAPI, client: CheckedClient, database: Database) -> None:
    user = with_password(database)
    with CheckedClient(app, client=("192.0.2.9", 4321)) as stranger:
        tries = (stranger.post("/connexion", data={"email": user.email, "password": "non"}) for _ in range(21))
        # Twice ten: the quarter of an hour that is counted may turn meanwhile.
        assert any(answer.status_code == 409 for answer in tries)
    client.submit(client.get("/connexion?suite=/compte"), "/connexion", email=user.email, password=PASSWORD)
    assert client.page.h1 == "Mon compte"


def api(client: CheckedClient, token: str) -> int:
    """The status of a call that needs a known person."""
    return client.get("/api/v1/candidacies/000000000000", headers={"authorization": f"Bearer {token}"}).status_code


def test_a_person_sees_their_tokens_and_revokes_one(
    client: CheckedClient, database: Database, browser: Browser
) -> None:
    user, other = make_account(database), make_account(database)
    with transaction(database) as db:
        mine, second = (create_token(db, db.get_one(User, user.id), label) for label in ("paie", "veille"))
        theirs = create_token(db, db.get_one(User, other.id), "à un autre")
    owner, stranger = browser(user), browser(other)
    page = owner.get("/compte")
    assert "paie" in owner.page.main
    assert "à un autre" not in owner.page.main
    assert mine not in page.text
    (action,) = [a for a in owner.page.actions if "Révoquer « paie »" in words(owner.page.form(a))]
    assert stranger.post(action, headers=SAME_ORIGIN, follow_redirects=False).status_code == 303
    assert api(client, mine) == 404, "known still: a stranger revokes nothing"
    owner.submit(page, action)
    assert "Ce jeton est révoqué" in owner.page.main
    assert "paie" not in owner.page.main
    assert [api(client, token) for token in (mine, second, theirs)] == [401, 404, 404]
    assert owner.post(action, headers=SAME_ORIGIN, follow_redirects=False).status_code == 303
    assert client.post(action, headers=SAME_ORIGIN, follow_redirects=False).headers["location"].startswith("/connexion")


def test_an_expired_token_is_refused_and_said(client: CheckedClient, database: Database, browser: Browser) -> None:
    user = make_account(database)
    with transaction(database) as db:
        token = create_token(db, db.get_one(User, user.id), "vieux")
    assert api(client, token) == 404
    with transaction(database) as db:
        db.scalars(select(ApiToken)).one().expires_at = now(db) - timedelta(seconds=1)
    assert api(client, token) == 401
    owner = browser(user)
    owner.get("/compte")
    assert "expiré depuis le" in owner.page.main
