"""What every creation of the API does: answer a repeated Idempotency-Key with the first answer."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from starlette.responses import JSONResponse

from api import db as database
from api.context import Context
from api.db import reading, transaction
from procurement.errors import Invalid
from procurement.idempotency import digest, keep_answer, past_answer
from procurement.people import Person

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
Body = dict[str, Any]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {"application/problem+json": {}}}
    for code, words in {
        400: "Demande illisible",
        401: "Jeton nécessaire",
        404: "Introuvable, ou pas pour vous",
        409: "Une règle s’y oppose",
        413: "Trop lourd",
        422: "Valeur à corriger",
        503: "Momentanément indisponible",
    }.items()
}


def once(
    ctx: Context, who: Person, key: str | None, request: str, content: bytes, act: Callable[[], tuple[int, Body]]
) -> JSONResponse:
    """Run `act` once per key and account; a repeated key gets the first answer, another request under it is refused."""
    if key is None:
        status, body = act()
        return JSONResponse(body, status)
    if not key.strip():
        raise Invalid({"Idempotency-Key": "Cet en-tête est vide."})
    sha256 = digest(request.encode() + b"\0" + content)
    with reading(ctx.database) as db:
        past = past_answer(db, who.id, key, sha256)
        if past is not None:
            return JSONResponse(past.body, past.status)
    status, body = act()
    if status == 202:  # not done yet: the same key asks again
        return JSONResponse(body, status)
    with transaction(ctx.database) as db:
        keep_answer(db, who.id, key, sha256, status, body, database.now(db))
    return JSONResponse(body, status)
