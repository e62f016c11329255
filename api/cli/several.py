"""Commands that take several files: one process, results in the order given, a bad file never stops the others."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from api import isolate
from api.filenames import shown
from procurement.errors import Unavailable

Result = dict[str, Any]
REASONS: dict[type[OSError], str] = {
    FileNotFoundError: "il n’existe pas",
    IsADirectoryError: "c’est un dossier",
    PermissionError: "accès refusé",
}


class BadFile(Exception):
    """This file cannot be used: exit 2, a French sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def read(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, one more than `max_bytes` at most: the reader refuses it by its own rule."""
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            name = shown(Path(path.name))
            raise BadFile(f"Le fichier {name} ne peut pas être lu (ce n’est pas un fichier ordinaire).")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        reason = REASONS.get(type(error), "erreur du système")
        raise BadFile(f"Le fichier {shown(Path(path.name))} ne peut pas être lu ({reason}).") from None


def in_worker(known: frozenset[str], path: str, *args: Any, seconds: float) -> Any:
    """Run in a worker process; `known` are the exceptions whose sentence is shown as it is. Raises BadFile."""
    try:
        return isolate.run(path, *args, seconds=seconds)
    except isolate.WorkFailed as failure:
        raise BadFile(failure.told(known)) from None
    except Unavailable as error:
        raise BadFile(error.sentence) from None


def each(files: Iterable[Path], work: Callable[[Path], Result]) -> Iterator[Result]:
    """`{"file", ...}` per file, or `{"file", "error"}`."""
    for path in files:
        name = shown(path)
        try:
            yield {"file": name} | work(path)
        except BadFile as error:
            yield {"file": name, "error": error.sentence}


def finish(
    results: list[Result], as_json: bool, holds: Callable[[Result], bool], lines: Callable[[Result], Iterable[str]]
) -> None:
    """Print one JSON document, or lines; exit with the highest of 0 (holds), 1 (does not) and 2 (unreadable)."""
    if as_json:
        typer.echo(json.dumps(results[0] if len(results) == 1 else {"results": results}, ensure_ascii=False))
    else:
        for result in results:
            typer.echo(result["file"])
            for line in [result["error"]] if "error" in result else lines(result):
                typer.echo(f"  {line}", err="error" in result)
    raise typer.Exit(max(2 if "error" in result else 0 if holds(result) else 1 for result in results))
