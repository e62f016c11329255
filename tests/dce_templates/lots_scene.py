"""Works in three lots: what one dossier of several lots looks like."""

from copy import deepcopy
from typing import Any

from dce_templates.dossier import Dossier, parse_dossier
from tests.dce_templates.sample import changed

PRICE: dict[str, Any] = {"id": "price", "label": "Prix", "kind": "price", "weight": "40"}
LOTS: list[dict[str, Any]] = [
    {
        "number": "1", "title": "Gros œuvre & démolition <partielle>", "estimated_amount": "40000.00",
        "need": "Démolir l'appentis, reprendre les fondations.", "duration_months": "6",
        "price_lines": [{"code": "1.1", "label": "Démolition", "unit": "m3", "quantity": "40"}],
    },
    {
        "number": "2", "title": "Couverture", "estimated_amount": "30000.00", "cpv": "45261210-9",
        "criteria": [
            PRICE, {"id": "env", "label": "Matériaux biosourcés", "kind": "environmental", "weight": "60",
                   "method": "part de la masse des matériaux, lue dans les fiches."},
        ],
    },
    {
        "number": "3", "title": "Électricité", "estimated_amount": "26000.00",
        "price_lines": [{"code": "3.1", "label": "Tableau", "unit": "u", "quantity": "1"}],
    },
]  # fmt: skip
WORKS: dict[str, Any] = {
    "kind": "works", "ccag": "Travaux", "object": "Réhabilitation de la halle", "lot": {"max_bids": "2"},
    "cpv": "45210000-2", "lots": LOTS,
    "price": {"form": "Unitaire", "kind": "Définitif révisable", "revision_formula": "P = P0 × (BT01 / BT01o)",
              "revision_index": "BT01", "revision_months": "12"},
}  # fmt: skip


def lots_data(**changes: Any) -> dict[str, Any]:
    """The example as works in three lots, with values replaced by path as `changed` does."""
    return changed(deepcopy(WORKS) | changes)


def in_lots(**changes: Any) -> Dossier:
    return parse_dossier(lots_data(**changes))
