"""A page of 50 rows at 16 clients on SQLite, against a bare Starlette + Jinja2 page of the same rows, in one run.

A stranger's page is kept for a second (api/kept.py); somebody who is signed in has a page of their own, made each time.
"""

import multiprocessing
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta

import uvicorn
from jinja2 import Environment
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from api import logs
from api.app import create_app
from api.auth import COOKIE, open_session
from api.db import connect, now, transaction
from api.migrate import upgrade
from api.settings import Settings
from benchmarks import load
from procurement.consultation import Consultation
from procurement.people import create_organisation, create_user
from tests.factories import make_siret

ROWS = 50
Rate = tuple[float, float]
BARE = """<!doctype html><html lang="fr"><title>x</title><h1>Consultations</h1><table>{% for r in rows %}
<tr><th><a href="/consultations/{{ r.ref }}">{{ r.object }}</a></th><td>{{ r.buyer }}</td><td>{{ r.deadline }}</td></tr>
{% endfor %}</table></html>"""


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _bare(port: int) -> None:
    template = Environment(autoescape=True).from_string(BARE)
    rows = [
        {"ref": f"{i:012d}", "object": f"Nettoyage de l’école n° {i}", "buyer": "Ville", "deadline": "3 mars 2027"}
        for i in range(ROWS)
    ]

    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(template.render(rows=rows))

    uvicorn.run(Starlette(routes=[Route("/", page)]), port=port, log_level="critical")


def _ours(port: int, folder: str) -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the request log is written, its lines are not shown
    logs.configure()
    uvicorn.run(create_app(_settings(folder), sandbox=True), port=port, log_level="critical")


def _settings(folder: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder}/bench.db",
        storage_url=f"file://{folder}/files",
        secret_key=SecretStr("b" * 48),
    )


def _fill(folder: str) -> str:
    """Two hundred consultations; returns the cookie of somebody who is signed in."""
    url = _settings(folder).database_url
    upgrade(url)
    database = connect(url)
    with transaction(database) as db:
        at = now(db)
        buyer = create_organisation(db, name="Ville de Démonstration", siret=make_siret(1), kind="buyer", now=at)
        for i in range(ROWS * 4):
            db.add(
                Consultation(
                    organisation=buyer,
                    number=f"B-{i}",
                    object=f"Nettoyage de l’école n° {i}",
                    dossier={},
                    state="published",
                    published_at=at,
                    created_at=at,
                    deadline=at + timedelta(days=30),
                )
            )
        reader = create_user(db, email="lecture@ville.example", name="A. Lecture", now=at, verified=True)
        token = open_session(db, reader)
    database.dispose()
    return f"{COOKIE}={token}"


def _served(target: Callable[..., None], path: str, *arguments: str, cookies: tuple[str, ...] = ("",)) -> list[Rate]:
    """(requests per second, p95 in ms) for each cookie, from one server process."""
    port = _free()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(port, *arguments), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{port}{path}"
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        load.run(url, seconds=1.0)
        return [load.run(url, cookie) for cookie in cookies]
    finally:
        process.terminate()
        process.join()


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Requests per second, ours over bare, and our p95."""
    with tempfile.TemporaryDirectory() as folder:
        cookie = _fill(folder)
        ((bare, _),) = _served(_bare, "/")
        stranger, signed_in = _served(_ours, "/consultations", folder, cookies=("", cookie))
    rows = [_rate("page of 50 rows, 16 clients", stranger, bare, 0.5), _budget("its p95", stranger)]
    # Nobody set a limit for a page of one's own: it is told, so that what keeping hides is seen.
    said = f"{signed_in[0]:.0f} requests/s, p95 {signed_in[1]:.0f} ms"
    own = (
        "the same page, signed in (never kept)",
        "bare Starlette + Jinja2",
        signed_in[0] / bare,
        "not set",
        True,
        said,
    )
    return [*rows, own]


def _rate(name: str, ours: Rate, bare: float, least: float) -> tuple[str, str, float, str, bool, str]:
    ratio = ours[0] / bare
    detail = f"{ours[0]:.0f} against {bare:.0f} requests/s"
    return (name, "bare Starlette + Jinja2", ratio, f"≥ {least}", ratio >= least, detail)


def _budget(name: str, ours: Rate) -> tuple[str, str, float, str, bool, str]:
    return (name, "60 ms", ours[1] / 60, "≤ 1", ours[1] <= 60, f"{ours[1]:.0f} ms")
