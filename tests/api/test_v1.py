"""The JSON API: one SIRET to a receipt, repeated keys, strangers; then whatever schemathesis can think of."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis.strategies import SearchStrategy
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.auth import create_token
from api.db import Database, transaction
from procurement.people import User
from tests.candidacy_scene import BAKERY, Scene, published
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_buyer, make_officer

Caller = Callable[..., Any]


def token_of(database: Database, user: User) -> dict[str, str]:
    with transaction(database) as db:
        return {"authorization": f"Bearer {create_token(db, user, 'test')}"}


@pytest.fixture
def scene(context: Any) -> Scene:
    return published(context)


def test_one_siret_opens_a_candidacy_and_again_gives_the_same(
    client: CheckedClient, database: Database, scene: Scene
) -> None:
    mine = token_of(database, scene.account)
    path = f"/api/v1/consultations/{scene.ref}/candidacies"
    first = client.post(path, json={"siret": "000 010 017 00010"}, headers=mine)
    assert first.status_code == 201, first.text
    body = first.json()
    assert body["siret"] == BAKERY
    assert body["identity"]["name"] == "BOULANGERIE TOUT VA BIEN"
    assert len(body["checked_by_buyer"]) >= 5
    again = client.post(path, json={"siret": BAKERY}, headers=mine)
    assert (again.status_code, again.json()["ref"]) == (200, body["ref"])


def test_another_account_gets_its_own_and_learns_nothing(
    client: CheckedClient, database: Database, scene: Scene
) -> None:
    path = f"/api/v1/consultations/{scene.ref}/candidacies"
    mine = client.post(path, json={"siret": BAKERY}, headers=token_of(database, scene.account)).json()
    stranger = token_of(database, make_account(database))
    theirs = client.post(path, json={"siret": BAKERY}, headers=stranger)
    assert theirs.status_code == 201
    assert theirs.json()["ref"] != mine["ref"]
    assert client.get(f"/api/v1/candidacies/{mine['ref']}", headers=stranger).status_code == 404


def test_answers_then_a_deposit_then_a_receipt_once(client: CheckedClient, database: Database, scene: Scene) -> None:
    mine = token_of(database, scene.account)
    path = f"/api/v1/consultations/{scene.ref}/candidacies"
    ref = client.post(path, json={"siret": BAKERY}, headers=mine).json()["ref"]
    early = client.post(f"/api/v1/candidacies/{ref}/submit", json={"attested": False}, headers=mine)
    assert early.status_code == 422
    assert set(early.json()["errors"]) >= {"capacity", "attested"}
    answers = {"answers": {"capacity": "gérante", "insurance": "Assureur Essai, n° 42"}}
    assert client.put(f"/api/v1/candidacies/{ref}/answers", json=answers, headers=mine).status_code == 200
    receipt = client.post(f"/api/v1/candidacies/{ref}/submit", json={"attested": True}, headers=mine)
    assert receipt.status_code == 200, receipt.text
    assert receipt.json()["offer_received_here"] is False
    assert len(receipt.json()["snapshot_sha256"]) == 64
    twice = client.post(f"/api/v1/candidacies/{ref}/submit", json={"attested": True}, headers=mine)
    assert twice.status_code == 409


def test_a_repeated_key_gets_the_first_answer_and_creates_once(client: CheckedClient, database: Database) -> None:
    buyer = make_buyer(database)
    mine = token_of(database, make_officer(database, buyer)) | {"idempotency-key": "abc"}
    body = {"dossier": {"reference": "2026-01", "object": "Nettoyage"}}
    first = client.post("/api/v1/consultations", json=body, headers=mine)
    assert first.status_code == 201, first.text
    again = client.post("/api/v1/consultations", json=body, headers=mine)
    assert (again.status_code, again.json()) == (201, first.json())
    other = {"dossier": {"reference": "2026-02", "object": "Autre"}}
    assert client.post("/api/v1/consultations", json=other, headers=mine).status_code == 409


def test_a_draft_is_read_changed_and_published_by_its_officer_only(client: CheckedClient, database: Database) -> None:
    buyer = make_buyer(database)
    mine = token_of(database, make_officer(database, buyer))
    stranger = token_of(database, make_officer(database, make_buyer(database)))
    body = {"dossier": {"reference": "2026-01", "object": "Nettoyage"}}
    ref = client.post("/api/v1/consultations", json=body, headers=mine).json()["ref"]
    path = f"/api/v1/consultations/{ref}"
    changed = client.patch(path, json={"dossier": {"object": "Nettoyage des écoles"}}, headers=mine)
    assert changed.json()["object"] == "Nettoyage des écoles"
    refused = client.post(f"{path}/publish", headers=mine)
    assert refused.status_code == 422
    assert refused.json()["errors"]
    for headers in (stranger, {}):
        assert client.get(path, headers=headers).status_code == 404
    assert client.patch(path, json=body, headers=stranger).status_code == 404
    assert client.patch(path, json=body).status_code == 401


def test_the_feed_pages_without_skipping(client: CheckedClient, database: Database, context: Any) -> None:
    refs = {published(context, number=f"N-{i}").ref for i in range(3)}
    seen = client.get("/api/v1/consultations").json()
    assert {c["ref"] for c in seen["results"]} >= refs
    assert seen["next"] is None
    newest = seen["results"][0]
    assert "dossier" not in newest or newest["dossier"] is None


def test_whatever_is_sent_the_answer_is_a_documented_one(app: FastAPI, database: Database) -> None:
    """Every operation, twenty cases each, with the rights of an officer who may also answer."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    headers = token_of(database, make_officer(database, make_buyer(database)))
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:
        check(operation.as_strategy(), headers)


def check(cases: SearchStrategy[Case], headers: dict[str, str]) -> None:
    @examples(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def one(case: Case) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    one()
