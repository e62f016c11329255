"""Several acts signed on a phone with one PIN; then the buyer signs, and the act is verified by anybody."""

from playwright.sync_api import Browser
from sqlalchemy import select

from api.db import reading, transaction
from api.sandbox import csc
from procurement.act import Act
from procurement.signers import Signer
from tests.award_scene import awarded, opened
from tests.browser.conftest import Site, signed_in
from tests.browser.walker import walker
from tests.candidacy_scene import BAKERY


def test_two_acts_one_pin_then_anybody_verifies(chromium: Browser, site: Site) -> None:
    first = opened(site.context.database, siret=BAKERY)
    second = opened(site.context.database, "2026-MAPA-02", buyer=first.buyer, siret=BAKERY)
    for scene in (first, second):
        awarded(site.context, scene)
    with transaction(site.context.database) as db:
        db.query(Signer).filter_by(role="company").update({"account_id": first.winner.id})
    company = signed_in(walker(chromium, site.url, phone=True), site, first.winner)
    company.open("/signatures")
    company.page.get_by_label("Prestataire").select_option("bac-a-sable")
    company.press("Choisir les actes")
    for number in ("2026-0001", "2026-0002"):
        company.page.get_by_label(number).check()
    company.page.locator("input[value=boulangerie-p256]").check()
    company.type(pin=csc.PIN)
    company.press("Signer les actes cochés")
    company.says("Chaque signature est vérifiée et conservée")
    officer = signed_in(walker(chromium, site.url), site, first.officer)
    officer.open(first.award)
    officer.says("c’est à l’acheteur")
    officer.follow("Signer au nom de l’acheteur")
    officer.says("adjointe au maire", "Signature attendue")
    with reading(site.context.database) as db:
        key = db.scalars(select(Act.signed_key).order_by(Act.id)).first()
    act = site.context.storage.get(str(key))
    stranger = walker(chromium, site.url, phone=True)
    stranger.open("/verifier")
    file = {"name": "acte.pdf", "mimeType": "application/pdf", "buffer": act}
    stranger.page.locator("input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]
    stranger.press("Vérifier")
    stranger.says("Signature techniquement valide ?", "Nadia Faure")
