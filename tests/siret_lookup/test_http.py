import gzip
import json
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from siret_lookup.envelope import Failure
from siret_lookup.http import Access, BadAccess, Document, Network, Refusal, Reply, document_allowed, download, get
from siret_lookup.outcome import Outcome
from tests.siret_lookup.scene import BUYER, START, answering


def access(base_url: str, /, **changes: object) -> Access:
    host = base_url.partition("://")[2]
    wanted: dict[str, object] = {
        "base_url": base_url,
        "token": "secret-token",
        "recipient": BUYER,
        "object": "essai",
        "document_hosts": frozenset({host}),
        "json_seconds": 1.0,
        "download_seconds": 1.0,
    }
    return Access(**(wanted | changes))  # type: ignore[arg-type]


def send(request: BaseHTTPRequestHandler, content: bytes, status: int = 200, **headers: str) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(content)


def refusal(answer: Reply | Refusal) -> Failure:
    assert isinstance(answer, Refusal)
    return answer.failure


def test_a_call_carries_token_and_the_three_parameters() -> None:
    seen: dict[str, str] = {}

    def handle(request: BaseHTTPRequestHandler) -> None:
        seen.update(path=request.path, token=request.headers["Authorization"])
        send(request, b'{"data": 1}', X_Request_ID="abc")

    with answering(handle) as url:
        answer = get(access(url), "/v3/x", {"limit": "2"}, now=START)
    assert isinstance(answer, Reply)
    assert (answer.body, answer.request_id, len(answer.sha256)) == ({"data": 1}, "abc", 64)
    assert seen["token"] == "Bearer secret-token"
    assert seen["path"] == f"/v3/x?limit=2&context=March%C3%A9s+publics&object=essai&recipient={BUYER}"


def test_compressed_answers_are_read() -> None:
    content = gzip.compress(json.dumps({"data": "é" * 10_000}).encode())
    with answering(lambda request: send(request, content, Content_Encoding="gzip")) as url:
        answer = get(access(url), "/", {}, now=START)
    assert isinstance(answer, Reply)
    assert answer.body["data"] == "é" * 10_000


def test_a_redirection_is_not_followed() -> None:
    paths: list[str] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        paths.append(request.path)
        send(request, b"", 302, Location="/ailleurs")

    with answering(handle) as url:
        failure = refusal(get(access(url), "/x", {}, now=START))
    assert failure.outcome is Outcome.UNAVAILABLE
    assert len(paths) == 1


def test_the_environment_s_proxy_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with answering(lambda request: send(request, b'{"data": 1}')) as url:
        assert isinstance(get(access(url), "/", {}, now=START), Reply)


def test_an_explicit_proxy_is_used() -> None:
    with answering(lambda request: send(request, b'{"data": "proxy"}')) as proxy:
        through = access("http://127.0.0.1:1", network=Network(proxies={"http": proxy}))
        answer = get(through, "/", {}, now=START)
    assert isinstance(answer, Reply)
    assert answer.body == {"data": "proxy"}


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b"null", b"[" * 100_000, b'{"data": "\xff"}'])
def test_a_body_that_is_not_a_json_object_is_unavailable(content: bytes) -> None:
    with answering(lambda request: send(request, content)) as url:
        failure = refusal(get(access(url), "/", {}, now=START))
    assert (failure.outcome, failure.detail) == (Outcome.UNAVAILABLE, "La réponse du service est illisible.")


def test_a_reply_too_big_is_cut() -> None:
    with answering(lambda request: send(request, b" " * 2_100_000)) as url:
        assert refusal(get(access(url, json_seconds=5.0), "/", {}, now=START)).detail == (
            "La réponse du service est trop volumineuse."
        )


def test_a_compressed_bomb_is_cut() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with answering(lambda request: send(request, bomb, Content_Encoding="gzip")) as url:
        assert refusal(get(access(url, json_seconds=5.0), "/", {}, now=START)).detail == (
            "La réponse du service est trop volumineuse."
        )


def drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    for _ in range(20):
        try:
            request.wfile.write(b" ")
        except OSError:
            return
        time.sleep(0.05)


def test_a_reply_drop_by_drop_meets_the_deadline() -> None:
    with answering(drip) as url:
        failure = refusal(get(access(url), "/", {}, now=START, seconds=0.2))
    assert failure.detail == "Le service n’a pas répondu à temps."


def test_a_silent_service_meets_the_time_out() -> None:
    with answering(lambda request: time.sleep(0.5)) as url:
        failure = refusal(get(access(url), "/", {}, now=START, seconds=0.1))
    assert failure.detail == "Le service n’a pas répondu à temps."


def test_a_closed_port_is_unavailable() -> None:
    failure = refusal(get(access("http://127.0.0.1:1"), "/", {}, now=START))
    assert (failure.outcome, failure.detail) == (Outcome.UNAVAILABLE, "Le service est injoignable.")
    assert failure.retry_at is not None


def test_a_reply_cut_short_is_unavailable() -> None:
    def handle(request: BaseHTTPRequestHandler) -> None:
        send(request, b"%PDF-1.7 cut", Content_Length="5000")

    with answering(handle) as url:
        answer = download(access(url), url + "/x.pdf", now=START)
    assert isinstance(answer, Failure)
    assert answer.detail == "Le service est injoignable."


def test_a_document_said_to_be_too_big_is_not_read() -> None:
    sent: list[int] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "200000000")
        request.end_headers()
        try:
            for _ in range(3000):
                sent.append(request.wfile.write(bytes(65_536)))
        except OSError:
            return

    with answering(handle) as url:
        answer = download(access(url), url + "/x.pdf", now=START)
    assert isinstance(answer, Failure)
    assert answer.detail == "La réponse du service est trop volumineuse."
    assert sum(sent) < 20_000_000


def test_the_files_own_quota_is_heeded() -> None:
    with answering(lambda request: send(request, b"", 429, Retry_After="42")) as url:
        answer = download(access(url), url + "/x.pdf", now=START)
    assert isinstance(answer, Failure)
    assert (answer.outcome, answer.retry_at) == (Outcome.UNAVAILABLE, START + timedelta(seconds=42))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_dead_link_is_no_matter_of_rights(status: int) -> None:
    with answering(lambda request: send(request, b"AccessDenied", status)) as url:
        answer = download(access(url), url + "/x.pdf", now=START)
    assert isinstance(answer, Failure)
    assert (answer.outcome, answer.detail) == (
        Outcome.UNAVAILABLE,
        "Le lien du document a expiré ou ne répond pas.",
    )


def test_documents_are_fetched_without_the_token() -> None:
    seen: list[str | None] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers["Authorization"])
        send(request, b"%PDF-1.7 document", Content_Type="image/png")

    with answering(handle) as url:
        answer = download(access(url), url + "/x.pdf", now=START)
    assert isinstance(answer, Document)
    assert (answer.media_type, answer.extension, seen) == ("application/pdf", "pdf", [None])


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://storage.entreprise.api.gouv.fr/siade/x.pdf", True),
        ("https://entreprise.api.gouv.fr/proxy/files/x", True),
        ("http://storage.entreprise.api.gouv.fr/x.pdf", False),
        ("https://storage.entreprise.api.gouv.fr:8443/x.pdf", False),
        ("https://storage.entreprise.api.gouv.fr.example/x.pdf", False),
        ("https://entreprise.api.gouv.fr@example.org/x.pdf", False),
        ("https://x@entreprise.api.gouv.fr/x.pdf", False),
        ("https://example.org/x.pdf", False),
        ("http://127.0.0.1/x.pdf", False),
        ("file:///etc/passwd", False),
        ("https://entreprise.api.gouv.fr:port/x", False),
        ("", False),
    ],
)
def test_documents_come_from_listed_hosts_only(url: str, allowed: bool) -> None:
    production = Access(base_url="https://entreprise.api.gouv.fr", token="t", recipient=BUYER, object="o")
    assert document_allowed(production, url) is allowed


@pytest.mark.parametrize(
    "changes",
    [
        {"token": ""},
        {"token": "a b"},
        {"token": "é"},
        {"token": "a\nb"},
        {"object": " "},
        {"object": "o" * 50},
        {"recipient": "00001039700017"},
        {"recipient": "000010397"},
        {"base_url": "ftp://example.org"},
    ],
)
def test_an_access_that_cannot_work_is_refused_in_one_sentence(changes: dict[str, str]) -> None:
    with pytest.raises(BadAccess) as refused:
        access("http://127.0.0.1:1", **changes)
    assert str(refused.value).endswith(".")


def test_the_token_is_not_printed() -> None:
    assert "secret-token" not in repr(access("http://127.0.0.1:1"))
