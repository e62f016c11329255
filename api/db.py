"""Engines, sessions, the clock. `commit()` is called here and in api/worker.py, nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

_WROTE = "mps_wrote"
_READS = frozenset({"SELECT", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA"})


@dataclass(frozen=True)
class Database:
    """`write` for everything that changes, `read` for GET and HEAD (the same engine on PostgreSQL)."""

    write: Engine
    read: Engine

    def snapshot(self) -> Engine:
        """For one long read whose rows must agree: REPEATABLE READ (SQLite's readers have it already)."""
        if self.read.dialect.name == "sqlite":
            return self.read
        return self.read.execution_options(isolation_level="REPEATABLE READ")

    def dispose(self) -> None:
        self.write.dispose()
        self.read.dispose()


def connect(url: str) -> Database:
    """Open the database. SQLite: WAL, synchronous FULL, BEGIN IMMEDIATE for writers, `query_only` for readers.

    A writer waits 15 s for another, or what the URL says: `sqlite:///…?timeout=5`.
    """
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, pool_size=10, max_overflow=30, pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "before_cursor_execute", _note_writes)
        return Database(engine, engine)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return Database(_sqlite(parsed, read_only=False), _sqlite(parsed, read_only=True))


def _sqlite(url: Any, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": float(url.query.get("timeout", 15)), "check_same_thread": False},
        pool_size=20,
        max_overflow=40,
        hide_parameters=True,
    )

    event.listen(engine, "before_cursor_execute", _note_writes)

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def now(db: Session) -> datetime:
    """The database's clock, the only one that decides. PostgreSQL: read after the row lock, `now()` would be stale."""
    if db.get_bind().dialect.name == "sqlite":
        stamp: str = db.execute(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    instant: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return instant.astimezone(UTC)


class Written:
    """How often this process has committed what a page may show: what api/kept.py kept is of one count."""

    commits = 0


@contextmanager
def transaction(database: Database, *, shown: bool = True) -> Iterator[Session]:
    """One short write transaction: returns commit, raises roll back. `shown=False`: no page tells what it writes."""
    with Session(database.write, expire_on_commit=False) as session:
        yield session
        wrote = _wrote(session)
        session.commit()
    Written.commits += shown and wrote


def _wrote(session: Session) -> bool:
    """Whether this transaction changed anything: a worker that looks for work and finds none did not."""
    session.flush()
    return session.in_transaction() and bool(session.connection().info.pop(_WROTE, False))


def _note_writes(connection: Any, cursor: object, statement: str, *_: object) -> None:
    if statement.split(None, 1)[0].upper() not in _READS:
        connection.info[_WROTE] = True


@contextmanager
def reading(database: Database) -> Iterator[Session]:
    """One short read."""
    with Session(database.read) as session:
        yield session


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def get_session(request: Request) -> Iterator[Session]:
    """The request's session: reads for GET and HEAD, else one transaction committed before the response is sent."""
    database = database_of(request)
    if request.method in ("GET", "HEAD"):
        with reading(database) as session:
            yield session
    else:
        with transaction(database) as session:
            yield session


Db = Annotated[Session, Depends(get_session, scope="function")]
