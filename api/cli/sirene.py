"""`mps sirene build` and `mps sirene search`: the optional local copy of the Sirene stock."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from api.settings import load
from siret_lookup.sirene import BadMirror, Found, Mirror, search
from siret_lookup.sirene.build import Built, build
from siret_lookup.sirene.build import Progress as Report
from siret_lookup.sirene.reading import BadStock
from siret_lookup.siret import Siret
from siret_lookup.words import french_day

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard")]


@app.command("build")
def make(
    files: Annotated[
        list[Path], typer.Argument(metavar="FICHIER…", help="Fichiers du stock : CSV, CSV zippé, Parquet")
    ],
    out: Annotated[Path | None, typer.Option(help="Miroir à écrire ; sinon celui de --onto, sinon le réglage")] = None,
    onto: Annotated[Path | None, typer.Option(help="Miroir existant, que ces fichiers mettent à jour")] = None,
    day: Annotated[
        datetime | None, typer.Option("--date", metavar="AAAA-MM-JJ", formats=["%Y-%m-%d"], help="Date du stock")
    ] = None,
    as_json: Json = False,
) -> None:
    """Construire le miroir à partir des fichiers de l’Insee, ou y ajouter les changements d’un jour."""
    target = out or onto or load().sirene_mirror
    if target is None:
        _end("Dites où écrire le miroir : --out FICHIER, ou le réglage MPS_SIRENE_MIRROR.")
    try:
        with _bar(shown=not as_json) as report:
            built = build(files, target, onto, day.date() if day else None, report)
    except BadStock as error:
        _end(error.sentence)
    if as_json:
        print(json.dumps({"out": str(target), **asdict(built)}, default=str, ensure_ascii=False, indent=2))
    else:
        print(_told(built, target))


@app.command("search")
def find(
    text: Annotated[str, typer.Argument(help="Nom de l’entreprise, même avec une faute ou inachevé")],
    department: Annotated[str | None, typer.Option(help="Département : 69, 2A, 971")] = None,
    activity: Annotated[str | None, typer.Option(help="Début du code NAF : 62, 62.01Z")] = None,
    closed: Annotated[bool, typer.Option("--all", help="Les établissements fermés aussi")] = False,
    size: Annotated[int, typer.Option(help="Nombre de réponses", min=1, max=200)] = 20,
    as_json: Json = False,
) -> None:
    """Chercher une entreprise par son nom dans le miroir."""
    path = load().sirene_mirror
    if path is None:
        _end("Aucun miroir Sirene : donnez son fichier par le réglage MPS_SIRENE_MIRROR.")
    try:
        with Mirror(path) as mirror:
            found = search(mirror, text, department, activity, open_only=not closed, size=size)
            stock_day = mirror.stock_day
    except BadMirror as error:
        _end(error.sentence)
    if as_json:
        results = [asdict(one) for one in found]
        print(json.dumps({"stock_day": str(stock_day), "results": results}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(_line, found)) or "Aucune entreprise de ce nom dans le miroir.")


def _told(built: Built, path: Path) -> str:
    return (
        f"{path} : {built.places} établissements, {built.units} unités légales, "
        f"à jour du {french_day(built.stock_day)}."
    )


def _line(one: Found) -> str:
    names = " – ".join(name for name in (one.name, one.trade_name) if name) or "Nom non diffusé"
    place = " ".join(part for part in (one.postcode, one.city) if part)
    marks = [place, *(["siège"] if one.head_office else []), *([] if one.open else ["fermé"])]
    return f"{Siret(one.siret)}  {names} ({', '.join(mark for mark in marks if mark)})"


@contextmanager
def _bar(shown: bool) -> Iterator[Report]:
    """A bar per file on the error output."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), disable=not shown)
    tasks: dict[str, TaskID] = {}

    def report(doing: str, part: float) -> None:
        if doing not in tasks:
            tasks[doing] = progress.add_task(doing, total=1.0)
            progress.start()
        progress.update(tasks[doing], completed=part)

    try:
        yield report
    finally:
        if tasks:
            progress.stop()


def _end(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)
