"""The one adapter over saxonche: sheets made leaner and compiled, kept as long as the process lives.

One processor per process and one lock: many processors made at once abort the process, and a compiled sheet is not
thread-safe. Saxon resolves external entities, so it is only ever given a tree that the hardened reader has
re-serialised. To be run in a spawned worker process.
"""

import threading
from functools import lru_cache
from typing import Any

from saxonche import PySaxonApiError, PySaxonProcessor

from procurement.invoicing.lean import lean

_lock = threading.Lock()


class SaxonFailed(Exception):
    """The engine stopped: its own message, in English."""


def transform(xml: str, sheets: tuple[str, ...]) -> list[str]:
    """Run each compiled sheet (a path) on the document, in order, and give each result as text.

    Raises SaxonFailed where the engine stops, for instance on a value that a rule cannot convert.
    """
    with _lock:
        try:
            node = _processor().parse_xml(xml_text=xml)
            return [str(_sheet(path).transform_to_string(xdm_node=node)) for path in sheets]
        except PySaxonApiError as error:
            raise SaxonFailed(str(error)) from error


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
