"""The officer's form ⇄ the dossier's JSON (dce_templates.dossier), both ways and without loss.

A draft keeps what was typed even where it cannot be read yet: an amount that is no number stays as its text, comes back
in the form as it was, and is named by the checks. Only what a draft needs to exist (a number) is asked at once.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from api.price_lines import read_lines, show_lines
from procurement.errors import Invalid
from procurement.people import Organisation

PARIS = ZoneInfo("Europe/Paris")
CRITERION_ROWS = 5
MAX_ROWS = 20
Kind = Literal["text", "number", "percent", "moment", "box", "boxes", "lines", "prices"]
Values = dict[str, Any]
# Plain and short: « 1e9999999 » would unfold to megabytes.
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form: `path` is its place in the dossier, `label` what a person reads."""

    name: str
    path: str
    label: str
    kind: Kind = "text"


FIELDS: tuple[Field, ...] = (
    Field("reference", "reference", "Numéro de la consultation"),
    Field("object", "object", "Objet du marché, en une phrase"),
    Field("need", "need", "Le besoin"),
    Field("kind", "kind", "Nature des prestations"),
    Field("cpv", "cpv", "Code CPV"),
    Field("place_label", "place.label", "Lieu d’exécution"),
    Field("place_code", "place.code", "Code de ce lieu"),
    Field("place_code_kind", "place.code_kind", "Ce code est un"),
    Field("place_nuts", "place.nuts", "Code NUTS"),
    Field("deliverables", "deliverables", "Livrables, un par ligne", "lines"),
    Field("single_reason", "lot.single_reason", "Pourquoi un seul lot"),
    Field("estimated_amount", "estimated_amount", "Montant estimé, reconductions comprises", "number"),
    Field("duration_months", "duration_months", "Durée de la première période", "number"),
    Field("renewals", "renewals", "Nombre de reconductions", "number"),
    Field("renewal_months", "renewal_months", "Durée de chaque reconduction", "number"),
    Field("ccag", "ccag", "Cahier des clauses générales (CCAG)"),
    Field("price_form", "price.form", "Forme du prix"),
    Field("price_kind", "price.kind", "Évolution du prix"),
    Field("revision_formula", "price.revision_formula", "Formule de révision"),
    Field("revision_index", "price.revision_index", "Indice"),
    Field("revision_months", "price.revision_months", "Périodicité de la révision", "number"),
    Field("vat_rate", "price.vat_rate", "Taux de TVA", "percent"),
    Field("price_lines", "price_lines", "Prix demandés, un par ligne", "prices"),
    Field("advance_granted", "advance.granted", "Une avance est versée", "box"),
    Field("advance_rate", "advance.rate", "Taux de l’avance", "percent"),
    Field("advance_sme_rate", "advance.sme_rate", "Taux de l’avance pour une PME", "percent"),
    Field("payment_delay_days", "payment_delay_days", "Délai de paiement", "number"),
    Field("service_code", "service_code", "Code service Chorus Pro"),
    Field("negotiation", "negotiation", "Une négociation est possible", "box"),
    Field("variants_allowed", "variants.allowed", "Les variantes sont permises", "box"),
    Field("variants_requirements", "variants.requirements", "Ce que toute variante doit respecter"),
    Field("minimum_turnover", "capacity.minimum_turnover", "Chiffre d’affaires annuel minimal", "number"),
    Field("turnover_reason", "capacity.turnover_reason", "Motif de ce minimum"),
    Field("references", "capacity.references", "Nombre de références demandées", "number"),
    Field("environmental_condition", "environmental_condition", "Condition environnementale d’exécution"),
    Field("social_condition", "social_condition", "Condition sociale d’exécution"),
    Field("no_social_reason", "no_social_reason", "Sinon, pourquoi aucune condition sociale"),
    Field("personal_data", "personal_data", "Le marché touche à des données personnelles", "box"),
    Field("public_service", "public_service", "Le marché confie l’exécution d’un service public", "box"),
    Field("launched_on", "launched_on", "Date de lancement prévue"),
    Field("publicity", "publicity", "Où l’avis est publié", "boxes"),
    Field("questions_deadline", "questions_deadline", "Dernier jour pour poser des questions", "moment"),
    Field("deadline", "deadline", "Date limite de réception des réponses", "moment"),
    Field("validity_days", "validity_days", "Durée de validité des offres", "number"),
    Field("backup_copy_address", "backup_copy_address", "Adresse de la copie de sauvegarde"),
    Field("site_visit", "site_visit", "Visite du site"),
    Field("attachments", "attachments", "Autres pièces du dossier, une par ligne", "lines"),
    Field("buyer_street", "buyer.address.street", "Adresse de l’acheteur : rue"),
    Field("buyer_postcode", "buyer.address.postcode", "Adresse de l’acheteur : code postal"),
    Field("buyer_city", "buyer.address.city", "Adresse de l’acheteur : commune"),
    Field("buyer_email", "buyer.email", "Adresse électronique du service"),
    Field("buyer_phone", "buyer.phone", "Téléphone"),
    Field("buyer_profile_url", "buyer.profile_url", "Adresse du profil d’acheteur"),
    Field("buyer_kind", "buyer.kind", "Genre d’acheteur"),
    Field("buyer_large", "buyer.large", "Dépenses de fonctionnement de plus de 60 millions d’euros", "box"),
    Field("signatory_name", "buyer.signatory.name", "Qui signe le marché"),
    Field("signatory_role", "buyer.signatory.role", "En quelle qualité"),
    Field("accountant", "buyer.accountant", "Comptable assignataire"),
    Field("data_officer", "buyer.data_officer", "Délégué à la protection des données"),
    Field("court_name", "court.name", "Tribunal compétent"),
    Field("court_street", "court.address.street", "Adresse du tribunal : rue"),
    Field("court_postcode", "court.address.postcode", "Adresse du tribunal : code postal"),
    Field("court_city", "court.address.city", "Adresse du tribunal : commune"),
    Field("court_email", "court.email", "Adresse électronique du greffe"),
)
CRITERION_LABELS = {"kind": "genre", "label": "nom", "weight": "poids", "method": "méthode de notation"}
LABELS: dict[str, str] = {field.name: field.label for field in FIELDS} | {
    "procedure": "Procédure",
    "nature": "Nature du contrat",
    "lots": "Lots",
}


def tidy(text: str) -> str:
    """Without what no database nor document can hold."""
    return "".join(c for c in text.replace("\r\n", "\n") if c in "\n\t" or c.isprintable() or c.isspace()).strip()


def first(values: Mapping[str, Any], name: str) -> str:
    given = values.get(name, "")
    return tidy(str(given[0] if isinstance(given, list) else given))


def _number(text: str) -> str:
    """« 96 000,50 » → "96000.50"; what is no number stays as typed."""
    plain = re.sub(r"[\s\u00a0\u202f€%]", "", text).replace(",", ".")
    return plain if _NUMBER.fullmatch(plain) else text


def _percent(text: str) -> str:
    """« 20 » → "0.2"."""
    plain = _number(text)
    return format((Decimal(plain) / 100).normalize(), "f") if _NUMBER.fullmatch(plain) else text


def _moment(text: str) -> str:
    """A local time of Paris, as browsers send it → ISO 8601 with its offset."""
    try:
        local = datetime.fromisoformat(text)
        if not 2000 <= local.year <= 2100:
            return text
        return (local if local.tzinfo else local.replace(tzinfo=PARIS)).isoformat()
    except ValueError:
        return text


_READ = {"number": _number, "percent": _percent, "moment": _moment}


def read_field(field: Field, values: Mapping[str, Any]) -> Any:
    """The field's value for the dossier; "" or an empty list where nothing was typed."""
    if field.kind == "box":
        return bool(first(values, field.name))
    if field.kind == "boxes":
        given = values.get(field.name, [])
        return [text for item in (given if isinstance(given, list) else [given]) if (text := tidy(str(item)))]
    text = first(values, field.name)
    if field.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if field.kind == "prices":
        return read_lines(text, _number)
    return _READ[field.kind](text) if text and field.kind in _READ else text


def _place(data: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at its path; nothing typed means no key, so that the model's default or its « missing » speaks."""
    *parents, last = path.split(".")
    for part in parents:
        data = data.setdefault(part, {})
    if value == "" or value == []:
        data.pop(last, None)
    else:
        data[last] = value


def _criteria(values: Mapping[str, Any], base: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = {str(row.get("id")): row for row in base.get("criteria", []) if isinstance(row, dict)}
    rows: list[dict[str, Any]] = []
    for i in range(1, MAX_ROWS + 1):
        typed = {key: first(values, f"criterion_{i}_{key}") for key in CRITERION_LABELS}
        if not (typed["label"] or typed["weight"] or typed["method"]):
            continue
        name = first(values, f"criterion_{i}_id")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name) or any(row["id"] == name for row in rows):
            name = f"c{i}"
        typed["weight"] = _number(typed["weight"])
        rows.append({**known.get(name, {}), "id": name, **{k: v for k, v in typed.items() if v}})
    return rows


def to_dossier(values: Mapping[str, Any], base: Mapping[str, Any], organisation: Organisation) -> dict[str, Any]:
    """The dossier's JSON from what was typed. `base`: the dossier before, whose other parts are kept."""
    data = deepcopy(dict(base))
    for field in FIELDS:
        _place(data, field.path, read_field(field, values))
    data["criteria"] = _criteria(values, base)
    here = first(values, "offers") != "elsewhere"
    data["offers_received_at"] = "mps" if here else first(values, "offers_url")
    data["procedure"] = "mapa"
    data["buyer"] |= {"name": organisation.name, "siret": organisation.siret}
    return data


def check_draft(data: Mapping[str, Any]) -> None:
    """What even a draft needs. Raises Invalid; all else waits for the checks."""
    wrong = {}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}", str(data.get("reference", ""))):
        wrong["reference"] = "Donnez un numéro : lettres, chiffres, points et tirets, quarante caractères au plus."
    if "deadline" in data and not _readable(str(data["deadline"])):
        wrong["deadline"] = "Cette date ne se lit pas : choisissez un jour et une heure."
    if len(str(data.get("offers_received_at", ""))) > 300:
        wrong["offers_url"] = "Cette adresse est trop longue : 300 caractères au plus."
    if wrong:
        raise Invalid(wrong)


def _readable(text: str) -> bool:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return False
    return found.tzinfo is not None and 2000 <= found.year <= 2100


def _at(data: Any, path: str) -> Any:
    for part in path.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def shown(kind: Kind, value: Any) -> Any:
    """The dossier's value as the form shows it."""
    if kind == "box":
        return bool(value) and value != "false"
    if kind == "boxes":
        return list(value or [])
    if value is None:
        return ""
    if kind == "prices":
        return show_lines(value)
    if kind == "lines":
        return "\n".join(str(item) for item in value)
    if kind == "moment" and _readable(str(value)):
        local = datetime.fromisoformat(str(value)).astimezone(PARIS).replace(tzinfo=None)
        return local.isoformat(timespec="seconds" if local.second else "minutes")
    if kind == "percent":
        return _shown_percent(str(value))
    text = str(value)
    return text.replace(".", ",") if kind == "number" and _NUMBER.fullmatch(text) else text


def _shown_percent(text: str) -> str:
    return format((Decimal(text) * 100).normalize(), "f").replace(".", ",") if _NUMBER.fullmatch(text) else text


def to_values(data: Mapping[str, Any]) -> Values:
    """What the form shows of a dossier."""
    values: Values = {field.name: shown(field.kind, _at(data, field.path)) for field in FIELDS}
    rows = [row for row in data.get("criteria", []) if isinstance(row, dict)]
    for i in range(1, max(CRITERION_ROWS, len(rows)) + 1):
        row = rows[i - 1] if i <= len(rows) else {}
        for key in ("id", *CRITERION_LABELS):
            values[f"criterion_{i}_{key}"] = shown("number" if key == "weight" else "text", row.get(key, ""))
    values["rows"] = max(CRITERION_ROWS, len(rows))
    where = str(data.get("offers_received_at", "mps"))
    values |= {"offers": "mps" if where == "mps" else "elsewhere", "offers_url": "" if where == "mps" else where}
    return values


def typed_values(typed: Mapping[str, Any]) -> Values:
    """What was typed, for the same form again: nothing is lost, not even what cannot be read."""
    kept = to_values({})
    for name, value in typed.items():
        kept[name] = value
    for field in FIELDS:
        if field.kind in ("box", "boxes"):
            kept[field.name] = read_field(field, typed)
    kept["rows"] = max([CRITERION_ROWS, *(i for i in range(1, MAX_ROWS + 1) if f"criterion_{i}_label" in typed)])
    return kept


def anchor(path: str, data: Mapping[str, Any]) -> str:
    """The form's field for a path of the dossier: where « corriger » leads."""
    parts = path.split(".")
    if parts[0] == "criteria":
        key = parts[2] if len(parts) > 2 and parts[2] in CRITERION_LABELS else "weight"
        return f"criterion_{int(parts[1]) + 1 if len(parts) > 1 else 1}_{key}"
    if parts[0] == "offers_received_at":
        return "offers_url"
    for size in range(len(parts), 0, -1):
        wanted = ".".join(parts[:size])
        for field in FIELDS:
            if field.path == wanted or field.path.startswith(wanted + "."):
                return field.name
    return "estimated_amount" if path == "procedure" else "reference"


def label_of(name: str) -> str:
    """What a person reads for a field of the form."""
    if row := re.fullmatch(r"criterion_(\d+)_(\w+)", name):
        return f"Critère {row[1]}, {CRITERION_LABELS.get(row[2], row[2])}"
    return "Adresse de dépôt des offres" if name == "offers_url" else LABELS.get(name, name)


def read_moment(text: str, field: str) -> datetime:
    """A date and time typed in Paris → an aware datetime. Raises Invalid."""
    found = _moment(tidy(text))
    if not _readable(found):
        raise Invalid({field: "Cette date ne se lit pas : choisissez un jour et une heure."})
    return datetime.fromisoformat(found)
