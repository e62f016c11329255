"""A place in a list that no database can hold is an answer to correct, never a bug."""

from collections.abc import Callable

import pytest

from api.db import Database
from procurement.people import User
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_buyer, make_finance

Browser = Callable[[User], CheckedClient]


@pytest.mark.parametrize("place", [str(10**30), "0", "-1", "x"])
def test_a_place_out_of_bounds_is_said(database: Database, browser: Browser, client: CheckedClient, place: str) -> None:
    account = browser(make_account(database))
    finance = browser(make_finance(database, make_buyer(database)))
    assert client.get(f"/boite?avant={place}").status_code == 422
    assert account.get(f"/candidatures?avant={place}").status_code == 422
    assert finance.get(f"/contrats?avant={place}").status_code == 422
    assert finance.get(f"/factures?apres={place}").status_code == 422
