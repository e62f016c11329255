"""`mps invoice import`: a folder of invoices, or what Chorus Pro has for a buyer, into the database."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from sqlalchemy import select

from api import isolate, logs
from api.apart import check_start
from api.cli.invoice import app
from api.context import Context
from api.db import connect, reading
from api.filenames import shown
from api.importing import Imported, files_of, import_files
from api.migrate import upgrade
from api.sandbox.server import running_sandbox
from api.settings import load
from api.steps.chorus import catch_up
from api.storage import Storage
from procurement.people import Organisation

MOST_SHOWN = 1000
# Seconds between two lines of a log.
EVERY = 5.0


@app.command("import")
def import_invoices(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DOSSIER", help="Dossier de factures, avec ses sous-dossiers")
    ] = None,
    chorus: Annotated[bool, typer.Option("--chorus", help="Lire Chorus Pro maintenant, avec le compte gardé")] = False,
    organisation: Annotated[str, typer.Option(help="Acheteur : sa référence ou son SIRET")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard.")] = False,
) -> None:
    """Importer des factures ; interrompu, il reprend sans perte ni doublon."""
    if (folder is None) != chorus:
        _end("Donnez un dossier, ou --chorus.")
    if folder is not None and not folder.is_dir():
        _end(f"Le dossier {folder} n’existe pas, ou n’est pas un dossier.")
    logs.configure()
    with _opened() as context:
        buyer = _buyer(context, organisation)
        if folder is None:
            kept = catch_up(context, buyer.id)
            _say(Imported(kept), as_json)
            return
        paths = files_of(folder)
        with _bar(len(paths), shown=not as_json) as report:
            done = import_files(context, buyer.id, paths, report)
    _say(done, as_json)
    if done.errors:
        raise typer.Exit(2)


@contextmanager
def _opened() -> Iterator[Context]:
    """Settings that hold, a database at the newest schema; the sandbox's portal where it stands in."""
    settings = load()
    upgrade(settings.database_url)
    with ExitStack() as stack:
        database = connect(settings.database_url)
        stack.callback(database.dispose)
        with reading(database) as db:
            check_start(settings, db)
        services = {}
        if settings.chorus_url is None and settings.api_entreprise_url is None:
            services = stack.enter_context(running_sandbox(services=("/chorus",))).services()
        stack.callback(isolate.stop)
        yield Context(settings, database, Storage(settings.storage_url), services)


def _buyer(context: Context, named: str) -> Organisation:
    with reading(context.database) as db:
        query = select(Organisation).where(Organisation.kind == "buyer")
        if named:
            query = query.where((Organisation.ref == named) | (Organisation.siret == "".join(named.split())))
        found = list(db.scalars(query.limit(2)))
    if len(found) == 1:
        return found[0]
    if named:
        _end("Aucun acheteur n’a cette référence ou ce SIRET.")
    _end("Dites pour quel acheteur : --organisation RÉFÉRENCE." if found else "Aucun acheteur dans cette base.")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.0f}/s")


@contextmanager
def _bar(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Count, rate and time left: a bar on a terminal, a line every so often in a log."""
    console = Console(stderr=True)
    columns = (
        TextColumn("Factures"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as progress:
        number = progress.add_task("Factures", total=total)
        said = time.monotonic()

        def report(more: int) -> None:
            nonlocal said
            progress.advance(number, more)
            task, now = progress.tasks[0], time.monotonic()
            if shown and not console.is_terminal and (now - said >= EVERY or task.finished):
                said = now
                print(_line(task), file=sys.stderr, flush=True)

        yield report


def _line(task: Task) -> str:
    rate = task.finished_speed or task.speed or 0
    left = f", encore {timedelta(seconds=int(task.time_remaining))}" if task.time_remaining else ""
    return f"Factures : {task.completed:.0f} sur {task.total:.0f}, {rate:.0f} par seconde{left}"


def _say(done: Imported, as_json: bool) -> None:
    if as_json:
        errors = [{"file": shown(path), "error": sentence} for path, sentence in done.errors]
        print(json.dumps({"imported": done.kept, "already": done.already, "errors": errors}, ensure_ascii=False))
        return
    print(f"{done.kept} facture(s) importée(s), {done.already} déjà là, {len(done.errors)} fichier(s) refusé(s).")
    for path, sentence in done.errors[:MOST_SHOWN]:
        print(f"  {shown(path)} : {sentence}", file=sys.stderr)
    if len(done.errors) > MOST_SHOWN:
        print(f"  … et {len(done.errors) - MOST_SHOWN} autres : --json les donne tous.", file=sys.stderr)


def _end(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)
