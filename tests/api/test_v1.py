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
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.auth import create_token
from api.context import Context
from api.db import Database, transaction
from api.sandbox.invoices import cii
from procurement.candidacy import received
from procurement.consultation import find
from procurement.people import User
from tests.award_scene import contract_of_scene, in_effect, invoice, opened, settle_pieces
from tests.billing_scene import approved, kept
from tests.candidacy_scene import BAKERY, Scene, published
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_buyer, make_finance, make_officer

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
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 10
    for operation in operations:
        check(operation.as_strategy(), headers)


def check(cases: SearchStrategy[Case[Any]], headers: dict[str, str]) -> None:
    @examples(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def one(case: Case[Any]) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    one()


def test_an_invoice_is_the_body_and_its_contract_is_found(
    client: CheckedClient, database: Database, context: Context
) -> None:
    awarded = in_effect(context)
    contract = contract_of_scene(database, awarded)
    mine = token_of(database, awarded.finance)
    content = cii(invoice(awarded, contract))
    first = client.post("/api/v1/invoices", content=content, headers=mine)
    assert first.status_code == 201, first.text
    body = first.json()
    assert body["contract"] == contract.ref
    assert body["match"]["decision"] in ("approve", "hold")
    again = client.post("/api/v1/invoices", content=content, headers=mine)
    assert (again.status_code, again.json()["ref"]) == (200, body["ref"])
    stranger = token_of(database, make_officer(database, make_buyer(database)))
    assert client.get(f"/api/v1/invoices/{body['ref']}", headers=stranger).status_code == 404
    assert client.get(f"/api/v1/contracts/{contract.ref}", headers=stranger).status_code == 404
    assert client.get(f"/api/v1/contracts/{contract.ref}", headers=mine).json()["number"] == contract.number


def test_what_becomes_of_an_invoice_is_read_by_programs(
    client: CheckedClient, database: Database, context: Context
) -> None:
    awarded = in_effect(context)
    mine = token_of(database, awarded.finance)
    refs = [kept(context, awarded, number=number, ago=40) for number in ("F-1", "F-2", "F-3")]
    approved(context, awarded, refs[0], retention_ttc="60")
    body = client.get(f"/api/v1/invoices/{refs[0]}", headers=mine).json()
    assert body["state"] == "approved"
    assert body["liquidation"] == {
        "admitted_ht": "1000.00", "admitted_ttc": "1200.00", "retention_ttc": "60.00", "advance_ttc": "0.00",
        "penalties_ttc": "0.00", "net_ttc": "1140.00",
    }  # fmt: skip
    assert (body["clock"]["left"], body["clock"]["article"]) == (-8, "R2192-14")
    assert body["clock"]["interest"]["fixed"] == "40"
    assert client.get(f"/api/v1/invoices/{refs[1]}", headers=mine).json()["liquidation"]["net_ttc"] is None
    seen, before = [], ""
    while True:
        found = client.get(f"/api/v1/invoices?limit=2{before}", headers=mine).json()
        seen += [row["number"] for row in found["results"]]
        if found["next"] is None:
            break
        before = f"&before={found['next']}"
    assert seen == ["F-3", "F-2", "F-1"]
    stranger = token_of(database, make_finance(database, make_buyer(database)))
    assert client.get("/api/v1/invoices", headers=stranger).json() == {"results": [], "next": None}
    assert client.get("/api/v1/invoices?limit=0", headers=mine).status_code == 422


def test_a_body_that_is_no_invoice_is_one_sentence(client: CheckedClient, database: Database) -> None:
    mine = token_of(database, make_finance(database, make_buyer(database)))
    for content in (b"", b"%PDF-1.7 rien", b"<!DOCTYPE x><x/>"):
        answer = client.post("/api/v1/invoices", content=content, headers=mine)
        assert answer.status_code == 422
        assert answer.json()["detail"].endswith(".")


def test_the_award_waits_for_the_proofs_then_gives_the_contract(
    client: CheckedClient, database: Database, context: Context
) -> None:
    at = opened(database)
    mine = token_of(database, at.officer)
    with transaction(database) as db:
        chosen = received(db, find(db, at.consultation))[0].ref
    path = f"/api/v1/consultations/{at.consultation}/award"
    choice = {"candidacy": chosen, "amount_ht": "48000.00", "motive": "Meilleure note aux trois critères."}
    assert client.post(path, json=choice, headers=mine).json() == {"state": "intended", "candidacy": chosen}
    public = path.removesuffix("/award")
    assert client.get(public).json()["state"] == "opened", "nobody else knows yet"
    assert client.get(public, headers=mine).json()["state"] == "intended"
    settle_pieces(database)
    decided = client.post(path, json=choice, headers=mine)
    assert decided.status_code == 201, decided.text
    contract = client.get(f"/api/v1/contracts/{decided.json()['contract']}", headers=mine).json()
    assert (contract["amount_ht"], contract["state"]) == ("48000.00", "awaiting_signature")
    assert client.post(path, json=choice, headers=mine).status_code == 409
