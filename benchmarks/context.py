"""A database, a storage and a sandbox to measure with; the sandbox is a process of its own, as real services are."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from api.cli.run import free_port, sandbox_child
from api.context import Context
from api.db import connect
from api.migrate import upgrade
from api.settings import Settings
from api.storage import Storage


@contextmanager
def measured() -> Iterator[Context]:
    """An empty SQLite install beside a fresh sandbox, whose quotas are whole."""
    with tempfile.TemporaryDirectory() as folder, sandbox_child(free_port(0)) as urls:
        settings = Settings(
            _env_file=None,
            database_url=f"sqlite:///{folder}/bench.db",
            storage_url=f"file://{folder}/files",
            secret_key=SecretStr("b" * 48),
        )
        upgrade(settings.database_url)
        database = connect(settings.database_url)
        try:
            yield Context(settings, database, Storage(settings.storage_url), urls.services())
        finally:
            database.dispose()
