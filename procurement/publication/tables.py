"""A delivered table against its Table Schema: what a person must correct, in French. The only file of frictionless.

Runs in a worker process: the content is the holder's. Without a schema the file must at least be a table or JSON.
"""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from frictionless import Error as Fault
from frictionless import FrictionlessException, Resource, Schema, errors

MOST = 50
_UNREADABLE = "Le fichier n’est pas du texte en UTF-8."
# Kinds of fault → what a person reads; the library's own words are English.
_WORDS: tuple[tuple[type[Fault], str], ...] = (
    (errors.MissingLabelError, "La colonne « {field} » manque."),
    (errors.ExtraLabelError, "La colonne « {field} » n’est pas dans le schéma."),
    (errors.IncorrectLabelError, "La colonne {column} devrait s’appeler « {field} »."),
    (errors.TypeError, "Ligne {row}, colonne « {field} » : « {cell} » n’est pas du type attendu."),
    (errors.ConstraintError, "Ligne {row}, colonne « {field} » : « {cell} » ne respecte pas la règle du schéma."),
    (errors.MissingCellError, "Ligne {row} : la colonne « {field} » manque."),
    (errors.ExtraCellError, "Ligne {row} : une valeur de trop."),
    (errors.BlankRowError, "Ligne {row} : elle est vide."),
    (errors.UniqueError, "Ligne {row}, colonne « {field} » : « {cell} » est déjà dans le fichier."),
)


def check_table(content: bytes, name: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """`{"checked", "valid", "rows", "findings": [sentence]}`; `checked` is false where no schema was at hand."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _report(schema is not None, 0, [_UNREADABLE])
    if name.lower().endswith((".json", ".geojson")):
        return _json(text)
    if schema is None:
        return _shape(text)
    return _against(text.encode(), schema)


def _report(checked: bool, rows: int, findings: list[str]) -> dict[str, Any]:
    return {"checked": checked, "valid": not findings, "rows": rows, "findings": findings}


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return _report(False, 0, ["Le fichier n’est pas du JSON lisible."])
    rows = data.get("features", []) if isinstance(data, dict) else data
    return _report(False, len(rows) if isinstance(rows, list) else 0, [])


def _shape(text: str) -> dict[str, Any]:
    """A header and rows as long as it."""
    first = text.split("\n", 1)[0]
    rows = list(csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","))
    if not rows or len(rows[0]) < 1 or not any(rows[0]):
        return _report(False, 0, ["Le fichier est vide."])
    wrong = [
        f"Ligne {number} : {len(row)} valeurs pour {len(rows[0])} colonnes."
        for number, row in enumerate(rows[1:], 2)
        if row and len(row) != len(rows[0])
    ]
    return _report(False, len(rows) - 1, wrong[:MOST])


def _against(content: bytes, schema: Mapping[str, Any]) -> dict[str, Any]:
    try:
        source = Resource(source=content, format="csv", schema=Schema.from_descriptor(dict(schema)))
        report = source.validate(limit_errors=MOST)
    except FrictionlessException:
        return _report(False, 0, ["Le schéma installé ici ne se lit pas : prévenez l’administrateur."])
    faults = [fault for task in report.tasks for fault in task.errors]
    rows = sum(task.stats.get("rows", 0) for task in report.tasks)
    return _report(True, rows, [_sentence(fault) for fault in faults])


def _sentence(fault: Fault) -> str:
    words = next(
        (text for kind, text in _WORDS if isinstance(fault, kind)), "Le fichier ne se lit pas comme un tableau."
    )
    return words.format(
        row=getattr(fault, "row_number", ""),
        column=getattr(fault, "field_number", ""),
        field=getattr(fault, "field_name", ""),
        cell=str(getattr(fault, "cell", ""))[:60],
    )
