"""Delegations of signature: an administrator of the buyer keeps them, bad input comes back with its sentence."""

from collections.abc import Callable

import pytest

from api.db import Database, reading
from procurement.people import Organisation, User
from procurement.powers import powers_of
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_administrator, make_buyer, make_officer

Browser = Callable[[User], CheckedClient]
GOOD = {"capacity": "adjointe", "act": "Arrêté n° 12", "ceiling": "90 000", "valid_from": "2026-01-01"}


@pytest.fixture
def buyer(database: Database) -> Organisation:
    return make_buyer(database)


def test_a_delegation_is_recorded_then_ended(database: Database, buyer: Organisation, browser: Browser) -> None:
    officer, administrator = make_officer(database, buyer), make_administrator(database, buyer)
    admin = browser(administrator)
    page = admin.get(f"/administration/{buyer.ref}")
    assert "personne ne peut signer ici" in page.text
    admin.submit(page, "/delegations", signatory=officer.email, **GOOD)  # type: ignore[arg-type]
    assert "90 000,00" in admin.page.main.replace("\u202f", " ").replace("\xa0", " ")
    with reading(database) as db:
        (power,) = powers_of(db, buyer.id)
        assert (power.user_id, power.granted_by) == (officer.id, administrator.email)
    admin.submit(admin.page, "/fin")
    with reading(database) as db:
        assert powers_of(db, buyer.id) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signatory": "inconnue@exemple.fr"}, "Aucun compte n’a cette adresse"),
        ({"signatory": "stranger"}, "n’est pas acheteuse de cette organisation"),
        ({"capacity": " "}, "à quel titre"),
        ({"act": ""}, "Donnez l’acte"),
        ({"ceiling": "-5"}, "Le plafond est un montant positif"),
        ({"ceiling": "beaucoup"}, "montant en euros"),
        ({"valid_from": "hier"}, "Écrivez une date"),
        ({"valid_until": "2025-01-01"}, "La fin vient avant le début"),
    ],
)
def test_what_is_typed_wrong_comes_back(
    database: Database, buyer: Organisation, browser: Browser, changes: dict[str, str], said: str
) -> None:
    officer, admin = make_officer(database, buyer), browser(make_administrator(database, buyer))
    typed = {"signatory": officer.email, **GOOD, **changes}
    if typed["signatory"] == "stranger":
        typed["signatory"] = make_account(database).email
    answer = admin.submit(admin.get(f"/administration/{buyer.ref}"), "/delegations", **typed)  # type: ignore[arg-type]
    assert (answer.status_code, said in admin.page.main) == (422, True), admin.page.main
    assert f'value="{typed["signatory"]}"' in answer.text
    with reading(database) as db:
        assert powers_of(db, buyer.id) == []


def test_only_the_buyer_s_administrators(database: Database, buyer: Organisation, browser: Browser) -> None:
    same_site = {"sec-fetch-site": "same-origin"}
    other = browser(make_administrator(database, make_buyer(database, "Autre")))
    assert other.post(f"/administration/{buyer.ref}/delegations", headers=same_site).status_code == 404
    assert other.post(f"/administration/{buyer.ref}/delegations/AAAA/fin", headers=same_site).status_code == 404
    admin = browser(make_administrator(database, buyer))
    assert admin.post(f"/administration/{buyer.ref}/delegations/AAAA/fin", headers=same_site).status_code == 404
    officer = browser(make_officer(database, buyer))
    assert officer.post(f"/administration/{buyer.ref}/delegations", headers=same_site).status_code in (403, 404)
