"""An invoice made from a contract and lines: right in every role, and one sentence where it cannot be made."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procurement.invoicing.bill import BillUnreadable, draft_of, read_bill, read_contract
from procurement.invoicing.bill_making import make_invoice
from procurement.invoicing.bill_template import EXAMPLE
from procurement.invoicing.making import cents, totals, ubl, vat_breakdown
from procurement.invoicing.matching import match
from procurement.invoicing.parsing import read_invoice
from siret_lookup.siret import vat_number
from tests.procurement.invoicing.samples import BUYER, IBAN, SELLER, STRANGER, contract, contracts_file, loaded
from tests.verapdf import verdicts

SUB = {"siret": SELLER.siret, "role": "subcontractor", "vat": SELLER.vat, "ibans": [IBAN]}
MAIN = {"siret": STRANGER, "role": "holder"}


def bill(**changes: Any) -> dict[str, Any]:
    return {
        "number": "F-2026-001",
        "issued_on": "2026-10-05",
        "seller": {"name": "Menuiserie Exemple", "street": "1 rue A", "postcode": "75001", "city": "Paris"},
        "buyer": {"name": "Commune d’Exemple", "street": "2 place B", "postcode": "75002", "city": "Paris"},
        "lines": [{"code": "P1", "label": "Pose", "quantity": "2", "unit_price": "450.50", "vat_rate": "20"}],
    } | changes


def made(deal: dict[str, Any], **changes: Any) -> tuple[bytes, dict[str, Any]]:
    return make_invoice(json.dumps(deal).encode(), json.dumps(bill(**changes)).encode())


def by(role: str, **more: Any) -> dict[str, Any]:
    return contract(holders=[MAIN, SUB | {"role": role}], **more)


TOLD = {"seller": bill()["seller"] | {"siret": SELLER.siret}, "holder_name": "Titulaire d’Exemple"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "holder": (contract(), {}, "S1"),
    "supplies": (contract(kind="supplies"), {}, "B1"),
    "building subcontractor": (by("subcontractor", kind="works"), TOLD, "S3"),
    "subcontractor of services": (by("subcontractor"), TOLD, "S3"),
    "co-contractor": (by("cocontractor"), TOLD, "S6"),
    "no service code": (contract(buyer={"siret": contract()["buyer"]["siret"]}), {}, "S1"),
    "credit note": (contract(), {"credit_number": "F-2026-000", "credit_on": "2026-09-01", "number": "AV-1"}, "S1"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_passes_every_rule_in_every_role(case: str, tmp_path: Path) -> None:
    deal, changes, process = CASES[case]
    content, said = made(deal, **changes)
    assert (said["valid"], said["findings"], said["process"]) == (True, [], process)
    invoice = read_invoice(content)
    assert (invoice.process, invoice.contract, invoice.engagement) == (process, "2026-0042", "EJ-77")
    assert invoice.is_b2g
    assert invoice.ibans == (IBAN,)
    (tmp_path / "made.pdf").write_bytes(content)
    assert {key: verdict.broken for key, verdict in verdicts({tmp_path / "made.pdf": ("PDFA-3B",)}).items()} == {
        ("made.pdf", "PDFA-3B"): {}
    }


def test_a_building_subcontractor_bills_without_vat_and_names_the_holder() -> None:
    content, said = made(*CASES["building subcontractor"][:1], **TOLD)
    invoice = read_invoice(content)
    assert (said["vat"], said["gross"]) == ("0.00", "901.00")
    assert [(row.category, row.rate) for row in invoice.vat] == [("AE", Decimal(0))]
    assert invoice.agent_sirets == (STRANGER,)
    assert "Autoliquidation" in invoice.terms["BT-120"][0]


def test_a_credit_note_names_the_invoice_it_takes_off() -> None:
    invoice = read_invoice(made(*CASES["credit note"][:1], **CASES["credit note"][1])[0])
    assert (invoice.is_credit, invoice.terms["BT-25"], invoice.terms["BT-26"]) == (True, ("F-2026-000",), ("20260901",))


def test_what_the_contract_says_is_not_asked_again() -> None:
    line = {"code": "P1", "label": "Pose", "quantity": "2"}
    content, said = made(contract(vat_rates=["20"]), lines=[line])
    assert said["net"] == "901.00"
    assert match(read_invoice(content), loaded(contract(vat_rates=["20"]))).decision == "approve"


def test_the_template_of_the_help_makes_an_invoice() -> None:
    _, said = make_invoice(json.dumps(contract()).encode(), EXAMPLE.encode())
    assert (said["valid"], said["gross"]) == (True, "1081.20")


def test_the_same_data_make_the_same_amounts_in_csv_and_json() -> None:
    assert read_bill(EXAMPLE.encode()).lines[0].unit_price == Decimal("450.50")
    assert read_bill(b"\xef\xbb\xbf" + EXAMPLE.encode()).issued_on == date(2026, 10, 5)


def test_one_contract_of_a_file_is_chosen_by_its_number() -> None:
    several = contracts_file(contract(), contract(id="AUTRE", decp_id="D2")).encode()
    assert read_contract(several, "AUTRE").id == read_contract(several, "D2").id == "AUTRE"
    assert read_contract(contracts_file(contract()).encode()).id == "2026-0042"
    with pytest.raises(BillUnreadable, match="--id"):
        read_contract(several)
    with pytest.raises(BillUnreadable, match="« RIEN »"):
        read_contract(several, "RIEN")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"number": "F" * 21}, "number : 20 caractères"),
        ({"number": "F 1"}, "number : lettres"),
        ({"issued_on": "hier"}, "issued_on : date attendue"),
        ({"lines": []}, "lines : au moins une ligne"),
        ({"lines": [bill()["lines"][0] | {"quantity": "0"}]}, "lines.1.quantity : nombre positif"),
        ({"lines": [bill()["lines"][0] | {"quantity": 2.5}]}, "entre guillemets"),
        ({"lines": [bill()["lines"][0] | {"unit_price": "1.1234567"}]}, "trop de décimales"),
        ({"lines": [bill()["lines"][0] | {"vat_rate": "0"}]}, "sans TVA"),
        ({"lines": [{"code": "X", "label": "Pose", "quantity": "1"}]}, "n’a pas de prix"),
        ({"lines": [{"code": "P1", "label": "Pose", "quantity": "1"}]}, "n’a pas de taux"),
        ({"lines": [bill()["lines"][0] | {"quantity": "1e9"}]}, "nombre attendu"),
        ({"lines": [bill()["lines"][0] | {"quantity": "9" * 13}]}, "démesuré"),
        ({"issued_on": "9999-12-31"}, "de 2000 à 2100"),
        ({"iban": "FR7630006000011234567890188"}, "n’est pas un IBAN"),
        ({"colour": "blue"}, "colour : champ inconnu"),
        ({"credit_number": "F-1"}, "credit_on"),
        ({"period_start": "2026-09-01"}, "period_end"),
        ({"seller": bill()["seller"] | {"siret": STRANGER}}, "SIRET"),
    ],
)
def test_what_cannot_be_billed_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BillUnreadable, match=sentence):
        draft_of(read_contract(json.dumps(contract()).encode()), read_bill(json.dumps(bill(**changes)).encode()))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"currency": "CHF"}, "qu’en euros"),
        ({"engagements": ["EJ-77", "EJ-78"]}, r"exige un numéro d’engagement \(EJ-77, EJ-78\)"),
        ({"buyer": contract()["buyer"] | {"services": ["A", "B"]}}, r"exige un code service \(A, B\)"),
        (
            {"engagements": [], "buyer": {"siret": BUYER.siret, "requires": {"either": True}}},
            "ou un code service",
        ),
    ],
)
def test_what_the_buyer_would_send_back_is_asked_before(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BillUnreadable, match=sentence):
        draft_of(read_contract(json.dumps(contract(**changes)).encode()), read_bill(json.dumps(bill()).encode()))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "ligne de titres"),
        (b"{", "JSON"),
        (b'{"number": "1", "number": "2"}', "number figure deux fois"),
        (b"number;1\nnumber;2\n", "number figure deux fois"),
        ("numéro;1".encode("latin-1"), "UTF-8"),
        (b"code;label\nP1;Pose;trop\n", "trop de colonnes"),
    ],
)
def test_a_lines_file_that_does_not_read(content: bytes, sentence: str) -> None:
    with pytest.raises(BillUnreadable, match=sentence):
        read_bill(content)


def test_a_subcontractor_without_its_holder_is_not_guessed() -> None:
    with pytest.raises(BillUnreadable, match="holder_name"):
        made(by("subcontractor"), **(TOLD | {"holder_name": ""}))
    with pytest.raises(BillUnreadable, match="iban"):
        made(contract(holders=[{"siret": SELLER.siret}]))


quantities = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal(10_000), places=4)
prices = st.decimals(min_value=0, max_value=Decimal(10_000), places=6)


@settings(max_examples=40)
@given(st.lists(st.tuples(quantities, prices, st.sampled_from(["20", "10", "5.5"])), min_size=1, max_size=8))
def test_totals_are_the_sum_of_cents_and_vat_is_once_per_rate(items: list[tuple[Decimal, Decimal, str]]) -> None:
    lines = [
        {"code": "X", "label": "Pose", "quantity": str(quantity), "unit_price": f"{price:f}", "vat_rate": rate}
        for quantity, price, rate in items
    ]
    known = contract(vat_rates=["20", "10", "5.5"])
    draft = draft_of(read_contract(json.dumps(known).encode()), read_bill(json.dumps(bill(lines=lines)).encode()))
    net = sum((cents(quantity * price) for quantity, price, _ in items), Decimal(0))
    figures = {term: Decimal(value) for term, value in totals(draft).items()}
    assert figures["BT-109"] == net
    assert figures["BT-112"] == net + sum(vat for _, vat in vat_breakdown(draft).values())
    assert len(vat_breakdown(draft)) == len({rate for _, _, rate in items})
    assert read_invoice(ubl(draft)).totals.net == net


def test_a_vat_number_that_nobody_gave_follows_from_the_siren() -> None:
    content, said = made(contract(holders=[{"siret": SELLER.siret, "role": "holder", "ibans": [IBAN]}]))
    assert said["valid"], said["findings"]
    assert read_invoice(content).seller.vat == vat_number(SELLER.siret[:9])
