"""The service's seal on its own papers: receipts, minutes, register; never consent, never on what was uploaded."""

import ast
import hashlib
import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from pydantic import SecretStr

from api import seal, sealing, settings
from api.context import Context
from api.db import Database, now, reading, transaction
from api.sandbox import pki, softhsm
from api.sandbox import seal as sandbox_seal
from api.seal_key import SealKey
from api.settings import ROOT, Settings
from api.steps import receipts
from procurement.candidacy import Candidacy
from procurement.consultation import find
from procurement.events import chain_holds, register
from signature.errors import SignatureError
from signature.explain import sentences
from signature.making.tokens import PinRefused, open_token
from signature.token_uri import TokenPlace, parse_token_uri
from signature.verify import examine
from tests.api.test_papers import receipt
from tests.award_scene import Scene, opened
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.verapdf import verdicts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def scene(context: Context) -> Scene:
    return opened(context.database)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pki.ensure(tmp_path / "pki", NOW)


def verdict_of(content: bytes) -> Any:
    moment = datetime.now(UTC)
    (verdict,) = examine(content, pki.sandbox_trust(pki.FOLDER, moment), moment).signatures
    return verdict


def deposited(database: Database) -> list[Candidacy]:
    with reading(database) as db:
        return list(db.query(Candidacy).filter(Candidacy.submitted_at.is_not(None)).order_by(Candidacy.id))


def events(database: Database, scene: Scene, kind: str) -> list[dict[str, Any]]:
    with reading(database) as db:
        consultation = find(db, scene.consultation)
        assert chain_holds(db, consultation)
        return [event.data for event in register(db, consultation) if event.kind == kind]


def test_a_receipt_bears_the_seal_and_is_no_signature(scene: Scene, context: Context, browser: Browser) -> None:
    assert receipts.make_one(context)
    first = deposited(context.database)[0]
    content = browser(scene.winner).get(f"/candidatures/{first.ref}/recu").content
    assert hashlib.sha256(content).hexdigest() == first.receipt_sha256
    verdict = verdict_of(content)
    assert (verdict.indication, verdict.level, verdict.qualification) == ("TOTAL-PASSED", "T", "QESeal")
    assert verdict.arrete_2019.receivable is False
    assert [point.holds for point in verdict.arrete_2019.points] == [True, False, True, True, True]
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    assert "ne vaut pas signature" in " ".join(text.split())
    told = events(context.database, scene, "candidacy.sealed")
    assert told == [{"sha256": first.receipt_sha256, "level": "T"}]


def test_the_verification_page_says_that_it_is_a_seal(scene: Scene, context: Context, client: CheckedClient) -> None:
    assert receipts.make_one(context)
    content = context.storage.get(str(deposited(context.database)[0].receipt_key))
    page = client.get("/verifier")
    client.submit(page, "/verifier/fichiers", file=("recu.pdf", content, "application/pdf"))
    assert "C’est un cachet" in client.page.main
    assert "Cachet de Cachet du service mps" in client.page.main
    assert "« Récépissé de dépôt : cachet du service, prouve l’origine" in client.page.main
    assert "il ne vaut pas signature" in client.page.main
    moment = datetime.now(UTC)
    said = "\n".join(sentences(examine(content, pki.sandbox_trust(pki.FOLDER, moment), moment)))
    assert said.startswith("Cachet 1")
    assert "Non. Un cachet prouve l’origine" in said


def test_without_a_time_it_is_sealed_all_the_same_and_stamped_later(scene: Scene, context: Context) -> None:
    late = Context(context.settings.model_copy(update={"tsa_url": "http://127.0.0.1:9/"}), *_rest(context))
    assert receipts.make_one(late)
    first = deposited(context.database)[0]
    before = context.storage.get(str(first.receipt_key))
    assert (first.receipt_level, verdict_of(before).level) == ("B", "B")
    assert not receipts.stamp_one(context), "not before ten minutes"
    with transaction(context.database) as db:
        db.get_one(Candidacy, first.id).receipt_raise_at = now(db)
    assert not receipts.stamp_one(late), "the service still does not answer"
    with transaction(context.database) as db:
        db.get_one(Candidacy, first.id).receipt_raise_at = now(db)
    assert receipts.stamp_one(context)
    assert not receipts.stamp_one(context)
    first = deposited(context.database)[0]
    after = context.storage.get(str(first.receipt_key))
    assert after.startswith(before)
    assert (first.receipt_level, first.receipt_sha256) == ("T", hashlib.sha256(after).hexdigest())
    assert (verdict_of(after).indication, verdict_of(after).level) == ("TOTAL-PASSED", "T")
    assert [each["level"] for each in events(context.database, scene, "candidacy.sealed")] == ["B", "T"]


def _rest(context: Context) -> tuple[Any, ...]:
    return context.database, context.storage, context.services


def test_a_token_that_fails_never_keeps_a_receipt_back(scene: Scene, context: Context, tmp_path: Path) -> None:
    broken = context.settings.model_copy(update={"seal": TokenPlace(str(tmp_path / "no.so"), label="a")})
    assert receipts.make_one(Context(broken, *_rest(context)))
    first = deposited(context.database)[0]
    assert first.receipt_level == ""
    content = context.storage.get(str(first.receipt_key))
    assert "cachet" not in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    assert events(context.database, scene, "candidacy.sealed") == []


def test_the_minutes_of_the_opening_bear_it_too(scene: Scene, context: Context, officer: CheckedClient) -> None:
    base = f"/acheteur/consultations/{scene.consultation}"
    content = officer.get(f"{base}/proces-verbal/ouverture.pdf").content
    assert (verdict_of(content).indication, verdict_of(content).qualification) == ("TOTAL-PASSED", "QESeal")
    (told,) = events(context.database, scene, "consultation.sealed")
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert "revêtu du cachet du service" in officer.get(f"{base}/registre").text
    draft = officer.get(f"{base}/proces-verbal/rapport.pdf").content
    assert examine(draft, pki.sandbox_trust(pki.FOLDER), datetime.now(UTC)).signatures == ()


def test_the_register_leaves_sealed_and_can_be_recomputed(
    scene: Scene, context: Context, officer: CheckedClient, browser: Browser
) -> None:
    path = f"/acheteur/consultations/{scene.consultation}/registre"
    assert "Exporter le registre" in officer.get(path).text
    container = officer.get(f"{path}.asics").content
    verdict = verdict_of(container)
    assert (verdict.indication, verdict.level, verdict.covers) == ("TOTAL-PASSED", "T", ("registre.json",))
    told = json.loads(zipfile.ZipFile(io.BytesIO(container)).read("registre.json"))
    assert told["holds"]
    previous = "0" * 64
    for line in told["lines"]:
        assert line["previous"] == previous
        body = [line[key] for key in ("consultation", "seq", "at", "actor", "kind", "subject", "data", "previous")]
        previous = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        assert line["hash"] == previous
    assert json.loads(officer.get(f"{path}.json").content)["lines"][: len(told["lines"])] == told["lines"]
    for who in (scene.winner, scene.finance):
        assert browser(who).get(f"{path}.asics").status_code == 404


def test_before_the_opening_the_register_does_not_leave(context: Context, scene: Scene, officer: CheckedClient) -> None:
    with transaction(context.database) as db:
        find(db, scene.consultation).opened_at = None
    for name in ("registre.asics", "registre.json"):
        assert officer.get(f"/acheteur/consultations/{scene.consultation}/{name}").status_code == 409


def test_only_what_the_service_wrote_is_sealed() -> None:
    """A door that sealed bytes of somebody's choice would forge the service's papers: every caller is named here."""
    doors = {"seal_pdf", "seal_file", "seal_or_not", "raise_pdf"}
    callers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "api").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in doors
    }
    assert callers == {
        "api/seal.py", "api/steps/receipts.py", "api/pages/minutes.py", "api/pages/verify.py",
        "api/pages/contract_assignments.py",
        "api/simple_signing.py",
    }  # fmt: skip


def test_a_sealed_paper_stays_accessible_and_archivable(folder: Path, tmp_path: Path) -> None:
    sealed = sealing.pdf(receipt(), SealKey(None, (), folder), None, NOW, "essai").content
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed)
    found = verdicts({path: ("PDFUA-1", "PDFA-2A")})
    assert {profile: verdict.broken for (_, profile), verdict in found.items()} == {"PDFUA-1": {}, "PDFA-2A": {}}


def test_without_softhsm_the_key_is_a_file(folder: Path) -> None:
    key = sandbox_seal.sandbox_key(folder, NOW, library=None)
    assert key.chain == sandbox_seal.sandbox_key(folder, NOW, library=None).chain
    assert key.sign(b"texte")


def test_an_ended_certificate_is_made_again(folder: Path) -> None:
    first = sandbox_seal.sandbox_key(folder, NOW).chain[0]
    assert sandbox_seal.sandbox_key(folder, NOW + timedelta(days=1)).chain[0] == first
    assert sandbox_seal.sandbox_key(folder, NOW + timedelta(days=800)).chain[0] != first


@pytest.fixture(params=["rsa", "ec"])
def token(request: pytest.FixtureRequest, folder: Path) -> tuple[TokenPlace, tuple[bytes, ...]]:
    """A token as an operator has it, with a seal's certificate, read from the settings' own words."""
    library = softhsm.find_library()
    assert library is not None
    home = folder / "token"
    key = softhsm.generate(softhsm.prepare(home, library), "cachet ville", request.param)
    chain = (pki.issue_for_key(folder, key, "Ville", "Ville", "", seal=True, now=NOW),)
    uri = f"pkcs11:token=mps;object=cachet%20ville;type=private?module-path={library}&pin-source=file:{home}/pin"
    place = parse_token_uri(uri)
    assert isinstance(place, TokenPlace)
    environment = (("SOFTHSM2_CONF", str(home / "softhsm2.conf")),)
    return TokenPlace(**{**place.__dict__, "environment": environment}), chain


def test_an_operator_s_token_seals(token: tuple[TokenPlace, tuple[bytes, ...]], folder: Path) -> None:
    place, chain = token
    signed = sealing.pdf(receipt(), SealKey(place, chain, folder), None, NOW, "essai")
    (verdict,) = examine(signed.content, pki.sandbox_trust(folder, NOW), NOW).signatures
    assert (verdict.indication, verdict.qualification) == ("TOTAL-PASSED", "QESeal")


def test_what_is_wrong_with_a_token_is_said(token: tuple[TokenPlace, tuple[bytes, ...]], folder: Path) -> None:
    place, chain = token
    other = pki.issue_signer(folder, "x", "Autre", "", "a" * 12, seal=True, now=NOW)
    _, own, _ = pkcs12.load_key_and_certificates(other.read_bytes(), b"a" * 12)
    assert own is not None
    cases: list[tuple[dict[str, Any], tuple[bytes, ...], type[Exception], str]] = [
        ({"pin_file": "", "pin": "1234"}, chain, PinRefused, "code PIN"),
        ({"label": "inconnue"}, chain, SignatureError, "NoSuchKey"),
        ({"token": "inconnu"}, chain, SignatureError, "NoSuchToken"),
        ({}, (own.public_bytes(Encoding.DER),), SignatureError, ""),
    ]
    for changes, certificates, kind, said in cases:
        with pytest.raises(kind) as caught:
            open_token(TokenPlace(**{**place.__dict__, **changes}), certificates, NOW).sign(b"texte")
        assert said in str(caught.value)


def test_after_a_refused_pin_the_token_is_left_alone(
    token: tuple[TokenPlace, tuple[bytes, ...]], context: Context, scene: Scene, tmp_path: Path
) -> None:
    place, chain = token
    pem = tmp_path / "seal.pem"
    pem.write_bytes(b"".join(_pem(der) for der in chain))
    wrong = TokenPlace(**{**place.__dict__, "pin_file": ""})
    changes = {"seal": wrong, "seal_pin": SecretStr("0000"), "seal_certificate": pem}
    refused = Context(context.settings.model_copy(update=changes), *_rest(context))
    assert seal.seal_or_not(refused, receipt(), "essai", "essai", datetime.now(UTC))[1] == ""
    good = Context(refused.settings.model_copy(update={"seal_pin": None, "seal": place}), *_rest(context))
    assert seal.key_of(refused) in seal._refused
    assert seal.key_of(good) not in seal._refused


def _pem(der: bytes) -> bytes:
    return subprocess.run(["openssl", "x509", "-inform", "DER"], input=der, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("token=a", "RFC 7512"),
        ("pkcs11:token=a;object=b", "module-path"),
        ("pkcs11:token=a?module-path=/a.so", "object"),
        ("pkcs11:object=b;type=cert?module-path=/a.so", "private"),
        ("pkcs11:object=b?module-path=/a.so&pin-value=1234", "ne s’écrit pas"),
        ("pkcs11:object=b;colour=red?module-path=/a.so", "colour"),
        ("pkcs11:object=b?module-path=/a.so&pin-source=%7Ccat%20/pin", "fichier"),
    ],
)
def test_a_bad_address_of_a_key_stops_the_start(monkeypatch: pytest.MonkeyPatch, uri: str, said: str) -> None:
    monkeypatch.setenv("MPS_SEAL", uri)
    with pytest.raises(settings.BadSettings, match="MPS_SEAL") as error:
        settings.load()
    assert said in str(error.value)
    assert "1234" not in str(error.value)


def test_a_key_goes_with_its_certificate_and_its_pin(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("MPS_SEAL", "pkcs11:id=%01%ff?module-path=/a.so")
    with pytest.raises(settings.BadSettings, match="vont ensemble"):
        settings.load()
    monkeypatch.setenv("MPS_SEAL_CERTIFICATE", str(folder / "root.key"))
    with pytest.raises(settings.BadSettings, match="chaîne de certificats PEM"):
        settings.load()
    monkeypatch.setenv("MPS_SEAL_CERTIFICATE", str(folder / "root.pem"))
    with pytest.raises(settings.BadSettings, match="code PIN"):
        settings.load()
    monkeypatch.setenv("MPS_SEAL_PIN", "271828")
    read: Settings = settings.load()
    assert read.seal_place is not None
    assert (read.seal_place.id, read.seal_place.pin) == (b"\x01\xff", "271828")
    assert "271828" not in repr(read)
    assert "271828" not in repr(read.seal_place)
    assert len(read.seal_chain) == 1
