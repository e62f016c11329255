"""The sandbox's remote signing service over real HTTP, with keys inside SoftHSM2: both versions, and every refusal."""

import asyncio
import base64
import hashlib
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from pyhanko.sign.signers.csc_signer import (
    CSCAuthorizationManager,
    CSCCredentialInfo,
    CSCServiceSessionInfo,
    CSCSigner,
    fetch_certs_in_csc_credential,
)

from api.demo_story import WINNER
from api.remote.csc_provider import SANDBOX_TOKEN
from api.sandbox import alone, csc, pki, softhsm
from api.sandbox.companies import book

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIGEST, OTHER = hashlib.sha256(b"acte").digest(), hashlib.sha256(b"autre").digest()
RSA, EC, TOWN = "boulangerie-rsa", "boulangerie-p256", "ville-p256"
ALGORITHM = {RSA: "1.2.840.113549.1.1.11", EC: "1.2.840.10045.4.3.2"}
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
KEYS = pytest.mark.parametrize("credential", [RSA, EC])


@dataclass
class Service:
    """A running service, its clock, and what a client sends it."""

    url: str
    now: datetime = NOW

    def post(self, version: str, method: str, body: object, token: str = SANDBOX_TOKEN) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(f"{self.url}csc/{version}/{method}", json=body, headers=headers, timeout=20)

    def told(self, version: str, method: str, **body: object) -> Any:
        answer = self.post(version, method, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def authorized(self, version: str, credential: str, *digests: bytes, **how: Any) -> str:
        sad: str = self.told(version, "credentials/authorize", **authorization(version, credential, *digests, **how))[
            "SAD"
        ]
        return sad

    def signed(self, version: str, credential: str, sad: str, *digests: bytes) -> list[bytes]:
        told = self.told(version, "signatures/signHash", **signing(version, credential, sad, *digests))
        return [base64.b64decode(each) for each in told["signatures"]]


def authorization(version: str, credential: str, *digests: bytes, pin: str = csc.PIN) -> dict[str, object]:
    body: dict[str, object] = {"credentialID": credential, "numSignatures": len(digests)}
    if version == "v1":
        return body | {"hash": encoded(*digests), "PIN": pin}
    authentication = [{"id": "PIN", "value": pin}]
    return body | {"hashes": encoded(*digests), "hashAlgorithmOID": csc.SHA256, "authData": authentication}


def signing(version: str, credential: str, sad: str, *digests: bytes) -> dict[str, object]:
    body: dict[str, object] = {"credentialID": credential, "SAD": sad, "signAlgo": ALGORITHM[credential]}
    if version == "v1":
        return body | {"hash": encoded(*digests), "hashAlgo": csc.SHA256}
    return body | {"hashes": encoded(*digests), "hashAlgorithmOID": csc.SHA256, "operationMode": "S"}


def encoded(*digests: bytes) -> list[str]:
    return [base64.b64encode(digest).decode() for digest in digests]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys are made once for the file; each test has a service of its own on them."""
    return pki.ensure(tmp_path_factory.mktemp("csc") / "pki", NOW)


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    made = Service("")
    with alone.running(csc.create_app(folder, lambda: made.now)) as made.url:
        yield made


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    return answer.status_code, body["error"], body["error_description"]


# What it says of itself


@VERSIONS
def test_info_needs_no_token_and_tells_the_pin(service: Service, version: str) -> None:
    told = service.post(version, "info", {}, token="").json()
    assert told["specs"] == {"v1": "1.0.4.0", "v2": "2.0.0.2"}[version]
    assert csc.PIN in told["description"]
    assert "signatures/signHash" in told["methods"]


@VERSIONS
@pytest.mark.parametrize(
    "method", ["credentials/list", "credentials/info", "credentials/authorize", "signatures/signHash"]
)
def test_everything_else_needs_the_token(service: Service, version: str, method: str) -> None:
    for token in ("", "autre"):
        assert refusal(service.post(version, method, {}, token=token))[:2] == (401, "invalid_token")


@VERSIONS
def test_the_credentials_are_the_winner_s(service: Service, folder: Path, version: str) -> None:
    assert service.told(version, "credentials/list")["credentialIDs"] == [RSA, EC, TOWN]
    siret = next(company for company in book().companies if company.name == WINNER).head_office.siret
    for name, kind in ((RSA, rsa.RSAPublicKey), (EC, ec.EllipticCurvePublicKey)):
        told = service.told(version, "credentials/info", credentialID=name, certificates="chain", certInfo=True)
        chain = [x509.load_der_x509_certificate(base64.b64decode(each)) for each in told["cert"]["certificates"]]
        assert chain[1:] == [pki.certificate(folder, "issuing"), pki.certificate(folder, "root")]
        chain[0].verify_directly_issued_by(chain[1])
        assert isinstance(chain[0].public_key(), kind)
        assert all(part in told["cert"]["subjectDN"] for part in (csc.PERSON, WINNER, siret))
        assert (told["key"]["status"], told["key"]["algo"][0], told["SCAL"]) == ("enabled", ALGORITHM[name], "2")
        assert (told["authMode"] if version == "v1" else told["auth"]["mode"]) == "explicit"


def test_v2_lists_the_credentials_with_what_they_are(service: Service) -> None:
    told = service.told("v2", "credentials/list", credentialInfo=True, certificates="none")["credentialInfos"]
    assert [(each["credentialID"], each["key"]["len"], each["cert"]["certificates"]) for each in told] == [
        (RSA, 3072, []),
        (EC, 256, []),
        (TOWN, 256, []),
    ]


def test_the_keys_stay_on_the_token_and_are_made_once(service: Service, folder: Path) -> None:
    first = service.told("v2", "credentials/info", credentialID=EC)["cert"]["certificates"]
    with alone.running(csc.create_app(folder, lambda: NOW)) as again:
        assert Service(again).told("v2", "credentials/info", credentialID=EC)["cert"]["certificates"] == first
    kept = folder / "csc"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert list((kept / "tokens").rglob("*.object"))
    assert not list(kept.rglob("*.key"))


# Signing


@VERSIONS
@KEYS
def test_two_documents_with_one_pin(service: Service, version: str, credential: str) -> None:
    certificate = service.told(version, "credentials/info", credentialID=credential)["cert"]["certificates"][0]
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    sad = service.authorized(version, credential, DIGEST, OTHER)
    first, second = service.signed(version, credential, sad, DIGEST, OTHER)
    for signature, digest in ((first, DIGEST), (second, OTHER)):
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    assert first != second


class WithPin(CSCAuthorizationManager):
    """pyHanko's client of version 1, an implementation that is not ours, given the PIN."""

    def __init__(self, session: aiohttp.ClientSession, told: CSCServiceSessionInfo, known: CSCCredentialInfo) -> None:
        super().__init__(told, known)
        self.session = session

    async def authorize_signature(self, hash_b64s: list[str]) -> Any:
        body = self.format_csc_auth_request(hash_b64s=hash_b64s, pin=csc.PIN)
        url = f"{self.csc_session_info.service_url}/csc/v1/credentials/authorize"
        async with self.session.post(url, json=body, headers=self.auth_headers) as answer:
            return self.parse_csc_auth_response(await answer.json())


@KEYS
def test_another_client_signs_too(service: Service, folder: Path, credential: str) -> None:
    async def run() -> tuple[bytes, bytes]:
        told = CSCServiceSessionInfo(service.url.rstrip("/"), credential, SANDBOX_TOKEN)
        async with aiohttp.ClientSession() as session:
            known = await fetch_certs_in_csc_credential(session, told)
            signer = CSCSigner(session, WithPin(session, told, known))
            return known.signing_cert.dump(), await signer.async_sign_raw(b"acte", "sha256")

    der, signature = asyncio.run(run())
    key = x509.load_der_x509_certificate(der).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, b"acte", padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, b"acte", ec.ECDSA(hashes.SHA256()))
    assert der == (folder / "csc" / f"{credential}.der").read_bytes()


def test_many_sign_at_once(service: Service) -> None:
    certificate = service.told("v2", "credentials/info", credentialID=EC)["cert"]["certificates"][0]
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)

    def once(number: int) -> None:
        digest = hashlib.sha256(str(number).encode()).digest()
        [signature] = service.signed("v2", EC, service.authorized("v2", EC, digest), digest)
        key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(once, range(24))) == [None] * 24


@VERSIONS
def test_an_authorisation_lasts_a_minute(service: Service, version: str) -> None:
    told = service.told(version, "credentials/authorize", **authorization(version, EC, DIGEST))
    assert told["expiresIn"] == 60
    service.now += timedelta(seconds=59)
    assert service.signed(version, EC, told["SAD"], DIGEST)
    sad = service.authorized(version, EC, DIGEST)
    service.now += timedelta(seconds=60)
    answer = service.post(version, "signatures/signHash", signing(version, EC, sad, DIGEST))
    assert refusal(answer) == (400, "invalid_request", "The SAD has expired")


@VERSIONS
def test_an_authorisation_is_used_once(service: Service, version: str) -> None:
    sad = service.authorized(version, EC, DIGEST)
    assert service.signed(version, EC, sad, DIGEST)
    answer = service.post(version, "signatures/signHash", signing(version, EC, sad, DIGEST))
    assert refusal(answer) == (400, "invalid_request", "Invalid parameter SAD")


@VERSIONS
@pytest.mark.parametrize("asked", [(OTHER,), (DIGEST, OTHER), (DIGEST, DIGEST)], ids=["other", "more", "twice"])
def test_only_the_authorised_digests_are_signed(service: Service, version: str, asked: tuple[bytes, ...]) -> None:
    sad = service.authorized(version, EC, DIGEST)
    answer = service.post(version, "signatures/signHash", signing(version, EC, sad, *asked))
    assert refusal(answer) == (400, "invalid_request", "Hash is not authorized by the SAD")


@VERSIONS
def test_an_authorisation_is_of_one_credential(service: Service, version: str) -> None:
    sad = service.authorized(version, EC, DIGEST)
    answer = service.post(version, "signatures/signHash", signing(version, RSA, sad, DIGEST))
    assert refusal(answer) == (400, "invalid_request", "Invalid parameter SAD")


# The PIN


@VERSIONS
def test_three_wrong_pins_lock_one_credential_for_a_while(service: Service, version: str) -> None:
    def tried(pin: str, credential: str = EC) -> requests.Response:
        body = authorization(version, credential, DIGEST, pin=pin)
        return service.post(version, "credentials/authorize", body)

    assert [refusal(tried("0000"))[:2] for _ in range(3)] == [(400, "invalid_pin")] * 3
    assert refusal(tried(csc.PIN))[:2] == (400, "access_denied")
    assert tried(csc.PIN, RSA).status_code == 200
    service.now += csc.LOCKED
    assert tried(csc.PIN).status_code == 200


@VERSIONS
def test_a_good_pin_forgets_the_wrong_ones(service: Service, version: str) -> None:
    for _ in range(2):
        for _ in range(2):
            body = authorization(version, EC, DIGEST, pin="0000")
            assert refusal(service.post(version, "credentials/authorize", body))[1] == "invalid_pin"
        assert service.authorized(version, EC, DIGEST)


# Malformed requests

PIN_V2 = [{"id": "PIN", "value": csc.PIN}]
BAD_AUTHORIZATIONS: list[tuple[str, dict[str, object], str]] = [
    ("v1", {"credentialID": "autre"}, "Invalid parameter credentialID"),
    ("v1", {"credentialID": 3}, "Missing (or invalid type) string parameter credentialID"),
    ("v1", {"numSignatures": "1"}, "Missing (or invalid type) integer parameter numSignatures"),
    ("v1", {"numSignatures": 2}, "Invalid parameter numSignatures"),
    ("v1", {"numSignatures": csc.MULTISIGN + 1}, "Numbers of signatures is too high"),
    ("v1", {"hash": []}, "Empty hash array"),
    ("v1", {"hash": "abc"}, "Missing (or invalid type) array parameter hash"),
    ("v1", {"hash": ["é"]}, "Invalid Base64 hash string parameter"),
    ("v1", {"hash": ["AAAA"]}, "Invalid length of hash"),
    ("v1", {"PIN": None}, "Missing (or invalid type) string parameter PIN"),
    ("v2", {"hashes": None}, "Missing (or invalid type) array parameter hashes"),
    ("v2", {"hashAlgorithmOID": "1.3.14.3.2.26"}, "Invalid parameter hashAlgorithmOID"),
    ("v2", {"hashAlgorithmOID": None}, "Missing (or invalid type) string parameter hashAlgorithmOID"),
    ("v2", {"authData": [{"id": "OTP", "value": csc.PIN}]}, "Missing (or invalid type) string parameter PIN"),
    ("v2", {"authData": [{"id": "PIN", "value": 271828}]}, "Missing (or invalid type) string parameter PIN"),
]
BAD_SIGNINGS: list[tuple[str, dict[str, object], str]] = [
    ("v1", {"SAD": "invente"}, "Invalid parameter SAD"),
    ("v1", {"SAD": None}, "Missing (or invalid type) string parameter SAD"),
    ("v1", {"signAlgo": ALGORITHM[RSA]}, "Invalid parameter signAlgo"),
    ("v1", {"signAlgo": None}, "Missing (or invalid type) string parameter signAlgo"),
    ("v1", {"hashAlgo": "2.16.840.1.101.3.4.2.3"}, "Invalid parameter hashAlgo"),
    ("v2", {"credentialID": "autre"}, "Invalid parameter credentialID"),
    ("v2", {"operationMode": "A"}, "Invalid parameter operationMode"),
]


@pytest.mark.parametrize(("version", "change", "description"), BAD_AUTHORIZATIONS)
def test_a_bad_authorisation_is_told_why(service: Service, version: str, change: Any, description: str) -> None:
    answer = service.post(version, "credentials/authorize", authorization(version, EC, DIGEST) | change)
    assert refusal(answer) == (400, "invalid_request", description)


@pytest.mark.parametrize(("version", "change", "description"), BAD_SIGNINGS)
def test_a_bad_signing_is_told_why(service: Service, version: str, change: Any, description: str) -> None:
    sad = service.authorized(version, EC, DIGEST)
    answer = service.post(version, "signatures/signHash", signing(version, EC, sad, DIGEST) | change)
    assert refusal(answer) == (400, "invalid_request", description)


def test_what_is_no_request_of_the_api(service: Service) -> None:
    assert refusal(service.post("v2", "credentials/list", [1]))[:2] == (400, "invalid_request")
    assert (
        refusal(service.post("v3", "info", {}))[0] == refusal(service.post("v2", "signatures/timestamp", {}))[0] == 404
    )
    assert refusal(service.post("v2", "info", {"a": "x" * csc.MAX_BYTES}))[0] == 413
    answer = service.post("v2", "credentials/info", {"credentialID": EC, "certificates": "all"})
    assert refusal(answer) == (400, "invalid_request", "Invalid parameter certificates")


def test_without_softhsm_it_says_so_and_signs_nothing(folder: Path) -> None:
    with alone.running(csc.create_app(folder, lambda: NOW, library=None)) as url:
        for method in ("info", "credentials/list", "signatures/signHash"):
            answer = Service(url).post("v2", method, {})
            assert refusal(answer) == (503, "temporarily_unavailable", csc.ABSENT)


def test_a_start_that_was_cut_short_is_taken_up_again(tmp_path: Path) -> None:
    folder = pki.ensure(tmp_path / "pki", NOW)
    library = softhsm.find_library()
    assert library is not None
    softhsm.generate(softhsm.prepare(folder / "csc", library), EC, "ec")  # its certificate was never written
    with alone.running(csc.create_app(folder, lambda: NOW)) as url:
        service = Service(url)
        assert service.signed("v2", EC, service.authorized("v2", EC, DIGEST), DIGEST)
