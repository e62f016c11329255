"""Unsealed bytes as a stream, after the opening: sealed pieces come from storage, clear ones leave."""

import contextlib
import io
import queue
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, cast

from api import vault
from api.context import Context
from procurement.consultation import Consultation
from procurement.errors import Unavailable

PIECE = 1 << 18
BROKEN = "Ce fichier scellé ne s’ouvre pas : la clé de ce serveur a changé, ou le fichier est abîmé."


class _Chunks(io.RawIOBase):
    """Reads an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        self._left = self._left or next(self._chunks, b"")
        size = min(len(view), len(self._left))
        view[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class _Outlet(io.RawIOBase):
    """Hands what is written to another thread, in pieces of some size; refuses once that one has gone."""

    def __init__(self) -> None:
        self.items: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=8)
        self.gone = threading.Event()
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(cast(bytes, data))
        self._kept += chunk
        if len(self._kept) >= PIECE:
            self.push()
        return len(chunk)

    def push(self) -> None:
        chunk, self._kept = bytes(self._kept), bytearray()
        if chunk:
            self.put(chunk)

    def put(self, item: bytes | BaseException | None) -> None:
        while not self.gone.is_set():
            try:
                self.items.put(item, timeout=0.2)
                return
            except queue.Full:
                continue
        raise OSError("the reader has gone")


def clear_chunks(context: Context, consultation: Consultation, key: str, now: datetime) -> Iterator[bytes]:
    """The clear bytes of one sealed file. Raises Refused (vault's guard) or Unavailable, before the first byte at best.

    `consultation` may be detached; a thread unseals while the caller sends.
    """
    outlet = _Outlet()
    worker = threading.Thread(target=_unseal, args=(context, consultation, key, now, outlet), daemon=True)
    worker.start()
    try:
        while (item := outlet.items.get()) is not None:
            if isinstance(item, BaseException):
                raise Unavailable(BROKEN) if isinstance(item, ValueError | OSError) else item
            yield item
    finally:
        outlet.gone.set()


def _unseal(context: Context, consultation: Consultation, key: str, now: datetime, outlet: _Outlet) -> None:
    last: BaseException | None = None
    try:
        sealed = cast(BinaryIO, io.BufferedReader(_Chunks(context.storage.chunks(key)), 1 << 16))
        vault.open_stream(context.secret, consultation, sealed, cast(BinaryIO, outlet), now)
        outlet.push()
    except BaseException as error:
        last = error
    with contextlib.suppress(OSError):
        outlet.put(last)
