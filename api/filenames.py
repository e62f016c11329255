"""Names of files that come from anywhere."""

import os
from pathlib import Path


def shown(path: Path | str) -> str:
    """A name as text, whatever its bytes: neither JSON nor a database has a place for one that is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
