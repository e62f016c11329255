"""The winner signs on a phone: at a distance with a PIN, or with a certificate that never leaves the page."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from playwright.sync_api import Browser
from sqlalchemy import select

from api.contracts import verify_signature
from api.db import now, reading
from api.sandbox import csc, pki
from procurement.contract import Contract
from procurement.signers import Signer, signers_of
from tests.award_scene import PASSWORD, Scene, awarded, opened
from tests.browser.conftest import Site, signed_in
from tests.browser.walker import Walker, walker
from tests.candidacy_scene import BAKERY


@pytest.fixture
def scene(site: Site) -> Scene:
    made = opened(site.context.database, siret=BAKERY)
    awarded(site.context, made)
    return made


@pytest.fixture
def company(chromium: Browser, site: Site, scene: Scene) -> Walker:
    """On the page where it signs, from its answer."""
    person = signed_in(walker(chromium, site.url, phone=True), site, scene.winner)
    person.open(scene.contract)
    person.follow("Signer ici, à distance ou avec mon certificat")
    person.says("Signature attendue", "Empreinte SHA-256")
    return person


def folder_of(site: Site) -> Path:
    return Path(site.context.services.get("pki", str(pki.FOLDER)))


def kept(site: Site) -> Signer:
    """The only company, once the act holds for anybody who verifies it; the buyer signs after it."""
    with reading(site.context.database) as db:
        contract, moment = db.scalars(select(Contract)).one(), now(db)
        (signer,) = signers_of(db, contract.act)
        key, state = str(contract.act.signed_key), signer.state
    trust = pki.sandbox_trust(folder_of(site), moment)
    (verdict,) = verify_signature(site.context.storage.get(key), trust, moment)["signatures"]
    assert (state, verdict["indication"], verdict["level"]) == ("signed", "TOTAL-PASSED", "LTA")
    assert verdict["arrete_2019"]["receivable"] is True
    return signer


@pytest.mark.parametrize("credential", ["boulangerie-rsa", "boulangerie-p256"])
def test_at_a_distance(company: Walker, site: Site, credential: str) -> None:
    company.page.get_by_label("Prestataire").select_option("bac-a-sable")
    company.press("Choisir mon certificat")
    company.press("Signer l’acte d’engagement")
    company.says("Choisissez un des certificats proposés")
    company.page.locator(f"input[value={credential}]").check()
    company.type(pin="111111")
    company.press("Signer l’acte d’engagement")
    company.says("PIN")
    company.page.locator(f"input[value={credential}]").check()
    company.type(pin=csc.PIN)
    company.press("Signer l’acte d’engagement")
    company.says("La signature est vérifiée et conservée", "A signé", "signature à distance")
    assert kept(site).way == "remote"


def modern(site: Site) -> bytes:
    with reading(site.context.database) as db:
        moment = now(db)
    path = pki.issue_signer(folder_of(site), "Jeanne Martin", "Boulangerie Tout Va Bien", BAKERY, PASSWORD, now=moment)
    return path.read_bytes()


def old(site: Site) -> bytes:
    """As certificates were delivered for years: RSA, three-key DES and SHA-1 around the key."""
    with reading(site.context.database) as db:
        moment = now(db)
    key = rsa.generate_private_key(65537, 2048)
    der = pki.issue_for_key(
        folder_of(site), key.public_key(), "Jeanne Martin", "Boulangerie Tout Va Bien", BAKERY, now=moment
    )
    protection = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(PASSWORD.encode())
    )
    issuing = pki.certificate(folder_of(site), "issuing")
    own = x509.load_der_x509_certificate(der)
    return pkcs12.serialize_key_and_certificates(b"moi", key, own, [issuing], protection)


@pytest.mark.parametrize("made", [modern, old])
def test_with_a_certificate_in_the_page(company: Walker, site: Site, made: object) -> None:
    assert callable(made)
    sent: list[str] = []
    company.page.on("request", lambda request: sent.append(request.post_data or ""))
    button = company.page.get_by_role("button", name="Signer l’acte d’engagement")
    state = company.page.get_by_role("status")
    button.click()
    assert state.text_content() == "Choisissez le fichier de votre certificat."
    certificate = {"name": "moi.p12", "mimeType": "application/x-pkcs12", "buffer": made(site)}
    company.page.get_by_label("Fichier de certificat", exact=True).set_input_files(certificate)  # type: ignore[arg-type]
    company.page.get_by_label("Mot de passe du fichier").fill("ce n’est pas lui")
    button.click()
    company.page.get_by_text("Le mot de passe du fichier n’est pas le bon.").wait_for()
    company.page.get_by_label("Mot de passe du fichier").fill(PASSWORD)
    with company.page.expect_navigation():
        button.click()
    company.check()
    company.says("La signature est vérifiée et conservée", "certificat ouvert dans la page")
    assert kept(site).way == "certificate"
    assert sum(bool(body) for body in sent) == 2
    assert not any(PASSWORD in body for body in sent)


def test_without_script_the_two_other_ways_stay(chromium: Browser, site: Site, scene: Scene) -> None:
    company = signed_in(walker(chromium, site.url, scripts=False), site, scene.winner)
    company.open("/signatures")
    company.page.locator("main ul a").first.click()
    company.says("Cette voie demande JavaScript", "Signer à distance", "Déposer le fichier signé")
    assert not company.page.get_by_label("Fichier de certificat", exact=True).is_visible()
