"""The files that are produced: their name, their bytes, their fingerprint."""

import hashlib
import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """A produced file, with the sha256 of its bytes."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    sha256: str


def file_of(name: str, media_type: str, content: bytes) -> File:
    return File(name, media_type, content, hashlib.sha256(content).hexdigest())


def slug(text: str) -> str:
    """A reference as the name of a file carries it."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", text)
