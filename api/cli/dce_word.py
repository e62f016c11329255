"""`mps dce redline`, `drift` and `recognise`: Word documents after their first version, beside dce.py's commands."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from api.cli.dce import At, BadFile, Json, _end, _moment, _read
from api.cli.dce import app as app
from dce_templates.catalogue import ClauseError
from dce_templates.drift import Drift, drift
from dce_templates.recognise import Recognised, Spotted, recognise
from dce_templates.redline import redline
from dce_templates.word.file import MAX_BYTES, WordError
from procurement.rules import rule_table

_STATES = {"changed": "MODIFIÉ", "missing": "ABSENT", "added": "AJOUTÉ", "moved": "DÉPLACÉ"}
_MARKS = {"block": "BLOQUE", "warn": "ATTENTION"}
T = TypeVar("T")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = "est introuvable" if isinstance(error, FileNotFoundError) else "ne peut pas être lu"
        _end(f"Le fichier « {path} » {reason}.")


def _or_end(work: Callable[[], T]) -> T:
    """What the work gives; what it refuses is one sentence and exit 2."""
    try:
        return work()
    except WordError as error:
        _end(error.sentence)
    except (BadFile, ClauseError) as error:
        _end(str(error))


@app.command("redline")
def redline_command(
    old: Annotated[Path, typer.Argument(help="Document de départ, .docx")],
    new: Annotated[Path, typer.Argument(help="Document d’arrivée, .docx")],
    out: Annotated[Path, typer.Argument(help="Fichier à écrire, .docx")],
    author: Annotated[str, typer.Option("--author", help="Nom que porte chaque modification")] = "mps",
    at: At = "",
) -> None:
    """Mark in Word's own tracked changes what separates two documents: exit 0, or 2 where a file is unreadable."""
    now = _moment(at)
    for path in (old, new):
        if out.exists() and path.exists() and out.samefile(path):
            _end(f"« {out} » est l’un des documents comparés : choisissez un autre nom.")
    made = _or_end(lambda: redline(_bytes(old), _bytes(new), author=author, at=now))
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_bytes(made.content)
        os.replace(partial, out)
    except OSError as error:
        _end(f"Impossible d’écrire « {out} » : {error.strerror or 'erreur du disque'}.")
    print(f"{out} : {made.changes} modification(s)." if made.changes else f"{out} : aucune différence.")


@app.command("drift")
def drift_command(
    file: Annotated[Path, typer.Argument(help="Dossier en YAML")],
    edited: Annotated[Path, typer.Argument(help="Document modifié, .docx")],
    as_json: Json = False,
) -> None:
    """Compare an edited document with its dossier: exit 0 without drift, 1 with some, 2 where a file is unreadable."""
    table = rule_table()
    found = _or_end(lambda: drift(_bytes(edited), _read(file), table.figures, table.rules))
    if as_json:
        print(json.dumps(asdict(found) | {"drifted": found.drifted}, ensure_ascii=False))
    else:
        _print_drift(found)
    raise typer.Exit(int(found.drifted))


def _print_drift(found: Drift) -> None:
    for item in (*found.clauses, *found.articles):
        if item.state == "unchanged":
            continue
        print(f"{_STATES[item.state]} {item.id} {item.title}".replace("  ", " "))
        for change in item.changes:
            near = f" (après « {change.around} »)" if change.around else ""
            print(f"    « {change.before} » → « {change.after} »{near}")
    for finding in found.findings:
        print(f"{_MARKS[finding.severity]} {finding.id} (paragraphe {finding.paragraph}) : {finding.message}")
        print(f"    À faire : {finding.fix}")
    if not found.drifted:
        print("Le document dit ce que dit le dossier.")


@app.command("recognise")
def recognise_command(
    file: Annotated[Path, typer.Argument(help="Document existant, .docx")], as_json: Json = False
) -> None:
    """Find the clauses of the library, dead references and brands in any document: exit 0, or 2 if unreadable."""
    found = _or_end(lambda: recognise(_bytes(file), rule_table().rules))
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False))
    else:
        _print_recognised(found)


def _print_recognised(found: Recognised) -> None:
    for clause in found.clauses:
        places = ", ".join(map(str, clause.paragraphs))
        print(f"{clause.id} {clause.title} : ressemblance {clause.likeness:.0%}, paragraphes {places}")
        print(f"    « {clause.excerpt} »")
    _print_spotted(found.references)
    _print_spotted(found.brands)
    if not (found.clauses or found.references or found.brands):
        print("Rien de connu dans ce document.")


def _print_spotted(spotted: tuple[Spotted, ...]) -> None:
    for item in spotted:
        print(f"Paragraphe {item.paragraph} : {item.question}")
        print(f"    « {item.excerpt} »")
