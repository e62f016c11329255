"""The database on both engines: clock, isolation, readers that cannot write, migrations."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError, IntegrityError, StatementError

from api import migrate
from api.db import Database, connect, now, reading, transaction
from api.migrate import upgrade
from procurement.base import Money
from procurement.belonging import proof_of
from procurement.counters import Counter, take
from procurement.people import Organisation


def test_the_clock_is_the_databases_and_has_a_zone(database: Database) -> None:
    with reading(database) as db:
        first, second = now(db), now(db)
        assert first.tzinfo is UTC
        assert abs(first - datetime.now(UTC)) < timedelta(seconds=5)
        assert second >= first


def test_an_exception_leaves_nothing_behind(database: Database) -> None:
    def fail() -> None:
        with transaction(database) as db:
            db.add(Counter(name="x", window_start=now(db), used=1))
            db.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with reading(database) as db:
        assert db.scalars(select(Counter)).all() == []


def test_a_naive_instant_is_refused(database: Database) -> None:
    with transaction(database) as db:
        db.add(Counter(name="x", window_start=datetime(2026, 1, 1), used=1))  # noqa: DTZ001
        with pytest.raises(StatementError, match="naive"):
            db.flush()
        db.rollback()


def test_a_counter_gives_exactly_its_limit_to_concurrent_takers(database: Database) -> None:
    window = datetime(2026, 1, 1, tzinfo=UTC)
    with transaction(database) as db:
        take(db, "quota", 5, window)
    won: list[bool] = []

    def one() -> None:
        with transaction(database) as db:
            won.append(take(db, "quota", 5, window))

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 8 + [True] * 4


def test_the_sqlite_reader_cannot_write(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    upgrade(url)
    database = connect(url)
    with reading(database) as db:
        db.add(Counter(name="x", window_start=now(db), used=1))
        with pytest.raises(DatabaseError, match="readonly"):
            db.flush()
        db.rollback()
    database.dispose()


def test_what_was_there_before_belonging_goes_up_and_down_whole(database_url: str) -> None:
    """Rows of the first revision get the new columns' defaults; going down keeps the old columns."""
    config = migrate.config(database_url)
    command.downgrade(config, "0001")
    rows = (
        "INSERT INTO user_account (id, email, name, created_at, ref) VALUES (1, 'a', 'b', '2026-01-01 00:00:00', 'R')",
        "INSERT INTO organisation (id, name, siret, kind, address, email, created_at, sandbox, ref) "
        "VALUES (1, 'a', '1', 'company', '', '', '2026-01-01 00:00:00', false, 'R')",
        "INSERT INTO membership (user_id, organisation_id, role, evidence, granted_by, created_at) "
        "VALUES (1, 1, 'company', 'papier', 'x', '2026-01-01 00:00:00')",
    )
    database = connect(database_url)
    with transaction(database) as db:
        for row in rows:
            db.execute(text(row))
    upgrade(database_url)
    with reading(database) as db:
        assert proof_of(db, 1, "1", now(db)) is not None
    command.downgrade(config, "0001")
    with reading(database) as db:
        assert db.execute(text("SELECT evidence FROM membership")).scalars().all() == ["papier"]
    database.dispose()


@given(cents=st.integers(min_value=-(10**15), max_value=10**15))
def test_money_comes_back_to_the_cent(cents: int) -> None:
    value = Money().process_result_value(cents, sqlite.dialect())
    assert isinstance(value, Decimal)
    assert Money().process_bind_param(value, sqlite.dialect()) == cents


def test_money_with_a_third_decimal_is_refused() -> None:
    with pytest.raises(ValueError, match="two decimals"):
        Money().process_bind_param(Decimal("1.005"), sqlite.dialect())


def test_one_organisation_per_siret(database: Database) -> None:
    with transaction(database) as db:
        for name in ("A", "B"):
            db.add(Organisation(name=name, siret="1" * 14, kind="buyer", created_at=now(db)))
        with pytest.raises(IntegrityError):
            db.flush()
        db.rollback()
