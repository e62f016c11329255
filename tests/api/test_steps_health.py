"""A provider that fails is left alone until its ping is good; a token's rights and end are read in time."""

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from api import secretbox
from api.context import Context
from api.db import now, reading, transaction
from api.steps import health
from api.steps import pieces as step
from procurement.candidacy import open_candidacy
from procurement.consultation import find
from procurement.mail import Mail
from procurement.people import Organisation, User, person_of
from procurement.pieces import Piece, ask
from procurement.providers import Provider
from procurement.tokens import keep_rights
from siret_lookup.health import Privileges
from siret_lookup.outcome import Outcome
from tests.candidacy_scene import BAKERY, Browser, Scene, published
from tests.factories import make_administrator

DOWN = "00001008200014"  # the Urssaf answers 502 for this company
NAME = "urssaf/attestation_sociale"


def waiting(scene: Scene, siret: str, *keys: str) -> None:
    with transaction(scene.context.database) as db:
        account = person_of(db.get_one(User, scene.account.id))
        candidacy, _ = open_candidacy(db, find(db, scene.ref), siret, {"name": "Essai"}, account, now(db))
        ask(db, candidacy, keys, "test", now(db))


def due(context: Context) -> None:
    with transaction(context.database) as db:
        db.query(Piece).filter_by(state="waiting").update({"next_try_at": now(db)})


def vigilance(context: Context, siret: str) -> Piece:
    with reading(context.database) as db:
        return db.query(Piece).filter(Piece.key == "vigilance", Piece.candidacy.has(siret=siret)).one()


def circuit(context: Context) -> Provider:
    with reading(context.database) as db:
        return db.query(Provider).filter_by(name=NAME).one()


def test_after_three_failures_a_provider_is_left_alone_until_its_ping_is_good(context: Context) -> None:
    scene = published(context)
    waiting(scene, DOWN, "vigilance")
    for _ in range(3):
        due(context)
        assert step.fetch_due(context)
    assert (circuit(context).failures, vigilance(context, DOWN).attempts) == (3, 3)
    waiting(scene, BAKERY, "vigilance", "chiffres_affaires")
    step.fetch_due(context)
    held = vigilance(context, BAKERY)
    assert (held.attempts, held.outcome, held.next_try_at) == (0, None, circuit(context).open_until)
    with reading(context.database) as db:
        assert db.query(Piece).filter_by(key="chiffres_affaires").one().outcome == "obtained"
    assert health.ping_one(context)
    assert circuit(context).status == "ok"
    assert step.fetch_due(context)
    assert vigilance(context, BAKERY).outcome == "obtained"
    assert (circuit(context).failures, circuit(context).open_until) == (0, None)
    assert not health.ping_one(context)


def test_a_service_that_cannot_be_reached_is_pinged_once_a_minute(context: Context) -> None:
    scene = published(context)
    waiting(scene, DOWN, "vigilance")
    for _ in range(3):
        due(context)
        step.fetch_due(context)
    nowhere = replace(context, services={**context.services, "api_entreprise": "http://127.0.0.1:9"})
    assert health.ping_one(nowhere)
    assert circuit(context).status == "unreachable"
    assert not health.ping_one(nowhere)


def sealed(context: Context, scene: Scene, token: str) -> None:
    with transaction(context.database) as db:
        buyer = db.get_one(Organisation, scene.buyer.id)
        buyer.token_sealed = secretbox.seal(context.secret, f"token:{buyer.ref}", token.encode())


def jwt(expires_at: datetime) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(expires_at.timestamp())}).encode()).decode().rstrip("=")
    return f"e30.{claims}.sig"


def letters(context: Context) -> list[str]:
    with reading(context.database) as db:
        return [mail.to for mail in db.query(Mail).filter(Mail.subject.contains("jeton"))]


def test_a_token_s_rights_are_read_once_a_day(context: Context) -> None:
    scene = published(context)
    assert not health.read_one_token(context)
    sealed(context, scene, "sandbox-token-mps")
    assert health.read_one_token(context)
    with reading(context.database) as db:
        buyer = db.get_one(Organisation, scene.buyer.id)
        assert "vigilance" in (buyer.token_rights or [])
        assert buyer.token_alert == ""
    assert not health.read_one_token(context)
    assert letters(context) == []


@pytest.mark.parametrize("key", ["insee_unite_legale", None])
def test_a_refused_token_is_told_to_the_administrators_once(context: Context, key: str | None) -> None:
    """By the daily reading, or by the first piece that meets the refusal."""
    scene = published(context)
    administrator = make_administrator(context.database, scene.buyer)
    sealed(context, scene, "sandbox-token-expire")
    if key:
        waiting(scene, BAKERY, key, "chiffres_affaires")
        step.fetch_due(context)
    else:
        health.read_one_token(context)
    assert letters(context) == [administrator.email]


@pytest.mark.parametrize(
    ("days", "told"), [(91, []), (90, ["90"]), (61, ["90"]), (30, ["30"]), (14, ["15"]), (-1, ["0"])]
)
def test_the_end_of_a_token_is_told_in_time_once_for_each_step(context: Context, days: int, told: list[str]) -> None:
    scene = published(context)
    make_administrator(context.database, scene.buyer)
    reached = next((w for w in (15, 30, 60, 90) if days <= w), None) if days > 0 else 0
    with transaction(context.database) as db:
        end = now(db) + timedelta(days=days)
        for _ in range(2):
            found = Privileges(Outcome.OBTAINED, frozenset({"vigilance"}), end, max(days, 0), reached)
            keep_rights(db, scene.buyer.id, found, now(db))
        assert db.get_one(Organisation, scene.buyer.id).token_alert == (told[0] if told else "")
    assert len(letters(context)) == len(told)


def test_administrators_see_the_health_of_providers_and_their_token_s_end(context: Context, browser: Browser) -> None:
    scene = published(context)
    administrator = browser(make_administrator(context.database, scene.buyer))
    waiting(scene, DOWN, "vigilance")
    for _ in range(3):
        due(context)
        step.fetch_due(context)
    administrator.get("/administration/organismes")
    assert "Laissé au repos" in administrator.page.main
    assert NAME in administrator.page.main
    assert browser(scene.officer).get("/administration/organismes").status_code == 404
    with transaction(context.database) as db:
        end = now(db) + timedelta(days=40)
    path = f"/administration/{scene.buyer.ref}"
    administrator.submit(administrator.get(path), "/jeton", token=jwt(end))
    administrator.get(path)
    assert "pas encore lus" in administrator.page.main
    administrator.get("/administration/organismes")
    assert f"{scene.buyer.name} dgfip_attestation_fiscale 0 5" in administrator.page.main
    health.read_one_token(context)
    administrator.get(path)
    assert "API Entreprise refuse ce jeton" in administrator.page.main
    assert jwt(end) not in administrator.page.text
