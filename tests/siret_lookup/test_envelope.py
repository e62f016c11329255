import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.envelope import read_failure
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import next_window
from tests.siret_lookup.scene import START


def body(code: str, **more: object) -> bytes:
    return json.dumps({"errors": [{"code": code, "title": "Titre", "detail": "Détail.", **more}]}).encode()


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (401, "00101", Outcome.NOT_AUTHORISED),
        (401, "00103", Outcome.NOT_AUTHORISED),
        (403, "00100", Outcome.NOT_AUTHORISED),
        (404, "04003", Outcome.NOT_FOUND),
        (404, "36003", Outcome.NOT_FOUND),
        (451, "01005", Outcome.WITHHELD_BY_LAW),
        (422, "00210", Outcome.NOT_AUTHORISED),
        (422, "00201", Outcome.NOT_AUTHORISED),
        (422, "00302", Outcome.OUT_OF_SCOPE),
        (422, "00356", Outcome.NOT_FOUND),
        (409, "00015", Outcome.UNAVAILABLE),
        (429, "00429", Outcome.UNAVAILABLE),
        (502, "04501", Outcome.UNAVAILABLE),
        (503, "03020", Outcome.UNAVAILABLE),
        (504, "04002", Outcome.UNAVAILABLE),
        (301, "00000", Outcome.UNAVAILABLE),
        (400, "00000", Outcome.UNAVAILABLE),
        (410, "05007", Outcome.UNAVAILABLE),
    ],
)
def test_status_decides_the_outcome(status: int, code: str, outcome: Outcome) -> None:
    failure = read_failure(status, {}, body(code), START)
    assert (failure.outcome, failure.code, failure.detail) == (outcome, code, "Détail.")
    assert (failure.retry_at is not None) == outcome.waiting


def seconds(status: int, headers: dict[str, str], content: bytes = b"") -> float:
    retry_at = read_failure(status, headers, content, START).retry_at
    assert retry_at is not None
    return (retry_at - START).total_seconds()


@pytest.mark.parametrize(
    ("status", "headers", "content", "expected"),
    [
        (429, {"Retry-After": "30"}, b"", 30),
        (429, {"Retry-After": "0"}, b"", 60),
        (429, {"Retry-After": "-5"}, b"", 60),
        (429, {"Retry-After": "Mon, 23 Nov 2026 10:02:30 GMT"}, b"", 120),
        (429, {"Retry-After": "demain", "RateLimit-Reset": str(int(START.timestamp()) + 25)}, b"", 25),
        (429, {}, b"", (next_window(START) - START).total_seconds()),
        (409, {}, b"", 60),
        (502, {}, body("04501", meta={"provider": "ACOSS", "retry_in": 172_800}), 172_800),
        (503, {}, body("03020", meta={"retry_in": "3600"}), 3600),
        (502, {}, body("00501", meta={"retry_in": 1e300}), 300),
        (502, {}, body("00501", meta={"retry_in": 1e10}), timedelta(days=30).total_seconds()),
        (504, {}, b"<html>", 300),
        (418, {}, b"", 3600),
    ],
)
def test_the_next_try(status: int, headers: dict[str, str], content: bytes, expected: float) -> None:
    assert seconds(status, headers, content) == expected


def test_several_errors_are_told_together() -> None:
    content = json.dumps({"errors": [{"code": "00201", "detail": "A."}, {"code": "00203", "title": "B."}]}).encode()
    failure = read_failure(422, {}, content, START)
    assert (failure.code, failure.detail) == ("00201", "A. B.")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["errors", "code", "meta", "detail", "title", "retry_in"]), inner)
    ),
    max_leaves=10,
)


@given(st.integers(300, 599), st.binary(max_size=30) | JSON.map(lambda v: json.dumps(v).encode()), st.text(max_size=8))
def test_any_body_and_header_give_an_outcome(status: int, content: bytes, header: str) -> None:
    failure = read_failure(status, {"Retry-After": header, "RateLimit-Reset": header}, content, START)
    assert failure.retry_at is None or failure.retry_at > START
