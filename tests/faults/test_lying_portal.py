"""A portal that lies: numbers without end, days out of any calendar, pages without end; told in words, never a bug."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.context import Context
from api.sandbox import alone
from api.steps import chorus
from tests.chorus_scene import account, connect, notices
from tests.factories import make_buyer

STRUCTURE = {
    "listeStructures": [{"idStructureCPP": 7}], "parametres": {},
    "informationGenerales": {"raisonSocialeStructure": "V"},
    "listeServices": [], "pages": 1, "total": 0,
}  # fmt: skip
LINE = {
    "idFacture": 12, "numeroFacture": "F-1", "designationFournisseur": "Sa\u0000rl", "statut": "MISE_A_DISPOSITION",
    "dateHeureEtatCourant": "2026-11-02T10:00:00",
}  # fmt: skip


@contextmanager
def lying(context: Context, lines: list[dict[str, Any]], pages: int = 1) -> Iterator[tuple[Context, list[str]]]:
    """The same context before a portal that answers these lines to every page; and the methods that were called."""
    calls: list[str] = []

    async def token(request: Request) -> Response:
        return JSONResponse({"access_token": "t", "expires_in": 60})

    async def method(request: Request) -> Response:
        calls.append(request.path_params["method"])
        found = {"listeFactures": lines, "pages": pages, "total": len(lines)}
        body = found if calls[-1].startswith("factures/") else STRUCTURE
        return JSONResponse({"codeRetour": 0, **body})

    app = Starlette(
        routes=[Route("/token", token, methods=["POST"]), Route("/cpro/{method:path}", method, methods=["POST"])]
    )
    with alone.running(app) as url:
        yield replace(context, services={**context.services, "chorus": url, "chorus_token": f"{url}token"}), calls


@pytest.mark.parametrize(
    "lie",
    [
        {"idFacture": 10**50},
        {"idFacture": -3},
        {"idFacture": True},
        {"dateHeureEtatCourant": "0001-01-01T00:00:00+14:00"},
        {"dateHeureEtatCourant": "9999-12-31T23:59:59-14:00"},
        {"statut": "X" * 200},
    ],
    ids=["endless", "negative", "boolean", "year-one", "year-9999", "long-status"],
)
def test_a_line_that_cannot_be_is_an_odd_answer(context: Context, lie: dict[str, Any]) -> None:
    connect(context, make_buyer(context.database))
    with lying(context, [LINE, LINE | {"idFacture": 13} | lie]) as (before, _):
        assert chorus.read_one(before)
    assert "réponse inattendue" in account(context).problem
    assert account(context).read_at is None


def test_a_sign_that_no_database_keeps_is_left_out(context: Context) -> None:
    connect(context, make_buyer(context.database))
    with lying(context, [LINE]) as (before, _):
        assert chorus.read_one(before)
    assert account(context).problem == ""
    assert [(notice.portal_id, notice.supplier) for notice in notices(context)] == [("12", "Sarl")]


def test_pages_that_never_end_are_left(context: Context) -> None:
    """Each page says the same and promises a million others."""
    connect(context, make_buyer(context.database))
    with lying(context, [LINE], pages=10**6) as (before, calls):
        assert chorus.read_one(before)
    assert len(calls) < 20
