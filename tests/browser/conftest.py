"""The system's Chromium, a real server and a worker; one kind of database is enough for a browser."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from api import demo, worker
from api.auth import open_session
from api.context import Context
from api.db import transaction
from api.settings import Settings
from procurement.people import User
from tests.browser.served import served
from tests.browser.walker import Walker

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


@dataclass(frozen=True)
class Site:
    """Where the demonstration answers, and its insides for what a browser cannot do (let time pass)."""

    url: str
    context: Context


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=os.environ.get("CHROME", "/usr/bin/chromium"), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "mps.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def site(settings: Settings, context: Context) -> Iterator[Site]:
    demo.prepare(context)
    with served(settings, context.services) as url, worker.running(context):
        yield Site(url, context)


def signed_in(person: Walker, site: Site, user: User) -> Walker:
    """The same person, with a session."""
    with transaction(site.context.database) as db:
        token = open_session(db, user)
    person.page.context.add_cookies([{"name": "mps_session", "value": token, "url": site.url}])
    return person
