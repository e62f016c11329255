"""Several acts with one PIN: all are kept, or the page says which is not; the authorisation covers these acts only."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, now, reading, transaction
from api.sandbox import csc
from api.trusted import judged
from procurement.appeals import receive_appeal
from procurement.consultation import find
from procurement.contract import Contract
from procurement.people import User, person_of
from procurement.signers import Signer, signers_of
from tests.award_scene import Scene, awarded, opened
from tests.candidacy_scene import BAKERY
from tests.checked_client import CheckedClient

Browser = Callable[[User], CheckedClient]
LOT = "/signatures/lot?service=bac-a-sable"
KEY = {"credential": "boulangerie-p256"}


@pytest.fixture
def scenes(context: Context, database: Database) -> tuple[Scene, Scene]:
    """Two contracts won by one company, both to be signed by one account."""
    first = opened(database, "2026-MAPA-01", siret=BAKERY)
    second = opened(database, "2026-MAPA-02", buyer=first.buyer, siret=BAKERY)
    awarded(context, first)
    awarded(context, second)
    with transaction(database) as db:
        for signer in db.scalars(select(Signer).where(Signer.role == "company")):
            signer.account_id = first.winner.id
    return first, second


@pytest.fixture
def company(scenes: tuple[Scene, Scene], browser: Browser) -> CheckedClient:
    return browser(scenes[0].winner)


def refs(database: Database) -> list[str]:
    with reading(database) as db:
        return [s.ref for c in db.scalars(select(Contract).order_by(Contract.id)) for s in signers_of(db, c.act)]


def states(database: Database) -> list[str]:
    with reading(database) as db:
        return [s.state for c in db.scalars(select(Contract).order_by(Contract.id)) for s in signers_of(db, c.act)]


def test_two_acts_one_pin(company: CheckedClient, context: Context, database: Database) -> None:
    assert "un seul code PIN" in company.get("/signatures").text
    page = company.get(LOT)
    assert "Nadia Faure" in page.text
    company.submit(page, "/lot", acts=refs(database), pin=csc.PIN, credential=KEY["credential"])
    assert "Chaque signature est vérifiée et conservée" in company.page.main
    assert states(database) == ["signed", "signed"]
    with reading(database) as db:
        keys = [str(c.act.signed_key) for c in db.scalars(select(Contract))]
    for key in keys:
        report, _ = judged(context, context.storage.get(key), sandbox=True)
        assert [(s["indication"], s["level"]) for s in report["signatures"]] == [("TOTAL-PASSED", "LTA")]
    assert "Rien n’attend votre signature" in company.get(LOT).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"acts": [], "pin": csc.PIN, **KEY}, "Choisissez au moins un acte"),
        ({"pin": "", **KEY}, "Tapez le code PIN"),
        ({"pin": "000000", **KEY}, "code PIN"),
        ({"pin": csc.PIN}, "Choisissez un des certificats"),
    ],
)
def test_what_is_missing_or_wrong_signs_nothing(
    company: CheckedClient, database: Database, fields: dict[str, object], said: str
) -> None:
    answer = company.submit(company.get(LOT), "/lot", **{"acts": refs(database), **fields})  # type: ignore[arg-type]
    assert (answer.status_code, said in company.page.main) == (422, True), company.page.main
    assert states(database) == ["waiting", "waiting"]


def test_an_act_that_cannot_be_signed_is_named_and_nothing_is_signed(
    scenes: tuple[Scene, Scene], company: CheckedClient, database: Database
) -> None:
    page = company.get(LOT)
    with transaction(database) as db:
        consultation, agent = find(db, scenes[1].consultation), person_of(db.get_one(User, scenes[1].officer.id))
        receive_appeal(db, consultation, now(db), "Trafic Conseil", "", agent, now(db))
    answer = company.submit(page, "/lot", acts=refs(database), pin=csc.PIN, credential=KEY["credential"])
    assert (answer.status_code, "2026-0002 : Un recours est en cours" in company.page.main) == (422, True)
    assert states(database) == ["waiting", "waiting"]


def test_certificates_of_another_company_are_told_act_by_act(
    company: CheckedClient, scenes: tuple[Scene, Scene], database: Database
) -> None:
    with transaction(database) as db:
        db.query(Signer).filter_by(ref=refs(database)[1]).update({"siret": "00000000000000"})
    company.submit(company.get(LOT), "/lot", acts=refs(database), pin=csc.PIN, credential=KEY["credential"])
    assert "Un acte au moins n’est pas signé" in company.page.main
    assert "autre entreprise" in company.page.main
    assert sorted(states(database)) == ["signed", "waiting"]


def test_nobody_signs_the_acts_of_others(scenes: tuple[Scene, Scene], database: Database, browser: Browser) -> None:
    stranger = browser(scenes[1].loser)
    assert "Rien n’attend votre signature" in stranger.get(LOT).text
    same_site = {"sec-fetch-site": "same-origin"}
    fields = {"service": "bac-a-sable", "acts": refs(database), "pin": csc.PIN, **KEY}
    assert stranger.post("/signatures/lot", data=fields, headers=same_site).status_code == 404
    assert stranger.get("/signatures/lot?service=inconnu").status_code == 200
    assert "n’est pas connu" in stranger.get("/signatures/lot?service=inconnu").text
