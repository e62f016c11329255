"""What every request meets first: other sites, sizes, headers, a bug that becomes a page with its reference."""

from collections.abc import Iterator

import pytest
from fastapi import Depends, FastAPI

from api.auth import PUBLIC
from api.guard import BODY_CAP
from tests.checked_client import CheckedClient


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://ailleurs.example"},
        {"origin": "null"},
        {"cookie": "mps_session=x"},
    ],
)
def test_a_form_of_another_site_is_refused(client: CheckedClient, headers: dict[str, str]) -> None:
    answer = client.post("/connexion", data={"email": "a@b.fr"}, headers=headers)
    assert answer.status_code == 403
    assert "autre site" in answer.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://testserver"}, {}])
def test_our_own_form_is_taken(client: CheckedClient, headers: dict[str, str]) -> None:
    assert client.post("/connexion", data={"email": "a@b.fr", "password": "x"}, headers=headers).status_code == 422


def test_too_large_a_body_is_refused_announced_or_not(client: CheckedClient) -> None:
    announced = client.post("/connexion", content=b"x" * (BODY_CAP + 1))
    assert announced.status_code == 413
    assert "2 Mo" in announced.text

    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"email=" + b"x" * 100_000

    chunked = client.post("/connexion", content=chunks(), headers={"content-type": "application/x-www-form-urlencoded"})
    assert chunked.status_code in (400, 413)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/candidacies/fichiers/submit", "/candidatures/signature-recue/deposer", "/fichiers", "/api/v1/invoices/x"],
)
def test_a_word_in_the_path_lifts_no_cap(client: CheckedClient, path: str) -> None:
    """Bodies are read before anyone is asked who they are: only the routes that stream may be long."""
    answer = client.post(path, content=b"x" * (BODY_CAP + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_the_routes_that_stream_may_be_long(client: CheckedClient) -> None:
    for path in ("/candidatures/X/fichiers/offre", "/candidatures/X/contrat/signature-recue", "/factures/copie"):
        answer = client.post(path, content=b"x" * (BODY_CAP + 1), follow_redirects=False)
        assert answer.status_code == 303, path  # to the sign-in form: nothing was read


def test_a_length_that_is_no_number_is_refused(client: CheckedClient) -> None:
    assert client.get("/", headers={"content-length": "douze"}).status_code == 400


def test_a_bug_is_a_page_with_its_reference_and_no_traceback(app: FastAPI) -> None:
    @app.get("/bogue", dependencies=[Depends(PUBLIC)])
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    with CheckedClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/bogue")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "secret detail" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_api_speaks_problem_json(client: CheckedClient) -> None:
    answer = client.get("/api/v1/nulle-part")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"title", "status", "detail", "reference"} <= answer.json().keys()
