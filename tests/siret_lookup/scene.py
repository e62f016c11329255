"""A sandbox with a clock of its own, and a buyer's access to it; a server that answers what a test tells it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

from api.sandbox.api_entreprise import TOKEN
from api.sandbox.companies import book
from api.sandbox.server import SandboxUrls
from siret_lookup.fetch import fetch
from siret_lookup.http import Access
from siret_lookup.outcome import PieceResult
from siret_lookup.quotas import MemoryQuotas
from siret_lookup.siret import Siret, parse_siret

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
BUYER = "00001039700016"


@dataclass
class Clock:
    """The sandbox's time, moved by hand."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def next_minute(self) -> None:
        """A fresh minute of the same day in Paris: past midnight, those before the start."""
        later = self.now + timedelta(minutes=1)
        same_day = later.astimezone(PARIS).date() == START.astimezone(PARIS).date()
        self.now = later if same_day else later - timedelta(days=1)


@dataclass
class Lookup:
    """What a test of siret_lookup needs, in one hand."""

    urls: SandboxUrls
    clock: Clock
    access: Access
    quotas: MemoryQuotas = field(default_factory=MemoryQuotas)

    @property
    def now(self) -> datetime:
        return self.clock.now

    def fetch(self, key: str, name: str, **changes: object) -> PieceResult:
        """Fetch a piece for the company of that name; `changes` are made to the access."""
        access = replace(self.access, **changes)  # type: ignore[arg-type]
        return fetch(key, siret_of(name), access, self.now, self.quotas)


def access_to(urls: SandboxUrls) -> Access:
    return Access(
        base_url=urls.api_entreprise,
        token=TOKEN,
        recipient=BUYER,
        object="essai",
        document_hosts=frozenset({urls.host}),
    )


def siret_of(name: str, place: int = -1) -> Siret:
    """The (last) establishment of the sandbox's company of that name."""
    company = next(company for company in book().companies if company.name == name)
    return parse_siret(company.places[place].siret)


@contextmanager
def answering(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server whose GETs are handled by `handle`; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
