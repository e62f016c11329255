"""Idempotency-Key over real HTTP: calls at the same instant create once; what failed may be tried again."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import requests
from sqlalchemy import func, select

from api.auth import create_token
from api.context import Context
from api.db import Database, now, reading, transaction
from api.settings import Settings
from procurement.consultation import Consultation
from procurement.errors import Refused
from procurement.idempotency import LEASE, PastAnswer, keep_answer, release, reserve
from procurement.people import User
from tests.browser.served import served
from tests.factories import make_buyer, make_officer
from tests.faults.scene import at_once

CALLS = 6


def caller(url: str, database: Database, officer: User, **headers: str) -> Callable[..., requests.Response]:
    with transaction(database) as db:
        token = create_token(db, db.get_one(User, officer.id), "test")

    def call(reference: str) -> requests.Response:
        body = {"dossier": {"reference": reference, "object": "Nettoyage"}}
        sent = {"authorization": f"Bearer {token}", **headers}
        return requests.post(f"{url}/api/v1/consultations", json=body, headers=sent, timeout=60)

    return call


def test_calls_at_the_same_instant_create_once(settings: Settings, context: Context) -> None:
    officer = make_officer(context.database, make_buyer(context.database))
    with served(settings, context.services) as url:
        call = caller(url, context.database, officer, **{"idempotency-key": "une fois"})
        answers = at_once(*(partial(call, "2026-01") for _ in range(CALLS)))
        again = call("2026-01")
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    refs = {answer.json()["ref"] for answer in [*answers, again] if answer.status_code == 201}
    assert again.status_code == 201
    assert len(refs) == 1
    assert all("est en cours" in answer.json()["detail"] for answer in answers if answer.status_code == 409)
    with reading(context.database) as db:
        assert db.scalar(select(func.count()).select_from(Consultation)) == 1


def test_what_was_refused_may_be_sent_again(settings: Settings, context: Context) -> None:
    officer = make_officer(context.database, make_buyer(context.database))
    with served(settings, context.services) as url:
        call = caller(url, context.database, officer, **{"idempotency-key": "k"})
        assert call("").status_code == 422
        assert call("2026-01").status_code == 201
        assert call("2026-02").status_code == 409


def test_without_a_key_each_call_creates(settings: Settings, context: Context) -> None:
    officer = make_officer(context.database, make_buyer(context.database))
    with served(settings, context.services) as url:
        call = caller(url, context.database, officer)
        assert [call(f"2026-0{n}").status_code for n in range(3)] == [201] * 3


def test_a_call_that_died_gives_its_key_back_after_the_lease(database: Database) -> None:
    user, other = (make_officer(database, make_buyer(database)) for _ in range(2))
    with transaction(database) as db:
        at = now(db)
        assert reserve(db, user.id, "k", "a" * 64, at) is None
    with transaction(database) as db:
        with pytest.raises(Refused, match="en cours"):
            reserve(db, user.id, "k", "a" * 64, at + LEASE - timedelta(seconds=1))
        assert reserve(db, user.id, "k", "a" * 64, at + LEASE) is None
        keep_answer(db, user.id, "k", 201, {"ref": "X"}, at)
        release(db, user.id, "k")
    with transaction(database) as db:
        kept = reserve(db, user.id, "k", "a" * 64, at)
        assert kept is not None
        assert (kept.status, kept.body) == (201, {"ref": "X"})
        assert reserve(db, other.id, "k", "b" * 64, at) is None
        assert db.scalar(select(func.count()).select_from(PastAnswer)) == 2
