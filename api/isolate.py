"""Untrusted or heavy work in spawned worker processes: time and memory limits, recycled; a death is a sentence.

Callables are named by dotted path and loaded in the worker, so that the web process never imports pyHanko, facturx,
docx or saxonche.
"""

import atexit
import importlib
import multiprocessing
import resource
import threading
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from pebble import ProcessExpired, ProcessPool

from procurement.errors import DomainError, Unavailable

MEGABYTES = 3072
# Reading a hostile signature has its own processes and less: a signed PDF of 20 MB and 300 pages takes 170 MB of data.
READING = ("signature.verify", "signature.additions", "signature.needs", "signature.reading")
READING_MEGABYTES = 512
RECYCLE_AFTER = 100
_lock = threading.Lock()
_pools: dict[int, ProcessPool] = {}


# The worker's own limit, and the domain's errors: their sentences are for people.
SPOKEN = frozenset({"MemoryError", "Refused", "NotFound", "Invalid", "Unavailable"})


class WorkFailed(Exception):
    """The work's own refusal: `kind` is the exception's class name, the message its sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence

    def told(self, known: frozenset[str] = frozenset()) -> str:
        """What to show: its own sentence where the work says one in French (`known` names more such exceptions)."""
        if self.kind in SPOKEN or self.kind in known:
            return self.sentence
        if self.kind == "TimeoutError":
            return "Ce traitement a dépassé le temps permis ; le fichier n’est peut-être pas en cause."
        return f"Ce fichier ne peut pas être traité : il est abîmé, ou d’une forme imprévue ({self.kind})."


def run(path: str, *args: Any, seconds: float = 20.0, **kwargs: Any) -> Any:
    """Call `package.module:function` in a worker process; arguments and result are pickled.

    Raises WorkFailed with the work's own sentence, Unavailable where the worker died or took too long.
    """
    pool = _pool(READING_MEGABYTES if path.startswith(READING) else MEGABYTES)
    future = pool.schedule(_call, args=[path, args, kwargs], timeout=seconds)
    try:
        kind, value = future.result()
    except FutureTimeout:
        raise Unavailable(
            "Ce traitement a dépassé le temps permis ; le fichier est peut-être piégé ou abîmé."
        ) from None
    except (ProcessExpired, BrokenExecutor):
        raise Unavailable("Ce fichier a fait échouer son traitement ; rien d’autre n’est touché.") from None
    if kind == "ok":
        return value
    raise WorkFailed(kind, value)


def _call(path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, Any]:
    module, _, name = path.partition(":")
    try:
        return "ok", getattr(importlib.import_module(module), name)(*args, **kwargs)
    except MemoryError:
        return "MemoryError", "Ce fichier demande plus de mémoire que permis."
    except DomainError as error:
        return type(error).__name__, error.sentence
    except Exception as error:  # the worker must answer, whatever the file did
        return type(error).__name__, str(getattr(error, "sentence", "")) or str(error)


def _limit_memory(megabytes: int) -> None:
    """RLIMIT_DATA bounds what is allocated; RLIMIT_AS would forbid Saxon, which reserves 32 GB that it never uses."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))


def _pool(megabytes: int) -> ProcessPool:
    with _lock:
        pool = _pools.get(megabytes)
        if pool is None or not pool.active:
            pool = ProcessPool(
                max_workers=2,
                max_tasks=RECYCLE_AFTER,
                initializer=_limit_memory,
                initargs=[megabytes],
                context=multiprocessing.get_context("spawn"),
            )
            _pools[megabytes] = pool
        return pool


def stop() -> None:
    """End the worker processes; the next `run` starts them again."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join(timeout=5)


atexit.register(stop)
