"""`mps decp check`: a DECP document, JSON or XML, checked in a worker process with a time limit; `export` beside."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.open_data import export
from api.cli.several import Result, each, finish, in_worker, read

app = typer.Typer(no_args_is_help=True)
app.command()(export)
SECONDS = 9.0
MAX_BYTES = 50 * 1024 * 1024
KNOWN = frozenset({"DecpUnreadable"})
MARKS = {"schema": "schéma", "error": "inexploitable", "quality": "qualité"}


@app.callback()
def _group() -> None:
    """Données essentielles de la commande publique."""


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FICHIER…", help="Documents DECP, JSON ou XML.")],
    as_json: Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard.")] = False,
) -> None:
    """Contrôler des données essentielles : schéma, puis ce que la consolidation nationale peut exploiter."""
    work = partial(_check, date.today())  # noqa: DTZ011 - the day on the user's machine
    finish(list(each(files, work)), as_json, lambda r: bool(r["schema_valid"] and r["exploitable"]), _lines)


def _check(today: date, path: Path) -> Result:
    content = read(path, MAX_BYTES)
    # What cannot be read is told at once; fifty thousand good records take their time.
    seconds = SECONDS + 4 * len(content) / 10**6
    report: Result = in_worker(
        KNOWN, "procurement.publication.check:check_document_dict", content, today, seconds=seconds
    )
    return report


def _lines(result: Result) -> Iterator[str]:
    schema = "schéma respecté" if result["schema_valid"] else "schéma non respecté"
    usable = "exploitable" if result["exploitable"] else "non exploitable"
    yield f"{result['records']} contrat(s) en {result['format'].upper()} : {schema}, {usable}"
    for finding in result["findings"]:
        yield f"[{MARKS[finding['level']]}] {finding['rule']} {finding['path']} : {finding['message']}"
