"""What every creation of the API does: answer a repeated Idempotency-Key with the first answer."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from api import db as database
from api.context import Context
from api.db import transaction
from procurement.errors import Invalid
from procurement.idempotency import digest, keep_answer, release, reserve
from procurement.people import Person

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
Body = dict[str, Any]
Keep = Callable[[Session, int, Body], None]
Act = Callable[[Keep], tuple[int, Body]]
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


def once(ctx: Context, who: Person, key: str | None, request: str, content: bytes, act: Act) -> JSONResponse:
    """Run `act` once per key and account; a repeated key gets the first answer, another request under it is refused.

    `act` is given `keep`, to be called in the transaction that creates, so that what is done is never done again.
    """
    if key is None:
        status, body = act(lambda db, status, body: None)
        return JSONResponse(body, status)
    if not key.strip():
        raise Invalid({"Idempotency-Key": "Cet en-tête est vide."})
    sha256 = digest(request.encode() + b"\0" + content)
    with transaction(ctx.database) as db:
        past = reserve(db, who.id, key, sha256, database.now(db))
    if past is not None:
        return JSONResponse(past.body, past.status)
    return _acted(ctx, who, key, act)


def _acted(ctx: Context, who: Person, key: str, act: Act) -> JSONResponse:
    def keep(db: Session, status: int, body: Body) -> None:
        keep_answer(db, who.id, key, status, body, database.now(db))

    try:
        status, body = act(keep)
    finally:  # nothing kept: refused, failed, or not done yet (202); the same key asks again
        with transaction(ctx.database) as db:
            release(db, who.id, key)
    return JSONResponse(body, status)
