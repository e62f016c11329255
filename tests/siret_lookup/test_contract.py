"""Every source against the published contract, not only against the sandbox; and the sandbox against the contract."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from siret_lookup.body import open_body
from siret_lookup.fetch import fetch
from siret_lookup.http import Access
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import MemoryQuotas
from siret_lookup.sources import SOURCES
from tests.siret_lookup.scene import BUYER, START, Lookup, answering, siret_of
from tests.siret_lookup.shapes import DOCUMENT, STRANGER, payloads, shape_of, strays

ANSWERS = {Outcome.OBTAINED, Outcome.NOT_FOUND, Outcome.REFUSED_BY_AUTHORITY, Outcome.UNAVAILABLE}
PDF = b"%PDF-1.7 de qui que ce soit\n%%EOF\n"
EVERYTHING = "COOPÉRATIVE QUI A TOUT"


def coherent(key: str, payload: dict[str, Any]) -> bool:
    """What the shape of the vigilance certificate does not say: delivered goes with a document."""
    data = payload["data"]
    return key != "vigilance" or (data["document_url"] is not None) == (data["entity_status"]["code"] == "ok")


@pytest.mark.parametrize("key", SOURCES)
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
def test_whatever_keeps_the_contract_is_read(key: str, draw: st.DataObject) -> None:
    payload = draw.draw(payloads(key))
    assume(coherent(key, payload))
    reading = SOURCES[key].read(open_body(payload))
    facts = json.dumps(reading.facts, allow_nan=False)
    assert reading.outcome in ANSWERS
    assert (reading.outcome is Outcome.UNAVAILABLE) == (reading.retry_in is not None)
    assert "signature" not in facts
    assert reading.document_url is None or SOURCES[key].document
    for born in re.findall(r'"date_naissance": "([^"]+)"', json.dumps(payload)):
        assert not re.search(rf'"birth[^,}}]*{born}', facts)


@dataclass
class Elsewhere:
    """A server that is not the sandbox: it gives one payload to every path, and a document."""

    base: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        self.paths.append(request.path)
        here = json.dumps(self.payload).replace(DOCUMENT, f"{self.base}/document.pdf?signature=secret")
        content = PDF if request.path.startswith("/document.pdf") else here.encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    with answering(server.handle) as url:
        server.base = url
        yield server


@pytest.mark.parametrize("key", SOURCES)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
def test_another_server_that_keeps_the_contract_will_do(key: str, elsewhere: Elsewhere, draw: st.DataObject) -> None:
    source, elsewhere.payload = SOURCES[key], draw.draw(payloads(key))
    assume(coherent(key, elsewhere.payload))
    expected = source.read(open_body(elsewhere.payload))
    host = elsewhere.base.partition("://")[2]
    access = Access(
        base_url=elsewhere.base, token="autre", recipient=BUYER, object="essai", document_hosts=frozenset({host})
    )
    result = fetch(key, STRANGER, access, START, MemoryQuotas())
    assert (result.outcome, result.valid_until) == (expected.outcome, expected.valid_until)
    assert json.dumps(dict(result.facts)) == json.dumps(expected.facts)
    assert result.document == (PDF if expected.document_url else None)
    assert source.path_for(STRANGER, START) in [path.partition("?")[0] for path in elsewhere.paths]


@pytest.mark.parametrize("key", SOURCES)
def test_the_sandbox_keeps_the_published_shape(lookup: Lookup, key: str) -> None:
    source = SOURCES[key]
    params = {"context": "essai", "object": "essai", "recipient": BUYER, **source.params}
    answer = requests.get(
        lookup.access.base_url + source.path_for(siret_of(EVERYTHING), lookup.now),
        params=params,
        headers={"Authorization": f"Bearer {lookup.access.token}"},
        timeout=10,
    )
    shape = shape_of(key)
    assert answer.status_code == 200
    assert strays(shape["data"], answer.json()["data"], "data") == []
    assert strays(shape["meta"], answer.json()["meta"], "meta") == []


def test_a_stray_is_seen() -> None:
    shape = {"a": "string", "b?": "date or null", "c": [{"one_of": [1, 2]}], "d": {"like": "^x$"}}
    assert strays(shape, {"a": "x", "b": None, "c": [1, 2], "d": "x"}) == []
    assert strays(shape, {"a": 1, "b": "hier", "c": [3], "e": 0}) == [
        ".d: missing",
        ".e: unknown",
        ".a: 1 is not a string",
        ".b: 'hier' is not a date",
        ".c[0]: 3 is not listed",
    ]
