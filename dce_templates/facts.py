"""What a condition may ask of a dossier: a closed list of facts, each with its meaning in French."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from dce_templates.dossier import Situation

Fact = str | bool | int | Decimal | tuple[str, ...]

# Name → what it says, for whoever writes a clause.
FACTS: Mapping[str, str] = {
    "contract": "genre de contrat : contract (marché), framework (accord-cadre), concession",
    "kind": "nature des prestations : services, supplies, works",
    "procedure": "procédure : mapa, open, restricted, negotiated, concession",
    "formal": "procédure formalisée",
    "ccag": "CCAG : FCS, TIC, PI, MI, MOE, Travaux, ou vide",
    "amount": "montant estimé en euros hors taxes, reconductions comprises",
    "months": "durée en mois, reconductions comprises",
    "public_service": "le contrat confie l'exécution d'un service public",
    "personal_data": "le contrat touche à des données personnelles",
    "high_risk": "ce traitement peut présenter un risque élevé pour les personnes",
    "subjects": "de quoi il s'agit : liste de dossier.Subject",
    "data": "le contrat produit ou collecte des jeux de données",
    "published": "l'un de ces jeux est destiné à la publication",
    "schema": "l'un de ces jeux suit un schéma publié",
    "geographic": "l'un de ces jeux est géographique",
    "realtime": "l'un de ces jeux est en temps réel",
    "high_value": "l'un de ces jeux est « de forte valeur »",
    "entrusted": "l'acheteur confie des données au titulaire",
    "waived": "une décision motivée dispense de la remise des données (L3131-3)",
}

_UNSAID: dict[str, object] = {"procedure": "mapa", "kind": "services", "estimated_amount": "0", "duration_months": 12}


def facts_of(dossier: Situation) -> Mapping[str, Fact]:
    """The facts of one dossier, one for each name of FACTS."""
    sets = dossier.datasets
    return {
        "contract": _contract(dossier),
        "kind": dossier.kind,
        "procedure": dossier.procedure,
        "formal": dossier.formal,
        "ccag": dossier.ccag,
        "amount": dossier.estimated_amount,
        "months": dossier.total_months,
        "public_service": dossier.public_service,
        "personal_data": dossier.personal_data or any(item.personal for item in sets),
        "high_risk": dossier.high_risk,
        "subjects": dossier.subjects,
        "data": bool(sets) or dossier.produces_data,
        "published": any(item.published for item in sets),
        "schema": any(item.schema_id for item in sets),
        "geographic": any(item.geographic for item in sets) or "geodata" in dossier.subjects,
        "realtime": any(item.frequency == "temps réel" for item in sets),
        "high_value": any(item.high_value for item in sets),
        "entrusted": dossier.entrusted_data,
        "waived": bool(dossier.data_waiver),
    }


def facts_of_draft(data: Mapping[str, Any]) -> Mapping[str, Fact]:
    """The facts of a dossier that is not finished: what cannot be read is as if it were not said."""
    said = _UNSAID | {name: value for name, value in data.items() if name in Situation.model_fields}
    try:
        return facts_of(Situation.model_validate(said))
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors(include_url=False)}
        return facts_of(Situation.model_validate({n: v for n, v in said.items() if n not in wrong} | _unsaid(wrong)))


def _unsaid(names: set[str]) -> dict[str, object]:
    return {name: value for name, value in _UNSAID.items() if name in names}


def _contract(dossier: Situation) -> str:
    if dossier.nature.startswith("Concession"):
        return "concession"
    return "framework" if dossier.nature == "Accord-cadre" else "contract"
