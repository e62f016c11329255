"""What is proposed to take back of an advance: from what was admitted, read again before each approval (R2191-11)."""

from decimal import Decimal

import pytest

from api.context import Context
from api.db import now, reading, transaction
from api.mandate import mandate_of
from procurement.billing import record_of, whole_of
from procurement.contract import Contract
from procurement.execution.terms import write_terms
from procurement.invoice_decision import Decision, Liquidation, decide_copy
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene
from tests.billing_scene import approved, copy_in, kept, plain, read_copy, second_person, sent, threshold, today_of
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.checked_client import CheckedClient, Page, page_of
from tests.html import found

# 84 000 € HT, 100 800 € TTC: from 10 080 to 80 640 € TTC, 10 080 € are taken back.
ADVANCE = {
    "advance_rate": "0.1", "advance_ttc": Decimal(10080), "repayment_starts": "0.1", "repayment_ends": "0.8",
}  # fmt: skip


@pytest.fixture
def scene(context: Context, scene: Scene) -> Scene:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, paid = person_of(db.get_one(User, scene.finance.id)), {"advance_paid_on": contract.received_on}
        write_terms(db, contract, ADVANCE | paid, person, now(db))
    return scene


def taken(page: Page) -> str:
    """What the form of the decision proposes to take back."""
    return str(found(page.form("/decision"), ".//input[@name='advance_ttc']")[0].get("value"))


def proposed(finance: CheckedClient, ref: str) -> str:
    """The same, once the invoice is compared with its contract as it is."""
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    finance.get(f"/factures/{ref}")
    return taken(finance.page)


def decided(context: Context, scene: Scene, ref: str, to: str, said: Liquidation) -> None:
    with transaction(context.database) as db:
        person = person_of(db.get_one(User, scene.finance.id))
        made = Decision(to, "Une partie n’est pas faite.", "QTE_ERR", liquidation=said)
        decide_copy(db, copy_in(db, ref), made, person, now(db))


def approve(client: CheckedClient, page: Page, advance: str) -> int:
    return client.submit(page, "/decision", decision="approved", advance_ttc=advance).status_code


def steps(context: Context, ref: str) -> str:
    """The steps that go with the mandate, as its report tells them."""
    with reading(context.database) as db:
        copy = copy_in(db, ref)
        assert copy.contract is not None
        sections = mandate_of(db, copy, copy.contract, today_of(context.database)).said.sections
    return plain(" ".join(row[-1] for each in sections if each.name.startswith("Calcul proposé") for row in each.rows))


def test_what_waits_takes_nothing_back(context: Context, scene: Scene, finance: CheckedClient) -> None:
    approved(context, scene, kept(context, scene, "10500"), advance_ttc="360")
    kept(context, scene, "45833.33")
    decided(context, scene, kept(context, scene, "20000"), "refused", Liquidation())
    ref = sent(context, scene)
    assert proposed(finance, ref) == "171,43"  # (13 800 − 10 080) ÷ 70 560 × 10 080, less what was taken back before
    assert "13,69 % du montant" in plain(finance.page.main)


def test_what_is_admitted_in_part_counts_for_that_part(context: Context, scene: Scene, finance: CheckedClient) -> None:
    approved(context, scene, kept(context, scene, "10500"))
    part = Liquidation(Decimal(1000), Decimal(1100))
    decided(context, scene, kept(context, scene, "10000", number="F-PART"), "partial", part)
    approved(context, scene, kept(context, scene, "-500", number="A-1"))
    assert proposed(finance, sent(context, scene)) == "602,86"  # 12 600 + 1 100 − 600 + 1 200 are reached
    with reading(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        rows = {row["number"]: row for row in record_of(whole_of(db, contract))["invoiced"]}
    assert (rows["F-PART"]["state"], rows["F-PART"]["amount_ht"], rows["F-PART"]["amount_ttc"]) == (
        "partial", "1000.00", "1100.00",
    )  # fmt: skip
    assert rows["F-2026-001"]["state"] == "received"


def test_what_others_decide_meanwhile_is_read_before_it_is_approved(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref, other = sent(context, scene), kept(context, scene, "10500")
    assert proposed(finance, ref) == ""
    before = finance.page
    approved(context, scene, other, advance_ttc="360")
    assert approve(finance, before, "") == 409
    page = page_of(finance.get(f"/factures/{ref}"))
    assert approve(finance, page, taken(page)) == 200
    assert read_copy(context.database, ref).advance_ttc == Decimal("171.43")
    assert "13,69 % du montant" in steps(context, ref)
    assert "précompte de 171,43 €" in steps(context, ref)


def test_the_report_says_what_was_reached_at_the_decision(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref, other = sent(context, scene), kept(context, scene, "1000")
    assert proposed(finance, ref) == ""
    assert "1,19 % du montant" in plain(finance.page.main)
    before = finance.page
    approved(context, scene, other)
    assert approve(finance, before, "") == 200  # nothing of what is paid changed
    assert "2,38 % du montant" in steps(context, ref)


def test_a_second_person_is_not_told_that_the_proposal_itself_was_taken_back(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    approved(context, scene, kept(context, scene, "10500"), advance_ttc="360", retention_ttc="100")
    threshold(context, scene, "100.00")
    ref = sent(context, scene)
    assert proposed(finance, ref) == "171,43"
    assert approve(finance, finance.page, "171,43") == 200
    assert read_copy(context.database, ref).state == "to_confirm"
    other = browser(second_person(context, scene))
    assert other.submit(other.get(f"/factures/{ref}"), "/confirmer").status_code == 200
    copy = read_copy(context.database, ref)
    assert (copy.state, copy.advance_ttc) == ("approved", Decimal("171.43"))
    assert "précompte de 171,43 € sur 9 720,00 €" in steps(context, ref)
