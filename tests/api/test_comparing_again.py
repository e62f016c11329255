"""What a contract says after an invoice came: compared again at a person's asking, and before anything is approved."""

from decimal import Decimal

import pytest

from api.context import Context
from api.db import now, transaction
from api.sandbox import invoices
from procurement.contract import Contract
from procurement.execution.terms import write_terms
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene, in_effect, invoice, quotes
from tests.billing_scene import kept, read_copy, second_person, threshold
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.checked_client import CheckedClient
from tests.factories import make_finance

CEILING = "seraient facturés pour"


@pytest.fixture
def scene(context: Context) -> Scene:
    made = in_effect(context)
    quotes(context.database, made)
    return made


@pytest.fixture
def finance(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.finance)


def arrived(context: Context, scene: Scene) -> str:
    """An invoice of 1 000 € HT that nothing is said against."""
    return kept(
        context, scene, "1000", content=invoices.cii(invoice(scene, contract_of_scene(context.database, scene)))
    )


def lowered(context: Context, scene: Scene, most: str) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        write_terms(db, contract, {"ceiling_ht": Decimal(most)}, person_of(db.get_one(User, scene.finance.id)), now(db))


def approve(finance: CheckedClient, ref: str, page: object) -> int:
    return int(finance.submit(page, "/decision", decision="approved").status_code)  # type: ignore[arg-type]


def test_what_changed_is_read_before_it_is_approved(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = arrived(context, scene)
    page = finance.get(f"/factures/{ref}")
    lowered(context, scene, "500.00")
    assert approve(finance, ref, page) == 409
    assert read_copy(context.database, ref).state == "received"
    page = finance.get(f"/factures/{ref}")
    assert CEILING in page.text
    assert approve(finance, ref, page) == 200
    assert read_copy(context.database, ref).state == "approved"


def test_what_did_not_change_is_approved_at_once(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = arrived(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
    assert read_copy(context.database, ref).state == "approved"


def test_a_person_asks_and_the_register_says_it(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = arrived(context, scene)
    lowered(context, scene, "500.00")
    shown = finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert "La comparaison avec le marché a changé" in shown.text
    assert CEILING in shown.text
    assert "Rien n’a changé" in finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN).text


def test_a_second_person_reads_what_changed_too(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    threshold(context, scene, "100.00")
    ref = arrived(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
    other = browser(second_person(context, scene))
    page = other.get(f"/factures/{ref}")
    lowered(context, scene, "500.00")
    assert other.submit(page, "/confirmer").status_code == 409
    assert read_copy(context.database, ref).state == "to_confirm"
    assert other.submit(other.get(f"/factures/{ref}"), "/confirmer").status_code == 200
    assert read_copy(context.database, ref).state == "approved"


def test_nobody_else_compares(context: Context, scene: Scene, browser: Browser) -> None:
    ref = arrived(context, scene)
    for person in (scene.officer, scene.winner, make_finance(context.database, in_effect(context, "2026-X").buyer)):
        assert browser(person).post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN).status_code in (403, 404)


def test_a_file_that_nothing_reads_is_decided_as_it_was(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = kept(context, scene, "1000")
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
