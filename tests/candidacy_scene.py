"""A published consultation with a real sealing key, and the ways to fill, close and open it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from api import vault
from api.context import Context
from api.db import now, transaction
from procurement.consultation import Consultation, draft, find, publish
from procurement.people import Organisation, User, person_of
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_buyer, make_officer

Browser = Callable[[User], CheckedClient]
# Invented companies of the sandbox (api/sandbox/companies.yaml).
BAKERY = "00001001700010"
REFUSED_BY_URSSAF = "00001002500013"
NOT_TO_BE_SHOWN = "00001007400011"
SLOW = "00001011600010"
DISCREET = "00001017300011"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
ANSWERS = {"capacity": "gérante", "insurance": "Assureur Essai, n° 42"}


@dataclass(frozen=True)
class Scene:
    """A buyer, its officer, a company's account, and the consultation's ref."""

    buyer: Organisation
    officer: User
    account: User
    ref: str
    context: Context

    @property
    def form(self) -> str:
        return f"/consultations/{self.ref}/candidater"

    @property
    def hub(self) -> str:
        return f"/acheteur/consultations/{self.ref}"

    def close(self) -> None:
        """The deadline has just passed."""
        with transaction(self.context.database) as db:
            find(db, self.ref).deadline = now(db) - timedelta(seconds=1)


def published(context: Context, *, elsewhere: str = "mps", number: str = "2026-MAPA-07") -> Scene:
    database = context.database
    buyer = make_buyer(database)
    officer, account = make_officer(database, buyer), make_account(database)
    with transaction(database) as db:
        current = now(db)
        dossier = {
            "reference": number, "object": "Capteurs de trafic", "offers_received_at": elsewhere,
            "deadline": (current + timedelta(days=20)).isoformat(),
        }  # fmt: skip
        agent = person_of(db.get_one(User, officer.id))
        consultation: Consultation = draft(db, db.get_one(Organisation, buyer.id), dossier, agent, current)
        recipient, identity = vault.new_key(context.secret, consultation.ref)
        publish(db, consultation, [], recipient, identity, agent, current)
        return Scene(buyer, officer, account, consultation.ref, context)


def another(scene: Scene, number: str) -> Scene:
    """A second consultation of the same buyer."""
    with transaction(scene.context.database) as db:
        buyer, current = db.get_one(Organisation, scene.buyer.id), now(db)
        agent = person_of(db.get_one(User, scene.officer.id))
        deadline = (current + timedelta(days=20)).isoformat()
        row = draft(db, buyer, {"reference": number, "object": "Autre", "deadline": deadline}, agent, current)
        publish(db, row, [], *vault.new_key(scene.context.secret, row.ref), agent, current)
        return replace(scene, ref=row.ref)


def start(browser: CheckedClient, scene: Scene, siret: str = BAKERY) -> str:
    """Type the SIRET; the address of the draft."""
    browser.submit(browser.get(scene.form), "/candidater", siret=siret)
    path = browser.page.url.removeprefix("http://testserver")
    assert path.startswith("/candidatures/"), browser.page.main
    return path


def add(browser: CheckedClient, path: str, word: str, name: str, content: bytes) -> int:
    page = browser.get(path)
    answer = browser.submit(page, f"/fichiers/{word}", file=(name, content, "application/pdf"))
    return answer.status_code


def deposit(browser: CheckedClient, path: str, **fields: str) -> int:
    given: dict[str, Any] = {**ANSWERS, "attested": "1", **fields}
    return browser.submit(browser.get(path), "/deposer", button="deposit", **given).status_code


def press(browser: CheckedClient, path: str, **fields: str) -> int:
    """A POST without the page that offers it."""
    return browser.post(path, data=fields, headers=SAME_ORIGIN, follow_redirects=False).status_code
