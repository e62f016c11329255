"""« Mes informations »: kept at the deposit, offered to the next answer with its origin, taken out by its owner."""

from datetime import timedelta

import pytest

from api.context import Context
from api.db import Database, now, reading, transaction
from procurement.candidacy import Candidacy
from procurement.contract import paris_day
from procurement.people import Membership, Role
from procurement.space import Given, offered
from tests.candidacy_scene import (
    ANSWERS,
    BAKERY,
    REFUSED_BY_URSSAF,
    Browser,
    Scene,
    another,
    deposit,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient, filled
from tests.factories import make_account, make_company, make_company_member

HERE = "/compte/informations"
TOLD = {"references": "École du Parc, 2024", "turnover_share": "40 %", "foreign_workers": "Non"}


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def next_one(browser: CheckedClient, scene: Scene, number: str = "2026-MAPA-08", siret: str = BAKERY) -> str:
    """A draft for another consultation; its page is the one shown."""
    return start(browser, another(scene, number), siret)


def field_of(browser: CheckedClient, name: str) -> str:
    """What a field of the page shows."""
    return str(dict(filled(browser.page.form("/deposer"), {}))[name]).strip()


def kept(database: Database) -> dict[str, str]:
    with reading(database) as db:
        return {given.key: given.value for given in db.query(Given)}


def days(database: Database, count: int) -> str:
    with reading(database) as db:
        return (paris_day(now(db)) + timedelta(days=count)).isoformat()


def test_a_deposit_is_kept_and_the_next_answer_starts_from_it(scene: Scene, mine: CheckedClient) -> None:
    deposit(mine, start(mine, scene), **TOLD)
    next_one(mine, scene)
    assert field_of(mine, "references") == "École du Parc, 2024"
    assert field_of(mine, "insurance") == "Assureur Essai, n° 42"
    assert field_of(mine, "foreign_workers") == ""
    assert mine.page.main.count("(consultation 2026-MAPA-07). Relisez-la.") == 4
    assert "Repris de votre réponse du" in mine.page.main
    left = mine.page.main.partition("Il reste à donner : ")[2].partition(". Puis")[0]
    assert left == "votre offre, la déclaration sur l’honneur"


def test_nothing_is_part_of_an_answer_before_somebody_saves_it(scene: Scene, mine: CheckedClient) -> None:
    deposit(mine, start(mine, scene), **TOLD)
    path = next_one(mine, scene)
    with reading(scene.context.database) as db:
        assert db.query(Candidacy).filter_by(ref=path.rpartition("/")[2]).one().answers == {}
    mine.submit(mine.page, "/deposer", button="save", references="")
    assert field_of(mine, "references") == ""
    assert field_of(mine, "turnover_share") == "40 %"


def test_the_latest_deposit_wins_and_an_empty_answer_takes_nothing_away(scene: Scene, mine: CheckedClient) -> None:
    deposit(mine, start(mine, scene), **TOLD)
    path = next_one(mine, scene)
    deposit(mine, path, references="", turnover_share="60 %")
    assert kept(scene.context.database) == {
        "capacity": "gérante", "insurance": "Assureur Essai, n° 42", "references": "École du Parc, 2024",
        "turnover_share": "60 %",
    }  # fmt: skip
    next_one(mine, scene, "2026-MAPA-09")
    assert mine.page.main.count("(consultation 2026-MAPA-08)") == 3
    assert mine.page.main.count("(consultation 2026-MAPA-07)") == 1


def test_an_insurance_that_still_runs_comes_with_its_end(scene: Scene, mine: CheckedClient) -> None:
    end = days(scene.context.database, 0)
    deposit(mine, start(mine, scene), insurance_until=end)
    assert "d’après l’entreprise" in mine.page.main
    next_one(mine, scene)
    assert (field_of(mine, "insurance"), field_of(mine, "insurance_until")) == ("Assureur Essai, n° 42", end)


def test_an_insurance_that_ended_is_said_not_offered(scene: Scene, mine: CheckedClient) -> None:
    deposit(mine, start(mine, scene), insurance_until=days(scene.context.database, -1))
    next_one(mine, scene)
    assert (field_of(mine, "insurance"), field_of(mine, "insurance_until")) == ("", "")
    assert "Votre assurance donnée le" in mine.page.main
    assert "votre assurance" in mine.page.main.partition("Il reste à donner")[2].partition("Puis")[0]
    assert "Plus proposée" in mine.get(HERE).text


@pytest.mark.parametrize("typed", ["demain", "2026-02-30", "31/12/2026"])
def test_an_end_that_is_no_day_is_said(scene: Scene, mine: CheckedClient, typed: str) -> None:
    path = start(mine, scene)
    assert deposit(mine, path, insurance_until=typed) == 422
    assert "Cette date ne se lit pas" in mine.page.main
    assert kept(scene.context.database) == {}


def test_the_page_tells_where_each_value_comes_from_and_takes_it_out(scene: Scene, mine: CheckedClient) -> None:
    assert "Rien pour l’instant" in mine.get(HERE).text
    deposit(mine, start(mine, scene), **TOLD)
    page = mine.click(mine.get("/compte"), "Mes informations : ce que vos réponses ont gardé pour les prochaines")
    assert mine.page.main.count("consultation 2026-MAPA-07") == 4
    with reading(scene.context.database) as db:
        ref = db.query(Given).filter_by(key="references").one().ref
    mine.submit(mine.page, f"{ref}/retirer")
    assert "École du Parc" not in mine.page.main
    assert press(mine, f"{HERE}/{ref}/retirer") == 303
    assert page.status_code == 200
    next_one(mine, scene)
    assert field_of(mine, "references") == ""


def test_accounts_never_learn_of_each_other(
    scene: Scene, mine: CheckedClient, browser: Browser, client: CheckedClient
) -> None:
    deposit(mine, start(mine, scene), **TOLD)
    with reading(scene.context.database) as db:
        ref = db.query(Given).filter_by(key="references").one().ref
    for other in (browser(make_account(scene.context.database)), browser(scene.officer)):
        assert "École du Parc" not in other.get(HERE).text
        assert press(other, f"{HERE}/{ref}/retirer") == 303
    stranger = browser(make_account(scene.context.database))
    start(stranger, scene)
    assert "Repris" not in stranger.page.main
    assert field_of(stranger, "insurance") == ""
    assert client.get(HERE, follow_redirects=False).headers["location"].startswith("/connexion")
    assert "references" in kept(scene.context.database)
    next_one(mine, scene, siret=REFUSED_BY_URSSAF)
    assert field_of(mine, "references") == ""


def test_proven_members_share_all_but_what_is_a_person_s_own(scene: Scene, browser: Browser) -> None:
    database = scene.context.database
    company = make_company(database, BAKERY)
    first, second = make_company_member(database, company), make_company_member(database, company)
    giver, member = browser(first), browser(second)
    deposit(giver, start(giver, scene), **TOLD)
    next_one(member, scene)
    assert field_of(member, "references") == "École du Parc, 2024"
    assert field_of(member, "capacity") == ""
    assert "la réponse d’un autre membre" in member.page.main
    assert "Réponse de Camille Essai" in member.get(HERE).text
    with reading(database) as db:
        ref = db.query(Given).filter_by(key="references").one().ref
    assert press(member, f"{HERE}/{ref}/retirer") == 303
    assert "references" in kept(database)


@pytest.mark.parametrize("leaver", ["giver", "reader"])
def test_a_proof_that_ended_on_either_side_ends_the_sharing(scene: Scene, browser: Browser, leaver: str) -> None:
    database = scene.context.database
    company = make_company(database, BAKERY)
    people = {"giver": make_company_member(database, company), "reader": make_company_member(database, company)}
    giver = browser(people["giver"])
    deposit(giver, start(giver, scene), **TOLD)
    with transaction(database) as db:
        query = db.query(Membership).filter_by(user_id=people[leaver].id, role=Role.COMPANY.value)
        query.one().ended_at = now(db)
    with reading(database) as db:
        assert offered(db, people["reader"].id, BAKERY, now(db)) == {}
        assert set(offered(db, people["giver"].id, BAKERY, now(db))) == {
            "capacity", "turnover_share", "references", "insurance",
        }  # fmt: skip


def test_a_null_character_loses_no_deposit(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    given = {**ANSWERS, "references": "École\0 du Parc", "attested": "1", "action": "deposit"}
    assert press(mine, f"{path}/deposer", **given) == 303
    assert kept(scene.context.database)["references"] == "École du Parc"
