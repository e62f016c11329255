"""Every route names who may call it, and means it."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.auth import Allow
from api.db import Database
from tests.checked_client import CheckedClient
from tests.factories import make_account

OURS = {"sec-fetch-site": "same-origin"}
PUBLIC_SAMPLE = {"ref": "000000000000", "name": "rc.pdf", "file_id": "1"}


def routes(app: FastAPI) -> Iterator[tuple[APIRoute, list[Allow]]]:
    """Every route of ours, with what it states; static files are mounts."""
    pending = list(app.routes)
    while pending:
        route = pending.pop()
        pending.extend(getattr(getattr(route, "original_router", None), "routes", []))
        if isinstance(route, APIRoute):
            stated = [d.dependency for d in route.dependencies if isinstance(d.dependency, Allow)]
            yield route, stated


def test_every_route_states_exactly_one_rule(app: FastAPI) -> None:
    found = list(routes(app))
    assert len(found) > 15
    silent = [f"{sorted(route.methods or ())} {route.path}" for route, stated in found if len(stated) != 1]
    assert silent == []


def path_of(route: APIRoute) -> str:
    path = route.path
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", PUBLIC_SAMPLE.get(name, "000000000000")).replace(f"{{{name}:path}}", "x")
    return path


def test_a_stranger_and_a_plain_account_get_through_no_closed_door(
    app: FastAPI, client: CheckedClient, database: Database, browser: object
) -> None:
    """A stranger is sent to sign in; an account without the role gets the same 404 as for a page that is not there."""
    plain = browser(make_account(database))  # type: ignore[operator]
    for route, stated in routes(app):
        if stated[0].label == "public":
            continue
        for method in sorted(route.methods or ()):
            answer = client.request(method, path_of(route), headers=OURS, follow_redirects=False)
            assert answer.status_code in (303, 401), (method, route.path, answer.status_code)
            if stated[0].label != "signed in":
                answer = plain.request(method, path_of(route), headers=OURS, follow_redirects=False)
                assert answer.status_code == 404, (method, route.path, answer.status_code)
