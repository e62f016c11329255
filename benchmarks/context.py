"""A database, a storage and a sandbox to measure with; the sandbox is a process of its own, as real services are."""

import multiprocessing
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from api.context import Context
from api.db import connect
from api.migrate import upgrade
from api.sandbox.server import HOST, SandboxUrls, serve
from api.settings import Settings
from api.storage import Storage


@contextmanager
def measured() -> Iterator[Context]:
    """An empty SQLite install beside a fresh sandbox, whose quotas are whole."""
    with tempfile.TemporaryDirectory() as folder, _sandbox() as urls:
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


@contextmanager
def _sandbox() -> Iterator[SandboxUrls]:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        _wait(port, process)
        yield SandboxUrls(f"http://{HOST}:{port}")
    finally:
        process.terminate()
        process.join(10)


def _wait(port: int, process: multiprocessing.process.BaseProcess) -> None:
    limit = time.monotonic() + 30
    while process.is_alive() and time.monotonic() < limit:
        with socket.socket() as tried:
            if tried.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the sandbox did not start")
