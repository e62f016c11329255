"""What was published, in words: labels of the arrêté and values as people read them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from dce_templates import french
from procurement.publication.decp import OBJECT_LISTS, VALUE_LISTS, from_text
from procurement.publication.essential import MODIFICATION, SUBCHANGE, SUBCONTRACT, Essential

LABELS: Mapping[str, str] = {
    "id": "Numéro",
    "acheteur": "Acheteur (SIRET)",
    "autoriteConcedante": "Autorité concédante (SIRET)",
    "nature": "Nature",
    "objet": "Objet",
    "codeCPV": "Code CPV",
    "techniques": "Technique d’achat",
    "modalitesExecution": "Modalité d’exécution",
    "idAccordCadre": "Accord-cadre de rattachement",
    "marcheInnovant": "Marché innovant",
    "ccag": "CCAG",
    "offresRecues": "Offres reçues",
    "attributionAvance": "Avance accordée",
    "tauxAvance": "Taux de l’avance",
    "typeGroupementOperateurs": "Groupement",
    "procedure": "Procédure",
    "lieuExecution": "Lieu d’exécution",
    "dureeMois": "Durée",
    "dateNotification": "Notification reçue le",
    "dateSignature": "Signature",
    "dateDebutExecution": "Début d’exécution",
    "datePublicationDonnees": "Données publiées le",
    "montant": "Montant HT",
    "valeurGlobale": "Valeur globale HT",
    "montantSubventionPublique": "Subventions publiques",
    "typesPrix": "Type de prix",
    "formePrix": "Forme du prix",
    "origineUE": "Origine Union européenne",
    "origineFrance": "Origine France",
    "titulaires": "Titulaire (identifiant)",
    "concessionnaires": "Concessionnaire (identifiant)",
    "sousTraitanceDeclaree": "Sous-traitance déclarée",
    "considerationsSociales": "Considérations sociales",
    "considerationsEnvironnementales": "Considérations environnementales",
    "attributaire": "Attributaire",
    "codePostal": "Code postal de l’attributaire",
}
EUROS = ("montant", "valeurGlobale", "montantSubventionPublique")
AMOUNTS = (("montant", "montant"), ("valeurGlobale", "valeur"), ("depensesInvestissement", "investissements"))
SUBCHANGE_DAY = "dateNotificationModificationSousTraitance"
SHARES = ("tauxAvance", "origineUE", "origineFrance")


def in_words(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value) of each field of a record, in its order; what was appended is told by `acts_in_words`."""
    return [(LABELS[name], _value(name, value)) for name, value in made.items() if name in LABELS]


def _value(name: str, value: Any) -> str:
    if name in VALUE_LISTS:
        return ", ".join(map(str, value[VALUE_LISTS[name]]))
    if name in OBJECT_LISTS:
        return ", ".join(_operator(item[OBJECT_LISTS[name]]) for item in value)
    if name == "lieuExecution":
        return f"{value['code']} ({value['typeCode'].lower()})"
    if isinstance(value, Mapping):
        return str(value["id"])
    if isinstance(value, bool):
        return "oui" if value else "non"
    return _figure(name, value)


def _figure(name: str, value: Any) -> str:
    if name in EUROS:
        return french.euros(Decimal(value))
    if name == "tauxAvance" and not Decimal(value):  # how the arrêté says it: an advance whose rate is not known yet
        return "non connu à la publication : il dépend de la taille du titulaire"
    if name in SHARES:
        return french.percent(Decimal(value))
    if name.startswith("date"):
        return _day(value)
    return f"{value}\u00a0mois" if name == "dureeMois" else str(value)


def _operator(operator: Mapping[str, str]) -> str:
    kind = operator["typeIdentifiant"]
    return operator["id"] if kind == "SIRET" else f"{operator['id']} ({kind})"


def _day(text: str) -> str:
    year, month, day = text.split("-")
    return f"{day}/{month}/{year}"


def acts_in_words(essential: Essential) -> list[tuple[str, str, str]]:
    """(what, in words, published on) of all that was appended, in its order."""
    return [
        (_title(act.kind, act.number), " ; ".join(_act(from_text(act.record))), f"{act.published_at:%d/%m/%Y}")
        for act in essential.acts
    ]


def _title(kind: str, number: int) -> str:
    names = {MODIFICATION: "Modification n°", SUBCONTRACT: "Acte de sous-traitance n°",
             SUBCHANGE: "Acte modificatif de sous-traitance n°"}  # fmt: skip
    return f"{names.get(kind, 'Données de l’année')}\u00a0{number}"


def _act(made: Mapping[str, Any]) -> Iterable[str]:
    if SUBCHANGE_DAY in made:
        yield f"modifie l’acte de sous-traitance n°\u00a0{made['id']}"
    days = (SUBCHANGE_DAY, "dateNotificationModification", "dateSignatureModification", "dateNotification")
    yield from (f"le {_day(made[name])}" for name in days if name in made)
    if "dureeMois" in made:
        yield f"durée {made['dureeMois']}\u00a0mois"
    for name, words in AMOUNTS:
        if name in made:
            yield f"{words} {french.euros(Decimal(made[name]))}"
    if "titulaires" in made:
        yield "titulaire " + ", ".join(_operator(item["titulaire"]) for item in made["titulaires"])
    if "sousTraitant" in made:
        yield "sous-traitant " + _operator(made["sousTraitant"])
    for item in made.get("tarifs", []):
        yield f"{item['tarif']['intituleTarif']} : {french.euros(Decimal(item['tarif']['tarif']))}"
