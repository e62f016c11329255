"""`mps backup OUT`, `mps restore IN`: the database and its files in one archive."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.backup import backup as make_backup
from api.backup import restore as read_backup
from api.settings import load


def backup(out: Annotated[Path, typer.Argument(help="Archive à écrire (.tar.gz)")]) -> None:
    """Write every row and every file; SECRET_KEY is not in it: keep it apart."""
    rows, files = make_backup(load(), out)
    print(
        f"{rows} lignes et {files} fichiers dans {out}. Gardez SECRET_KEY à part : sans elle, rien ne s’ouvre.",
        file=sys.stderr,
    )


def restore(source: Annotated[Path, typer.Argument(metavar="IN", help="Archive à lire")]) -> None:
    """Restore into an empty database and an empty storage; refuses any other."""
    rows, files = read_backup(load(), source)
    print(f"{rows} lignes et {files} fichiers restaurés.", file=sys.stderr)
