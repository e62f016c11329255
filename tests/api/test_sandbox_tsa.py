"""The sandbox's authorities over real HTTP: what is stamped, what is refused, what can be downloaded."""

import hashlib
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from asn1crypto import core, tsp
from cryptography import x509
from starlette.testclient import TestClient

from api.remote.tsa import request_timestamp
from api.sandbox import pki, tsa
from procurement.errors import Unavailable

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIGEST = hashlib.sha256(b"acte").digest()


class Answer(core.Sequence):  # type: ignore[misc]
    """A TimeStampResp with an optional token."""

    _fields = [("status", tsp.PKIStatusInfo), ("token", core.Any, {"optional": True})]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pki.ensure(tmp_path / "pki", NOW)


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    with tsa.running(folder, lambda: NOW) as address:
        yield address


def query(algorithm: str = "sha256", digest: bytes = DIGEST, **more: Any) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}
    content: bytes = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "nonce": 42} | more).dump()
    return content


def test_a_token_for_what_was_asked(url: str) -> None:
    answer = tsp.TimeStampResp.load(request_timestamp(url, query(cert_req=True)))
    info = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    assert answer["status"]["status"].native == "granted"
    assert (info["gen_time"].native, info["nonce"].native) == (NOW, 42)
    assert info["message_imprint"]["hashed_message"].native == DIGEST
    assert len(answer["time_stamp_token"]["content"]["certificates"]) == 2


def test_certificates_only_when_asked(url: str) -> None:
    answer = tsp.TimeStampResp.load(request_timestamp(url, query()))
    assert not answer["time_stamp_token"]["content"]["certificates"].native


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"bonjour", "bad_data_format"),
        (b"", "bad_data_format"),
        (query(digest=b"court"), "bad_data_format"),
        (query("sha1", hashlib.sha1(b"acte").digest()), "bad_alg"),
        (query(req_policy="1.2.3"), "unaccepted_policy"),
    ],
    ids=["text", "nothing", "short digest", "sha1", "policy"],
)
def test_refusals_have_their_reason(url: str, body: bytes, failure: str) -> None:
    status = Answer.load(request_timestamp(url, body))["status"]
    assert status["status"].native == "rejection"
    assert status["fail_info"].native == {failure}
    assert status["status_string"].native[0].endswith(".")


def test_http_refusals(url: str) -> None:
    assert requests.post(url, data=query(), timeout=5).status_code == 415
    headers = {"Content-Type": tsa.QUERY}
    assert requests.post(url, data=b"x" * (tsa.MAX_BYTES + 1), headers=headers, timeout=5).status_code == 413
    assert requests.get(url, timeout=5).status_code == 405


def test_the_client_takes_only_a_timestamp_reply(folder: Path, url: str) -> None:
    with pytest.raises(Unavailable, match="inattendue"):
        request_timestamp(url + "ailleurs", query())
    with pytest.raises(Unavailable, match="ne répond pas"):
        request_timestamp("http://127.0.0.1:1/", query())


def test_downloads(folder: Path) -> None:
    with TestClient(pki.create_app(folder, lambda: NOW)) as client:
        for name in ("root", "issuing", "tsa"):
            assert x509.load_pem_x509_certificate(client.get(f"/{name}.pem").content) == pki.certificate(folder, name)
        crl = x509.load_der_x509_crl(client.get("/issuing.crl").content)
        assert client.get("/tsa.crl").status_code == client.get("/root.key").status_code == 404
    assert crl.is_signature_valid(pki.certificate(folder, "issuing").public_key())  # type: ignore[arg-type]


def test_the_crl_names_the_revoked(folder: Path) -> None:
    pki.issue_signer(folder, "Ali", "Essai", "00000000100019", "secret", revoked=True, now=NOW)
    assert len(x509.load_der_x509_crl(pki.crl(folder, "issuing", NOW))) == 1
    assert len(x509.load_der_x509_crl(pki.crl(folder, "root", NOW))) == 0


def test_keys_are_for_the_owner_only_and_made_once(folder: Path) -> None:
    root = pki.certificate(folder, "root")
    assert pki.certificate(pki.ensure(folder, NOW), "root") == root
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.key")} == {0o600}
