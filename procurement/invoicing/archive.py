"""An archive of invoices, of unknown origin: which file is whose. A plain function, for a worker process."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from procurement.invoicing.invoice import MAX_FILE, InvoiceUnreadable
from procurement.invoicing.reading import open_invoice

MOST_FILES = 2000
MOST_BYTES = 150 << 20
_NUMBER = re.compile(r"\d+")
_BAD = "L’archive reçue ne se lit pas."
_TOO_BIG = "L’archive reçue est trop grosse, ou contient trop de fichiers."
_EMPTY = "L’archive reçue ne contient pas cette facture."


@dataclass(frozen=True)
class Unpacked:
    """One invoice's file; `reads`: it opens as an electronic invoice."""

    name: str
    content: bytes
    reads: bool


def unpack(content: bytes, numbers: Sequence[str]) -> dict[str, Unpacked]:
    """Portal number → its invoice: the file that reads as one, else the biggest.

    Of several invoices, a file is of the number that its path names; alone, all files are its own. What cannot be told
    apart is left out. Raises InvoiceUnreadable.
    """
    files = list(_files(content))
    if len(numbers) == 1:
        if not files:
            raise InvoiceUnreadable(_EMPTY)
        return {numbers[0]: _best(files)}
    shared: dict[str, list[tuple[str, bytes]]] = {}
    for name, data in files:
        named = set(_NUMBER.findall(name)) & set(numbers)
        if len(named) == 1:
            shared.setdefault(named.pop(), []).append((name, data))
    return {number: _best(found) for number, found in shared.items()}


def _files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Those of the ZIP, or the file itself where it is none."""
    if not content.startswith(b"PK"):
        if content:
            yield "facture", content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
                raise InvoiceUnreadable(_TOO_BIG)
            for member in members:
                with archive.open(member) as file:
                    yield member.filename, file.read(MAX_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InvoiceUnreadable(_BAD) from error


def _best(files: Sequence[tuple[str, bytes]]) -> Unpacked:
    for name, data in files:
        if _reads(data):
            return Unpacked(_leaf(name), data, reads=True)
    name, data = max(files, key=lambda file: len(file[1]))
    return Unpacked(_leaf(name), data, reads=False)


def _leaf(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2] or "facture"


def _reads(data: bytes) -> bool:
    try:
        open_invoice(data)
    except InvoiceUnreadable:
        return False
    return True
