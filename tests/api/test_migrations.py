"""Migrations on both databases: from nothing, from the revision before with its rows, down to nothing; models agree.

Nothing here names a revision: a new one is covered as it comes.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, insert, inspect, text
from sqlalchemy.exc import DBAPIError

from api.db import connect
from api.migrate import config, head
from api.settings import ROOT
from procurement.models import Base

Result = TypeVar("Result")
Rows = dict[str, dict[str, Any]]
SCRIPTS = ROOT / "migrations"
MOMENT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
# What SQLAlchemy calls JSON in Python is `object`.
VALUES: dict[type, Any] = {
    int: 1, bool: True, str: "x", bytes: b"x", object: {"a": [1]}, datetime: MOMENT, date: MOMENT.date(),
    Decimal: Decimal(1), float: 1.5,
}  # fmt: skip


def on(url: str, act: Callable[[Connection], Result]) -> Result:
    """Run `act` on a connection, committed."""
    database = connect(url)
    try:
        with database.write.begin() as connection:
            return act(connection)
    finally:
        database.dispose()


def go(url: str, revision: str, scripts: Path = SCRIPTS) -> None:
    """Up or down to `revision`."""
    (command.downgrade if revision == "base" else command.upgrade)(config(url, scripts), revision)


def revisions() -> list[str]:
    """All of them, oldest first."""
    return [script.revision for script in reversed(list(ScriptDirectory.from_config(config("")).walk_revisions()))]


def before_head() -> str:
    """The revision before the newest, `base` where there is one only."""
    return ["base", *revisions()][-2]


def tables(connection: Connection) -> list[Table]:
    """As they are in the database, parents first: the models may already be ahead."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def seed(connection: Connection) -> None:
    """One row in every table, every column filled."""
    for table in tables(connection):
        connection.execute(insert(table).values({c.name: VALUES[c.type.python_type] for c in table.columns}))


def rows(connection: Connection) -> Rows:
    """Table → its one row, raw."""
    found: Rows = {}
    for name in (t.name for t in tables(connection)):
        row = connection.execute(text(f'SELECT * FROM "{name}"')).mappings().one_or_none()
        found[name] = dict(row or {})
    return found


def lost(before: Rows, after: Rows) -> list[str]:
    """What is no longer there, of tables and columns that still are."""
    return [
        f"{name}.{column}"
        for name, row in before.items()
        for column, value in row.items()
        if name in after and (column in after[name] or not after[name]) and after[name].get(column) != value
    ]


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found: list[Any] = compare_metadata(context, Base.metadata)
    return found


def test_one_line_of_revisions() -> None:
    assert ScriptDirectory.from_config(config("")).get_heads() == [head()]
    assert revisions() == [f"{number:04d}" for number in range(1, len(revisions()) + 1)]


def test_from_nothing_the_database_is_what_the_models_say(empty_url: str) -> None:
    go(empty_url, "head")
    assert on(empty_url, differences) == []


def test_from_the_revision_before_the_rows_are_kept(empty_url: str) -> None:
    if before_head() != "base":
        go(empty_url, before_head())
    on(empty_url, seed)
    before = on(empty_url, rows)
    go(empty_url, "head")
    assert lost(before, on(empty_url, rows)) == []
    assert on(empty_url, differences) == []


def test_from_the_first_revision_one_by_one_then_down_and_up_again(empty_url: str) -> None:
    go(empty_url, revisions()[0])
    on(empty_url, seed)
    before = on(empty_url, rows)
    assert len(before) > 10
    assert all(before.values())
    for revision in revisions():
        go(empty_url, revision)
    assert lost(before, on(empty_url, rows)) == []
    go(empty_url, "base")
    assert on(empty_url, lambda connection: inspect(connection).get_table_names()) == ["alembic_version"]
    go(empty_url, "head")
    assert on(empty_url, differences) == []


NEXT = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "9999", "{before}"
def upgrade():
    {upgrade}
def downgrade():
    pass
"""
HARMLESS = 'op.add_column("counter", sa.Column("extra", sa.String(10), nullable=True))'
# On SQLite a changed column is a table made anew, here one that nearly all others point to.
REBUILT = """with op.batch_alter_table("organisation") as table:
        table.alter_column("name", type_=sa.String(250), existing_nullable=False)"""
EMPTIES = 'op.execute("DELETE FROM counter")'
OVERWRITES = "op.execute(\"UPDATE counter SET name = 'y'\")"
MANDATORY = """with op.batch_alter_table("counter") as table:
        table.add_column(sa.Column("extra", sa.String(10), nullable=False))"""


def with_one_more(folder: Path, upgrade: str) -> Path:
    """The migrations and one revision after the newest."""
    copied = folder / "migrations"
    shutil.copytree(SCRIPTS, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "versions" / "9999_more.py").write_text(NEXT.format(before=head(), upgrade=upgrade))
    return copied


def kept(url: str, scripts: Path) -> list[str]:
    """From today's newest revision with its rows to the one after."""
    go(url, head())
    on(url, seed)
    before = on(url, rows)
    go(url, "head", scripts)
    return lost(before, on(url, rows))


@pytest.mark.parametrize(
    ("upgrade", "gone"), [(HARMLESS, []), (REBUILT, []), (EMPTIES, ["used"]), (OVERWRITES, ["name"])]
)
def test_a_revision_that_loses_rows_is_seen(empty_url: str, tmp_path: Path, upgrade: str, gone: list[str]) -> None:
    assert {f"counter.{name}" for name in gone} <= set(found := kept(empty_url, with_one_more(tmp_path, upgrade)))
    assert bool(found) == bool(gone)


@pytest.mark.parametrize("upgrade", [MANDATORY, 'op.execute("DELETE FROM organisation")'])
def test_a_revision_that_the_rows_refuse_changes_nothing(empty_url: str, tmp_path: Path, upgrade: str) -> None:
    """A mandatory column without a value; a row that others point to, taken away."""
    with pytest.raises((DBAPIError, RuntimeError)):
        kept(empty_url, with_one_more(tmp_path, upgrade))
    assert on(empty_url, lambda connection: all(rows(connection).values()))
    assert on(empty_url, differences) == []


def test_a_column_that_no_model_has_is_seen(empty_url: str, tmp_path: Path) -> None:
    kept(empty_url, with_one_more(tmp_path, HARMLESS))
    assert [difference[0] for difference in on(empty_url, differences)] == ["remove_column"]
