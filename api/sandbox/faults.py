"""What the stand-in sends when something goes wrong: error envelopes, spoilt JSON, and answers that take their time."""

import asyncio
import contextlib

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from api.sandbox.answers.endpoint import Endpoint, Json
from api.sandbox.companies import Fault


class Refused(Exception):
    """An error answer on its way out."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Slow(JSONResponse):
    """An answer sent after a while, or never if the other side has gone meanwhile."""

    wait: float = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.wait):
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        await super().__call__(scope, receive, send)


def to_json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """A JSON answer with the media type of v3 and v4."""
    return JSONResponse(body, status, headers=headers, media_type="application/vnd.api+json")


def to_error(status: int, code: str, title: str, detail: str) -> Response:
    """One error of the API itself."""
    return to_json({"errors": [error_item(code, title, detail)]}, status)


def error_item(
    code: str, title: str, detail: str, *, parameter: str | None = None, meta: dict[str, object] | None = None
) -> dict[str, object]:
    """One error of an envelope; `parameter` is the one at fault."""
    return {
        "code": code,
        "title": title,
        "detail": detail,
        "source": {"parameter": parameter} if parameter else None,
        "meta": meta or {"provider": "API Entreprise"},
    }


def failure(endpoint: Endpoint, fault: Fault) -> Response:
    """The error answer of a fault, with the provider's prefix."""
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else None
    if fault.empty:
        return Response(status_code=fault.status, headers=headers)
    meta: dict[str, object] = {"provider": endpoint.provider}
    if fault.retry_in is not None:
        meta["retry_in"] = fault.retry_in
    code = fault.code or f"{endpoint.prefix}{fault.subcode}"
    return to_json({"errors": [error_item(code, fault.title, fault.detail, meta=meta)]}, fault.status, headers)


def answer(body: Json, fault: Fault) -> Response:
    """A 200, whole or spoilt, at once or late."""
    if fault.body == "no_meta":
        body = {"data": body["data"]}
    elif fault.body == "nulls":
        body = dict.fromkeys(body)
    elif fault.body == "double_wrapped":
        body = {**body, "data": {"data": body["data"]}}
    if not fault.wait:
        return to_json(body)
    slow = Slow(body, media_type="application/vnd.api+json")
    slow.wait = fault.wait
    return slow
