"""A clause as legal staff type it: short fields, and lists of one line per item whose parts stand between bars.

The form and the card say the same thing, both ways and without loss (tests); what cannot be read is told by field.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from dce_templates.catalogue import Clause, ClauseError, check_source
from dce_templates.clause_meta import Meta, Variable
from dce_templates.conditions import ConditionError, read_condition
from dce_templates.dossier import Ccag
from dce_templates.sentences import sentence

LEVELS: Mapping[str, str] = {"obligatoire": "mandatory", "recommandée": "recommended", "possible": "possible"}
MARKS: Mapping[str, str] = {"texte lu": "T", "source secondaire": "S", "de mémoire": "M"}
TYPES: Mapping[str, str] = {"texte": "text", "nombre": "int", "liste": "list", "choix": "choice"}
TAKEN: Mapping[str, str] = {
    "noms des jeux": "dataset_titles", "noms des jeux publiés": "published_titles", "schémas": "dataset_schemas",
    "formats": "dataset_formats", "licences": "dataset_licences",
}  # fmt: skip
PLACES: Mapping[str, str] = {"ccap": "Le CCAP", "cctp": "L’annexe des données", "rc": "Le règlement de la consultation"}
# Field of the form → what each of its lines says.
PARTS: Mapping[str, str] = {
    "applies_if": "condition | obligatoire, recommandée ou possible | raison",
    "variables": "nom | libellé | texte, nombre, liste ou choix | valeur par défaut | bornes ou choix | repris de",
    "references": "article | où il a été lu | par qui | quand | texte lu, source secondaire ou de mémoire",
    "derogates_from": "CCAG | article | objet",
    "requires": "clause | condition, s’il y en a une",
    "excludes": "clause",
}
FIELDS: Mapping[str, str] = {
    "title": "Titre", "place": "Où elle se lit", "note": "Pourquoi cette clause, en mots simples",
    "text": "Texte de la clause", "variables": "Ce que l’on y écrit", "applies_if": "Quand elle convient",
    "requires": "Clauses qui vont avec elle", "excludes": "Clauses qui la contredisent",
    "derogates_from": "Dérogations au CCAG", "references": "Textes sur lesquels elle s’appuie",
    "valid_from": "Premier jour", "valid_to": "Dernier jour",
}  # fmt: skip
LONGEST_TEXT = 20_000
Row = dict[str, Any]


class TypedError(ValueError):
    """What was typed is no clause yet. `fields`: field of the form → one French sentence."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(f"{FIELDS.get(name, name)} : {text}" for name, text in self.fields.items()))


def to_typed(clause: Clause) -> dict[str, str]:
    """What somebody types to say this clause."""
    meta = clause.meta
    lines: dict[str, list[tuple[str, ...]]] = {
        "applies_if": [(c.when, _word(LEVELS, c.level), c.because) for c in meta.applies_if],
        "variables": [_variable_line(name, variable) for name, variable in meta.variables.items()],
        "references": [(r.article, r.source, r.read_by, r.read_on, _word(MARKS, r.mark)) for r in meta.references],
        "derogates_from": [(d.ccag, d.article, d.subject) for d in meta.derogates_from],
        "requires": [(r.id,) if r.when == "true" else (r.id, r.when) for r in meta.requires],
        "excludes": [(name,) for name in meta.excludes],
    }
    return {
        "title": meta.title, "place": meta.place, "note": meta.note.strip(), "text": clause.source.strip(),
        "valid_from": meta.valid_from.isoformat(), "valid_to": meta.valid_to.isoformat() if meta.valid_to else "",
        **{name: "\n".join(" | ".join(parts) for parts in rows) for name, rows in lines.items()},
    }  # fmt: skip


def _word(words: Mapping[str, str], code: str) -> str:
    return next(word for word, known in words.items() if known == code)


def _variable_line(name: str, variable: Variable) -> tuple[str, ...]:
    default = variable.default
    said = " ; ".join(default) if isinstance(default, tuple) else default or ""
    low, high = ("" if bound is None else str(bound) for bound in (variable.minimum, variable.maximum))
    limits = f"{low} à {high}" if low or high else " ; ".join(variable.choices)
    taken = _word(TAKEN, variable.taken_from) if variable.taken_from else ""
    parts = [name, variable.label, _word(TYPES, variable.type), said, limits, taken]
    while not parts[-1]:
        parts.pop()
    return tuple(parts)


def read_typed(typed: Mapping[str, str], name: str, version: str, author: str) -> tuple[Meta, str]:
    """(card, text) of what was typed. Raises TypedError: every field that cannot be read, each with one sentence."""
    errors: dict[str, str] = {}
    data: Row = {
        "id": name, "version": version, "status": "draft", "author": author,
        **{field: typed.get(field, "").strip() for field in ("title", "place", "note", "valid_from")},
        "valid_to": typed.get("valid_to", "").strip() or None,
    }  # fmt: skip
    for field, read in _READERS.items():
        try:
            data[field] = read(typed.get(field, ""))
        except _Unread as error:
            errors[field] = str(error)
            data.pop(field, None)
    text = typed.get("text", "").replace("\r\n", "\n").strip()
    errors |= _text_errors(text)
    meta = _card(data, errors)
    if errors or meta is None:
        raise TypedError({field: errors[field] for field in FIELDS if field in errors} or errors)
    return meta, text + "\n"


def _text_errors(text: str) -> dict[str, str]:
    if not text:
        return {"text": "Écrivez le texte de la clause."}
    if len(text) > LONGEST_TEXT:
        return {"text": f"Le texte dépasse {LONGEST_TEXT} caractères."}
    try:
        check_source(text)
    except ClauseError as error:
        return {"text": str(error)}
    return {}


def _card(data: Row, errors: dict[str, str]) -> Meta | None:
    try:
        return Meta.model_validate(data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            field, *rest = (str(part) for part in item["loc"])
            where = f"Ligne {int(rest[0]) + 1} : " if rest and rest[0].isdigit() else ""
            if field in _EMPTY and item["type"] in ("too_short", "missing", "string_too_short"):
                errors.setdefault(field, _EMPTY[field])
            else:
                said = f"{where}{sentence(item['type'], item.get('ctx', {}))}"
                errors.setdefault(field, said[0].upper() + said[1:])
        return None


_EMPTY: Mapping[str, str] = {
    "title": "Donnez un titre à la clause.",
    "note": "Dites en mots simples pourquoi cette clause.",
    "applies_if": "Dites au moins un cas où elle convient.",
    "references": "Citez au moins un texte, et qui l’a lu.",
}


class _Unread(ValueError):
    """A line that cannot be read; `str()` is one French sentence."""


def _lines(text: str, field: str, least: int, most: int) -> Iterator[tuple[int, list[str]]]:
    """(number, parts) of each line that says something."""
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), 1):
        parts = [part.strip() for part in line.split("|")]
        if not least <= len(parts) <= most:
            raise _Unread(f"Ligne {number} : écrivez {PARTS[field]}.")
        yield number, parts


def _known(words: Mapping[str, str], said: str, number: int) -> str:
    if said.lower() not in words:
        raise _Unread(f"Ligne {number} : « {said} » n’est pas l’un de : {', '.join(words)}.")
    return words[said.lower()]


def _condition(text: str, number: int) -> str:
    try:
        read_condition(text)
    except ConditionError as error:
        raise _Unread(f"Ligne {number} : {error}") from None
    return text


def _cases(text: str) -> list[Row]:
    return [
        {"when": _condition(when, number), "level": _known(LEVELS, level, number), "because": because}
        for number, (when, level, because) in _lines(text, "applies_if", 3, 3)
    ]


def _references(text: str) -> list[Row]:
    names = ("article", "source", "read_by", "read_on")
    return [
        dict(zip(names, parts, strict=False)) | {"mark": _known(MARKS, parts[4], number)}
        for number, parts in _lines(text, "references", 5, 5)
    ]


def _derogations(text: str) -> list[Row]:
    found = []
    for number, (ccag, article, subject) in _lines(text, "derogates_from", 3, 3):
        names = {name.lower(): name for name in get_args(Ccag)}
        found.append({"ccag": _known(names, ccag, number), "article": article, "subject": subject})
    return found


def _requirements(text: str) -> list[Row]:
    return [
        {"id": parts[0]} | ({"when": _condition(parts[1], number)} if len(parts) == 2 and parts[1] else {})
        for number, parts in _lines(text, "requires", 1, 2)
    ]


def _names(text: str) -> list[str]:
    return [parts[0] for _, parts in _lines(text, "excludes", 1, 1)]


def _variables(text: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for number, parts in _lines(text, "variables", 3, 6):
        name, label, kind, default, limits, taken = [*parts, "", "", ""][:6]
        if name in found:
            raise _Unread(f"Ligne {number} : « {name} » est déjà écrit plus haut.")
        code = _known(TYPES, kind, number)
        found[name] = {"type": code, "label": label} | _limits(code, limits, number)
        if default:
            found[name]["default"] = _split(default) if code == "list" else default
        if taken:
            found[name]["taken_from"] = _known(TAKEN, taken, number)
    return found


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _limits(code: str, text: str, number: int) -> Row:
    if code == "choice":
        if len(_split(text)) < 2:
            raise _Unread(f"Ligne {number} : donnez au moins deux choix, séparés par « ; ».")
        return {"choices": _split(text)}
    if not text:
        return {}
    low, said, high = (part.strip() for part in text.partition("à"))
    if code != "int" or not said or not all(part.isascii() and part.isdigit() for part in (low, high) if part):
        raise _Unread(f"Ligne {number} : des bornes s’écrivent « 1 à 30 », pour un nombre seulement.")
    return {name: int(part) for name, part in (("minimum", low), ("maximum", high)) if part}


_READERS: Mapping[str, Callable[[str], Any]] = {
    "applies_if": _cases, "variables": _variables, "references": _references, "derogates_from": _derogations,
    "requires": _requirements, "excludes": _names,
}  # fmt: skip
