"""An amendment and a declaration of subcontracting as data, and ways to change them."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

from dce_templates.acts.amendment import Amendment
from dce_templates.acts.minutes import Decision, Deposit, Minutes
from dce_templates.acts.subcontract import Subcontract
from dce_templates.dossier import parse_model
from tests.dce_templates.sample import NOW, dossier, example_data
from tests.factories import make_siret

DATASET = {"id": "comptages", "title": "Comptages routiers", "schema_id": "etalab/schema-comptage-mobilites@0.2.4"}


def amendment_data(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "dated_on": "2026-11-23",
        "contract": {
            "reference": "2025-VOI-003", "object": "Comptages de trafic sur la voirie communale", "kind": "services",
            "notified_on": "2025-03-03", "duration_months": 48, "initial_amount": "84000.00",
        },
        "buyer": example_data()["buyer"],
        "holder": {"name": "Capteurs et Mesures SAS", "siret": make_siret(6100), "signatory": "Jeanne Martin"},
        "former": [{"number": 1, "amount": "2000", "basis": "minor"}],
        "number": 2,
        "basis": "minor",
        "reason": "Le marché ne disait rien des données de comptage, que la commune veut publier.",
        "amount_change": "1500.50",
        "clauses": [{"id": "OD-05"}, {"id": "OD-07", "vars": {"credit": "Ville de Démonstration"}}, {"id": "OD-10"}],
        "datasets": [DATASET],
    }  # fmt: skip
    return changed(data, changes or {})


def subcontract_data(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "dated_on": "2026-11-23", "reference": "2025-VOI-003", "object": "Comptages de trafic sur la voirie communale",
        "kind": "services", "buyer": "Ville de Démonstration", "buyer_siret": example_data()["buyer"]["siret"],
        "holder": {"name": "Capteurs et Mesures SAS", "siret": make_siret(6100)}, "contract_amount": "84000",
        "subcontractor": {"name": "Trafic Conseil SARL", "siret": make_siret(6101)},
        "work": "Pose et dépose des capteurs.", "maximum": "12000", "duration_months": 12,
        "payment_terms": "Paiement à trente jours de la demande, sur service fait.",
        "no_exclusion": True, "receivables": "no_assignment",
    }  # fmt: skip
    return changed(data, changes or {})


def changed(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values replaced by path (`contract.kind`); None removes a key."""
    found = deepcopy(data)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = found
        for name in parents:
            place = place[name]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return found


def amendment(changes: Mapping[str, Any] | None = None) -> Amendment:
    return parse_model(Amendment, amendment_data(changes))


def subcontract(changes: Mapping[str, Any] | None = None) -> Subcontract:
    return parse_model(Subcontract, subcontract_data(changes))


def minutes() -> Minutes:
    """Two deposits, a late one, the decision taken."""
    at = NOW - timedelta(days=3)
    names = (("Capteurs et Mesures SAS", "winner", ""), ("Trafic Conseil SARL", "aside", "Attestation non produite."))
    deposits = tuple(
        Deposit(name, make_siret(6100 + n), at, 2, 1, Decimal(84000 + n), True, "ab" * 32, standing, motive)  # type: ignore[arg-type]
        for n, (name, standing, motive) in enumerate(names)
    )
    decision = Decision(Decimal(84000), "La meilleure note sur les deux critères.", NOW, "agent@exemple.fr")
    over = (("single_lot", "besoin unique", "agent@exemple.fr", at),)
    return Minutes(
        dossier(), at, 1, at, at, "agent@exemple.fr", "https://ailleurs.exemple.fr", "cd" * 32, deposits,
        (("Retard et Fils", at),), over, decision, threshold=Decimal(216000),
    )  # fmt: skip
