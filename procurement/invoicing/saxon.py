"""The one adapter over saxonche: sheets made leaner and compiled, kept as long as the process lives.

One processor per process and one lock: many processors made at once abort the process, and a compiled sheet is not
thread-safe. Saxon resolves external entities, so it is only ever given a tree that the hardened reader has
re-serialised. To be run in a spawned worker process.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from saxonche import PySaxonApiError, PySaxonProcessor

from procurement.invoicing.lean import lean

_lock = threading.Lock()


class SaxonFailed(Exception):
    """The engine stopped: its own message, in English."""


def transform(xml: str, sheets: tuple[str, ...]) -> list[str | SaxonFailed]:
    """Run each compiled sheet (a path) on the document, in order, and give each result as text.

    Where the engine stops on a sheet, for instance on a value that a rule cannot convert, the error is its result, so
    that the others are still heard. Raises SaxonFailed where the document itself is not taken.
    """
    with _lock, _silent():
        try:
            node = _processor().parse_xml(xml_text=xml)
        except PySaxonApiError as error:
            raise SaxonFailed(str(error)) from error
        return [_run(path, node) for path in sheets]


def _run(path: str, node: Any) -> str | SaxonFailed:
    sheet = _sheet(path)
    try:
        return str(sheet.transform_to_string(xdm_node=node))
    except PySaxonApiError as error:
        return SaxonFailed(str(error))


@contextmanager
def _silent() -> Iterator[None]:
    """What stops the engine is returned; its own trace on the standard error would only frighten a user."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def warm(sheets: tuple[str, ...]) -> None:
    """Compile the sheets ahead of the first document (0.3 to 0.9 s each)."""
    with _lock:
        for path in sheets:
            _sheet(path)


@lru_cache(maxsize=1)
def _processor() -> Any:
    return PySaxonProcessor(license=False)


@lru_cache(maxsize=16)
def _sheet(path: str) -> Any:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_text=lean(path))
