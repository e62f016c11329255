"""Matching, told as stories: what a supplier sends, what the contract says, what finance is told."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from api.sandbox.invoices import Draft, Line, Party
from procurement.invoicing.making import ubl
from procurement.invoicing.matching import match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import BUYER, IBAN, SELLER, STRANGER, contract, loaded
from tests.procurement.invoicing.stories import (
    FACTOR,
    FACTOR_IBAN,
    HOLDER,
    MATE,
    PAST,
    SOLD,
    SUB,
    Made,
    agreed,
    only,
    proposed,
    sold,
    told,
)  # fmt: skip
from tests.procurement.invoicing.test_bad_input import off


def test_a_month_of_work_within_the_contract_is_paid(made: Made) -> None:
    answer = told(made, sold(), agreed())
    assert (answer.decision, answer.findings, answer.chorus) == ("approve", (), "")
    assert answer.payable is not None
    assert answer.payable.as_dict()["net_payable"] == "1200.00"


def test_overspend_waits_for_the_buyer(made: Made) -> None:
    past = [PAST | {"number": "F-1", "amount_ht": "11500", "state": "paid"}]
    answer = told(made, sold(), agreed(invoiced=past))
    assert proposed(answer) == ("ceiling-exceeded", "MONTANTTOTAL_ERR", "SUSPENDUE", "hold")
    assert "il reste 500,00\u00a0€ HT." in only(answer).message
    assert "une seule fois" in only(answer).delay


def test_in_flight_invoices_count_and_refused_ones_do_not(made: Made) -> None:
    waiting = PAST | {"number": "F-1", "amount_ht": "11500", "state": "received"}
    answer = told(made, sold(), agreed(invoiced=[waiting]))
    assert proposed(answer)[0] == "ceiling-exceeded"
    assert "11\u202f500,00\u00a0€ HT étant encore à payer" in only(answer).message
    assert told(made, sold(), agreed(invoiced=[waiting | {"state": "refused"}])).decision == "approve"


def test_a_wrong_service_goes_back_without_being_refused(made: Made) -> None:
    answer = told(made, sold(buyer=replace(BUYER, service="CULTURE")), agreed())
    assert proposed(answer) == ("service-unknown", "CODE_ROUTAGE_ERR", "A_RECYCLER", "hold")
    assert "nouvelle mise à disposition" in only(answer).delay


def test_a_wrong_buyer_goes_back_before_anything_else(made: Made) -> None:
    bill = sold(buyer=Party("Commune voisine", STRANGER, service="VOIRIE"), currency="EUR")
    answer = told(made, bill, agreed(ceiling_ht="500"))
    assert [f.rule for f in answer.findings] == ["buyer-wrong", "ceiling-exceeded"]
    assert (answer.findings[0].reason_code, answer.chorus) == ("DEST_ERR", "A_RECYCLER")


def test_what_is_addressed_to_another_buyer_is_not_ours_to_refuse(made: Made) -> None:
    bill = sold(buyer=Party("Commune voisine", STRANGER, service="VOIRIE"))
    answer = told(made, replace(bill, lines=(replace(SOLD[0], vat_rate=Decimal("5.5")),)), agreed())
    assert [f.rule for f in answer.findings] == ["buyer-wrong", "vat-rate"]
    assert (answer.decision, answer.chorus) == ("hold", "A_RECYCLER")


def test_a_wrong_engagement_goes_back(made: Made) -> None:
    answer = told(made, sold(engagement="EJ-78"), agreed())
    assert proposed(answer) == ("engagement-unknown", "CMD_ERR", "A_RECYCLER", "hold")


def test_an_engagement_or_a_service_is_enough_where_the_buyer_says_either(made: Made) -> None:
    buyer = {"siret": BUYER.siret, "services": ["VOIRIE"], "requires": {"either": True}}
    bare = sold(engagement="", contract="", buyer=replace(BUYER, service=""))
    answer = told(made, bare, agreed(buyer=buyer))
    assert [f.rule for f in answer.findings] == ["engagement-or-service-missing", "contract-reference-absent"]
    assert (answer.findings[0].reason_code, answer.chorus, answer.decision) == ("CMD_ERR", "A_RECYCLER", "hold")
    assert told(made, sold(engagement=""), agreed(buyer=buyer)).decision == "approve"
    by_number = sold(engagement="", buyer=replace(BUYER, service=""))
    assert told(made, by_number, agreed(buyer=buyer)).decision == "approve"


@pytest.mark.parametrize("number", ["F-2026-0001", "f 2026 1", "F/2026/001"])
def test_the_same_number_again_is_refused_however_it_is_typed(made: Made, number: str) -> None:
    answer = told(made, sold(), agreed(invoiced=[PAST | {"number": number, "amount_ht": "1", "engagement": "X"}]))
    assert proposed(answer) == ("duplicate-number", "DOUBLON", "REJETEE", "refuse")


def test_the_same_number_of_another_year_is_only_told(made: Made) -> None:
    past = PAST | {"number": "F-2026-001", "amount_ht": "1", "issued_on": "2025-03-01"}
    answer = told(made, sold(), agreed(invoiced=[past]))
    assert ([f.rule for f in answer.findings], answer.decision) == (["same-number-other-year"], "approve")


def test_the_same_work_under_another_number_is_asked_about(made: Made) -> None:
    past = PAST | {"number": "F-2026-002", "amount_ht": "1000.02", "issued_on": "2026-10-02"}
    answer = told(made, sold(), agreed(invoiced=[past]))
    assert proposed(answer) == ("near-duplicate", "DOUBLE_FACT", "SUSPENDUE", "hold")


def test_a_number_billed_under_two_establishments_is_asked_about(made: Made) -> None:
    past = PAST | {"number": "F-2026-001", "siret": f"{SELLER.siret[:9]}00027", "amount_ht": "7"}
    answer = told(made, sold(), agreed(invoiced=[past]))
    assert proposed(answer) == ("duplicate-other-establishment", "DOUBLON", "SUSPENDUE", "hold")


def test_an_invoice_already_paid_by_card_is_not_paid_again(made: Made) -> None:
    answer = told(made, sold(process="S2"), agreed())
    assert proposed(answer) == ("already-paid", "DOUBLE_FACT", "SUSPENDUE", "hold")
    assert answer.payable is not None
    assert answer.payable.net_payable == 0


def _sub(**changes: Any) -> dict[str, Any]:
    return {
        "siret": SUB.siret, "vat": SUB.vat, "role": "subcontractor", "name": SUB.name, "share_ht": "3000",
        "direct_payment": True, "accepted_on": "2026-02-01", "ibans": [IBAN],
    } | changes  # fmt: skip


def _by_sub(**changes: Any) -> Draft:
    return sold(**{"seller": SUB, "process": "S3", "agent": SELLER, **changes})


def test_an_accepted_subcontractor_is_paid_directly_without_the_holders_retention(made: Made) -> None:
    record = agreed(holders=[HOLDER, _sub()], retention={"rate": "0.05"}, advance={"paid_ttc": "1000"})
    answer = told(made, _by_sub(), record)
    assert (answer.decision, answer.findings) == ("approve", ())
    assert answer.payable is not None
    assert answer.payable.net_payable == Decimal("1200.00")


def test_a_subcontractor_without_agent_is_refused(made: Made) -> None:
    answer = told(made, _by_sub(agent=None), agreed(holders=[HOLDER, _sub()]))
    assert proposed(answer) == ("agent-missing", "NON_CONFORME", "REJETEE", "refuse")
    assert SELLER.siret in only(answer).message


def test_a_subcontractor_whose_agent_is_a_stranger_is_refused(made: Made) -> None:
    answer = told(made, _by_sub(agent=MATE), agreed(holders=[HOLDER, _sub()]))
    assert proposed(answer) == ("agent-not-holder", "NON_CONFORME", "REJETEE", "refuse")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"accepted_on": "2026-10-20"}, ("subcontractor-not-accepted", "ST_CT_NON_DECLAR", "REJETEE", "refuse")),
        ({"accepted_on": "2026-09-15"}, ("subcontractor-before-acceptance", "ST_CT_NON_DECLAR", "SUSPENDUE", "hold")),
        ({"direct_payment": False}, ("subcontractor-no-direct-payment", "ST_CT_NON_DECLAR", "REJETEE", "refuse")),
        ({"share_ht": "999.99"}, ("share-exceeded", "MONTANTTOTAL_ERR", "SUSPENDUE", "hold")),
        ({"ended_on": "2026-08-31"}, ("supplier-ended", "EMMET_INC", "SUSPENDUE", "hold")),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else next(iter(value)),
)
def test_a_subcontractor_outside_its_act(made: Made, changes: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert proposed(told(made, _by_sub(), agreed(holders=[HOLDER, _sub(**changes)]))) == expected


@pytest.mark.parametrize(
    ("declared", "said"), [([SUB.siret], "est déclaré, et attend d’être accepté au"), ([], "n’est pas accepté au")]
)
def test_a_subcontractor_that_waits_for_acceptance_is_told_so(made: Made, declared: list[str], said: str) -> None:
    answer = told(made, _by_sub(), agreed(holders=[HOLDER], declared=declared))
    assert proposed(answer) == ("subcontractor-not-declared", "ST_CT_NON_DECLAR", "REJETEE", "refuse")
    assert said in only(answer).message


def test_a_subcontractor_in_the_suppliers_frame_is_asked(made: Made) -> None:
    answer = told(made, _by_sub(process="S1", agent=None), agreed(holders=[HOLDER, _sub()]))
    assert proposed(answer) == ("subcontractor-frame", "NON_CONFORME", "SUSPENDUE", "hold")


def test_a_cocontractor_goes_through_the_leader_and_stays_in_its_share(made: Made) -> None:
    mate = {"siret": MATE.siret, "vat": MATE.vat, "role": "cocontractor", "share_ht": "1500", "ibans": [IBAN]}
    group = agreed(holders=[HOLDER | {"leader": True}, mate])
    bill = sold(seller=MATE, process="S6", agent=SELLER)
    assert told(made, bill, group).decision == "approve"
    assert proposed(told(made, replace(bill, agent=None), group))[0] == "agent-missing"
    before = [PAST | {"number": "M-1", "siret": MATE.siret, "amount_ht": "500.01"}]
    answer = told(made, bill, group | {"invoiced": before})
    assert proposed(answer) == ("share-exceeded", "MONTANTTOTAL_ERR", "SUSPENDUE", "hold")
    assert "1\u202f500,01\u00a0€ HT" in only(answer).message


def _taken(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "assignment", "beneficiary": FACTOR.name, "siret": FACTOR.siret, "ibans": [FACTOR_IBAN],
        "amount_ttc": "6000", "notified_on": "2026-03-02",
    } | changes  # fmt: skip


def test_a_factor_nobody_notified_is_not_paid(made: Made) -> None:
    bill = sold(payee=FACTOR, iban=FACTOR_IBAN)
    answer = told(made, bill, agreed(assignments=[_taken(notified_on=None)]))
    blocks = {finding.rule: finding.reason_code for finding in answer.findings}
    assert blocks == {"payee-other": "COORD_BANC_ERR", "iban-unknown": "COORD_BANC_ERR"}
    assert (answer.decision, answer.chorus) == ("hold", "SUSPENDUE")


def test_a_notified_factor_is_paid_on_its_account_and_on_no_other(made: Made) -> None:
    record = agreed(assignments=[_taken()])
    assert told(made, sold(payee=FACTOR, iban=FACTOR_IBAN), record).decision == "approve"
    answer = told(made, sold(), record)
    assert proposed(answer) == ("assignment-other-account", "COORD_BANC_ERR", "SUSPENDUE", "hold")


def test_a_factor_whose_assignment_ended_is_not_paid(made: Made) -> None:
    answer = told(made, sold(payee=FACTOR, iban=IBAN), agreed(assignments=[_taken(ended_on="2026-09-30")]))
    assert proposed(answer) == ("assignment-ended", "COORD_BANC_ERR", "SUSPENDUE", "hold")


def test_no_more_is_assigned_than_what_subcontractors_leave(made: Made) -> None:
    record = agreed(holders=[HOLDER, _sub()], amount_ht="10000", assignments=[_taken(amount_ttc="9000")])
    answer = told(made, sold(payee=FACTOR, iban=FACTOR_IBAN), record)
    assert proposed(answer) == ("assignment-above-assignable", "COORD_BANC_ERR", "", "hold")
    assert "8\u202f400,00\u00a0€ TTC" in only(answer).message
    assert "continue de courir" in only(answer).delay


def test_what_exceeds_the_assignment_is_told(made: Made) -> None:
    answer = told(made, sold(payee=FACTOR, iban=FACTOR_IBAN), agreed(assignments=[_taken(amount_ttc="500")]))
    assert (only(answer).rule, answer.decision) == ("assignment-exceeded", "approve")


def test_an_opposition_stops_the_payment_of_the_supplier(made: Made) -> None:
    claim = {
        "kind": "opposition",
        "beneficiary": "Comptable des impôts",
        "amount_ttc": "800",
        "notified_on": "2026-09-01",
    }
    answer = told(made, sold(), agreed(assignments=[claim]))
    assert proposed(answer) == ("opposition", "AUTRE", "", "hold")
    assert "800,00\u00a0€" in only(answer).message


def test_a_contract_that_ended_is_refused_whole_and_asked_in_part(made: Made) -> None:
    assert proposed(told(made, sold(), agreed(end="2026-08-31"))) == (
        "period-outside", "CONTRAT_TERM", "REJETEE", "refuse",
    )  # fmt: skip
    assert proposed(told(made, sold(), agreed(end="2026-09-20")))[0] == "period-overlaps"


def test_works_past_their_date_are_asked_about_and_not_refused(made: Made) -> None:
    late = told(made, sold(), agreed(kind="works", end="2026-08-31"))
    assert proposed(late) == ("period-outside", "CONTRAT_TERM", "SUSPENDUE", "hold")


def test_work_that_is_not_done_yet_waits(made: Made) -> None:
    answer = told(made, sold(period=(date(2026, 10, 1), date(2026, 10, 31))), agreed())
    assert proposed(answer) == ("before-service", "LIVR_INCOMP", "SUSPENDUE", "hold")


def test_work_received_after_the_invoice_starts_the_delay_later(made: Made) -> None:
    answer = told(made, sold(), agreed(received=[{"on": "2026-10-12", "amount_ht": "1000"}]))
    assert ([f.rule for f in answer.findings], answer.decision) == (["service-after-invoice"], "approve")


def _tranche(**changes: Any) -> dict[str, Any]:
    return {"id": "T2", "kind": "tranche", "engagements": ["EJ-88"], "ceiling_ht": "4000", "state": "planned"} | changes


def test_a_tranche_that_was_not_affirmed_is_refused(made: Made) -> None:
    answer = told(made, sold(engagement="EJ-88"), agreed(parts=[_tranche()]))
    assert proposed(answer) == ("part-not-affirmed", "CMD_ERR", "REJETEE", "refuse")
    assert told(made, sold(engagement="EJ-88"), agreed(parts=[_tranche(state="affirmed")])).decision == "approve"


def test_an_order_has_its_own_ceiling_and_its_own_dates(made: Made) -> None:
    order = _tranche(id="BC-5", kind="order", state="affirmed")
    before = [PAST | {"number": "F-1", "engagement": "EJ 88", "amount_ht": "3500"}]
    answer = told(made, sold(engagement="EJ-88"), agreed(parts=[order], invoiced=before))
    assert proposed(answer) == ("part-ceiling-exceeded", "MONTANTTOTAL_ERR", "SUSPENDUE", "hold")
    late = told(made, sold(engagement="EJ-88"), agreed(parts=[order | {"end": "2026-08-31"}]))
    assert proposed(late)[0] == "part-period-outside"
    ended = told(made, sold(engagement="EJ-88"), agreed(parts=[order | {"state": "ended"}]))
    assert proposed(ended)[0] == "part-ended"


def test_a_quantity_above_what_was_received_waits(made: Made) -> None:
    received = [{"on": "2026-09-30", "code": "P1", "quantity": "12"}]
    assert told(made, sold(), agreed(received=received)).decision == "approve"
    before = [PAST | {"number": "F-1", "amount_ht": "300", "lines": [{"code": "P1", "quantity": "3"}]}]
    answer = told(made, sold(), agreed(received=received, invoiced=before))
    assert proposed(answer) == ("quantity-above-received", "QTE_ERR", "SUSPENDUE", "hold")
    assert "10 facturés, 3 déjà facturés ; 12 reçus" in only(answer).message


def test_a_quantity_above_what_was_ordered_waits(made: Made) -> None:
    order = _tranche(id="BC-5", kind="order", state="affirmed", lines=[{"code": "P1", "quantity": "12"}])
    assert told(made, sold(engagement="EJ-88"), agreed(parts=[order])).decision == "approve"
    past = PAST | {"number": "F-1", "amount_ht": "300", "lines": [{"code": "P1", "quantity": "3"}]}
    elsewhere = told(made, sold(engagement="EJ-88"), agreed(parts=[order], invoiced=[past]))
    assert elsewhere.decision == "approve"
    answer = told(made, sold(engagement="EJ-88"), agreed(parts=[order], invoiced=[past | {"part": "BC-5"}]))
    assert proposed(answer) == ("quantity-above-ordered", "QTE_ERR", "SUSPENDUE", "hold")
    assert "10 facturés, 3 déjà facturés ; 12 commandés par BC-5" in only(answer).message


def test_an_amount_above_what_was_received_waits(made: Made) -> None:
    answer = told(made, sold(), agreed(received=[{"on": "2026-09-30", "amount_ht": "999.99"}]))
    assert proposed(answer) == ("amount-above-received", "LIVR_INCOMP", "SUSPENDUE", "hold")


def test_a_vat_rate_that_is_not_the_contracts_is_refused(made: Made) -> None:
    answer = told(made, sold(lines=(replace(SOLD[0], vat_rate=Decimal("5.5")),)), agreed())
    assert proposed(answer) == ("vat-rate", "TX_TVA_ERR", "REJETEE", "refuse")
    assert "5,5\u00a0%" in only(answer).message


@pytest.mark.parametrize(("kind", "decision"), [("services", "refuse"), ("works", "partial")])
def test_a_vat_wrong_by_99_cents_is_seen(kind: str, decision: str) -> None:
    invoice = read_invoice(ubl(off("0.99")))
    answer = match(invoice, loaded(contract(kind=kind, prices=[])))
    assert ([f.rule for f in answer.findings], answer.decision) == (["vat-arithmetic"], decision)
    assert only(answer).reason_code == "CALCUL_ERR"
    assert match(read_invoice(ubl(off("0.01"))), loaded(contract(prices=[]))).decision == "approve"


def test_another_currency_is_refused(made: Made) -> None:
    answer = match(read_invoice(made(sold(currency="CHF"))), loaded(agreed()))
    assert proposed(answer) == ("currency", "NON_CONFORME", "REJETEE", "refuse")


def test_a_negative_price_is_refused(made: Made) -> None:
    lines = (*SOLD, Line("Z", "Geste commercial", Decimal(1), Decimal("-50.00")))
    answer = match(read_invoice(made(sold(lines=lines))), loaded(agreed()))
    assert proposed(answer) == ("negative-price", "NON_CONFORME", "REJETEE", "refuse")


def test_a_changed_account_waits_for_a_call_and_two_persons(made: Made) -> None:
    answer = told(made, sold(iban=FACTOR_IBAN), agreed())
    assert proposed(answer) == ("iban-unknown", "COORD_BANC_ERR", "SUSPENDUE", "hold")
    assert "rappel" in only(answer).message
    assert "deux personnes" in only(answer).message


def test_an_account_counts_between_its_dates(made: Made) -> None:
    def known(**dates: str) -> dict[str, Any]:
        return agreed(holders=[HOLDER | {"ibans": [{"iban": IBAN, **dates}]}])

    assert told(made, sold(), known(valid_from="2026-10-05")).decision == "approve"
    answer = told(made, sold(), known(valid_to="2026-10-04"))
    assert "n’est pas valable à cette date" in only(answer).message


def test_two_contracts_alike_are_left_to_a_person(made: Made) -> None:
    bare = sold(contract="", engagement="")
    answer = told(made, bare, agreed(id="A-1"), agreed(id="A-2"))
    assert (answer.decision, answer.findings[0].rule) == ("unmatched", "several-contracts")
    assert "A-1, A-2" in answer.findings[0].message
    assert answer.payable is None


def test_two_buyers_with_the_same_number_are_told_apart(made: Made) -> None:
    other = agreed(buyer={"siret": STRANGER, "services": ["VOIRIE"]}, holders=[{"siret": MATE.siret}], engagements=[])
    answer = told(made, sold(), other, agreed())
    assert (answer.decision, answer.candidates[0].buyer) == ("approve", BUYER.siret)
    assert len(answer.candidates) == 1


def test_a_number_inside_a_sentence_is_found(made: Made) -> None:
    answer = told(made, sold(contract="Marché n° 2026-0042 (lot 1)"), agreed())
    assert (answer.decision, answer.candidates[0].by_reference) == ("approve", True)


def test_the_subject_tells_two_contracts_of_the_same_parties_apart(made: Made) -> None:
    windows = agreed(id="A-1", engagements=["X"], subject="Remplacement de fenêtres", decp_id=None)
    garden = agreed(id="A-2", engagements=["Y"], subject="Tonte de pelouses", decp_id=None, prices=[])
    answer = told(made, sold(contract="", engagement=""), garden, windows)
    assert answer.candidates[0].contract == "A-1"
    assert answer.decision == "hold"
    assert any("fenetre" in why for why in answer.candidates[0].because)


def test_an_engagement_given_as_the_contract_number_still_finds_the_contract(made: Made) -> None:
    answer = told(made, sold(contract="EJ-77", engagement=""), agreed(buyer={"siret": BUYER.siret}))
    assert answer.candidates[0].by_reference
    assert proposed(answer) == ("contract-reference-wrong", "REF_CT_ABSENT", "SUSPENDUE", "hold")


def test_the_contract_cited_by_its_parties_comes_before_a_likelier_one(made: Made) -> None:
    branch, other = f"{SELLER.siret[:9]}00027", f"{BUYER.siret[:9]}00020"
    cited = agreed(id="A-1", decp_id=None, holders=[{"siret": branch}], amount_ht=None, ceiling_ht=None, prices=[],
                   start=None, end=None, buyer={"siret": other})  # fmt: skip
    likely = agreed(id="A-2", decp_id=None, engagements=["EJ-1"], subject="Pose de fenêtres")
    answer = told(made, sold(contract=""), likely, cited)
    assert [one.contract for one in answer.candidates] == ["A-1", "A-2"]
    assert answer.candidates[0].points < answer.candidates[1].points
