"""The sandbox as one server on this machine: each stand-in under its prefix, in a thread or in its own process."""

import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from api.sandbox import (
    api_entreprise,
    bodacc,
    chorus,
    csc,
    datagouv,
    ocsp,
    pki,
    recherche,
    sirene,
    trusted_list,
    tsa,
)
from api.sandbox.api_entreprise import Clock, wall_clock

HOST = "127.0.0.1"


# Prefix → how to make the stand-in: a new service is a module and a line here.
SERVICES: dict[str, Callable[[Clock], Starlette]] = {
    "/api-entreprise": api_entreprise.create_app,
    "/recherche": lambda _clock: recherche.create_app(),
    "/sirene": sirene.create_app,
    "/bodacc": lambda _clock: bodacc.create_app(),
    "/datagouv": lambda _clock: datagouv.create_app(),
    "/tsa": lambda clock: tsa.create_app(pki.ensure(pki.FOLDER), clock),
    "/pki": lambda clock: pki.create_app(
        pki.ensure(pki.FOLDER), clock, [*ocsp.routes(pki.FOLDER, clock), *trusted_list.routes(pki.FOLDER, clock)]
    ),
    "/csc": lambda clock: csc.create_app(pki.FOLDER, clock),
    "/chorus": chorus.create_app,
}
# What a look-up by SIRET needs: no keys are made for it.
LOOKUP = ("/api-entreprise", "/recherche", "/sirene", "/bodacc")


@dataclass(frozen=True, slots=True)
class SandboxUrls:
    """Where one running sandbox answers."""

    base: str

    @property
    def host(self) -> str:
        """`host:port`, as the allow-list of documents names it."""
        return self.base.partition("://")[2]

    @property
    def api_entreprise(self) -> str:
        return self.base + "/api-entreprise"

    @property
    def recherche_entreprises(self) -> str:
        return self.base + "/recherche"

    @property
    def sirene(self) -> str:
        return self.base + "/sirene"

    @property
    def bodacc(self) -> str:
        return self.base + "/bodacc"

    @property
    def datagouv(self) -> str:
        return self.base + "/datagouv"

    @property
    def tsa(self) -> str:
        return self.base + "/tsa/"

    @property
    def csc(self) -> str:
        return self.base + "/csc"

    @property
    def chorus(self) -> str:
        """What comes before `/cpro/…`; the token is asked of `/oauth/token` beside."""
        return self.base + "/chorus"

    @property
    def ocsp(self) -> str:
        return self.base + "/pki/ocsp"

    @property
    def lists(self) -> str:
        """The list of lists."""
        return self.base + "/pki/lotl.xml"

    def services(self) -> dict[str, str]:
        """Name → address, as api.context.Context.services wants it, with the token that the sandbox takes."""
        return {
            "api_entreprise": self.api_entreprise,
            "recherche_entreprises": self.recherche_entreprises,
            "sirene": self.sirene,
            "bodacc": self.bodacc,
            "datagouv": self.datagouv,
            "tsa": self.tsa,
            "csc": self.csc,
            "chorus": self.chorus,
            "chorus_token": self.chorus + "/oauth/token",
            "ocsp": self.ocsp,
            "trust_list": self.lists,
        }


def create_app(clock: Clock = wall_clock, services: Collection[str] = tuple(SERVICES)) -> Starlette:
    """The services of these prefixes, each with a state of its own."""
    return Starlette(routes=[Mount(prefix, SERVICES[prefix](clock)) for prefix in services])


@contextmanager
def running_sandbox(
    port: int = 0, clock: Clock = wall_clock, services: Collection[str] = tuple(SERVICES)
) -> Iterator[SandboxUrls]:
    """Serve on a thread until the block ends; port 0 takes a free one."""
    with socket.create_server((HOST, port)) as listener:
        server = uvicorn.Server(_config(clock, services))
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield SandboxUrls(f"http://{HOST}:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def serve(port: int, clock: Clock = wall_clock) -> None:
    """Serve in this process until it is told to stop."""
    config = _config(clock, tuple(SERVICES))
    config.port = port
    uvicorn.Server(config).run()


def _config(clock: Clock, services: Collection[str]) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(clock, services),
        host=HOST,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
    )


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 10
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.005)
