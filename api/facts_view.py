"""The facts of one answer, in words: pairs for what is said once, tables for what is a list. The rest is in the ZIP."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.render import euros, french_date

# Fact → its words; in the order shown. A fact that is not here is kept, and not shown.
WORDS: Mapping[str, str] = {
    "name": "Nom",
    "trade_name": "Enseigne",
    "status_label": "Situation",
    "security_code": "Code de contrôle",
    "establishment_state": "État de l’établissement",
    "unit_state": "État de l’entreprise",
    "closed_on": "Fermé le",
    "unit_ceased_on": "Cessée le",
    "registered_on": "Immatriculée le",
    "struck_off_on": "Radiée le",
    "dissolved_on": "Dissoute le",
    "unit_created_on": "Créée le",
    "nature": "Nature",
    "legal_form": "Forme juridique",
    "naf": "Activité",
    "naf_2025": "Activité (nomenclature 2025)",
    "main_activity": "Activité déclarée",
    "category": "Catégorie d’entreprise",
    "unit_workforce": "Effectif",
    "unit_workforce_year": "Effectif de l’année",
    "capital": "Capital",
    "registry": "Greffe",
    "purpose": "Objet",
    "rna": "Numéro RNA",
    "public_interest": "Reconnue d’utilité publique",
    "vat_number": "Numéro de TVA intracommunautaire",
    "eori": "Numéro EORI",
    "active": "Actif",
    "certificate": "Numéro de certificat",
    "validity": "Durée de validité dite",
    "issued_on": "Délivrée le",
    "analysed_until": "Période examinée jusqu’au",
    "insurers": "Assureurs",
    "year": "Année",
    "detail": "Précision",
}
TABLES: Mapping[str, str] = {
    "financial_years": "Exercices",
    "certifications": "Certifications",
    "certificates": "Certificats",
    "qualifications": "Qualifications",
    "probationary": "Qualifications probatoires",
    "declarations": "Déclarations d’activité",
    "habilitations": "Habilitations",
    "representatives": "Représentants",
    "people": "Dirigeants et associés",
    "officers": "Dirigeants",
    "observations": "Observations du registre",
    "deeds": "Actes déposés",
    "accounts": "Comptes déposés",
    "approvals": "Agréments",
    "subsidies": "Subventions",
    "workforce": "Effectifs déclarés",
    "successors": "Établissements successeurs",
    "shareholders": "Actionnaires",
    "subsidiaries": "Filiales",
    "returns": "Déclarations fiscales",
    "history": "Annonces publiées au BODACC",
}
COLUMNS: Mapping[str, str] = {
    "ends_on": "Fin le", "turnover": "Chiffre d’affaires", "code": "Code", "label": "Libellé", "name": "Nom",
    "role": "Qualité", "birth_year": "Année de naissance", "number": "Numéro", "kind": "Nature", "title": "Titre",
    "filed_on": "Déposé le", "closed_on": "Clos le", "awarded_on": "Attribué le", "expires_on": "Fin le",
    "starts_on": "Début le", "text": "Texte", "date": "Date", "by": "Délivré par", "body": "Organisme", "rge": "RGE",
    "year": "Année", "month": "Mois", "scheme": "Régime", "nature": "Nature", "value": "Valeur",
    "updated_on": "Mis à jour le", "granted": "Accordée", "paid": "Versée", "status": "Situation", "siret": "SIRET",
    "siren": "SIREN", "on": "Le", "share": "Part (%)", "form": "Formulaire", "regime": "Régime", "domain": "Domaine",
    "field": "Domaine", "archived": "Archivé", "level": "Niveau", "definition": "Définition", "court": "Tribunal",
    "state": "État", "id": "Annonce", "holder": "Titulaire", "asked": "Demandée", "valid_until": "Fin le",
}  # fmt: skip
_CLOSED = "Exercice clos le"
_OTHERWISE: Mapping[tuple[str, str], str] = {("financial_years", "ends_on"): _CLOSED, ("returns", "ends_on"): _CLOSED}
_SAID: Mapping[str, str] = {
    "active": "en activité", "closed": "fermé", "ceased": "cessée", "legal_person": "personne morale",
    "natural_person": "personne physique", "trade": "commerciale", "craft": "artisanale", "farming": "agricole",
    "liberal": "libérale", "general": "régime général", "agricultural": "régime agricole",
    "effectif_moyen_annuel": "effectif moyen annuel", "effectif_moyen_mensuel": "effectif moyen mensuel",
}  # fmt: skip
_MONEY = frozenset({"turnover", "granted", "paid", "asked"})


class Table(NamedTuple):
    """A list among the facts: its title, its columns, its rows as texts."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def pairs(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(words, value) of what is said once."""
    found = [(WORDS[key], said(key, facts[key])) for key in WORDS if _single(facts.get(key))]
    return [(word, value) for word, value in found if value]


def tables(facts: Mapping[str, Any]) -> list[Table]:
    """Each list of the facts that has words, with the columns that have some value."""
    return [
        table
        for key, title in TABLES.items()
        if isinstance(facts.get(key), list) and (table := _table(key, title, facts[key])).columns
    ]


def _single(value: Any) -> bool:
    return value not in (None, "", [], {}) and not isinstance(value, list)


def _table(name: str, title: str, items: Sequence[Any]) -> Table:
    rows = [item for item in items if isinstance(item, Mapping)]
    flat = [{key: said(key, value) for key, value in _flat(row).items() if key in COLUMNS} for row in rows]
    keys = [key for key in COLUMNS if any(row.get(key) for row in flat)]
    columns = [_OTHERWISE.get((name, key), COLUMNS[key]) for key in keys]
    return Table(title, columns, [[row.get(key, "") for key in keys] for row in flat])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its small parts raised: `{"qualification": {"code": …}}` gives `code`."""
    raised: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            raised |= {inner: v for inner, v in value.items() if inner not in row}
        else:
            raised[key] = value
    return raised


def said(key: str, value: Any) -> str:
    """One value as a person reads it."""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, Mapping) and value.get("label"):
        return f"{value['label']} ({value['code']})" if value.get("code") else str(value["label"])
    if isinstance(value, Mapping) and value.get("currency") == "EUR":
        return euros(value.get("amount"))
    if isinstance(value, Mapping):
        return ", ".join(text for part in value.values() if part and (text := said("", part)))
    if isinstance(value, list):
        return ", ".join(text for part in value if (text := said("", part)))
    if value is None:
        return ""
    if key in _MONEY:
        return euros(value)
    text = str(value)
    if key == "value":
        return text.replace(".", ",")
    return french_date(text) if _is_day(text) else _SAID.get(text, text)


def _is_day(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()
