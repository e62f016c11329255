"""A person says which order an invoice bills: the rules judge that one, at once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from api.context import Context
from api.db import now, transaction
from api.sandbox import invoices
from procurement.contract import Contract
from procurement.execution.engagements import Line, open_engagement
from procurement.execution.parts import Planned, affirm, plan_part, settle
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene, invoice
from tests.billing_scene import kept, read_copy, spaced, today_of
from tests.checked_client import CheckedClient

ABOVE = "Bon de commande BC2 : 1 000,00 € HT seraient facturés pour 400,00 € HT."


def order(
    context: Context, scene: Scene, number: str, amount: str, *, state: str = "affirmed", engagement: str = ""
) -> None:
    today = today_of(context.database)
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.finance.id)), now(db)
        part = plan_part(db, contract, Planned("order", number, "Comptages", Decimal(amount)), person, at)
        if engagement:
            open_engagement(db, contract, Line(contract.number, engagement, part=number), person, at)
        if state in ("affirmed", "ended"):
            affirm(db, contract, part, today - timedelta(3), person, at)
        if state in ("dropped", "ended"):
            settle(db, contract, part, state, today, person, at)


def arrived(context: Context, scene: Scene) -> str:
    billed = contract_of_scene(context.database, scene)
    return kept(context, scene, "1000", content=invoices.cii(invoice(scene, billed)))


def impute(finance: CheckedClient, ref: str, **said: Any) -> str:
    finance.submit(finance.get(f"/factures/{ref}"), "/imputation", **said)
    return spaced(finance.page)


def test_the_order_chosen_is_the_one_judged_at_once(context: Context, scene: Scene, finance: CheckedClient) -> None:
    order(context, scene, "BC1", "5000")
    order(context, scene, "BC2", "400")
    ref = arrived(context, scene)
    shown = impute(finance, ref, part="BC2")
    assert ABOVE in shown
    assert "L’imputation est enregistrée. La comparaison avec le marché a changé" in shown
    assert "Proposition : suspendre." in shown
    shown = impute(finance, ref, part="BC1")
    assert "seraient facturés" not in shown
    assert "Aucun écart" in shown
    assert "C’est enregistré." in impute(finance, ref, part="BC1")


def test_the_engagement_chosen_names_its_order(context: Context, scene: Scene, finance: CheckedClient) -> None:
    order(context, scene, "BC2", "400", engagement="EJ-BC2")
    ref = arrived(context, scene)
    assert ABOVE in impute(finance, ref, engagement="EJ-BC2")


def test_what_the_order_was_already_billed_counts(context: Context, scene: Scene, finance: CheckedClient) -> None:
    order(context, scene, "BC2", "1500")
    first, second = arrived(context, scene), arrived(context, scene)
    impute(finance, first, part="BC2")
    assert "2 000,00 € HT seraient facturés pour 1 500,00 € HT" in impute(finance, second, part="BC2")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("planned", "elle n’est pas affermie ou notifiée"),
        ("dropped", "elle n’est pas affermie ou notifiée"),
        ("ended", "elle est soldée"),
    ],
)
def test_its_state_counts(context: Context, scene: Scene, finance: CheckedClient, state: str, sentence: str) -> None:
    order(context, scene, "BC2", "5000", state=state)
    assert sentence in impute(finance, arrived(context, scene), part="BC2")


def test_a_decided_invoice_is_laid_without_being_compared(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    order(context, scene, "BC2", "400")
    ref = arrived(context, scene)
    finance.submit(finance.get(f"/factures/{ref}"), "/comparer")
    finance.submit(finance.get(f"/factures/{ref}"), "/decision", decision="approved")
    assert read_copy(context.database, ref).state == "approved"
    shown = impute(finance, ref, part="BC2")
    assert ABOVE not in shown
    assert read_copy(context.database, ref).part == "BC2"
