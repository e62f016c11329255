"""`mps demo`: from one SIRET to the matched invoice, told in the terminal, with real calls to a service of its own."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from api.demo_browser import Stop
from api.demo_contract import bill_and_publish, open_and_award, sign_and_notify
from api.demo_house import running_house
from api.demo_story import answer_with_siret, write_and_publish
from api.demo_tale import Show, Tale
from api.isolate import WorkFailed
from api.settings import ROOT
from procurement.errors import DomainError, Unavailable


def demo(
    out: Annotated[Path | None, typer.Option("--out", help="Dossier des fichiers (défaut : var/demo-N)")] = None,
    wait: Annotated[float, typer.Option("--wait", min=1, max=600, help="Secondes avant la date limite")] = 20.0,
    as_json: Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard")] = False,
) -> None:
    """Toute l’histoire, d’un SIRET à la facture rapprochée, par de vrais appels à un service lancé pour l’occasion."""
    folder = _folder(out)
    started = time.monotonic()
    with _shown(as_json) as show:
        tale = Tale(folder, show)
        stopped = _told(tale, wait)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        error = {"error": stopped.sentence} if stopped else {}
        print(json.dumps(tale.as_dict() | {"seconds": seconds} | error, ensure_ascii=False, indent=1))
    elif not stopped:
        _table(tale, seconds)
    if stopped:
        print(stopped.sentence, file=sys.stderr)
        raise typer.Exit(stopped.code)


def _folder(out: Path | None) -> Path:
    """The folder asked for, empty or new; else the next var/demo-N."""
    if out is not None:
        folder = out.resolve()
        if (folder / "mps.db").exists():
            _end(f"Le dossier {out} contient déjà une démonstration : choisissez-en un autre.")
    else:
        numbers = (n for n in range(1, 100_000) if not (ROOT / "var" / f"demo-{n}").exists())
        folder = ROOT / "var" / f"demo-{next(numbers)}"
    if set("?#%") & set(str(folder)):
        _end(f"Choisissez un dossier sans « ? », « # » ni « % » dans son nom, au lieu de {folder}.")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        _end(f"Le dossier {folder} ne peut pas être créé.")
    return folder


def _end(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)


def _told(tale: Tale, wait: float) -> Stop | None:
    """The story; None, or why it stopped."""
    try:
        with running_house(tale.folder) as house:
            scene = write_and_publish(house, tale)
            answer_with_siret(scene)
            open_and_award(scene, wait)
            bill_and_publish(scene, sign_and_notify(scene))
    except Stop as stop:
        return stop
    except Unavailable as error:
        return Stop(error.sentence, 3)
    except (DomainError, WorkFailed) as error:
        return Stop(error.sentence)
    except OSError as error:
        return Stop(f"Le dossier {tale.folder} ne peut pas être écrit ({error.strerror or type(error).__name__}).")
    return None


@contextmanager
def _shown(as_json: bool) -> Iterator[Show]:
    """What shows the steps as they tick: nothing for --json."""
    if as_json:
        yield lambda kind, text: None
        return
    console = Console(highlight=False)
    console.print("Toutes les entreprises et la ville sont inventées ; rien n’est envoyé hors de cette machine.")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Démarrage du service, du bac à sable et de l’ouvrier")
        doing = ""

        def show(kind: str, text: str) -> None:
            nonlocal doing
            if kind == "chapter":
                console.print()
                console.print(Text(text, style="bold"))
            elif kind == "done":
                title, _, detail = text.partition("|")
                console.print(Padding(Text.assemble(("✔ ", "green"), title), (0, 0, 0, 2)))
                console.print(Padding(Text(detail, style="dim"), (0, 0, 0, 4)))
            else:
                doing = text if kind == "doing" else doing
                progress.update(task, description=doing if kind == "doing" else f"{doing} : {text}")

        yield show


def _table(tale: Tale, seconds: float) -> None:
    console = Console(highlight=False)
    table = Table(title="Ce qui a été produit", title_justify="left")
    for title in ("Fichier", "Ce que c’est", "Octets", "SHA-256"):
        table.add_column(title, justify="right" if title == "Octets" else "left")
    for kept in tale.files:
        table.add_row(kept.name, kept.what, str(kept.size), kept.sha256[:16] + "…")
    console.print()
    console.print(table)
    console.print(f"Dossier : {tale.folder}", soft_wrap=True)
    console.print(f"Marché {tale.results['contract']}, {len(tale.steps)} étapes en {seconds:.0f} secondes.")
