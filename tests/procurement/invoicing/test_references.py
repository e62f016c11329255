"""Whom the invoice is addressed to and what it cites: the comparison and Chorus Pro's rules ask for the same."""

from dataclasses import replace
from itertools import product

import pytest

from procurement.invoicing.check import check_invoice
from procurement.invoicing.directory import Directory, Recipient
from procurement.invoicing.making import PROFILE_EN16931
from procurement.invoicing.matching import match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import BUYER, STRANGER, loaded
from tests.procurement.invoicing.stories import Made, agreed, proposed, sold

SWITCHES = ("engagement", "service", "either")
# The finding of the comparison that says the same as each rule of Chorus Pro.
SAME = {
    "BR-FR-CPRO-11": {"service-missing", "service-unknown"},
    "BR-FR-CPRO-12": {"engagement-missing"},
    "BR-FR-CPRO-13": {"engagement-or-service-missing"},
}


def _addressed(content: bytes, first: str, second: str) -> bytes:
    """The code of the service, which BT-10 still gives, makes room for a second SIRET."""
    both = content.replace(b'"0224">VOIRIE', b'"0009">' + second.encode())
    return both.replace(b'"0009">' + BUYER.siret.encode(), b'"0009">' + first.encode(), 1)


@pytest.mark.parametrize(("first", "second"), [(BUYER.siret, STRANGER), (STRANGER, BUYER.siret)])
def test_two_buyers_on_one_invoice_are_not_chosen_between(made: Made, first: str, second: str) -> None:
    answer = match(read_invoice(_addressed(made(sold()), first, second)), loaded(agreed()))
    assert proposed(answer) == ("buyer-several", "DEST_ERR", "A_RECYCLER", "hold")
    assert f"({first}, {second})" in answer.findings[0].message


def test_the_same_buyer_said_twice_is_one(made: Made) -> None:
    answer = match(read_invoice(_addressed(made(sold()), BUYER.siret, BUYER.siret)), loaded(agreed()))
    assert answer.decision == "approve"


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize(
    ("engagement", "contract", "service", "routed"),
    [
        case
        for case in product(("", "EJ-77"), ("", "2026-0042"), ("", "VOIRIE", "CULTURE"), (True, False))
        if case[2] or case[3]
    ],
)
def test_the_comparison_and_the_rules_ask_for_the_same(
    made: Made, switch: str, engagement: str, contract: str, service: str, routed: bool
) -> None:
    """`routed`: the service is in BT-46@0224 too; a profile that has no room for it leaves it in BT-10 alone."""
    bill = sold(engagement=engagement, contract=contract, buyer=replace(BUYER, service=service))
    content = made(bill if routed else replace(bill, profile=PROFILE_EN16931))
    asks = {f"{name}_required": name == switch for name in SWITCHES}
    directory = Directory({BUYER.siret: Recipient(**asks, services=frozenset({"VOIRIE"}))})
    broken = {finding.rule for finding in check_invoice(content, directory).findings} & SAME.keys()
    buyer = {"siret": BUYER.siret, "services": ["VOIRIE"], "requires": {switch: True}}
    answer = match(read_invoice(content), loaded(agreed(buyer=buyer)))
    stopped = {finding.rule for finding in answer.findings if finding.chorus}
    assert broken == {rule for rule, alike in SAME.items() if alike & stopped}


def test_the_number_of_the_contract_stands_in_for_an_engagement(made: Made) -> None:
    answer = match(read_invoice(made(sold(engagement=""))), loaded(agreed()))
    assert answer.decision == "approve"
    neither = match(read_invoice(made(sold(engagement="", contract=""))), loaded(agreed()))
    assert "engagement-missing" in {finding.rule for finding in neither.findings}


def test_a_service_in_bt_10_alone_is_enough(made: Made) -> None:
    directory = Directory({BUYER.siret: Recipient(service_required=True, services=frozenset({"VOIRIE"}))})
    content = made(sold(profile=PROFILE_EN16931))
    assert read_invoice(content).buyer.routed_services == ()
    assert "BR-FR-CPRO-11" not in {finding.rule for finding in check_invoice(content, directory).findings}
    unknown = made(sold(profile=PROFILE_EN16931, buyer=replace(BUYER, service="CULTURE")))
    assert "BR-FR-CPRO-11" in {finding.rule for finding in check_invoice(unknown, directory).findings}
