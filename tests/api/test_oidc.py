"""Signing in with ProConnect, against a real provider as strict as it (tests/oidc/provider.mjs), over real HTTP."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from api.app import create_app
from api.db import Database, now, reading, transaction
from api.sandbox.server import SandboxUrls
from api.settings import Settings
from procurement.belonging import proof_of
from procurement.federation import FederatedLogin
from procurement.people import LoginSession, Membership, Organisation, User
from tests.candidacy_scene import BAKERY, SAME_ORIGIN
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_buyer
from tests.oidc_peer import PERSONA, Peer, running_peer

START = "/connexion/proconnect"
OTHER = "00001002500013"


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with running_peer() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, peer: Peer) -> Settings:
    return peer.settings(settings)


@pytest.fixture(autouse=True)
def persona(peer: Peer) -> None:
    peer.play(PERSONA | {"siret": BAKERY})


def sent_away(client: CheckedClient, suite: str = "/compte") -> str:
    """Press the button; the provider's address."""
    page = client.get(f"/connexion?suite={suite}")
    assert page.status_code == 200
    answer = client.get(client.page.links["Se connecter avec ProConnect"], follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def signed_in(client: CheckedClient, peer: Peer, suite: str = "/compte") -> Any:
    return client.get(peer.browse(sent_away(client, suite)))


def the_user(database: Database) -> User:
    with reading(database) as db:
        return db.scalars(select(User)).one()


def test_the_first_sign_in_makes_a_verified_account_and_proves_belonging(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    signed_in(client, peer)
    assert client.page.h1 == "Mon compte"
    assert "Léa Martin" in client.page.text
    user = the_user(database)
    assert (user.email, user.email_verified_at is not None) == (PERSONA["email"], True)
    with reading(database) as db:
        company = db.scalars(select(Organisation)).one()
        assert (company.siret, company.kind, company.name) == (BAKERY, "company", "BOULANGERIE TOUT VA BIEN")
        proof = proof_of(db, user.id, BAKERY, now(db))
        assert proof is not None
        assert proof.way == "proconnect"
        assert proof.evidence.startswith("ProConnect, le ")
        assert proof_of(db, user.id, BAKERY, now(db) + timedelta(days=364)) is not None
        assert proof_of(db, user.id, BAKERY, now(db) + timedelta(days=366)) is None


def test_the_request_is_the_one_that_proconnect_takes(client: CheckedClient, peer: Peer) -> None:
    signed_in(client, peer)
    asked = peer.asked()[0]
    assert set(asked) == {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
    assert min(len(asked["state"]), len(asked["nonce"])) >= 32
    assert asked["scope"].split() == ["openid", "given_name", "usual_name", "email", "siret"]


def test_signing_in_again_renews_the_proof_and_makes_nothing_twice(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    signed_in(client, peer)
    with transaction(database) as db:
        proof = db.scalars(select(Membership)).one()
        proof.proven_at, proof.proven_until = now(db) - timedelta(days=400), now(db) - timedelta(days=35)
    peer.play(PERSONA | {"siret": BAKERY, "email": "autre@boulangerie.example"})
    signed_in(client, peer)
    assert the_user(database).email == PERSONA["email"]
    with reading(database) as db:
        proof = db.scalars(select(Membership)).one()
        assert proof.proven_at is not None
        assert now(db) - proof.proven_at < timedelta(minutes=1)
        assert proof_of(db, proof.user_id, BAKERY, now(db)) is not None


def test_another_siret_adds_a_proof_and_leaves_the_first_to_run_out(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    signed_in(client, peer)
    peer.play(PERSONA | {"siret": OTHER})
    signed_in(client, peer)
    user = the_user(database)
    with reading(database) as db:
        assert all(proof_of(db, user.id, siret, now(db)) for siret in (BAKERY, OTHER))


@pytest.mark.parametrize("verified", [True, False])
def test_an_account_of_the_same_address_is_linked_and_its_address_thereby_proven(
    client: CheckedClient, peer: Peer, database: Database, verified: bool
) -> None:
    known = make_account(database, PERSONA["email"], verified=verified)
    signed_in(client, peer)
    user = the_user(database)
    assert (user.id, user.email_verified_at is not None) == (known.id, True)
    with reading(database) as db:
        assert db.scalars(select(FederatedLogin.user_id)).all() == [known.id]


def test_an_address_that_the_provider_did_not_verify_takes_no_account_over(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    make_account(database, PERSONA["email"])
    peer.play(PERSONA, userinfo={"email_verified": False})
    assert signed_in(client, peer).status_code == 422
    assert "pas vérifiée" in client.page.main
    nobody_is_in(database)


@pytest.mark.parametrize("claimed", [None, "", "12345678901234", "pas un siret"])
def test_without_a_good_siret_one_is_signed_in_and_nothing_is_proven(
    client: CheckedClient, peer: Peer, database: Database, claimed: str | None
) -> None:
    peer.play(PERSONA | ({} if claimed is None else {"siret": claimed}))
    signed_in(client, peer)
    assert client.page.h1 == "Mon compte"
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(Membership)) == 0


def test_a_public_buyer_s_siret_makes_no_company_of_it(client: CheckedClient, peer: Peer, database: Database) -> None:
    buyer = make_buyer(database)
    peer.play(PERSONA | {"siret": buyer.siret})
    signed_in(client, peer)
    assert client.page.h1 == "Mon compte"
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(Membership)) == 0


def nobody_is_in(database: Database) -> None:
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(LoginSession)) == 0
        assert db.scalar(select(func.count()).select_from(Membership)) == 0


LIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "refused by the person": ({"error": "access_denied"}, 403, "vous avez renoncé"),
    "the provider's own trouble": ({"error": "temporarily_unavailable"}, 503, "ne répond pas"),
    "a request it does not like": ({"error": "invalid_request"}, 502, "prévenez l’exploitant"),
    "foreign signature": ({"foreignKey": True, "idToken": {"a": 1}}, 502, "ne peut pas être vérifiée"),
    "foreign signature on userinfo": ({"foreignKey": True, "userinfo": {"a": 1}}, 502, "ne peut pas être vérifiée"),
    "another nonce": ({"idToken": {"nonce": "x" * 43}}, 502, "ne peut pas être vérifiée"),
    "for another client": ({"idToken": {"aud": "autre"}}, 502, "ne peut pas être vérifiée"),
    "from another issuer": ({"idToken": {"iss": "https://autre.example"}}, 502, "ne peut pas être vérifiée"),
    "ended": ({"idToken": {"exp": 1_700_000_000}}, 502, "ne peut pas être vérifiée"),
    "userinfo of somebody else": ({"userinfo": {"sub": "autre"}}, 502, "ne peut pas être vérifiée"),
    "userinfo for another client": ({"userinfo": {"aud": "autre"}}, 502, "ne peut pas être vérifiée"),
    "userinfo unsigned": ({"plainUserinfo": True}, 502, "ne peut pas être vérifiée"),
    "token endpoint down": ({"down": "/api/v2/token"}, 503, "ne répond pas"),
    "keys down": ({"down": "/api/v2/jwks"}, 503, "ne répond pas"),
    "userinfo down": ({"down": "/api/v2/userinfo"}, 503, "ne répond pas"),
    "no address": ({"userinfo": {"email": None}}, 422, "pas donné d’adresse"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_trusted_signs_nobody_in(
    client: CheckedClient, peer: Peer, database: Database, lie: str
) -> None:
    say, status, sentence = LIES[lie]
    peer.play(PERSONA | {"siret": BAKERY}, **say)
    assert signed_in(client, peer).status_code == status
    assert sentence in client.page.main
    nobody_is_in(database)


def test_a_code_serves_once_and_a_state_too(client: CheckedClient, peer: Peer) -> None:
    kept = sent_away(client)
    back, attempt = peer.browse(kept), client.cookies["mps_oidc"]
    client.get(back)
    assert client.get(back).status_code == 403
    client.cookies.set("mps_oidc", attempt, domain="testserver.local", path=START)
    assert client.get(back).status_code == 409
    assert "déjà servi ou a expiré" in client.page.main


def test_a_code_that_waited_is_refused(client: CheckedClient, peer: Peer, database: Database) -> None:
    peer.play(PERSONA, codeTtl=1)
    back = peer.browse(sent_away(client))
    time.sleep(2.1)
    assert client.get(back).status_code == 409
    nobody_is_in(database)


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    app: FastAPI, client: CheckedClient, peer: Peer, database: Database
) -> None:
    back = peer.browse(sent_away(client))
    with CheckedClient(app) as victim:
        assert victim.get(back).status_code == 403
        assert "pas été commencée dans ce navigateur" in victim.page.main
    wrong = back.replace(parse_qs(urlsplit(back).query)["state"][0], "y" * 43)
    assert client.get(wrong).status_code == 403
    client.cookies.set("mps_oidc", "bidon", domain="testserver.local", path=START)
    assert client.get(back).status_code == 403
    nobody_is_in(database)


def test_an_answer_in_another_provider_s_name_is_refused(client: CheckedClient, peer: Peer) -> None:
    back = peer.browse(sent_away(client))
    query = parse_qs(urlsplit(back).query)
    mixed = client.get(f"{START}/retour?code={query['code'][0]}&state={query['state'][0]}&iss=https://autre.example")
    assert mixed.status_code == 502


def test_signing_in_never_leads_to_another_site(client: CheckedClient, peer: Peer) -> None:
    answer = client.get(peer.browse(sent_away(client, "//ailleurs.example")), follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_signing_out_goes_on_at_the_provider_and_comes_back(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    page = signed_in(client, peer)
    origin = f"form-action 'self' {peer.issuer};"
    assert origin in page.headers["content-security-policy"]
    away = client.submit(page, "/deconnexion", follow=False).headers["location"]
    assert set(parse_qs(urlsplit(away).query)) == {"id_token_hint", "state", "post_logout_redirect_uri"}
    nobody_is_signed_in = client.get("/compte", follow_redirects=False)
    assert nobody_is_signed_in.status_code == 303
    assert urlsplit(peer.sign_out(away)).netloc == "testserver"


def test_signing_out_here_works_while_the_provider_is_down(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    page = signed_in(client, peer)
    peer.play(PERSONA, down="/.well-known/openid-configuration")
    assert client.submit(page, "/deconnexion", follow=False).headers["location"] == "/"
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(LoginSession)) == 0


def test_a_provider_that_is_down_is_said_before_one_leaves(client: CheckedClient, peer: Peer) -> None:
    peer.play(PERSONA, down="/.well-known/openid-configuration")
    assert client.get(START, follow_redirects=False).status_code == 503
    assert "par un code" in client.page.main


def test_a_provider_that_nothing_answers_for_is_down_too(settings: Settings, sandbox: SandboxUrls) -> None:
    nowhere = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    app = create_app(nowhere, sandbox=True, **sandbox.services())
    with CheckedClient(app) as client:
        assert client.get(START, follow_redirects=False).status_code == 503
    app.state.database.dispose()


def test_tokens_rest_sealed_and_the_attempt_is_closed_to_scripts(
    client: CheckedClient, peer: Peer, database: Database
) -> None:
    cookie = client.get(START, follow_redirects=False).headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", f"Path={START}"))
    signed_in(client, peer)
    with reading(database) as db:
        sealed = db.scalars(select(LoginSession.id_token_sealed)).one()
        assert sealed is not None
        assert b"eyJ" not in sealed


def test_without_a_provider_there_is_no_button_and_no_door(settings: Settings, sandbox: SandboxUrls) -> None:
    plain = settings.model_copy(update={"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None})
    app = create_app(plain, sandbox=True, **sandbox.services())
    with CheckedClient(app) as client:
        client.get("/connexion")
        assert "ProConnect" not in client.page.text
        assert client.get(START).status_code == 404
        assert client.get(f"{START}/retour").status_code == 404
        assert client.post("/deconnexion", headers=SAME_ORIGIN, follow_redirects=False).status_code == 303
    app.state.database.dispose()
