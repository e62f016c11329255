"""The page of data and clauses ⇄ the parts of the dossier it writes: subjects, data sets, clauses taken or refused.

As in api/dossiers.py a draft keeps what was typed, even where it cannot be read yet.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from api.dossiers import Field, Kind, Values, first, read_field, shown
from dce_templates.catalogue import Clause, Standing, standing
from dce_templates.dossier import Frequency, Licence
from dce_templates.facts import facts_of_draft
from procurement.library import kept_versions

SPARE_ROWS = 3
MAX_SETS = 50
SUBJECTS: Mapping[str, str] = {
    "transport": "Transport collectif", "shared_bikes": "Vélos et engins partagés",
    "carsharing": "Autopartage, covoiturage", "charging": "Recharge de véhicules électriques",
    "parking": "Stationnement", "roads": "Voirie, chantiers, comptages", "networks": "Réseaux enterrés",
    "lighting": "Éclairage public", "water": "Eau, assainissement", "energy": "Énergie, chaleur", "waste": "Déchets",
    "building": "Bâtiment, maquette numérique", "software": "Logiciel, code source",
    "cloud": "Service en ligne (cloud)",
    "ai": "Intelligence artificielle", "studies": "Études, enquêtes", "geodata": "Données géographiques",
    "biodiversity": "Biodiversité", "catering": "Restauration collective",
    "facilities": "Équipements, tourisme, arbres",
    "sensors": "Capteurs, objets connectés",
}  # fmt: skip
BOXES: Mapping[str, str] = {
    "produces_data": "Le marché produira d’autres données, pas encore décrites",
    "entrusted_data": "Vous confiez des données au titulaire",
    "high_risk": "Un traitement peut présenter un risque élevé pour les personnes",
}
SET_TEXTS: Mapping[str, str] = {
    "title": "Nom du jeu de données", "description": "Ce qu’il contient", "format": "Format",
    "schema_id": "Schéma national, avec sa version", "first_delivery_days": "Première remise, en jours",
}  # fmt: skip
FREQUENCIES, LICENCES = get_args(Frequency), get_args(Licence)
SET_BOXES: Mapping[str, str] = {
    "published": "Il est destiné à la publication", "personal": "Il contient des données personnelles",
    "geographic": "Il est géographique", "high_value": "Il est « de forte valeur » (règlement 2023/138)",
}  # fmt: skip
PROCESSING: tuple[Field, ...] = (
    Field("processing_purposes", "purposes", "Pourquoi ces données sont traitées, une finalité par ligne", "lines"),
    Field("processing_data", "data", "Quelles données, une catégorie par ligne", "lines"),
    Field("processing_people", "people", "Qui elles concernent, une catégorie par ligne", "lines"),
    Field("processing_retention", "retention", "Combien de temps elles sont gardées"),
    Field("processing_hosting", "hosting", "Où elles sont hébergées"),
)
LEVELS: Mapping[str, str] = {"mandatory": "Obligatoires", "recommended": "Recommandées", "possible": "Possibles"}
Library = Mapping[str, Clause]
LABELS: Mapping[str, str] = {"subjects": "De quoi il s’agit", **BOXES}


@dataclass(frozen=True, slots=True)
class Shown:
    """A clause as the page shows it; `standing` is None for one that is taken and has no reason here."""

    clause: Clause
    standing: Standing | None


def sections(data: Mapping[str, Any], adopted: bool, clauses: Library) -> list[tuple[str, list[Shown]]]:
    """(title, clauses) in the order of reading: what the law imposes, what is advised, what is possible, the rest."""
    facts = facts_of_draft(data)
    rows = [Shown(clause, standing(clause, facts, adopted)) for clause in clauses.values()]
    found = [(title, [r for r in rows if r.standing and r.standing.level == level]) for level, title in LEVELS.items()]
    taken = {choice.get("id") for choice in data.get("clauses", []) if isinstance(choice, dict)}
    stray = [row for row in rows if row.standing is None and row.clause.meta.id in taken]
    return [(title, shown) for title, shown in [*found, ("Prises, sans raison pour ce marché", stray)] if shown]


def to_data(values: Mapping[str, Any], base: Mapping[str, Any], clauses: Library) -> dict[str, Any]:
    """The dossier with what this page says; the rest of `base` is kept."""
    said = {
        "subjects": read_field(Field("subjects", "", "", "boxes"), values),
        "datasets": list(_sets(values)),
        "clauses": [*_unknown(base, clauses), *_choices(values, clauses)],
        "processing": _processing(values),
        **{name: read_field(Field(name, "", "", "box"), values) for name in BOXES},
    }
    return dict(base) | said


def _processing(values: Mapping[str, Any]) -> dict[str, Any] | None:
    said = {field.path: value for field in PROCESSING if (value := read_field(field, values))}
    return said or None


def _unknown(base: Mapping[str, Any], clauses: Library) -> list[dict[str, Any]]:
    """What this page cannot show is kept: the checks name it."""
    return [c for c in base.get("clauses", []) if isinstance(c, dict) and c.get("id") not in clauses]


def _sets(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    used: set[str] = set()
    for i in range(1, MAX_SETS + 1):
        row = f"dataset_{i}_"
        typed = {name: first(values, row + name) for name in (*SET_TEXTS, "frequency", "licence")}
        if not typed["title"] and not typed["description"]:
            continue
        name = first(values, row + "id") or f"jeu{i}"
        while name in used:
            name += "x"
        used.add(name)
        said = {key: text for key, text in typed.items() if text}
        yield {"id": name, **said, **{key: bool(first(values, row + key)) for key in SET_BOXES}}


def _choices(values: Mapping[str, Any], clauses: Library) -> Iterator[dict[str, Any]]:
    """Each clause taken keeps its version, until somebody asks for the newer one."""
    for name, clause in clauses.items():
        motive = first(values, f"refused_{name}")
        if not first(values, f"clause_{name}"):
            if motive:
                yield {"id": name, "refused_motive": motive}
            continue
        yield choice_of(values, clause.newer if clause.newer and first(values, f"newer_{name}") else clause)


def choice_of(values: Mapping[str, Any], clause: Clause) -> dict[str, Any]:
    """The clause taken, with what was typed for its variables."""
    found = {}
    for variable, meta in clause.meta.variables.items():
        kind: Kind = "lines" if meta.type == "list" else "text"
        if value := read_field(Field(f"clause_{clause.meta.id}_{variable}", "", "", kind), values):
            found[variable] = value
    return {"id": clause.meta.id, "version": clause.meta.version, "vars": found}


def to_shown(data: Mapping[str, Any], clauses: Library) -> Values:
    """What the page shows of a dossier."""
    values: Values = {"subjects": list(data.get("subjects", []))}
    values |= {name: bool(data.get(name)) for name in BOXES}
    processing = data.get("processing") or {}
    values |= {field.name: shown(field.kind, processing.get(field.path)) for field in PROCESSING}
    sets = [row for row in data.get("datasets", []) if isinstance(row, dict)]
    for i, row in enumerate(sets, 1):
        for name in ("id", *SET_TEXTS, "frequency", "licence"):
            values[f"dataset_{i}_{name}"] = shown("text", row.get(name, ""))
        values |= {f"dataset_{i}_{name}": bool(row.get(name)) for name in SET_BOXES}
    values["rows"] = min(len(sets) + SPARE_ROWS, MAX_SETS)
    return values | _clauses_shown(data, clauses)


def to_typed(data: Mapping[str, Any], clauses: Library) -> Values:
    """What somebody types on the page to say this: of the clauses, those taken."""
    taken = {c["id"] for c in data.get("clauses", []) if isinstance(c, dict)}
    others = tuple(f"clause_{name}" for name in clauses if name not in taken)
    hidden = re.compile(r"rows|dataset_\d+_id")
    shown_too = to_shown(data, clauses).items()
    return {name: value for name, value in shown_too if not hidden.fullmatch(name) and not name.startswith(others)}


def _clauses_shown(data: Mapping[str, Any], clauses: Library) -> Values:
    chosen = {c["id"]: c for c in data.get("clauses", []) if isinstance(c, dict) and "id" in c}
    values: Values = {}
    for name, clause in clauses.items():
        choice = chosen.get(name, {})
        if motive := choice.get("refused_motive", ""):
            values[f"refused_{name}"] = motive
        values[f"clause_{name}"] = name in chosen and not motive
        for variable, meta in clause.meta.variables.items():
            given = choice.get("vars", {}).get(variable, "" if meta.taken_from else meta.default)
            values[f"clause_{name}_{variable}"] = shown("lines" if isinstance(given, list | tuple) else "text", given)
    return values


def changed_clauses(before: Mapping[str, Any], after: Mapping[str, Any], clauses: Library) -> set[str]:
    """The clauses of which somebody would see another choice, other values or another version."""
    kept, now = kept_versions(before), kept_versions(after)
    return {
        name
        for name, clause in clauses.items()
        if _clauses_shown(before, {name: clause}) != _clauses_shown(after, {name: clause})
        or len({kept.get(name), now.get(name)} - {None, ""}) > 1
    }


def place_of(path: str, data: Mapping[str, Any], clauses: Library) -> str:
    """The page's field for a path of the dossier: where « corriger » leads; "" for a field of the other form."""
    parts = path.split(".")
    if parts[0] == "datasets":
        named = parts[2] if len(parts) > 2 else "title"
        return f"dataset_{int(parts[1]) + 1}_{named}" if len(parts) > 1 else "jeux"
    if parts[0] == "clauses":
        return _clause_place(parts, data, clauses)
    if parts[0] == "processing":
        return f"processing_{parts[1]}" if len(parts) > 1 else PROCESSING[0].name
    return parts[0] if parts[0] in LABELS else ""


def _clause_place(parts: list[str], data: Mapping[str, Any], clauses: Library) -> str:
    name = str(data["clauses"][int(parts[1])].get("id")) if len(parts) > 1 else ""
    if name not in clauses:
        return "clauses"
    variable = parts[3] if len(parts) > 3 else ""
    return f"clause_{name}_{variable}" if variable in clauses[name].meta.variables else f"clause_{name}"


def label_in_clauses(name: str) -> str:
    """What a person reads for a field of this page."""
    if row := re.fullmatch(r"dataset_(\d+)_(\w+)", name):
        said = {**SET_TEXTS, **SET_BOXES, "frequency": "Fréquence", "licence": "Licence"}
        return f"Jeu de données {row[1]}, {said.get(row[2], row[2]).lower()}"
    if clause := re.fullmatch(r"clause_([A-Z]{2}-\d{2})(_\w+)?", name):
        return f"Clause {clause[1]}"
    if field := next((field for field in PROCESSING if field.name == name), None):
        return field.label
    return LABELS.get(name, {"jeux": "Jeux de données", "clauses": "Clauses"}.get(name, name))
