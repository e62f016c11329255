"""The buyer signs last: once companies have, after the standstill, by who holds the power to."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, now, reading, transaction
from procurement.act import Act
from procurement.contract import Contract, paris_day
from procurement.mail import Mail
from procurement.people import User
from procurement.powers import SigningPower
from procurement.signers import buyer_of
from tests.api.test_signing import award, drop, path_of
from tests.award_scene import Scene, awarded, buyer_signs, empower, opened, sign
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_officer, make_siret

Browser = Callable[[User], CheckedClient]


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


def buyers_page(database: Database) -> str:
    with reading(database) as db:
        return f"/signatures/{buyer_of(db, db.scalars(select(Contract)).one().act).ref}"


def companies_sign(context: Context, scene: Scene, database: Database, browser: Browser) -> None:
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    assert drop(winner, path, sign(context, winner.get(f"{path}/acte-engagement.pdf").content)) == 200


def buyer_tries(context: Context, scene: Scene, officer: CheckedClient, path: str) -> tuple[int, str]:
    """The officer drops a signed file without the page's leave."""
    signed = sign(context, officer.get(f"{path}/acte-engagement.pdf").content, scene.buyer.siret)
    files = {"file": ("signe.pdf", signed, "application/pdf")}
    answer = officer.post(f"{path}/fichier", files=files, headers={"sec-fetch-site": "same-origin"})
    return answer.status_code, answer.text


def test_the_buyer_signs_last(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene)
    path = buyers_page(database)
    assert "L’acheteur signe en dernier" in officer.get(path).text
    status, text = buyer_tries(context, scene, officer, path)
    assert (status, "signe en dernier" in text) == (409, True)
    companies_sign(context, scene, database, browser)
    with reading(database) as db:
        told = db.scalars(select(Mail).where(Mail.subject.startswith("À signer"))).one()
    assert told.to == scene.officer.email
    assert path in officer.get("/signatures").text
    assert "adjointe au maire" in officer.get(path).text
    assert buyer_signs(context, scene, officer) == 200
    assert "Notifier le marché" in officer.get(scene.award).text
    assert officer.post(f"{path}/refuser", headers={"sec-fetch-site": "same-origin"}).status_code == 409


def test_not_before_the_end_of_the_standstill(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database, standstill="1")
    with reading(database) as db:
        contract, letters = db.scalars(select(Contract)).one(), db.scalars(select(Mail)).all()
        assert contract.act.first_day == paris_day(now(db)) + timedelta(days=12)
    assert sum("ne sera pas signé avant 11 jours" in letter.body for letter in letters) == 1
    companies_sign(context, scene, database, browser)
    path = buyers_page(database)
    assert "Délai avant signature" in officer.get(path).text
    status, text = buyer_tries(context, scene, officer, path)
    assert (status, "R2182-1" in text) == (409, True)
    assert officer.post(f"{scene.award}/signe-a-la-main", headers={"sec-fetch-site": "same-origin"}).status_code == 409
    with transaction(database) as db:
        db.query(Act).update({"sign_after": now(db) - timedelta(seconds=1)})
    assert buyer_signs(context, scene, officer) == 200


def test_only_who_holds_the_power_signs_for_the_buyer(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene)
    companies_sign(context, scene, database, browser)
    path = buyers_page(database)
    with transaction(database) as db:
        db.query(SigningPower).update({"ceiling": Decimal(50_000)})
    assert "dépasse le plafond" in officer.get(path).text
    assert buyer_tries(context, scene, officer, path)[0] == 409
    with transaction(database) as db:
        db.query(SigningPower).update({"ceiling": None, "valid_until": paris_day(now(db)) - timedelta(days=1)})
    assert "n’est pas en vigueur" in officer.get(path).text
    colleague = browser(make_officer(database, scene.buyer))
    assert "Aucune délégation" in colleague.get(path).text
    assert buyer_tries(context, scene, colleague, path)[0] == 409
    for stranger in (scene.winner, scene.finance, make_officer(database, make_buyer(database))):
        assert browser(stranger).get(path).status_code == 404
    with transaction(database) as db:
        empower(db, scene.buyer, scene.officer, Decimal(90_000))
    assert buyer_signs(context, scene, officer) == 200


def test_a_company_s_certificate_does_not_sign_for_the_buyer(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene)
    companies_sign(context, scene, database, browser)
    path = buyers_page(database)
    content = sign(context, officer.get(f"{path}/acte-engagement.pdf").content)
    assert drop(officer, path, content) == 422
    assert "autre entreprise ou organisation que l’acheteur" in officer.page.main
