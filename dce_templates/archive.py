"""Parts of an archive that someone else made: what it says of their sizes is not believed."""

import zipfile
from collections.abc import Iterable, Iterator


class TooMuch(Exception):
    """The parts unpack to more than there is room for."""


def unpacked(
    archive: zipfile.ZipFile, entries: Iterable[zipfile.ZipInfo], room: int
) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Each entry with its bytes, `room` bytes in all at the most. Raises TooMuch, and what zipfile raises."""
    for entry in entries:
        with archive.open(entry) as stream:
            data = stream.read(room + 1)
        room -= len(data)
        if room < 0:
            raise TooMuch
        yield entry, data
