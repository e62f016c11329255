"""The contracts file with all it may say: every key is read, and a bad value is named in one French sentence."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from api.sandbox.invoices import ubl
from procurement.invoicing.contracts import ContractsUnreadable, load_contracts
from procurement.invoicing.index import Index
from procurement.invoicing.matching import match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import BUYER, DRAFT, IBAN, SELLER, STRANGER, contract, contracts_file, loaded

WHOLE = contract(
    subject="Menuiserie", payment_days=30, price_kind="revisable",
    buyer={"siret": BUYER.siret, "requires": {"either": True}},
    holders=[{"siret": SELLER.siret, "name": "Menuiserie", "leader": True, "accepted_on": "2026-01-02",
              "ended_on": "2026-12-01", "direct_payment": True,
              "ibans": [IBAN, {"iban": "FR14", "valid_from": "2026-02-01", "valid_to": None}]}],
    parts=[{"id": "T1", "kind": "tranche", "engagements": ["E"], "ceiling_ht": "5", "start": "2026-01-01",
            "end": None, "state": "affirmed"}],
    revision={"fixed": "0.15", "terms": [{"index": "I", "weight": "0.85", "base": "2026-01"}], "months": 12},
    indices=[{"index": "I", "month": "2026-01", "value": "128.4", "final": False}],
    advance={"paid_ttc": "100", "rate": "0.3", "start": "0.65", "end": "0.80", "repaid_ttc": "1"},
    retention={"rate": "0.05", "guarantee": False, "held_ttc": "3"},
    penalties=[{"amount_ttc": "12", "on": "2026-03-01", "reason": "Retard"}],
    assignments=[{"kind": "pledge", "beneficiary": "Banque", "siret": STRANGER, "ibans": ["FR1"], "amount_ttc": "9",
                  "notified_on": "2026-03-03", "ended_on": None}],
    received=[{"on": "2026-05-01", "part": "T1", "code": "P1", "quantity": "2", "amount_ht": "20"}],
    invoiced=[{"number": "1", "siret": SELLER.siret, "amount_ht": "5", "issued_on": "2026-05-02", "engagement": "E",
               "part": "T1", "amount_ttc": "6", "paid_on": "2026-06-01", "credits": "0", "state": "paid",
               "within": "7", "lines": [{"code": "P1", "quantity": "1"}]}],
)  # fmt: skip


def test_every_key_is_read() -> None:
    (record,) = loaded(WHOLE)
    assert (record.payment_days, record.price_kind, record.buyer.requires.either) == (30, "revisable", True)
    assert [account.iban for account in record.holders[0].ibans] == [IBAN, "FR14"]
    assert record.holders[0].ibans[1].valid_from == date(2026, 2, 1)
    assert (record.parts[0].ceiling_ht, record.invoiced[0].lines[0].quantity) == (Decimal(5), Decimal(1))
    assert record.revision is not None
    assert (record.revision.decimals, record.revision.months) == (4, 12)
    assert record.advance is not None
    assert record.advance.end == Decimal("0.80")
    assert (record.assignments[0].kind, record.received[0].code) == ("pledge", "P1")
    assert not record.indices[0].final


@pytest.mark.parametrize(
    ("changes", "where", "problem"),
    [
        ({"payment_days": 0}, "payment_days", "trop petite"),
        ({"price_kind": "libre"}, "price_kind", "valeur inconnue"),
        ({"holders": [{"siret": SELLER.siret, "leader": "peut-être"}]}, "leader", "true ou false"),
        ({"holders": [{"siret": SELLER.siret, "ibans": [{}]}]}, "iban", "absent"),
        ({"holders": [{"siret": SELLER.siret, "ended_on": "demain"}]}, "ended_on", "AAAA-MM-JJ"),
        ({"parts": [{"id": ""}]}, "parts.0.id", "vide"),
        ({"parts": [{"id": "T", "kind": "phase"}]}, "kind", "valeur inconnue"),
        ({"parts": [{"id": "T", "ceiling_ht": 5.5}]}, "ceiling_ht", "entre guillemets"),
        ({"revision": {"fixed": "0.15", "terms": []}}, "terms", "au moins un"),
        ({"revision": {"fixed": "1.5", "terms": []}}, "fixed", "trop grande"),
        ({"indices": [{"index": "I", "month": "2026-13", "value": "1"}]}, "month", "AAAA-MM"),
        ({"indices": [{"index": "I", "month": "2026-01", "value": "0"}]}, "value", "trop petite"),
        ({"advance": {"paid_ttc": "-1"}}, "paid_ttc", "trop petite"),
        ({"advance": {"paid_ttc": "1", "end": "80"}}, "end", "trop grande"),
        ({"retention": {}}, "rate", "absent"),
        ({"assignments": [{"beneficiary": "B", "siret": "12"}]}, "siret", "14 chiffres"),
        ({"assignments": [{"beneficiary": "B", "kind": "don"}]}, "kind", "valeur inconnue"),
        ({"received": [{"on": "2026-02-30"}]}, "received.0.on", "AAAA-MM-JJ"),
        ({"invoiced": [{"number": "1", "siret": SELLER.siret, "amount_ht": "1", "state": "?"}]}, "state", "inconnue"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_value_is_named(changes: dict[str, Any], where: str, problem: str) -> None:
    with pytest.raises(ContractsUnreadable) as raised:
        load_contracts(contracts_file(contract(**changes)))
    assert where in raised.value.sentence
    assert problem in raised.value.sentence


def test_a_key_that_stands_twice_is_not_guessed() -> None:
    twice = contracts_file(contract()).replace('"amount_ht": "10000"', '"ceiling_ht": "9", "amount_ht": "10000"')
    with pytest.raises(ContractsUnreadable, match="ceiling_ht figure deux fois"):
        load_contracts(twice)


def test_a_mark_of_order_and_a_small_letter_are_no_obstacle() -> None:
    read = load_contracts(b"\xef\xbb\xbf" + contracts_file(contract(currency="eur")).encode())
    assert read[0].currency == "EUR"


ABROAD = {"vat": "DE123456789", "name": "Dachdecker", "ibans": []}


@pytest.mark.parametrize("siret", [{}, {"siret": ""}, {"siret": None}])
def test_a_holder_without_siret_is_known_by_its_vat_number(siret: dict[str, Any]) -> None:
    records = loaded(contract(holders=[ABROAD | siret]))
    home = read_invoice(ubl(DRAFT))
    seller = replace(home.seller, sirets=(), siren="", vat="DE123456789", country="DE")
    answer = match(replace(home, seller=seller), Index(records))
    assert [finding.rule for finding in answer.findings if finding.rule.startswith("supplier")] == []
    other = match(replace(home, seller=replace(seller, vat="DE987654321")), Index(records))
    assert "supplier-not-holder" in {finding.rule for finding in other.findings}


def test_a_bad_contract_is_named_among_the_others() -> None:
    with pytest.raises(ContractsUnreadable) as raised:
        load_contracts(contracts_file(contract(), contract(id="2026-0043", payment_days=0)))
    assert "contrat « 2026-0043 » : payment_days : " in raised.value.sentence
