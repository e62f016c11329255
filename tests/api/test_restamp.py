"""A signed act lasts: raised when its service is back, stamped again before the last timestamp ends, never altered."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from api.context import Context
from api.db import Database, now, reading, transaction
from api.steps.restamp import restamp_one
from api.trusted import judged
from procurement.act import Act
from procurement.consultation import find
from procurement.events import chain_holds, register
from procurement.people import User
from tests.api.test_buyer_signature import companies_sign
from tests.award_scene import Scene, awarded, buyer_signs, opened
from tests.checked_client import CheckedClient

Browser = Callable[[User], CheckedClient]


@pytest.fixture
def scene(context: Context, database: Database, browser: Browser) -> Scene:
    made = opened(database)
    awarded(context, made)
    companies_sign(context, made, database, browser)
    assert buyer_signs(context, made, browser(made.officer)) == 200
    return made


def act(database: Database) -> Act:
    with reading(database) as db:
        return db.query(Act).one()


def due(database: Database) -> None:
    with transaction(database) as db:
        db.query(Act).update({"restamp_at": now(db)})


def levels(context: Context) -> list[tuple[str, str]]:
    content = context.storage.get(str(act(context.database).signed_key))
    report, _ = judged(context, content, sandbox=True)
    return [(signature["indication"], signature["level"]) for signature in report["signatures"]]


def test_stamped_again_before_the_last_timestamp_ends(scene: Scene, context: Context, database: Database) -> None:
    before = act(database)
    with reading(database) as db:
        assert before.restamp_at is not None
        assert before.restamp_at > now(db) + timedelta(days=365)
    assert not restamp_one(context)
    due(database)
    assert restamp_one(context)
    after = act(database)
    old, new = (context.storage.get(str(each.signed_key)) for each in (before, after))
    assert (new.startswith(old), len(new) > len(old)) == (True, True)
    assert levels(context) == [("TOTAL-PASSED", "LTA")] * 2
    with reading(database) as db:
        consultation = find(db, scene.consultation)
        assert chain_holds(db, consultation)
        assert [e.kind for e in register(db, consultation)].count("signature.stamped_again") == 1
    assert not restamp_one(context)


def test_a_timestamp_service_that_does_not_answer_is_asked_again_in_an_hour(
    scene: Scene, context: Context, database: Database
) -> None:
    due(database)
    sha256 = act(database).signed_sha256
    silent = replace(context, services={**context.services, "tsa": "http://127.0.0.1:9/"})
    assert restamp_one(silent)
    row = act(database)
    with reading(database) as db:
        assert row.restamp_at is not None
        assert timedelta(minutes=50) < row.restamp_at - now(db) <= timedelta(hours=1)
    assert row.signed_sha256 == sha256


def test_an_act_that_waits_for_a_signature_is_left_alone(
    context: Context, database: Database, browser: Browser
) -> None:
    made = opened(database)
    awarded(context, made)
    companies_sign(context, made, database, browser)
    due(database)
    assert not restamp_one(context)


def test_an_act_that_no_longer_holds_is_not_hidden_under_a_stamp(
    scene: Scene, context: Context, database: Database
) -> None:
    row = act(database)
    broken = bytearray(context.storage.get(str(row.signed_key)))
    broken[200] ^= 1
    key = context.storage.put("contracts", bytes(broken))
    with transaction(database) as db:
        db.query(Act).update({"signed_key": key})
    due(database)
    assert restamp_one(context)
    assert act(database).signed_key == key
