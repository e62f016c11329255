"""The daily purge: drafts never deposited go with their files, deposits and the register stay; again does nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from api import worker
from api.auth import open_session, send_code
from api.context import Context
from api.db import Database, now, reading, transaction
from api.steps.purge import purge_once
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.consultation import find
from procurement.counters import Counter, take
from procurement.errors import NotFound
from procurement.events import chain_holds, register
from procurement.idempotency import PastAnswer, reserve
from procurement.looks import Look, looked
from procurement.models import Base
from procurement.people import EmailCode, LoginSession, User
from procurement.purge import DRAFTS_AFTER, purge_draft
from tests.candidacy_scene import (
    ANSWERS,
    BAKERY,
    REFUSED_BY_URSSAF,
    Browser,
    Scene,
    add,
    deposit,
    press,
    published,
    start,
)
from tests.factories import make_account


def closed_since(scene: Scene, ago: timedelta) -> None:
    """Whatever was begun was begun in time."""
    with transaction(scene.context.database) as db:
        deadline = now(db) - ago
        find(db, scene.ref).deadline = deadline
        db.execute(update(Candidacy).values(created_at=deadline - timedelta(days=1)))


def tomorrow(context: Context) -> None:
    """Today's turn was not taken."""
    with transaction(context.database) as db:
        db.execute(delete(Counter).where(Counter.name == "purge"))


def stored(context: Context, key: str) -> bool:
    try:
        return bool(context.storage.get(key))
    except NotFound:
        return False


def keys_of(context: Context, path: str) -> list[str]:
    with reading(context.database) as db:
        return [f.key for f in db.query(Candidacy).filter_by(ref=path.rpartition("/")[2]).one().files]


def test_a_draft_goes_thirty_days_after_the_deadline(context: Context, browser: Browser) -> None:
    scene = published(context)
    mine = browser(scene.account)
    path = start(mine, scene)
    assert add(mine, path, "candidature", "a.pdf", b"%PDF un") == 200
    (key,) = keys_of(context, path)
    with transaction(context.database) as db:
        looked(db, db.scalars(select(Candidacy)).one(), "a@exemple.fr", "Page", now(db))
    closed_since(scene, DRAFTS_AFTER - timedelta(minutes=1))
    purge_once(context)
    assert mine.get(path).status_code == 200
    assert stored(context, key)
    tomorrow(context)
    closed_since(scene, DRAFTS_AFTER + timedelta(minutes=1))
    assert purge_once(context)
    assert mine.get(path).status_code == 404
    assert not stored(context, key)
    with reading(context.database) as db:
        assert [db.scalar(select(func.count()).select_from(t)) for t in (Candidacy, CandidacyFile, Look)] == [0, 0, 0]
        lines = [(event.kind, event.subject, event.actor, event.data) for event in register(db, find(db, scene.ref))]
        assert lines[-1] == ("candidacy.purged", path.rpartition("/")[2], "worker", {"files": 1})
        assert "candidacy.created" in [kind for kind, *_ in lines]
        assert chain_holds(db, find(db, scene.ref))


def test_a_deposit_stays_and_so_do_the_files_it_shares_with_a_draft(context: Context, browser: Browser) -> None:
    scene = published(context)
    mine = browser(scene.account)
    path = start(mine, scene)
    add(mine, path, "candidature", "a.pdf", b"%PDF un")
    assert deposit(mine, path) == 200
    mine.submit(mine.get(path), "/remplacer")
    fresh = mine.page.url.removeprefix("http://testserver")
    assert add(mine, fresh, "candidature", "b.pdf", b"%PDF deux") == 200
    shared, own = keys_of(context, fresh)
    assert keys_of(context, path) == [shared]
    closed_since(scene, DRAFTS_AFTER * 2)
    assert purge_once(context)
    assert (stored(context, shared), stored(context, own)) == (True, False)
    assert mine.get(path).status_code == 200
    assert mine.get(fresh).status_code == 404


def test_after_the_purge_a_late_answer_is_begun_anew_kept_and_deposited(context: Context, browser: Browser) -> None:
    scene = published(context)
    mine = browser(scene.account)
    former = start(mine, scene)
    closed_since(scene, DRAFTS_AFTER * 2)
    assert purge_once(context)
    assert press(mine, f"{former}/deposer", attested="1", button="deposit", **ANSWERS) == 404
    path = start(mine, scene)
    assert add(mine, path, "offre", "offre.pdf", b"%PDF tard") == 200
    tomorrow(context)
    assert not purge_once(context)
    assert deposit(mine, path) == 200
    assert "Reçue hors délai, non ouverte" in mine.page.main
    closed_since(scene, DRAFTS_AFTER * 2)
    tomorrow(context)
    assert not purge_once(context)
    (key,) = keys_of(context, path)
    assert stored(context, key)


def test_one_turn_a_day_and_nothing_left_to_do(context: Context, browser: Browser) -> None:
    scene = published(context)
    start(browser(scene.account), scene)
    closed_since(scene, DRAFTS_AFTER * 2)
    assert purge_once(context)
    start(browser(make_account(context.database)), reopened(scene), REFUSED_BY_URSSAF)
    closed_since(scene, DRAFTS_AFTER * 2)
    assert not purge_once(context), "once a day"
    tomorrow(context)
    assert purge_once(context)
    tomorrow(context)
    assert not purge_once(context)


def reopened(scene: Scene) -> Scene:
    closed_since(scene, -timedelta(days=1))
    return scene


def test_a_draft_deposited_meanwhile_is_left_alone(context: Context, browser: Browser) -> None:
    scene = published(context)
    mine = browser(scene.account)
    path = start(mine, scene, BAKERY)
    assert deposit(mine, path) == 200
    closed_since(scene, DRAFTS_AFTER * 2)
    with transaction(context.database) as db:
        key = db.scalars(select(Candidacy.id)).one()
        assert purge_draft(db, key, now(db)) == []
        assert purge_draft(db, key + 1, now(db)) == []
    assert mine.get(path).status_code == 200


@pytest.mark.parametrize(("days", "left"), [(0, 4), (-1, 4), (-3, 1), (-8, 0)])
def test_what_is_of_the_moment_goes_when_it_is_over(context: Context, days: int, left: int) -> None:
    """Written so many days ago: two counters (brakes), a code with its session's account, a kept answer."""
    user = make_account(context.database)
    with transaction(context.database) as db:
        at = now(db) + timedelta(days=days)
        take(db, "signin:essai", 10, at)
        take(db, "verify-from:essai", 10, at)
        reserve(db, user.id, "k", "a" * 64, at)
        ends = at + timedelta(days=2)
        db.add(EmailCode(code_hash="a" * 64, user_id=user.id, created_at=at, expires_at=ends))
    worker.run_once(context)
    assert count(context.database) == left


def count(database: Database) -> int:
    with reading(database) as db:
        counters = db.scalar(select(func.count()).select_from(Counter).where(Counter.name.contains(":essai"))) or 0
        others = (db.scalar(select(func.count()).select_from(table)) or 0 for table in (EmailCode, PastAnswer))
        return counters + sum(others)


def test_sessions_and_codes_that_ended_go_and_living_ones_stay(context: Context) -> None:
    user = make_account(context.database)
    with transaction(context.database) as db:
        open_session(db, db.get_one(User, user.id))
        send_code(db, user.email, user.name)
        past: datetime = now(db) - timedelta(seconds=1)
        db.add(LoginSession(token_hash="b" * 64, user_id=user.id, created_at=past, expires_at=past))
        db.add(EmailCode(code_hash="b" * 64, user_id=user.id, created_at=past, expires_at=past))
    assert purge_once(context)
    with reading(context.database) as db:
        assert "b" * 64 not in [*db.scalars(select(LoginSession.token_hash)), *db.scalars(select(EmailCode.code_hash))]
        assert db.scalar(select(func.count()).select_from(LoginSession)) == 1
        assert db.scalar(select(func.count()).select_from(EmailCode)) == 1


def test_whatever_belongs_to_a_candidacy_is_known_to_the_purge() -> None:
    """A new table that points to a candidacy: say in procurement/purge.py what becomes of it."""
    tables = Base.metadata.sorted_tables
    pointing = {t.name for t in tables if any(k.column.table.name == "candidacy" for k in t.foreign_keys)}
    assert pointing == {"candidacy_file", "look", "piece", "piece_request", "award", "contract"}
