"""Files: a folder or an S3 bucket behind obstore. Keys are write-once."""

import contextlib
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, S3Store

from procurement.errors import DomainError, NotFound


class Storage:
    """put once, get, delete, list. The only place that knows obstore."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "file":
            Path(parts.path).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._root: Path | None = Path(parts.path)
            self._store: LocalStore | S3Store = LocalStore(parts.path)
        else:
            self._root = None
            self._store = S3Store(parts.netloc, prefix=parts.path.strip("/") or None)

    def put(self, folder: str, content: bytes | Path) -> str:
        """Write under a fresh key of `folder`; never over an existing one."""
        key = f"{folder}/{secrets.token_hex(16)}"
        try:
            obstore.put(self._store, key, content, mode="create", use_multipart=False)
        except AlreadyExistsError as error:
            raise RuntimeError("a random key was drawn twice") from error
        return key

    def put_at(self, key: str, content: bytes) -> None:
        """Write under a known key (restoring a backup); never over an existing one."""
        obstore.put(self._store, key, content, mode="create", use_multipart=False)

    def usable(self) -> bool:
        """A tiny object can be written, is write-once, and read back."""
        try:
            key = self.put("probe", b"ok")
            whole = self.get(key) == b"ok"
            obstore.delete(self._store, key)
        except (OSError, RuntimeError, obstore.exceptions.BaseError):
            return False
        return whole

    def get(self, key: str) -> bytes:
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError as error:
            raise NotFound("Ce fichier n’est plus là.") from error

    def chunks(self, key: str) -> Iterator[bytes]:
        for chunk in obstore.get(self._store, key).stream(min_chunk_size=1 << 20):
            yield bytes(chunk)

    def delete(self, key: str) -> None:
        """Remove it; a second time finds nothing left to do. Only for what no row names."""
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def older(self, folder: str, before: datetime) -> Iterator[list[str]]:
        """The keys of `folder` written before that instant, a batch at a time; cut writes on a disk are removed."""
        if self._root:
            _remove_cut(self._root / folder, before.timestamp())
        for batch in obstore.list(self._store, prefix=folder, chunk_size=500):
            yield [item["path"] for item in batch if item["last_modified"] < before]

    def names(self) -> Iterator[str]:
        for batch in obstore.list(self._store):
            for item in batch:
                yield item["path"]


def _remove_cut(folder: Path, before: float) -> None:
    """obstore writes `name#1`, then renames it: a process killed in between leaves a file that no listing shows."""
    for file in folder.rglob("*#*"):
        with contextlib.suppress(FileNotFoundError):
            if re.search(r"#\d+$", file.name) and file.stat().st_mtime < before:
                file.unlink()


@contextlib.contextmanager
def withdrawn_if_refused(storage: Storage, keys: Iterable[str]) -> Iterator[None]:
    """What was stored for a record that is then refused is taken back: it was rolled back for certain.

    After any other failure the sweep decides.
    """
    try:
        yield
    except DomainError:
        for key in keys:
            storage.delete(key)
        raise
