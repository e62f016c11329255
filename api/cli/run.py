"""`mps serve`, `mps worker`, `mps sandbox`, `mps migrate`: what runs."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Annotated

import typer
import uvicorn

from api import isolate, logs
from api import worker as work
from api.apart import check_start
from api.app import create_app
from api.context import Context
from api.db import connect, reading
from api.demo import prepare
from api.migrate import generate, upgrade
from api.sandbox.server import SandboxUrls, running_sandbox
from api.sandbox.server import serve as serve_sandbox
from api.settings import ROOT, Settings, load
from api.storage import Storage
from procurement.errors import Unavailable

Host = Annotated[str, typer.Option(help="Adresse d’écoute")]
SANDBOX_PORT = 8001


def _ready(demo: bool = False) -> Settings:
    """Settings that hold, a database at the newest schema, the sandbox and the real world apart. Raises BadSettings."""
    settings = load()
    upgrade(settings.database_url)
    database = connect(settings.database_url)
    try:
        with reading(database) as db:
            check_start(settings, db, demo=demo)
    finally:
        database.dispose()
    return settings


def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Données inventées, bac à sable")] = False,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port d’écoute")] = 8000,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Sans ouvrier dans ce processus")] = False,
) -> None:
    """Serve the pages and the API; with the sandbox as a child process where API Entreprise has no URL."""
    logs.configure()
    settings = _ready(demo)
    sandboxed = settings.api_entreprise_url is None
    with contextlib.ExitStack() as stack:
        urls = stack.enter_context(sandbox_child(free_port(SANDBOX_PORT))) if sandboxed else None
        services = urls.services() if urls else {}
        context = Context(settings, connect(settings.database_url), Storage(settings.storage_url), services)
        stack.callback(context.database.dispose)
        if demo:
            prepare(context)
        if not no_worker:
            stack.enter_context(work.running(context))
        stack.callback(isolate.stop)
        _serve_http(settings, sandboxed, services, host, port)


def _serve_http(settings: Settings, sandboxed: bool, services: dict[str, str], host: str, port: int) -> None:
    app = create_app(settings, sandbox=sandboxed, **services)
    print(f"mps répond sur http://{host}:{port} (Ctrl+C pour arrêter)", file=sys.stderr)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=10,
    )


def free_port(wanted: int) -> int:
    """The port wanted, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("Aucun port libre sur cette machine.")


@contextlib.contextmanager
def sandbox_child(port: int) -> Iterator[SandboxUrls]:
    """The sandbox as one child process, ended with us."""
    child = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, str(ROOT / ".venv" / "bin" / "mps"), "sandbox", "--port", str(port)],
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, child)
        yield SandboxUrls(f"http://127.0.0.1:{port}")
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
        child.kill()


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 20
    while time.monotonic() < limit and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Unavailable("Le bac à sable n’a pas démarré.")


def worker(once: Annotated[bool, typer.Option("--once", help="Faire ce qui attend, puis finir")] = False) -> None:
    """Run a worker; several may run, on any machine that reaches the database."""
    logs.configure()
    settings = _ready()
    with contextlib.ExitStack() as stack:
        services = {}
        if settings.api_entreprise_url is None:
            services = stack.enter_context(running_sandbox()).services()
        context = Context(settings, connect(settings.database_url), Storage(settings.storage_url), services)
        stack.callback(context.database.dispose)
        stack.callback(isolate.stop)
        if once:
            print(f"{work.run_once(context)} tâche(s) faite(s).", file=sys.stderr)
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        work.run(context, stop)


def sandbox(port: Annotated[int, typer.Option(help="Port d’écoute")] = SANDBOX_PORT) -> None:
    """Serve the stand-ins of the State's services; ends when its parent does."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    serve_sandbox(port)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def migrate(
    write: Annotated[str, typer.Option(help="Écrire la prochaine révision, d’après les modèles (développement)")] = "",
) -> None:
    """Bring the database to the newest schema."""
    if write:
        print(generate(write))
        return
    upgrade(load().database_url)
    print("La base est à jour.", file=sys.stderr)
