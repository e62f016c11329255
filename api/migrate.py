"""Alembic from Python: no ini file, the same call at start, in the tests and in `mps migrate`."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from api.settings import ROOT


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`."""
    command.upgrade(_config(url), revision)


def head() -> str:
    """The newest revision."""
    return ScriptDirectory.from_config(_config("")).get_current_head() or ""


def generate(url: str, message: str, revision: str) -> None:
    """Write the migration from the database at `url` to the models (developers)."""
    command.revision(_config(url), message, autogenerate=True, rev_id=revision)
