"""A portable candidacy file: open identity without any buyer behind the call, and the form's flat fields.

A field of the form is named by its path in the answers (`turnovers.0.amount`), so that errors find their field.
"""

import re
from collections.abc import Mapping
from typing import Any

from api.applying import official
from dce_templates.candidate.candidate import (
    Answers,
    Candidate,
    Consultation,
    Contact,
    Declarations,
    Group,
    Identity,
    Insurance,
    OwnIdentity,
    Receivership,
    Reference,
    Signatory,
    Staff,
    Subcontracting,
    Turnover,
)
from dce_templates.candidate.espd import GROUNDS
from dce_templates.fields import Model
from dce_templates.french import PARIS
from siret_lookup.identity import Identity as Found
from siret_lookup.outcome import Outcome

ROWS: Mapping[str, int] = {"turnovers": 3, "staff": 3, "references": 5}
_PARTS: Mapping[str, type[Model]] = {
    "identity": OwnIdentity,
    "contact": Contact,
    "signatory": Signatory,
    "consultation": Consultation,
    "group": Group,
    "insurance": Insurance,
    "declarations": Declarations,
    "receivership": Receivership,
    "subcontracting": Subcontracting,
}
_LISTS: Mapping[str, type[Model]] = {"turnovers": Turnover, "staff": Staff, "references": Reference}
# The only names that a form may send as they are; whatever else comes is left aside.
FIELDS = frozenset(
    {
        "size",
        *(f"{name}.{key}" for name, part in _PARTS.items() for key in part.model_fields),
        *(f"{name}.{n}.{key}" for name, row in _LISTS.items() for n in range(ROWS[name]) for key in row.model_fields),
    }
) - {"group.members", "declarations.grounds"}
_NUMBERS = re.compile(r"\.(amount|average|managers|year)$|percent$")
_MEMBER = ("name", "siret", "does", "share_percent")
BOXES = ("declarations.no_exclusion", "declarations.disabled_workers")


def identity_of(siret: str, found: Found | None) -> Identity:
    """What open data gave, for the documents; the number alone where it gave nothing."""
    if found is None or found.outcome is not Outcome.OBTAINED:
        return Identity(siret=siret)
    said = official(found)
    return Identity(
        siret=found.siret,
        name=found.name or "",
        trade_name=found.trade_name or "",
        legal_form=found.legal_form or "",
        street=", ".join(found.address_lines),
        postcode=found.postcode or "",
        city=found.city or "",
        activity=said["activity"] or "",
        category=found.category or "",
        workforce=found.workforce or "",
        masked=found.masked,
        source=found.source,
        fetched_on=found.fetched_at.astimezone(PARIS).date(),
    )


def trouble(found: Found | None) -> str:
    """What a person must know of the establishment: closed, ceased, not read. Empty where all is well."""
    if found is None or found.outcome is Outcome.UNAVAILABLE:
        return "L’annuaire des entreprises ne répond pas : l’identité est celle que vous avez écrite."
    if found.outcome is not Outcome.OBTAINED:
        return "Ce SIRET n’est pas dans les données ouvertes : l’identité est celle que vous avez écrite."
    if found.unit_state == "ceased":
        return "Selon l’Insee, cette entreprise a cessé son activité."
    if found.establishment_state == "closed":
        return "Selon l’Insee, cet établissement est fermé : donnez plutôt le SIRET d’un établissement ouvert."
    return ""


def candidate_data(identity: Identity, answers: Answers) -> dict[str, Any]:
    """The input of the documents, plain, for a worker process."""
    return Candidate(identity=identity, answers=answers).model_dump(mode="json")


def to_answers(form: Mapping[str, str]) -> dict[str, Any]:
    """Fields → the answers as typed. Empty fields and empty rows say nothing; row numbers stay those of the form."""
    found: dict[str, Any] = {}
    for path, typed in form.items():
        text = typed.strip()
        if not text or path not in FIELDS:
            continue
        *parents, last = path.split(".")
        place = found
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = _number(text) if _NUMBERS.search(path) else path in BOXES or text
    for name in ROWS:
        found[name] = [row for _, row in sorted(found.get(name, {}).items())]
    found["lots"] = [part for part in re.split(r"[\s,;]+", form.get("lots", "")) if part]
    found["currency"] = form.get("currency", "").strip().upper() or "EUR"
    return found | _group(found, form)


def _number(text: str) -> str:
    return re.sub(r"[\s\u00a0\u202f€%]", "", text).replace(",", ".")


def _group(found: dict[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    group = found.get("group")
    if not isinstance(group, dict) or not group.get("form"):
        return {"group": None}
    lines = [line for line in form.get("group.members", "").splitlines() if line.strip()]
    return {"group": group | {"members": [_member(line) for line in lines]}}


def _member(line: str) -> dict[str, str]:
    """« Nom ; SIRET ; prestations ; part » with what is known."""
    parts = dict(zip(_MEMBER, (part.strip() for part in line.split(";")), strict=False))
    if "siret" in parts:
        parts["siret"] = re.sub(r"\s", "", parts["siret"])
    if "share_percent" in parts:
        parts["share_percent"] = _number(parts["share_percent"])
    return {key: value for key, value in parts.items() if value}


def field_of(path: str, form: Mapping[str, str]) -> str:
    """The field of the form for a path of the answers: rows left empty above it count."""
    name, _, rest = path.partition(".")
    if name in ("lots", "currency") or path.startswith("group.members"):
        return "group.members" if name == "group" else name
    if name not in ROWS or not rest:
        return path if name not in ROWS else f"{name}.0.{_FIRST[name]}"
    number, _, last = rest.partition(".")
    used = sorted({key.split(".")[1] for key, text in form.items() if key.startswith(f"{name}.") and text.strip()})
    return f"{name}.{used[int(number)]}.{last}" if int(number) < len(used) else path


# Names of the fields that may be typed wrong, for the sentences above the form.
_LABELS: Mapping[str, str] = {
    "ends_on": "Fin", "starts_on": "Début", "amount": "Montant", "object_percent": "Part sur l’objet du marché",
    "share_percent": "Part du marché", "year": "Année", "average": "Effectif moyen", "managers": "Encadrement",
    "kind": "Nature de la référence", "description": "Description de la référence", "email": "Courriel",
    "judgment_on": "Date du jugement", "plan_until": "Fin du plan", "lots": "Lots", "currency": "Monnaie",
    "members": "Autres membres", "role": "Votre rôle dans le groupement", "form": "Forme du groupement",
}  # fmt: skip


def said_of(field: str, sentence: str) -> str:
    """The sentence with the name of its field; a comma is as good as a point here."""
    text = sentence.replace(", avec un point pour les décimales", "")
    label = _LABELS.get(field.rpartition(".")[2])
    return f"{label} : {text}" if label else text[:1].upper() + text[1:]


_FIRST = {"turnovers": "ends_on", "staff": "year", "references": "description"}


def to_form(answers: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Plain answers → fields, and what has no field here, in words."""
    found: dict[str, str] = {}
    left: list[str] = []
    for key, value in answers.items():
        if key == "lots":
            found["lots"] = ", ".join(value)
        elif key in ROWS:
            found |= {f"{key}.{n}.{k}": str(v) for n, row in enumerate(value[: ROWS[key]]) for k, v in row.items() if v}
            left += [f"{_TITLES[key]} au-delà de {ROWS[key]} lignes"] * (len(value) > ROWS[key])
        elif isinstance(value, dict):
            found |= {
                f"{key}.{k}": str(v) for k, v in value.items() if isinstance(v, str | int) and v not in ("", False)
            }
        elif value:
            found[key] = str(value)
    _back(answers, found, left)
    return found, left


_TITLES = {"turnovers": "Exercices", "staff": "Effectifs", "references": "Références"}


def _back(answers: Mapping[str, Any], found: dict[str, str], left: list[str]) -> None:
    """Boxes, members, and grounds of exclusion, which are not to be told in a box."""
    for box in BOXES:
        found.pop(box, None)
    said = answers.get("declarations", {})
    found |= {f"declarations.{key}": "1" for key in ("no_exclusion", "disabled_workers") if said.get(key) is True}
    grounds = [ground.label for ground in GROUNDS if ground.code in said.get("grounds", ())]
    if grounds:
        left.append(f"Ce DUME signale un cas d’exclusion à expliquer à l’acheteur ({', '.join(grounds)})")
    members = (answers.get("group") or {}).get("members", [])
    found["group.members"] = "\n".join(" ; ".join(str(m.get(key, "")) for key in _MEMBER).strip(" ;") for m in members)
