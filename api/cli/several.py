"""Commands that take several files: one process, results in the order given, a bad file never stops the others."""

import atexit
import importlib
import json
import multiprocessing
import resource
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from functools import lru_cache
from pathlib import Path
from typing import Any

import typer
from pebble import ProcessExpired, ProcessPool

Result = dict[str, Any]
REASONS: dict[type[OSError], str] = {
    FileNotFoundError: "il n’existe pas",
    IsADirectoryError: "c’est un dossier",
    PermissionError: "accès refusé",
}
MEMORY = 3 * 1024 * 1024 * 1024


class BadFile(Exception):
    """This file cannot be used: exit 2, a French sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def read(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, one more than `max_bytes` at most: the reader refuses it by its own rule."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise BadFile(
            f"Le fichier {path.name} ne peut pas être lu ({error.strerror or 'erreur du système'})."
        ) from None


def in_worker(known: frozenset[str], path: str, *args: Any, seconds: float) -> Any:
    """Call `package.module:function` in a worker process; `known` are the exceptions whose sentence is shown.

    Not `api.isolate.run`: its RLIMIT_AS forbids Saxon, whose engine reserves 32 GB of address space that it does not
    use. RLIMIT_DATA bounds what is really allocated. Raises BadFile.
    """
    try:
        kind, value = _pool().schedule(_call, args=[path, args], timeout=seconds).result()
    except FutureTimeout:
        raise BadFile("Le traitement a dépassé le temps permis ; le fichier est peut-être piégé ou abîmé.") from None
    except ProcessExpired:
        raise BadFile("Ce fichier a fait échouer son traitement.") from None
    if kind != "ok":
        raise BadFile(value if kind in known else "Ce fichier ne peut pas être traité : il est abîmé.")
    return value


@lru_cache(maxsize=1)
def _pool() -> ProcessPool:
    pool = ProcessPool(max_workers=1, initializer=_limit_memory, context=multiprocessing.get_context("spawn"))
    atexit.register(pool.join)
    atexit.register(pool.stop)
    return pool


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def _call(path: str, args: tuple[Any, ...]) -> tuple[str, Any]:
    module, _, name = path.partition(":")
    try:
        return "ok", getattr(importlib.import_module(module), name)(*args)
    except Exception as error:  # the worker must answer, whatever the file did
        return type(error).__name__, str(getattr(error, "sentence", ""))


def each(files: Iterable[Path], work: Callable[[Path], Result]) -> Iterator[Result]:
    """`{"file", ...}` per file, or `{"file", "error"}`."""
    for path in files:
        try:
            yield {"file": str(path)} | work(path)
        except BadFile as error:
            yield {"file": str(path), "error": error.sentence}


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
