"""match(): the right contract, one break per finding, and the decision proposed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sandbox.invoices import Draft, Party, ubl
from procurement.invoicing.contracts import ContractRecord, ContractsUnreadable, load_contracts
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.matching import Match, match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import (
    BUYER,
    DRAFT,
    IBAN,
    SELLER,
    STRANGER,
    contract,
    contracts_file,
    draft,
    loaded,
)

INVOICE = read_invoice(ubl(DRAFT))
HOLDER = {"siret": SELLER.siret, "vat": SELLER.vat, "role": "holder", "ibans": [IBAN]}
NO_SWITCH = {"siret": BUYER.siret, "services": ["VOIRIE"], "requires": {"engagement": False, "service": False}}


def billed(made: Draft) -> Invoice:
    return read_invoice(ubl(made))


def against(invoice: Invoice = INVOICE, **changes: Any) -> Match:
    return match(invoice, loaded(contract(**changes)))


def test_the_right_invoice_is_to_approve_with_its_reasons() -> None:
    answer = against()
    assert (answer.decision, answer.findings) == ("approve", ())
    best = answer.candidates[0]
    assert (best.contract, best.score, len(best.because)) == ("2026-0042", 100, 8)
    assert "sans valeur de dépôt" in answer.notice


def test_the_answer_is_plain_data_with_the_promised_keys() -> None:
    answer = match(INVOICE, loaded(contract(engagements=["AUTRE"]))).as_dict()
    assert {"candidates", "findings", "decision"} <= set(answer)
    assert {"contract", "score", "because"} <= set(answer["candidates"][0])
    assert {"rule", "severity", "bt", "message", "reason_code", "action"} <= set(answer["findings"][0])


def _seller(siret: str) -> Draft:
    return draft(seller=replace(SELLER, siret=siret))


def _buyer(siret: str, service: str = "VOIRIE") -> Draft:
    return draft(buyer=Party("Autre", siret, service=service))


PAST = {"siret": SELLER.siret, "type": "380"}
BREAKS: list[tuple[str, Draft, dict[str, Any], str, str, str]] = [
    # rule, invoice, contract, reason, decision, Chorus Pro status
    ("supplier-not-holder", draft(seller=Party("X", STRANGER)), {}, "EMMET_INC", "refuse", "REJETEE"),
    (
        "subcontractor-not-declared",
        draft(seller=Party("X", STRANGER), process="S3"),
        {},
        "ST_CT_NON_DECLAR",
        "refuse",
        "REJETEE",
    ),
    ("supplier-other-establishment", _seller("90000001900027"), {}, "SIRET_ERR", "hold", "SUSPENDUE"),
    ("buyer-wrong", _buyer(STRANGER), {}, "DEST_ERR", "hold", "A_RECYCLER"),
    ("service-missing", _buyer(BUYER.siret, ""), {}, "CODE_ROUTAGE_ERR", "hold", "A_RECYCLER"),
    ("service-unknown", _buyer(BUYER.siret, "CULTURE"), {}, "CODE_ROUTAGE_ERR", "hold", "A_RECYCLER"),
    ("engagement-unknown", draft(engagement="EJ-99"), {}, "CMD_ERR", "hold", "A_RECYCLER"),
    ("contract-reference-wrong", draft(contract="2025-9999"), {}, "REF_CT_ABSENT", "hold", "SUSPENDUE"),
    ("iban-unknown", draft(iban="FR1420041010050500013M02606"), {}, "COORD_BANC_ERR", "hold", "SUSPENDUE"),
    (
        "duplicate-number",
        DRAFT,
        {"invoiced": [PAST | {"number": "f 2026 001", "amount_ht": "5"}]},
        "DOUBLON",
        "refuse",
        "REJETEE",
    ),
    ("already-paid", draft(process="S2"), {}, "DOUBLE_FACT", "hold", "SUSPENDUE"),
    ("currency", draft(currency="USD"), {}, "NON_CONFORME", "refuse", "REJETEE"),
    ("ceiling-exceeded", DRAFT, {"ceiling_ht": "961.37"}, "MONTANTTOTAL_ERR", "hold", "SUSPENDUE"),
    ("ceiling-exceeded", DRAFT, {"ceiling_ht": None, "amount_ht": "900"}, "MONTANTTOTAL_ERR", "hold", "SUSPENDUE"),
    (
        "share-exceeded",
        DRAFT,
        {"holders": [HOLDER | {"role": "cocontractor", "share_ht": "500"}]},
        "MONTANTTOTAL_ERR",
        "hold",
        "SUSPENDUE",
    ),
    ("vat-rate", DRAFT, {"vat_rates": ["20"]}, "TX_TVA_ERR", "refuse", "REJETEE"),
    ("before-start", DRAFT, {"start": "2026-11-01"}, "CONTRAT_TERM", "refuse", "REJETEE"),
    ("period-outside", DRAFT, {"end": "2026-08-31"}, "CONTRAT_TERM", "refuse", "REJETEE"),
    ("period-overlaps", DRAFT, {"end": "2026-09-15"}, "CONTRAT_TERM", "hold", "SUSPENDUE"),
    ("unit-price", DRAFT, {"prices": [{"code": "P1", "unit_price": "450.00"}]}, "PU_ERR", "hold", "SUSPENDUE"),
]


@pytest.mark.parametrize(
    ("rule", "made", "changes", "reason", "decision", "chorus"), BREAKS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_one_break_one_finding(
    rule: str, made: Draft, changes: dict[str, Any], reason: str, decision: str, chorus: str
) -> None:
    answer = against(billed(made), **changes)
    found = [finding for finding in answer.findings if finding.rule == rule]
    assert len(found) == 1
    assert (found[0].reason_code, found[0].chorus) == (reason, chorus)
    assert found[0].message.endswith(".")
    assert answer.decision == decision
    assert {finding.rule for finding in answer.findings if finding.severity != "info"} == {rule}


@pytest.mark.parametrize(
    ("rule", "made", "changes"),
    [
        ("service-unknown", draft(buyer=replace(BUYER, service="X"), profile="en16931"), {"buyer": NO_SWITCH}),
        ("engagement-unverified", DRAFT, {"engagements": []}),
        ("contract-reference-absent", draft(contract=""), {}),
        ("iban-unverified", DRAFT, {"holders": [HOLDER | {"ibans": []}]}),
        ("same-amount", DRAFT, {"invoiced": [PAST | {"number": "F-0", "amount_ht": "961.38"}]}),
        ("unit-price-lower", DRAFT, {"prices": [{"code": "P1", "unit_price": "500"}]}),
    ],
)
def test_what_is_only_told_does_not_stop_the_payment(rule: str, made: Draft, changes: dict[str, Any]) -> None:
    answer = against(billed(made), **changes)
    assert [finding.rule for finding in answer.findings] == [rule]
    assert answer.decision == "approve"


def test_what_the_buyer_does_not_ask_is_not_missed() -> None:
    made = draft(engagement="", buyer=replace(BUYER, service=""))
    assert against(billed(made), buyer=NO_SWITCH).decision == "approve"


def test_the_contract_number_may_stand_in_for_the_engagement() -> None:
    answer = against(billed(draft(contract="", engagement="2026 0042")))
    assert answer.decision == "approve"
    assert answer.candidates[0].by_reference


def test_the_decp_identifier_is_accepted_as_a_reference() -> None:
    assert against(billed(draft(contract="202600420000"))).decision == "approve"


def test_a_seller_whose_siren_is_not_its_sirets_is_held() -> None:
    odd = replace(INVOICE, seller=replace(INVOICE.seller, siren="900000035"))
    assert "supplier-siren-mismatch" in {finding.rule for finding in against(odd).findings}


def test_another_payee_is_held() -> None:
    answer = against(replace(INVOICE, payee="Affactureur Exemple"))
    assert (answer.findings[0].rule, answer.decision) == ("payee-other", "hold")


def test_late_invoice_without_period_is_held() -> None:
    late = replace(INVOICE, period=(None, None), delivered_on=None, issued_on=date(2027, 3, 1))
    assert (against(late).findings[0].rule, against(late).decision) == ("after-end", "hold")


@pytest.mark.parametrize(
    ("part", "rule"),
    [("net", "net-arithmetic"), ("gross", "gross-arithmetic"), ("line", "line-arithmetic")],
)
def test_what_does_not_add_up_is_refused(part: str, rule: str) -> None:
    if part == "line":
        lines = (replace(INVOICE.lines[0], quantity=Decimal(3)), *INVOICE.lines[1:])
        wrong = replace(INVOICE, lines=lines)
    else:
        wrong = replace(INVOICE, totals=replace(INVOICE.totals, **{part: Decimal("1000.00")}))
    answer = against(wrong)
    assert rule in {finding.rule for finding in answer.findings}
    assert answer.decision == "refuse"


@pytest.mark.parametrize(
    "changes", [{"ceiling_ht": "900"}, {"vat_rates": ["20"]}, {"prices": [{"code": "P1", "unit_price": "1"}]}]
)
def test_on_works_an_amount_is_paid_in_part_never_refused(changes: dict[str, Any]) -> None:
    answer = against(kind="works", **changes)
    assert answer.decision == "partial"
    assert answer.findings[0].action == "CNA"


def test_credit_notes_make_room_under_the_ceiling() -> None:
    past = [PAST | {"number": "F-0", "amount_ht": "500"}, PAST | {"number": "A-0", "amount_ht": "400", "type": "381"}]
    assert against(ceiling_ht="1061.38", invoiced=past).decision == "approve"
    assert against(ceiling_ht="1061.37", invoiced=past).decision == "hold"


def test_a_credit_note_never_exceeds() -> None:
    credit = draft(type_code="381", preceding=(("F-0", date(2026, 9, 1)),))
    assert against(billed(credit), ceiling_ht="1").decision == "approve"


def test_no_contract_is_unmatched() -> None:
    answer = match(INVOICE, loaded(contract(id="X", decp_id=None, engagements=[], holders=[{"siret": STRANGER}])))
    assert (answer.decision, answer.candidates, answer.findings[0].rule) == ("unmatched", (), "no-contract")


def test_two_equal_contracts_are_left_to_a_person() -> None:
    silent = billed(draft(contract="", engagement=""))
    answer = match(silent, loaded(contract(id="B"), contract(id="A")))
    assert (answer.decision, answer.findings[0].rule) == ("unmatched", "several-contracts")
    assert [candidate.contract for candidate in answer.candidates] == ["A", "B"]


def test_parties_alone_find_the_contract_but_hold_the_invoice() -> None:
    answer = against(billed(draft(contract="", engagement="")), buyer=NO_SWITCH)
    assert (answer.candidates[0].by_reference, answer.decision) == (False, "hold")


def test_the_reference_outweighs_the_parties() -> None:
    other = contract(id="2026-0001", decp_id=None, engagements=[])
    answer = match(INVOICE, loaded(other, contract()))
    assert [candidate.contract for candidate in answer.candidates] == ["2026-0042", "2026-0001"]


@given(st.permutations([contract(id=f"C{n}", engagements=[f"E{n}"]) for n in range(4)]))
def test_the_order_of_the_contracts_changes_nothing(contracts: list[dict[str, Any]]) -> None:
    by_parties = billed(draft(contract="", engagement="E2"))
    assert match(by_parties, loaded(*contracts)) == match(
        by_parties, loaded(*sorted(contracts, key=lambda c: str(c["id"])))
    )


@given(
    past=st.lists(st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**9), places=2), max_size=8),
    room=st.decimals(min_value=-1000, max_value=1000, places=2),
)
def test_the_ceiling_is_exact_to_the_cent(past: list[Decimal], room: Decimal) -> None:
    invoiced = [
        PAST | {"number": f"N{n}", "siret": STRANGER, "amount_ht": str(amount)} for n, amount in enumerate(past)
    ]
    ceiling = sum(past, Decimal(0)) + INVOICE.totals.net + room
    answer = against(ceiling_ht=str(ceiling), invoiced=invoiced)
    assert ("ceiling-exceeded" in {finding.rule for finding in answer.findings}) == (room < 0)


def test_amounts_are_read_as_exact_decimals() -> None:
    record: ContractRecord = loaded(contract(amount_ht="0.10"))[0]
    assert record.amount_ht == Decimal("0.10")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("{}", "version"),
        ('{"version": 2, "contracts": []}', "version"),
        (contracts_file(contract(holders=[])), "holders"),
        (contracts_file(contract(amount_ht=12.5)), "entre guillemets"),
        (contracts_file(contract(amount_ht="NaN")), "amount_ht"),
        (contracts_file(contract(start="hier")), "start"),
        (contracts_file(contract(buyer={"siret": "123"})), "14 chiffres"),
        (contracts_file(contract(kind="bricolage")), "kind"),
    ],
)
def test_a_bad_contracts_file_names_the_field(text: str, sentence: str) -> None:
    with pytest.raises(ContractsUnreadable, match=sentence):
        load_contracts(text)


def test_a_contracts_file_of_a_later_version_of_the_shape_still_reads() -> None:
    assert loaded(contract(colour="blue"))[0].id == "2026-0042"
