"""The parties and the invoice that the tests of this folder start from."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from api.sandbox.invoices import Draft, Line, Party
from procurement.invoicing.contracts import ContractRecord, load_contracts

SELLER = Party("Menuiserie Exemple", "90000001900019", vat="FR32900000019")
BUYER = Party("Commune d’Exemple", "90000002700012", service="VOIRIE")
STRANGER = "90000003500015"
IBAN = "FR7630006000011234567890189"
DRAFT = Draft(
    number="F-2026-001",
    issued_on=date(2026, 10, 5),
    seller=SELLER,
    buyer=BUYER,
    lines=(
        Line("P1", "Pose de fenêtres", Decimal("2"), Decimal("450.50")),
        Line("P2", "Dépose", Decimal("3"), Decimal("20.125"), Decimal("10")),
    ),
    contract="2026-0042",
    engagement="EJ-77",
    iban=IBAN,
    period=(date(2026, 9, 1), date(2026, 9, 30)),
)


def draft(**changes: Any) -> Draft:
    return replace(DRAFT, **changes)


def contract(**changes: Any) -> dict[str, Any]:
    """One contract in the shape of the published file."""
    return {
        "id": "2026-0042",
        "decp_id": "202600420000",
        "buyer": {
            "siret": BUYER.siret,
            "services": ["VOIRIE"],
            "requires": {"engagement": True, "service": True},
        },
        "engagements": ["EJ-77"],
        "holders": [{"siret": SELLER.siret, "vat": SELLER.vat, "role": "holder", "ibans": [IBAN]}],
        "amount_ht": "10000",
        "ceiling_ht": "12000",
        "vat_rates": ["20", "10"],
        "kind": "services",
        "start": "2026-01-01",
        "end": "2026-12-31",
        "prices": [{"code": "P1", "unit_price": "450.50"}],
        "invoiced": [],
    } | changes


def contracts_file(*contracts: dict[str, Any]) -> str:
    return json.dumps({"version": 1, "contracts": list(contracts)})


def loaded(*contracts: dict[str, Any]) -> tuple[ContractRecord, ...]:
    return load_contracts(contracts_file(*contracts))
