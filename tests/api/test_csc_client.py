"""Our client of remote signing services: with the sandbox's over real HTTP, and with one that misbehaves."""

import asyncio
import hashlib
import json
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from pydantic import SecretStr
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.signers.pdf_signer import PdfTBSDocument
from pyhanko_certvalidator.registry import SimpleCertificateStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from api.context import Context
from api.remote.csc import MAX_BYTES, Credential, CscProvider, authorize, credentials, providers, sign_hashes
from api.remote.csc_provider import SANDBOX_TOKEN, Version
from api.sandbox import alone, csc, pki
from api.settings import BadSettings, load
from procurement.errors import Refused, Unavailable
from signature.verify import verify_pdf
from siret_lookup.http import Network
from tests.signature.conftest import blank_pdf

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIGEST, OTHER = hashlib.sha256(b"acte").digest(), hashlib.sha256(b"autre").digest()
RSA, EC = "boulangerie-rsa", "boulangerie-p256"
KEYS = pytest.mark.parametrize("name", [RSA, EC])


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pki.ensure(tmp_path_factory.mktemp("csc") / "pki", NOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=get_args(Version))
def provider(request: pytest.FixtureRequest, folder: Path, clock: Clock) -> Iterator[CscProvider]:
    """The sandbox's, in each version, its PIN counters new."""
    with alone.running(csc.create_app(folder, clock)) as url:
        yield provider_at(url, request.param)


def provider_at(url: str, version: Version = "v2", token: str = SANDBOX_TOKEN) -> CscProvider:
    return CscProvider("essai", "Essai", url.rstrip("/"), version, SecretStr(token))


def credential(provider: CscProvider, name: str) -> Credential:
    return next(each for each in credentials(provider) if each.id == name)


# With a service that works


def test_the_credentials_with_their_chains(provider: CscProvider, folder: Path) -> None:
    found = credentials(provider)
    assert [each.id for each in found] == [RSA, EC, "ville-p256"]
    for each in found:
        chain = [x509.load_der_x509_certificate(der) for der in each.certificates]
        assert chain[1:] == [pki.certificate(folder, "issuing"), pki.certificate(folder, "root")]
        assert (each.scal2, each.multisign) == (True, csc.MULTISIGN)
    assert found[1].algorithms == ("1.2.840.10045.4.3.2",)


@KEYS
def test_signatures_are_those_of_the_digests(provider: CscProvider, name: str) -> None:
    mine = credential(provider, name)
    key = x509.load_der_x509_certificate(mine.certificates[0]).public_key()
    sad = authorize(provider, name, [DIGEST, OTHER], csc.PIN)
    signatures = sign_hashes(provider, mine, sad, [DIGEST, OTHER])
    for signature, digest in zip(signatures, (DIGEST, OTHER), strict=True):
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))


@KEYS
def test_a_whole_pdf_signed_at_a_distance_is_accepted(provider: CscProvider, folder: Path, name: str) -> None:
    mine = credential(provider, name)

    def remote(attributes: bytes) -> bytes:
        digest = hashlib.sha256(attributes).digest()
        [signature] = sign_hashes(provider, mine, authorize(provider, name, [digest], csc.PIN), [digest])
        return signature

    [verdict] = verify_pdf(signed_pdf(mine, remote), pki.sandbox_trust(folder, NOW), NOW).signatures
    assert (verdict.indication, verdict.level, verdict.qualification) == ("TOTAL-PASSED", "B", "QESig")
    assert (verdict.signer or "").startswith(f"{csc.PERSON} ({csc.COMPANY}")
    assert verdict.arrete_2019.receivable is True


def signed_pdf(mine: Credential, remote: Callable[[bytes], bytes]) -> bytes:
    """A PAdES B whose signed attributes alone were shown to the one who signs."""
    own, *chain = (asn1_x509.Certificate.load(der) for der in mine.certificates)
    store: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple([own, *chain])

    async def run() -> bytes:
        first: Any = ExternalSigner(own, store, signature_value=512)
        how = PdfSignatureMetadata(field_name="Signature1", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
        writer = IncrementalPdfFileWriter(BytesIO(blank_pdf()))
        signer: Any = PdfSigner(how, first)
        prepared, _, output = await signer.async_digest_doc_for_signing(writer)
        settings = PdfCMSSignedAttributes(signing_time=NOW)
        attributes = await first.signed_attrs(
            prepared.document_digest, "sha256", attr_settings=settings, use_pades=True
        )
        second: Any = ExternalSigner(own, store, signature_value=remote(attributes.dump()))
        cms = await second.async_sign_prescribed_attributes("sha256", attributes)
        await PdfTBSDocument.async_finish_signing(output, prepared, cms)
        content: bytes = output.getvalue()
        return content

    return asyncio.run(run())


# Refusals


def test_a_wrong_pin_then_a_locked_certificate(provider: CscProvider) -> None:
    for _ in range(csc.TRIES):
        with pytest.raises(Refused, match="Le code PIN n’est pas le bon"):
            authorize(provider, EC, [DIGEST], "0000")
    with pytest.raises(Refused, match="verrouillé"):
        authorize(provider, EC, [DIGEST], csc.PIN)


def test_no_pin_or_no_such_certificate(provider: CscProvider) -> None:
    for name, pin in ((EC, ""), ("autre", csc.PIN)):
        with pytest.raises(Refused, match="n’a pas autorisé la signature"):
            authorize(provider, name, [DIGEST], pin)


@pytest.mark.parametrize("fault", ["late", "twice", "other document", "other certificate"])
def test_an_authorisation_that_does_not_cover_it(provider: CscProvider, clock: Clock, fault: str) -> None:
    mine, sad = credential(provider, EC), authorize(provider, EC, [DIGEST], csc.PIN)
    if fault == "late":
        clock.now += timedelta(minutes=2)
    if fault == "twice":
        sign_hashes(provider, mine, sad, [DIGEST])
    with pytest.raises(Refused, match="n’est plus valable, ou n’est pas pour ce document"):
        sign_hashes(
            provider,
            credential(provider, RSA) if fault == "other certificate" else mine,
            sad,
            [OTHER if fault == "other document" else DIGEST],
        )


def test_too_many_documents_at_once(provider: CscProvider) -> None:
    with pytest.raises(Refused):
        authorize(provider, EC, [DIGEST] * (csc.MULTISIGN + 1), csc.PIN)


@pytest.mark.parametrize("digests", [[], [b"court"]])
def test_what_is_no_digest_is_not_sent(digests: list[bytes]) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        authorize(provider_at("http://127.0.0.1:1"), EC, digests, csc.PIN)


def test_an_algorithm_we_do_not_use_is_said_before_anything_is_sent(provider: CscProvider) -> None:
    mine = credential(provider, EC)
    pss_only = Credential(mine.id, mine.certificates, ("1.2.840.113549.1.1.10",), True, 1)
    with pytest.raises(Refused, match="algorithme"):
        sign_hashes(provider, pss_only, authorize(provider, EC, [DIGEST], csc.PIN), [DIGEST])


def test_a_token_that_is_no_longer_taken(folder: Path) -> None:
    with alone.running(csc.create_app(folder, lambda: NOW)) as url, pytest.raises(Unavailable, match="MPS_CSC_PROV"):
        credentials(provider_at(url, token="ancien"))


def test_a_service_without_its_keys_is_unavailable(folder: Path) -> None:
    with alone.running(csc.create_app(folder, lambda: NOW, library=None)) as url, pytest.raises(Unavailable):
        credentials(provider_at(url))


# With a service that misbehaves


def answering(response: Callable[[Request], Response]) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", response, methods=["GET", "POST"])])


ODD: dict[str, Callable[[Request], Response]] = {
    "redirection": lambda _: RedirectResponse("/ailleurs"),
    "text": lambda _: Response("bonjour"),
    "list": lambda _: JSONResponse(["SAD"]),
    "empty": lambda _: JSONResponse({}),
    "no text": lambda _: JSONResponse({"SAD": 12}),
    "too big": lambda _: JSONResponse({"SAD": "a" * MAX_BYTES}),
    "deep": lambda _: Response("[" * 100_000),
    "failure": lambda _: JSONResponse({"error": "server_error"}, 500),
    "too often": lambda _: JSONResponse({"error": "rate_limit"}, 429),
    "odd error": lambda _: JSONResponse({"error": {"a": 1}}, 400),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_answer_is_a_service_that_is_unavailable(kind: str) -> None:
    with alone.running(answering(ODD[kind])) as url, pytest.raises(Unavailable, match="réponse inattendue"):
        authorize(provider_at(url), EC, [DIGEST], csc.PIN)


async def drip() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.05)


def test_an_answer_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.remote.csc.SECONDS", 0.5)
    with alone.running(answering(lambda _: StreamingResponse(drip()))) as url:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="ne répond pas"):
            authorize(provider_at(url), EC, [DIGEST], csc.PIN)
        assert time.monotonic() - started < 3


def test_nobody_answers() -> None:
    with pytest.raises(Unavailable, match="ne répond pas"):
        credentials(provider_at("http://127.0.0.1:1"))


def test_the_proxy_is_the_one_that_is_given(provider: CscProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert credentials(provider)
    with pytest.raises(Unavailable, match="ne répond pas"):
        credentials(provider, Network(proxies={"http": "http://127.0.0.1:1"}))


def another_service(folder: Path, sign: Callable[[ec.EllipticCurvePrivateKey, bytes], bytes]) -> Starlette:
    """One with four credentials, of which « mine » alone can be used from a form, and that signs in its own way."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = pki.issue_for_key(folder, key.public_key(), "Ali", "Essai", "00000000100019", now=NOW)

    def info(name: str) -> dict[str, object]:
        return {
            "key": {"status": "disabled" if name == "off" else "enabled", "algo": ["1.2.840.10045.4.3.2"]},
            "cert": {"status": "expired" if name == "old" else "valid", "certificates": [b64encode(der).decode()]},
            "auth": {"mode": "oauth2code" if name == "oauth" else "explicit"},
        }

    async def post(request: Request) -> Response:
        body, method = await request.json(), request.path_params["method"]
        if method == "credentials/list":
            return JSONResponse({"credentialIDs": ["off", "old", "mine", "oauth"]})
        if method == "credentials/info":
            return JSONResponse(info(body["credentialID"]))
        return JSONResponse({"signatures": [b64encode(sign(key, b64decode(each))).decode() for each in body["hashes"]]})

    return Starlette(routes=[Route("/csc/v2/{method:path}", post, methods=["POST"])])


def ecdsa(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    return key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def two_numbers(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    return b"".join(number.to_bytes(32) for number in decode_dss_signature(ecdsa(key, digest)))


@pytest.mark.parametrize("sign", [ecdsa, two_numbers])
def test_only_what_a_form_can_use_and_ecdsa_always_in_der(
    folder: Path, sign: Callable[[ec.EllipticCurvePrivateKey, bytes], bytes]
) -> None:
    with alone.running(another_service(folder, sign)) as url:
        [mine] = credentials(provider_at(url))
        [signature] = sign_hashes(provider_at(url), mine, SecretStr("sad"), [DIGEST])
    assert (mine.id, mine.scal2, mine.multisign) == ("mine", False, 1)
    key = x509.load_der_x509_certificate(mine.certificates[0]).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, DIGEST, ec.ECDSA(Prehashed(hashes.SHA256())))


def test_a_signature_of_something_else_is_not_taken(folder: Path) -> None:
    with alone.running(another_service(folder, lambda key, _: ecdsa(key, OTHER))) as url:
        [mine] = credentials(provider_at(url))
        with pytest.raises(Unavailable, match="réponse inattendue"):
            sign_hashes(provider_at(url), mine, SecretStr("sad"), [DIGEST])


# Secrets


def test_pin_sad_and_token_are_in_no_repr_log_or_exception(
    provider: CscProvider, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    sad = authorize(provider, EC, [DIGEST], csc.PIN)
    with pytest.raises(Refused) as wrong:
        authorize(provider, EC, [DIGEST], "424242")
    with pytest.raises(Unavailable) as silent:
        authorize(provider_at("http://127.0.0.1:1", provider.version), EC, [DIGEST], "424242")
    for error in (wrong.value, silent.value):
        assert error.__context__ is error.__cause__ is None
    told = "".join(
        [repr(provider), repr(sad), repr(wrong.value), repr(silent.value), caplog.text, *capsys.readouterr()]
    )
    assert not [word for word in (csc.PIN, "424242", sad.get_secret_value(), SANDBOX_TOKEN) if word in told]


# Settings


def setting(**change: str) -> dict[str, str]:
    return {"key": "a", "name": "A", "url": "https://a.example/", "version": "v1", "token": "jeton"} | change


def test_providers_come_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    second = setting(key="b", version="v2", url="http://127.0.0.1:9/base")
    monkeypatch.setenv("MPS_CSC_PROVIDERS", json.dumps([setting(), second]))
    first, other = load().csc_providers
    assert (first.key, first.name, first.url, first.version) == ("a", "A", "https://a.example", "v1")
    assert (other.url, other.version, other.token.get_secret_value()) == ("http://127.0.0.1:9/base", "v2", "jeton")


@pytest.mark.parametrize(
    "value",
    [
        "bonjour",
        "{}",
        json.dumps(["a"]),
        json.dumps([{"key": "a"}]),
        json.dumps([setting() | {"more": "x"}]),
        json.dumps([setting(), setting()]),
        *(
            json.dumps([setting(**change)])
            for change in (
                {"key": "A b"}, {"name": " "}, {"url": "http://a.example"}, {"url": "https://u:p@a.example"},
                {"url": "https://"}, {"url": "https://[a"}, {"version": "v3"}, {"token": ""}, {"token": "a\nb"},
            )
        ),
    ],
)  # fmt: skip
def test_a_bad_provider_stops_the_start_with_one_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MPS_CSC_PROVIDERS", value)
    with pytest.raises(BadSettings) as error:
        load()
    sentence = str(error.value)
    assert sentence.startswith("Le réglage MPS_CSC_PROVIDERS ne convient pas : ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "jeton" not in sentence


def test_the_sandbox_s_stands_in_until_one_is_set(context: Context) -> None:
    [own] = providers(context)
    assert own.url == context.services["csc"]
    assert providers(replace(context, services={})) == ()
    chosen = provider_at("https://a.example")
    settings = context.settings.model_copy(update={"csc_providers": (chosen,)})
    assert providers(replace(context, settings=settings)) == (chosen,)
