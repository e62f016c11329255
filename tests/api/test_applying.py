"""From one SIRET to a draft, and the company's own protected pieces; bad input, services that are down."""

from dataclasses import replace

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.auth import open_session
from api.context import Context
from api.db import reading, transaction
from api.settings import Settings
from procurement.candidacy import Candidacy
from procurement.people import User
from procurement.pieces import Piece
from tests.candidacy_scene import (
    BAKERY,
    DISCREET,
    NOT_TO_BE_SHOWN,
    REFUSED_BY_URSSAF,
    Browser,
    Scene,
    press,
    published,
    start,
)
from tests.checked_client import CheckedClient, page_of
from tests.factories import make_account, make_company, make_company_member, make_siret


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def test_a_siret_gives_identity_and_the_list_of_what_the_buyer_obtains(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene, "000 010 017 00010")
    text = mine.page.main
    assert "BOULANGERIE TOUT VA BIEN" in text
    assert "Brouillon, rien n’est envoyé" in text
    asked = 11  # nothing of farming, building, training, associations: routing leaves them out
    assert text.count("Sera vérifiée après l’ouverture") == asked
    assert "R2143-13" in text
    with reading(scene.context.database) as db:
        assert db.query(Piece).count() == 0
        (candidacy,) = db.query(Candidacy)
        assert candidacy.identity["origin"] == "fetched"
        assert len(candidacy.identity["sha256"]) == 64


def test_the_same_siret_again_is_the_same_draft_and_another_account_has_its_own(
    scene: Scene, mine: CheckedClient, browser: Browser
) -> None:
    first = start(mine, scene)
    assert start(mine, scene) == first
    other = browser(make_account(scene.context.database))
    assert start(other, scene) != first
    assert "Personne n’a encore regardé" in other.page.main


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Indiquez un numéro SIRET"),
        ("abc", "que des chiffres"),
        ("00001001700011", "mal recopié"),
        ("123", "14 chiffres"),
        ("00000000000000", "zéros"),
    ],
)
def test_a_wrong_siret_comes_back_with_its_sentence_and_its_value(
    scene: Scene, mine: CheckedClient, typed: str, sentence: str
) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret=typed)
    assert answer.status_code == 422
    assert sentence in mine.page.main
    assert f'value="{typed}"' in answer.text


def test_nine_digits_let_the_person_choose_the_establishment(scene: Scene, mine: CheckedClient) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY[:9])
    assert answer.status_code == 200
    assert "Quel établissement de « BOULANGERIE TOUT VA BIEN » répond ?" in mine.page.main
    mine.submit(mine.page, "/candidater", siret=BAKERY)
    assert "BOULANGERIE TOUT VA BIEN" in mine.page.h1


def test_an_unknown_siren_says_so(scene: Scene, mine: CheckedClient) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret=make_siret(99)[:9])
    assert answer.status_code == 422
    assert "Aucune entreprise n’a le SIREN" in mine.page.main


def test_a_closed_establishment_proposes_the_open_ones(scene: Scene, mine: CheckedClient) -> None:
    answer = mine.submit(mine.get(scene.form), "/candidater", siret="000 010 199 00016")
    assert answer.status_code == 422
    assert "est fermé depuis le 31 mars 2026, mais l’entreprise est en activité" in mine.page.main
    assert "le siège y a été transféré" in mine.page.main
    mine.submit(mine.page, "/candidater", siret="00001019900024")
    assert "MENUISERIE DÉMÉNAGÉE" in mine.page.h1
    assert "Vous avez saisi 000 010 199 00016, un établissement fermé" in mine.page.main
    with reading(scene.context.database) as db:
        kept = db.query(Candidacy).one()
        assert (kept.siret, kept.identity["asked"]) == ("00001019900024", "000 010 199 00016")


@pytest.mark.parametrize("siret", [NOT_TO_BE_SHOWN, make_siret(98)])
def test_what_open_data_does_not_hold_is_typed_by_hand_and_marked(
    scene: Scene, mine: CheckedClient, siret: str
) -> None:
    mine.submit(mine.get(scene.form), "/candidater", siret=siret)
    assert "n’est pas dans les données ouvertes" in mine.page.main
    answer = mine.submit(mine.page, "/candidater", name="")
    assert answer.status_code == 422
    assert "Écrivez le nom de l’entreprise." in mine.page.main
    mine.submit(mine.page, "/candidater", name="Atelier Neuf", address="1 rue des Essais")
    assert mine.page.h1 == "Atelier Neuf"
    assert "saisi par l’entreprise" in mine.page.main


def unreachable(scene: Scene, settings: Settings) -> CheckedClient:
    """The same install, whose remote services do not answer."""
    nowhere = "http://127.0.0.1:9"
    app: FastAPI = create_app(settings, sandbox=True, api_entreprise=nowhere, recherche_entreprises=nowhere)
    client = CheckedClient(app)
    with transaction(scene.context.database) as db:
        client.cookies.set("mps_session", open_session(db, db.get_one(User, scene.account.id)))
    return client


def test_a_service_that_is_down_stops_nobody(scene: Scene, settings: Settings) -> None:
    with unreachable(scene, settings) as mine:
        answer = mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY)
        assert answer.status_code == 200
        assert "ne répond pas. Rien n’est perdu" in mine.page.main
        mine.submit(mine.page, "/candidater", name="Boulangerie", address="")
        assert mine.page.h1 == "Boulangerie"
        mine.submit(mine.get(scene.form), "/candidater", siret=BAKERY[:9])
        assert "ne répond pas pour l’instant" in mine.page.main


def test_what_a_person_does_not_diffuse_is_asked(scene: Scene, mine: CheckedClient) -> None:
    start(mine, scene, DISCREET)
    assert "[ND]" not in mine.page.main
    assert "Non diffusé par l’Insee : écrivez-le" in mine.page.main
    mine.submit(mine.page, "/deposer", button="save", correct_name="Jeanne Essai")
    assert mine.page.h1 == "Jeanne Essai"


def test_an_unproven_address_is_asked_to_prove_itself(scene: Scene, browser: Browser) -> None:
    new = browser(make_account(scene.context.database, verified=False))
    assert "Confirmez d’abord votre adresse" in new.get(scene.form).text
    assert press(new, scene.form, siret=BAKERY) == 409


def test_protected_pieces_need_a_proven_belonging(scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    assert "La vôtre est seulement déclarée" in mine.get(f"{path}/pieces").text
    assert press(mine, f"{path}/pieces") == 409
    assert press(mine, f"{path}/pieces/vigilance") == 409


def test_a_member_sees_the_company_s_own_pieces_and_the_look_is_logged(scene: Scene, browser: Browser) -> None:
    database = scene.context.database
    member = browser(make_company_member(database, make_company(database, REFUSED_BY_URSSAF)))
    path = start(member, scene, REFUSED_BY_URSSAF)
    assert "Appartenance : prouvée" in member.page.main
    page = member.get(f"{path}/pieces")
    member.submit(page, f"{path}/pieces")
    assert "Non délivrée par l’organisme" in member.page.main
    assert "régularisation" in member.page.main
    assert press(member, f"{path}/pieces/insee_unite_legale") == 404
    assert "Ses propres pièces protégées" in member.get(path).text
    with reading(database) as db:
        assert db.query(Piece).count() == 0


def test_a_member_downloads_the_company_s_own_certificate(scene: Scene, browser: Browser) -> None:
    member = browser(make_company_member(scene.context.database, make_company(scene.context.database, BAKERY)))
    path = start(member, scene)
    page = member.submit(member.get(f"{path}/pieces"), f"{path}/pieces")
    assert "Chiffres d’affaires" in member.page.main
    answer = member.submit(page, "/pieces/vigilance")
    assert answer.content.startswith(b"%PDF")
    assert "Son propre document : Attestation de vigilance" in page_of(member.get(path)).text
    assert press(member, f"{path}/pieces/chiffres_affaires") == 503


def test_own_pieces_of_a_service_that_is_down(scene: Scene, settings: Settings, browser: Browser) -> None:
    database = scene.context.database
    user = make_company_member(database, make_company(database, BAKERY))
    path = start(browser(user), scene)
    with unreachable(replace(scene, account=user), settings) as member:
        member.submit(member.get(f"{path}/pieces"), f"{path}/pieces")
        assert member.page.main.count("Indisponible pour l’instant") == 3


def test_the_brake_stops_whoever_tries_numbers(scene: Scene, mine: CheckedClient) -> None:
    for _ in range(60):
        press(mine, scene.form, siret="1")
    assert press(mine, scene.form, siret="1") == 409
