"""ZIPs of any size, made while they are sent."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, cast

PIECE = 1 << 18


@dataclass(frozen=True)
class Entry:
    """One file: its path inside, its size (bytes), what was announced of it, and how to read it when its turn comes."""

    path: str
    size: int
    said: Mapping[str, Any]
    read: Callable[[], Iterable[bytes]]


class _Outlet:
    """Where zipfile writes; it cannot go back, so that bytes leave at once."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        self._kept += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self, least: int = 0) -> Iterator[bytes]:
        if len(self._kept) > least:
            out, self._kept = bytes(self._kept), bytearray()
            yield out


def bundle(entries: Iterable[Entry], about: Mapping[str, Any], now: datetime) -> Iterator[bytes]:
    """The ZIP's bytes; it ends with manifest.json, that `about` heads. sha256 is of the bytes as they went in."""
    outlet, listed = _Outlet(), []
    with zipfile.ZipFile(cast(IO[bytes], outlet), "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            digest, size = hashlib.sha256(), 0
            with archive.open(_info(entry.path, entry.size, now), "w") as target:
                for chunk in entry.read():
                    digest.update(chunk)
                    size += len(chunk)
                    target.write(chunk)
                    yield from outlet.take(PIECE)
            listed.append({"path": entry.path, "size": size, "sha256": digest.hexdigest(), **entry.said})
        manifest = json.dumps({**about, "files": listed}, ensure_ascii=False, indent=2).encode()
        archive.writestr(_info("manifest.json", len(manifest), now), manifest)
    yield from outlet.take()


def _info(path: str, size: int, now: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, now.timetuple()[:6])
    info.file_size = size
    info.external_attr = 0o600 << 16
    return info


def zipped(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """(name, its bytes in pieces) as they are, with fixed dates: the same files give the same ZIP."""
    outlet = _Outlet()
    with zipfile.ZipFile(cast(IO[bytes], outlet), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chunks in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as target:
                for chunk in chunks:
                    target.write(chunk)
                    yield from outlet.take(PIECE)
    yield from outlet.take()
