"""What no rule may let through and what none may refuse: small prices, revision, VAT, numbers, words, credit notes."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from api.sandbox.invoices import Discount, Line
from procurement.invoicing.check import check_invoice
from procurement.invoicing.keys import same_number
from procurement.invoicing.matching import Match, match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import BUYER, IBAN, SELLER, loaded
from tests.procurement.invoicing.stories import (
    FACTOR_IBAN,
    HOLDER,
    PAST,
    PRICES,
    SILENT,
    SOLD,
    SUB,
    Made,
    agreed,
    only,
    proposed,
    sold,
    told,
)  # fmt: skip

ROOM = {"amount_ht": "500000", "ceiling_ht": "500000"}
FORMULA = {"fixed": "0.15", "terms": [{"index": "BT01", "weight": "0.85", "base": "2026-01"}], "decimals": 4}


def billing(quantity: str, price: str, *more: Line) -> tuple[Line, ...]:
    return (replace(SOLD[0], quantity=Decimal(quantity), unit_price=Decimal(price)), *more)


def revised(value: str, **changes: Any) -> dict[str, Any]:
    """A revisable price, whose index went from 120 to `value`."""
    known = [{"index": "BT01", "month": month, "value": v} for month, v in (("2026-01", "120.0"), ("2026-09", value))]
    return agreed(price_kind="revisable", revision=FORMULA, indices=known, **ROOM, **changes)


def rules(answer: Match) -> list[str]:
    return [finding.rule for finding in answer.findings if finding.severity not in SILENT]


@pytest.mark.parametrize(
    ("price", "quantity", "billed", "rule"),
    [
        ("0.0450", "1000000", "0.0550", "unit-price"),
        ("0.01", "100000", "0.02", "unit-price"),
        ("100.00", "10", "100.01", "unit-price"),
        ("0.0450", "1000000", "0.045", ""),
        ("33.333333", "3", "33.3333", ""),
        ("100.00", "1", "100.01", ""),
    ],
)
def test_a_cent_is_forgiven_on_the_amount_and_not_on_the_unit(
    made: Made, price: str, quantity: str, billed: str, rule: str
) -> None:
    record = agreed(prices=[{"code": "P1", "unit_price": price}], **ROOM)
    assert rules(told(made, sold(lines=billing(quantity, billed)), record)) == [rule][: bool(rule)]


@pytest.mark.parametrize(("billed", "rule"), [("0.0469", ""), ("0.046913", ""), ("0.0471", "unit-price")])
def test_a_revised_price_is_rounded_as_the_list_or_the_line_rounds(made: Made, billed: str, rule: str) -> None:
    record = revised("126.0", prices=[{"code": "P1", "unit_price": "0.0450"}])  # × 1.0425 = 0.0469125
    assert rules(told(made, sold(lines=billing("1000000", billed)), record)) == [rule][: bool(rule)]


REV = Line("REV", "Révision des prix", Decimal(1), Decimal("42.50"))


@pytest.mark.parametrize(
    ("value", "lines", "expected"),
    [
        ("114.0", billing("10", "95.75"), []),  # × 0.9575
        ("114.0", billing("10", "100.00"), ["unit-price"]),
        ("114.0", billing("10", "100.00", replace(REV, quantity=Decimal(-1))), []),
        ("114.0", billing("10", "100.00", replace(REV, quantity=Decimal(-1), unit_price=Decimal(10))),
         ["revision-amount"]),
        ("114.0", billing("10", "95.75", replace(REV, quantity=Decimal(-1))), []),
        ("126.0", billing("10", "100.00", REV), []),  # × 1.0425
        ("126.0", billing("10", "104.25", REV), ["revision-amount"]),
        ("126.0", billing("10", "100.00"), []),
        ("126.0", billing("10", "100.00", Line("P9", "Révision annuelle des volets", Decimal(1), Decimal(300))), []),
    ],
    ids=["lowered", "not lowered", "lowered apart", "too little apart", "lowered twice", "raised apart", "raised twice",
         "not raised", "work named revision"],
)  # fmt: skip
def test_a_revision_is_due_both_ways_and_once(
    made: Made, value: str, lines: tuple[Line, ...], expected: list[str]
) -> None:
    record = revised(value, prices=[*PRICES, {"code": "P9", "unit_price": "300.00"}])
    assert rules(told(made, sold(lines=lines), record)) == expected


def test_on_works_what_the_formula_lowers_is_not_admitted(made: Made) -> None:
    answer = told(made, sold(lines=billing("10", "101.00")), revised("114.0", kind="works"))
    assert (answer.decision, answer.amounts) == ("partial", {"MAP": "957.50", "MNA": "52.50"})


@pytest.mark.parametrize(
    ("lines", "decision", "rule"),
    [
        (billing("10", "400.00"), "hold", "unit-price-unverified"),
        (billing("10", "100.00"), "approve", ""),
        (billing("10", "100.00", REV), "hold", "revision-unverified"),
        (billing("10", "100.00", replace(REV, quantity=Decimal(-1))), "approve", "revision-unverified"),
    ],
    ids=["raised", "bare", "raised apart", "lowered apart"],
)
def test_a_price_whose_index_is_unknown_is_not_verified(
    made: Made, lines: tuple[Line, ...], decision: str, rule: str
) -> None:
    answer = told(made, sold(lines=lines), agreed(price_kind="revisable", revision=FORMULA, **ROOM))
    assert (answer.decision, rules(answer)) == (decision, [rule][: bool(rule)])
    assert all("BT01" in finding.message for finding in answer.findings)


def exempt(category: str, reason: str = "", code: str = "") -> dict[str, Any]:
    row = {"BT-116": "1000.00", "BT-117": "0.00", "BT-118": category, "BT-119": "0", "BT-120": reason, "BT-121": code}
    line = replace(SOLD[0], vat_rate=Decimal(0), category=category)
    return {"lines": (line,), "extra": {"BG-23": [{name: value for name, value in row.items() if value}]}}


FRANCHISE = "TVA non applicable, article 293 B du CGI"
CASES_WITHOUT_VAT = [
    (exempt("AE", "Autoliquidation", "VATEX-FR-AE"), {}, "vat-reverse-charge", "refuse"),
    (exempt("AE", "Autoliquidation", "VATEX-FR-AE"), {"kind": "works"}, "vat-reverse-charge", "partial"),
    (exempt("AE", "Autoliquidation", "VATEX-FR-AE"), {"vat_rates": []}, "vat-reverse-charge", "refuse"),
    (exempt("E", "Exonération, article 261-4 du CGI", "VATEX-FR-CGI261-4"), {}, "vat-exempt", "hold"),
    (exempt("E", "Exonération, article 261-4 du CGI", "VATEX-FR-CGI261-4"), {"vat_rates": ["20", "0"]}, "", "approve"),
    (exempt("E", "Exonération, article 261-4 du CGI", "VATEX-FR-CGI261-4"), {"vat_rates": []}, "", "approve"),
    (exempt("E", FRANCHISE), {}, "", "approve"),
    (exempt("E", "", "VATEX-FR-FRANCHISE"), {}, "", "approve"),
]


@pytest.mark.parametrize(("bill", "changes", "rule", "decision"), CASES_WITHOUT_VAT)
def test_a_holder_bills_the_vat_unless_it_has_a_right_not_to(
    made: Made, bill: dict[str, Any], changes: dict[str, Any], rule: str, decision: str
) -> None:
    answer = match(read_invoice(made(sold(**bill))), loaded(agreed(**changes)))
    assert (rules(answer), answer.decision) == ([rule][: bool(rule)], decision)
    assert all(finding.reason_code == "TX_TVA_ERR" for finding in answer.findings)


def test_a_holder_abroad_leaves_the_vat_to_the_buyer(made: Made) -> None:
    bill = read_invoice(made(sold(**exempt("AE", "Autoliquidation", "VATEX-EU-AE"))))
    abroad = replace(bill, seller=replace(bill.seller, country="BE"))
    assert rules(match(abroad, loaded(agreed()))) == []


def sub(**changes: Any) -> dict[str, Any]:
    return {"siret": SUB.siret, "vat": SUB.vat, "role": "subcontractor", "share_ht": "3000", "ibans": [IBAN]} | changes


@pytest.mark.parametrize(
    ("kind", "category", "expected", "decision"),
    [
        ("works", "S", ["subcontractor-with-vat"], "hold"),
        ("works", "AE", [], "approve"),
        ("services", "S", [], "approve"),
    ],
)
def test_a_subcontractor_of_works_bills_no_vat(
    made: Made, kind: str, category: str, expected: list[str], decision: str
) -> None:
    line = replace(SOLD[0], category=category, vat_rate=Decimal(20 if category == "S" else 0))
    bill = sold(seller=SUB, process="S3", agent=SELLER, lines=(line,))
    answer = told(made, bill, agreed(kind=kind, holders=[HOLDER, sub()]))
    assert (rules(answer), answer.decision) == (expected, decision)


@pytest.mark.parametrize(("share", "rule"), [("499.99", "subcontract-below-direct-payment"), ("500", "")])
def test_direct_payment_starts_at_600_euros_of_subcontract(made: Made, share: str, rule: str) -> None:
    line = replace(SOLD[0], quantity=Decimal(4))
    bill = sold(seller=SUB, process="S3", agent=SELLER, lines=(line,))
    answer = told(made, bill, agreed(holders=[HOLDER, sub(share_ht=share)], vat_rates=["20"]))
    assert rules(answer) == [rule][: bool(rule)]
    assert all("R2193-10" in finding.message for finding in answer.findings)


def two_hundred(net: str, vat: str) -> dict[str, Any]:
    lines = tuple(Line(f"L{n}", "Repas", Decimal(1), Decimal(net)) for n in range(200))
    base = Decimal(net) * 200
    row = {"BT-116": str(base), "BT-117": vat, "BT-118": "S", "BT-119": "20"}
    gross = str(base + Decimal(vat))
    return {"lines": lines, "extra": {"BG-23": [row], "BT-110": vat, "BT-112": gross, "BT-115": gross}}


@pytest.mark.parametrize(
    ("net", "vat", "expected"),
    [
        ("5.00", "200.00", []),
        ("5.00", "200.01", []),
        ("5.00", "200.99", ["vat-arithmetic"]),
        ("5.02", "200.80", []),
        ("5.02", "200.00", []),  # 200 times 1.00, rounded from 1.004
        ("5.02", "200.40", ["vat-arithmetic"]),
    ],
)
def test_vat_is_exact_however_many_lines(made: Made, net: str, vat: str, expected: list[str]) -> None:
    assert rules(match(read_invoice(made(sold(**two_hundred(net, vat)))), loaded(agreed()))) == expected


def test_a_wrong_vat_is_told_without_saying_that_it_is_allowed(made: Made) -> None:
    found = check_invoice(made(sold(**two_hundred("5.00", "200.99")))).findings
    assert {f.rule: f.severity for f in found} | {"MPS-TVA": "warning"} == {f.rule: f.severity for f in found}
    assert not any("tolère" in f.message for f in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"BT-115": "5000.00"}, ["due-arithmetic"]),
        ({"BT-113": "200.00", "BT-115": "1000.00"}, []),
        ({"BT-113": "200.00", "BT-115": "1200.00"}, ["due-arithmetic"]),
        ({"BT-114": "0.50", "BT-115": "1200.50"}, []),
    ],
)
def test_what_is_asked_is_the_total_less_what_is_paid(made: Made, given: dict[str, str], expected: list[str]) -> None:
    assert rules(match(read_invoice(made(sold(extra=given))), loaded(agreed()))) == expected


FIRST = PAST | {"number": "F-2026-000", "amount_ht": "1500"}


def credit(**changes: Any) -> Any:
    return sold(**{"number": "AV-1", "type_code": "381", "preceding": (("F-2026-000", date(2026, 8, 5)),), **changes})


@pytest.mark.parametrize("state", ["refused", "sent_back"])
def test_a_credit_note_on_what_was_refused_takes_nothing_off(made: Made, state: str) -> None:
    answer = told(made, credit(), agreed(invoiced=[FIRST | {"state": state}]))
    assert proposed(answer) == ("credit-of-refused", "REF_ERR", "", "hold")
    again = agreed(invoiced=[FIRST | {"state": state}, FIRST])
    assert told(made, credit(), again).decision == "approve"


def test_a_negative_credit_note_says_the_opposite(made: Made) -> None:
    content = made(credit(lines=billing("-10", "100.00")))
    answer = match(read_invoice(content), loaded(agreed(invoiced=[FIRST])))
    assert proposed(answer) == ("credit-negative", "NON_CONFORME", "SUSPENDUE", "hold")
    assert "MPS-AVOIR" in {f.rule for f in check_invoice(content).findings if f.severity == "warning"}
    assert "MPS-AVOIR" not in {f.rule for f in check_invoice(made(credit())).findings}


LATE = {"issued_on": date(2027, 3, 1), "period": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": (replace(SOLD[0], vat_rate=Decimal("5.5")),)},
        {"lines": billing("2", "150.00")},
        {"lines": billing("10", "100.00", REV)},
        LATE,
        {"iban": FACTOR_IBAN},
        {"period": (date(2026, 10, 1), date(2026, 10, 31))},
    ],
    ids=["rate", "price", "revision", "after the end", "account", "not done"],
)
def test_a_credit_note_is_judged_against_its_invoice(made: Made, changes: dict[str, Any]) -> None:
    record = agreed(price_kind="firm", invoiced=[FIRST])
    assert told(made, credit(**changes), record).decision == "approve"
    unknown = told(made, credit(**changes, preceding=(("F-9", date(2026, 8, 5)),)), record)
    assert {"original-unknown"} < set(rules(unknown))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2026-11-1", "2026-1-11", False),
        ("F1-11", "F11-1", False),
        ("F-2026-001", "F2026001", True),
        ("F-2026-0001", "f 2026 1", True),
        ("F-2026/001", "F 2026 001", True),
        ("F-42", "Ϝ-42", True),
        ("F-42", "F-43", False),
    ],
)
def test_numbers_cut_elsewhere_are_two_numbers(one: str, other: str, same: bool) -> None:
    assert same_number(one, other) is same_number(other, one) is same


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"issued_on": None}, []),
        ({"amount_ht": "1000"}, ["duplicate-number"]),
        ({"issued_on": "2026-10-05"}, ["duplicate-number"]),
    ],
    ids=["another amount and day", "another amount", "same amount", "same day"],
)
def test_two_numbers_of_the_same_signs_are_one_by_the_amount_or_the_day(
    made: Made, changes: dict[str, Any], expected: list[str]
) -> None:
    past = PAST | {"number": "2026-1-11", "amount_ht": "7777", "issued_on": "2026-01-15", "engagement": ""} | changes
    assert rules(told(made, sold(number="2026-11-1"), agreed(ceiling_ht="20000", invoiced=[past]))) == expected


def test_a_credit_note_finds_its_invoice_among_numbers_of_the_same_signs(made: Made) -> None:
    other = FIRST | {"number": "2026-1-11", "amount_ht": "10"}
    bill = credit(preceding=(("2026-11-1", date(2026, 8, 5)),))
    assert told(made, bill, agreed(invoiced=[other, FIRST | {"number": "2026-11-1"}])).decision == "approve"
    assert rules(told(made, bill, agreed(invoiced=[other]))) == ["original-unknown"]


@pytest.mark.parametrize("other", ["M-2026-1-11", "M-2026-111", "m 2026 11 1"])
def test_a_contract_cited_sign_for_sign_comes_first(made: Made, other: str) -> None:
    plain: dict[str, Any] = {"decp_id": None, "engagements": [], "buyer": {"siret": BUYER.siret}}
    bill = sold(contract="M-2026-11-1", engagement="")
    answer = told(made, bill, agreed(id=other, subject="Pose de fenêtres", **plain), agreed(id="M-2026-11-1", **plain))
    assert (answer.decision, answer.candidates[0].contract) == ("approve", "M-2026-11-1")


NOTHING: dict[str, Any] = {}
ADVANCE = {"advance": {"paid_ttc": "1000"}}
RETENTION = {"retention": {"rate": "0.05"}}
WORDS: list[tuple[str, dict[str, Any], str]] = [
    ("Correction de l’avancement de la situation n° 3", NOTHING, ""),
    ("Correction de l’avancement de la situation n° 3", ADVANCE, ""),
    ("Escompte pour paiement d’avance", NOTHING, ""),
    ("Escompte pour paiement d'avance", ADVANCE, ""),
    ("Avoir pour livraison en avance", ADVANCE, ""),
    ("Moins-value : variante retenue", NOTHING, ""),
    ("Remise sur la solution retenue", RETENTION, ""),
    ("Remise hors pénalités", NOTHING, ""),
    ("Remboursement de l’avance", NOTHING, "advance"),
    ("Remboursement d'avance", NOTHING, "advance"),
    ("Précompte de 20 % de l’avance", NOTHING, "advance"),
    ("REPRISE AVANCE", NOTHING, "advance"),
    ("Avance forfaitaire", NOTHING, "advance"),
    ("Avance déjà versée", NOTHING, "advance"),
    ("Avance 5 %", NOTHING, "advance"),
    ("Avance sur le lot 2", ADVANCE, "advance"),
    ("Avance sur le lot 2", NOTHING, ""),
    ("Retenue de garantie 5 %", NOTHING, "retention"),
    ("Déduction de la retenue de garantie", NOTHING, "retention"),
    ("Retenue 5 %", NOTHING, "retention"),
    ("Retenue sur situation", RETENTION, "retention"),
    ("Pénalités de retard", NOTHING, "penalty"),
]


@pytest.mark.parametrize(("text", "known", "kind"), WORDS)
@pytest.mark.parametrize("line", [True, False], ids=["line", "discount"])
def test_a_phrase_that_names_the_sum_is_refused_and_not_a_word(
    text: str, known: dict[str, Any], kind: str, *, line: bool, made: Made
) -> None:
    taken = Decimal("10.00")
    less = {"lines": (*SOLD, Line("X", text, Decimal(-1), taken))} if line else {"discounts": (Discount(text, taken),)}
    answer = told(made, sold(**less), agreed(**known))
    found = [rule for rule in rules(answer) if rule.endswith("-as-discount")]
    assert found == ([f"{kind}-as-discount"] if kind else [])
    assert answer.decision == ("refuse" if kind else "approve")


def test_what_is_taken_off_is_named_and_counted(made: Made) -> None:
    bill = sold(discounts=(Discount("Remboursement de l’avance", Decimal("100.00")),))
    message = only(told(made, bill, agreed())).message
    assert message.startswith("Le remboursement de l’avance (100,00\u00a0€) figure comme une remise")
