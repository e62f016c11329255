"""A page that says no leads back to where the person was, on this site and nowhere else."""

import pytest

from api.context import Context
from tests.candidacy_scene import SAME_ORIGIN
from tests.checked_client import CheckedClient
from tests.record_scene import Browser, Record, record

BACK = "Revenir où vous étiez"
OUT = (
    "https://mechant.example/contrats",
    "//mechant.example",
    "http://testserver//mechant.example/x",
    "%",
    "http://[",
    "",
)


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def refused(running: Record, referer: str = "") -> CheckedClient:
    """The last account goes on before it was asked for: 409."""
    client = running.finance()
    headers = SAME_ORIGIN | ({"referer": referer} if referer else {})
    answer = client.post(f"{running.path}/fin/decompte/suite", data={"to": "notified"}, headers=headers)
    assert answer.status_code == 409
    return client


def test_what_is_refused_says_why_and_leads_back(running: Record) -> None:
    page = refused(running, f"http://testserver{running.path}/fin?ok=enregistre").page
    assert "n’est pas encore reçu" in page.main
    assert "Ce que vous avez demandé n’a pas été fait." in page.main
    assert "a peut-être changé" not in page.main
    assert page.links[BACK] == f"{running.path}/fin"
    assert page.links["Aller à l’accueil"] == "/"


def test_a_page_that_was_an_answer_leads_to_the_one_above(running: Record) -> None:
    page = refused(running, f"http://testserver{running.path}/fin/decompte/suite").page
    assert page.links[BACK] == f"{running.path}/fin"


@pytest.mark.parametrize("referer", OUT)
def test_no_other_site_is_ever_led_to(running: Record, referer: str) -> None:
    page = refused(running, referer).page
    assert page.links[BACK] == f"{running.path}/fin"
    assert not any("mechant" in link for link in page.links.values())


def test_the_brake_of_sign_in_leads_back_to_it(client: CheckedClient) -> None:
    for _ in range(11):
        answer = client.post("/connexion", data={"email": "a@exemple.fr", "password": "x"}, headers=SAME_ORIGIN)
    assert answer.status_code == 409
    assert "attendez 15 minutes" in client.page.main
    assert client.page.links[BACK] == "/connexion"
