"""Alembic from Python: no ini file, the same call at start, in the tests and in `mps migrate`."""

from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from api.settings import ROOT


def config(url: str, scripts: Path = ROOT / "migrations") -> Config:
    """Alembic's own, for the database at `url`."""
    made = Config()
    made.set_main_option("script_location", str(scripts))
    made.attributes["url"] = url
    return made


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`."""
    command.upgrade(config(url), revision)


def head() -> str:
    """The newest revision."""
    return ScriptDirectory.from_config(config("")).get_current_head() or ""


def generate(message: str) -> Path:
    """Write the next revision, from the newest to the models as they are now. Read it: it is a draft."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/empty.db"
        upgrade(url)
        made = command.revision(config(url), message, autogenerate=True, rev_id=f"{int(head()) + 1:04d}")
    if not isinstance(made, Script):
        raise RuntimeError("one revision was asked for")
    return Path(made.path)
