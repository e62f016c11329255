"""ASGI guards around every request: reference number, body cap, CSRF, security headers, log line, metrics."""

import re
import secrets
import time
from urllib.parse import urlsplit

import structlog
from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_CAP = 2 << 20
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; connect-src 'self'; font-src 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
DURATION = Histogram("mps_request_seconds", "Duration of requests", ["method", "status"])
log = structlog.get_logger("mps.http")


def _cross_site(headers: Headers, host: str) -> bool:
    """True for an unsafe request that another site may have caused: browsers say where it comes from."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc != host
    return "cookie" in headers


def from_this_machine(request: Request) -> bool:
    """True for a caller on loopback that no proxy stands before."""
    here = request.client is not None and request.client.host in ("127.0.0.1", "::1", "testclient")
    return here and not any(name in request.headers for name in ("x-forwarded-for", "forwarded", "via", "x-real-ip"))


class Guard:
    """One pure ASGI wrapper. Streaming routes (uploads) have their own cap: patterns of whole paths.

    `sign_out`: the one other origin that a form may end at, the identity provider's: signing out goes on there.
    """

    def __init__(self, app: ASGIApp, streaming: tuple[str, ...] = (), secure: bool = False, sign_out: str = "") -> None:
        self.app = app
        forms = f"form-action 'self' {sign_out}".rstrip()
        policy = HEADERS["content-security-policy"].replace("form-action 'self'", forms)
        self.headers = HEADERS | {"content-security-policy": policy}
        self.streaming = tuple(re.compile(pattern) for pattern in streaming)
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        reference = secrets.token_hex(6)
        scope.setdefault("state", {})["reference"] = reference
        started = time.monotonic()
        status = 500

        async def stamped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._stamp(MutableHeaders(scope=message), scope["path"], reference)
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await errors.answer(Request(scope), *refusal)(scope, receive, stamped)
        else:
            await self._answered(scope, self._capped(receive, scope), stamped)
        spent = time.monotonic() - started
        DURATION.labels(scope["method"], f"{status // 100}xx").observe(spent)
        say = log.warning if status >= 500 else log.info
        say("request", method=scope["method"], status=status, seconds=round(spent, 3), reference=reference)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A bug becomes a page with its reference; nothing else can be said once the answer began."""
        began = False

        async def noted(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            response = errors.bug(Request(scope), error)
            if began:
                raise
            await response(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return 400, "La longueur annoncée n’est pas un nombre."
        if not self._streams(scope) and int(length) > BODY_CAP:
            return 413, "Cet envoi dépasse la taille permise (2 Mo)."
        if scope["method"] not in SAFE and _cross_site(headers, headers.get("host", "")):
            return 403, "Cette demande vient d’un autre site : elle est refusée."
        return None

    def _streams(self, scope: Scope) -> bool:
        return any(pattern.fullmatch(scope["path"]) for pattern in self.streaming)

    def _capped(self, receive: Receive, scope: Scope) -> Receive:
        """Chunked bodies have no announced length: count them."""
        if self._streams(scope):
            return receive
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            return {"type": "http.disconnect"} if seen > BODY_CAP else message

        return counted

    def _stamp(self, headers: MutableHeaders, path: str, reference: str) -> None:
        for name, value in self.headers.items():
            headers.setdefault(name, value)
        headers["x-request-id"] = reference
        if not path.startswith("/static/"):
            headers.setdefault("cache-control", "no-store")
        if self.secure:
            headers.setdefault("strict-transport-security", "max-age=31536000; includeSubDomains")
