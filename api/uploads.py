"""The one async door: files come in as a stream, capped, hashed, never spooled in clear.

Authorise in a short session before, record in a second one after; none is open while bytes flow.
"""

import hashlib
import io
import queue
import tempfile
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, cast

from fastapi import Request
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api import vault
from procurement.errors import Invalid, Refused

FIELD_CAP = 20_000


class Sink(Protocol):
    """Where clear bytes go. `close` ends well, `abort` leaves nothing behind."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class MemorySink:
    """For small files that a worker process will read at once (signed contract, invoice)."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()

    def write(self, data: bytes) -> None:
        self._buffer.write(data)

    def close(self) -> None:
        pass

    def abort(self) -> None:
        self._buffer = io.BytesIO()

    @property
    def content(self) -> bytes:
        return self._buffer.getvalue()


class _Pipe(io.RawIOBase):
    """Reads what another thread put in the queue; None ends it."""

    def __init__(self, source: "queue.Queue[bytes | None]") -> None:
        self._source = source
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        while not self._left and not self._ended:
            chunk = self._source.get()
            self._ended = chunk is None
            self._left = chunk or b""
        size = min(len(view), len(self._left))
        view[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class SealingSink:
    """Seals to an age recipient while bytes come in; only sealed bytes reach `path`."""

    def __init__(self, recipient: str) -> None:
        handle, name = tempfile.mkstemp(suffix=".age")
        self.path = Path(name)
        self._queue: queue.Queue[bytes | None] = queue.Queue(maxsize=16)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._seal, args=(recipient, handle), daemon=True)
        self._thread.start()

    def _seal(self, recipient: str, handle: int) -> None:
        try:
            with open(handle, "wb") as sealed:
                vault.seal_stream(recipient, cast(BinaryIO, io.BufferedReader(_Pipe(self._queue))), sealed)
        except BaseException as error:
            self._failure = error
            while self._queue.get() is not None:
                pass

    def write(self, data: bytes) -> None:
        self._queue.put(data)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None:
            self.path.unlink(missing_ok=True)
            raise RuntimeError("sealing failed") from self._failure

    def abort(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self.path.unlink(missing_ok=True)


@dataclass
class Received:
    """One file and the small fields around it."""

    name: str = ""
    media_type: str = ""
    size: int = 0
    sha256: str = ""
    fields: dict[str, str] = field(default_factory=dict)


async def receive(request: Request, sink: Sink, cap: int) -> Received:
    """Stream the request's one file into `sink` (multipart form, or the raw body). Refused over `cap` bytes."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    take = _Multipart if kind == b"multipart/form-data" else _Raw
    reader = take(request, options, cap)
    try:
        await _pump(request, reader.feed, lambda data: run_in_threadpool(sink.write, data), reader.ready)
        received = reader.finish()
    except BaseException as error:
        await run_in_threadpool(sink.abort)
        if isinstance(error, ClientDisconnect):
            raise Refused("L’envoi s’est interrompu : rien n’est enregistré, recommencez.") from None
        raise
    await run_in_threadpool(sink.close)
    return received


async def receive_several(request: Request, cap: int, most: int) -> list[tuple[str, bytes]]:
    """(name, content) of each file of a form, in memory, empty ones left out. Refused over `cap` bytes in all."""
    files, _ = await receive_form(request, cap, most)
    return files


async def receive_form(
    request: Request, cap: int, most: int, *, needed: bool = True
) -> tuple[list[tuple[str, bytes]], dict[str, str]]:
    """The files of a form as `receive_several` gives them, and its small fields; `needed`: one file at least."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    reader = _Several(request, options if kind == b"multipart/form-data" else {}, cap, most, needed)
    try:
        await _pump(request, reader.feed, reader.put, reader.ready)
    except ClientDisconnect:
        raise Refused("L’envoi s’est interrompu : rien n’est enregistré, recommencez.") from None
    received = reader.finish()
    return [(name, bytes(content)) for name, content in reader.files if content], received.fields


async def _pump(
    request: Request,
    feed: Callable[[bytes], None],
    write: Callable[[bytes], Awaitable[None]],
    ready: Callable[[], list[bytes]],
) -> None:
    async for chunk in request.stream():
        feed(chunk)
        for data in ready():
            await write(data)


class _Raw:
    """The body is the file; its name comes in X-File-Name."""

    def __init__(self, request: Request, options: dict[bytes, bytes], cap: int) -> None:
        self.received = Received(
            name=safe_name(request.headers.get("x-file-name", "fichier")),
            media_type=request.headers.get("content-type", ""),
        )
        self._cap = cap
        self._hash = hashlib.sha256()
        self._ready: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self._take(chunk)

    def _take(self, data: bytes) -> None:
        self.received.size += len(data)
        if self.received.size > self._cap:
            raise Refused(f"Ce fichier dépasse la taille permise ({self._cap // 10**6} Mo).")
        self._hash.update(data)
        self._ready.append(data)

    def ready(self) -> list[bytes]:
        data, self._ready = self._ready, []
        return data

    def finish(self) -> Received:
        if not self.received.size:
            raise Invalid({"file": "Choisissez un fichier qui n’est pas vide."})
        self.received.sha256 = self._hash.hexdigest()
        return self.received


class _Multipart(_Raw):
    """A form with one file, parsed as it comes; other fields are small and kept."""

    def __init__(self, request: Request, options: dict[bytes, bytes], cap: int) -> None:
        super().__init__(request, options, cap)
        self.received = Received()
        self._header = b""
        self._value = b""
        self._field = ""
        self._in_file = False
        self._files = 0
        self._text = bytearray()
        boundary = options.get(b"boundary")
        if not boundary:
            raise Invalid({"file": "Cet envoi n’est pas un formulaire lisible."})
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        name, value = self._header.lower(), self._value
        self._header = self._value = b""
        if name == b"content-type":
            self.received.media_type = value.decode("latin-1")[:100]
        if name != b"content-disposition":
            return
        _, options = parse_options_header(value)
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = b"filename" in options
        if self._in_file:
            self._begin(safe_name(options[b"filename"].decode("utf-8", "replace")))

    def _begin(self, name: str) -> None:
        self._files += 1
        if self._files > 1:
            raise Invalid({"file": "Un fichier à la fois."})
        self.received.name = name

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._take(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > FIELD_CAP:
            raise Invalid({self._field: "Cette réponse est trop longue."})

    def _on_part_end(self) -> None:
        if not self._in_file:
            self.received.fields[self._field] = self._text.decode("utf-8", "replace")
        self._text = bytearray()
        self._in_file = False


class _Several(_Multipart):
    """A form with up to `most` files, each kept in memory."""

    def __init__(self, request: Request, options: dict[bytes, bytes], cap: int, most: int, needed: bool) -> None:
        super().__init__(request, options, cap)
        self.files: list[tuple[str, bytearray]] = []
        self._most, self._needed = most, needed

    def _begin(self, name: str) -> None:
        self.files.append((name, bytearray()))
        if len(self.files) > self._most:
            raise Invalid({"file": f"Envoyez {self._most} fichiers au plus."})

    def _take(self, data: bytes) -> None:
        super()._take(data)
        self.files[-1][1].extend(data)

    def ready(self) -> list[bytes]:
        self._ready = []
        return []

    async def put(self, data: bytes) -> None:
        """Nothing: `_take` has kept it already."""

    def finish(self) -> Received:
        return super().finish() if self._needed else self.received


def safe_name(name: str) -> str:
    """The last part of the name, printable, at most 150 characters; never a path."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    return kept[-150:] or "fichier"
