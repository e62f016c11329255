"""The demonstration's own service: sandbox, application and worker on this machine, data in a folder of its own."""

import contextlib
import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
import uvicorn
from pydantic import SecretStr
from sqlalchemy import select

from api import isolate, logs, worker
from api.app import create_app
from api.context import Context
from api.db import connect, now, transaction
from api.demo import make_town
from api.demo_browser import Stop
from api.migrate import upgrade
from api.sandbox.server import running_sandbox
from api.settings import Settings
from api.storage import Storage
from procurement.consultation import Consultation
from procurement.events import lock, record

HOST = "127.0.0.1"


@dataclass(frozen=True)
class House:
    """Where it answers, what it stores, and the town's name and SIRET."""

    base: str
    context: Context
    town_name: str
    town_siret: str

    @property
    def tsa(self) -> str:
        return self.context.url("tsa")


def settings_of(folder: Path, base: str) -> Settings:
    """Nothing of the environment: a demonstration never calls a real service."""
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'mps.db'}",
        storage_url=f"file://{folder / 'files'}",
        secret_key=SecretStr(secrets.token_urlsafe(48)),
        public_url=base,
        trusted_proxies="",
        api_entreprise_url=None,
        api_entreprise_token=None,
        recherche_entreprises_url=None,
        sirene_url=None,
        sirene_key=None,
        bodacc_url=None,
        oidc_issuer=None,
        oidc_client_id=None,
        oidc_client_secret=None,
        smtp_url=None,
        tsa_url=None,
        trust_list=None,
        trust_list_cert=None,
        https_proxy=None,
        ca_file=None,
    )


@contextlib.contextmanager
def running_house(folder: Path) -> Iterator[House]:
    """Everything started, then ended; logs go to `mps.log` of the folder. Raises Stop where it does not start."""
    with contextlib.ExitStack() as stack:
        logs.configure(stack.enter_context((folder / "mps.log").open("a", encoding="utf-8")))
        stack.callback(structlog.reset_defaults)
        listener = stack.enter_context(socket.create_server((HOST, 0)))
        base = f"http://{HOST}:{listener.getsockname()[1]}"
        settings = settings_of(folder, base)
        upgrade(settings.database_url)
        services = stack.enter_context(running_sandbox()).services()
        context = Context(settings, connect(settings.database_url), Storage(settings.storage_url), services)
        stack.callback(context.database.dispose)
        town = make_town(context)
        stack.callback(isolate.stop)
        stack.enter_context(worker.running(context))
        stack.enter_context(_served(settings, services, listener))
        _quiet_servers(folder / "mps.log")
        yield House(base, context, town.name, town.siret)


def _quiet_servers(path: Path) -> None:
    """What the two servers have to say goes to the same file, not over the story."""
    for name in ("uvicorn", "uvicorn.error"):
        said = logging.getLogger(name)
        said.handlers, said.propagate = [logging.FileHandler(path, delay=True)], False


@contextlib.contextmanager
def _served(settings: Settings, services: dict[str, str], listener: socket.socket) -> Iterator[None]:
    app = create_app(settings, sandbox=True, **services)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, log_level="warning", ws="none", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="demonstration", daemon=True)
    thread.start()
    try:
        limit = time.monotonic() + 20
        while not server.started:
            if not thread.is_alive() or time.monotonic() > limit:
                raise Stop("Le service de la démonstration n’a pas démarré.", 3)
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def close_soon(house: House, ref: str, seconds: float) -> datetime:
    """Bring the deadline to so many seconds from now: what no page allows, written in the register as such."""
    with transaction(house.context.database) as db:
        consultation = db.scalars(select(Consultation).where(Consultation.ref == ref)).one()
        lock(db, consultation)
        current, before = now(db), consultation.deadline
        deadline = current + timedelta(seconds=seconds)
        consultation.deadline = deadline
        record(
            db, consultation, "consultation.shortened", ref, "mps demo", current,
            before=before.isoformat() if before else None, after=deadline.isoformat(),
        )  # fmt: skip
        return deadline
