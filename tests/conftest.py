"""Fixtures: both databases, storage, the application, the checked client. One database clone per test."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from api import isolate, logs
from api.app import create_app
from api.auth import open_session
from api.context import Context
from api.db import Database, connect, transaction
from api.migrate import upgrade
from api.sandbox.server import SandboxUrls, running_sandbox
from api.settings import Settings
from api.storage import Storage
from procurement.people import User
from tests.checked_client import CheckedClient
from tests.postgres import cluster
from tests.watch import breaches, guarded_doors

hypothesis_settings.register_profile(
    "mps", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True
)
hypothesis_settings.load_profile("mps")
_numbers = itertools.count(1)
logs.configure()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with cluster() as server:
        yield server


@pytest.fixture(scope="session")
def on_postgres(postgres_server: str) -> Iterator[Callable[[str], None]]:
    """`on_postgres(statement)`: one connection for all the tests, outside of their databases."""
    engine = create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda statement: connection.execute(text(statement)).close()
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, on_postgres: Callable[[str], None]) -> str:
    on_postgres("CREATE DATABASE template_mps")
    upgrade(f"{postgres_server}/template_mps")
    return "TEMPLATE template_mps STRATEGY file_copy"


@contextmanager
def postgres_database(request: pytest.FixtureRequest, how: str) -> Iterator[str]:
    """One for this test, gone after it: the cluster is in memory."""
    server, run = request.getfixturevalue("postgres_server"), request.getfixturevalue("on_postgres")
    name = f"test_{next(_numbers)}"
    run(f"CREATE DATABASE {name} {how}")
    yield f"{server}/{name}"
    run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database: every test that uses one runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "mps.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    with postgres_database(request, request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table, for the migrations' own tests."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with postgres_database(request, "") as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = connect(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url,
        storage_url=f"file://{tmp_path / 'files'}",
        secret_key=SecretStr("k" * 48),
        public_url="http://testserver",
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxUrls]:
    """One per test file, over real HTTP on loopback: its quotas are spent there only."""
    with running_sandbox() as urls:
        yield urls


@pytest.fixture
def context(settings: Settings, database: Database, sandbox: SandboxUrls) -> Context:
    return Context(settings, database, Storage(settings.storage_url), sandbox.services())


@pytest.fixture
def app(settings: Settings, sandbox: SandboxUrls) -> Iterator[FastAPI]:
    made = create_app(settings, sandbox=True, **sandbox.services())
    yield made
    made.state.database.dispose()


@pytest.fixture
def client(app: FastAPI) -> Iterator[CheckedClient]:
    """A stranger's browser."""
    with CheckedClient(app) as browser:
        yield browser


@pytest.fixture
def browser(app: FastAPI, database: Database) -> Iterator[Callable[[User], CheckedClient]]:
    """`browser(user)`: that person's own browser, signed in."""
    opened: list[CheckedClient] = []

    def sign_in(user: User) -> CheckedClient:
        with transaction(database) as db:
            token = open_session(db, user)
        mine = CheckedClient(app)
        mine.__enter__()
        mine.cookies.set("mps_session", token)
        opened.append(mine)
        return mine

    yield sign_in
    for each in opened:
        each.__exit__(None, None, None)


@pytest.fixture(scope="session", autouse=True)
def _doors() -> Iterator[None]:
    with guarded_doors():
        yield


@pytest.fixture(autouse=True)
def _no_breach() -> Iterator[None]:
    """Seen even where the code swallowed it (a worker step that fails is logged, a page says 500)."""
    yield
    seen, breaches[:] = list(breaches), []
    assert not seen, "; ".join(seen)


@pytest.fixture(scope="session", autouse=True)
def _end_worker_processes() -> Iterator[None]:
    yield
    isolate.stop()
