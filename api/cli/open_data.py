"""`mps decp export`: the essential data of the contracts in effect, on the standard output."""

import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from api.db import connect, reading
from api.open_data import records
from api.settings import load
from procurement.errors import Unavailable
from procurement.publication.decp import to_json, to_xml


class Format(StrEnum):
    JSON = "json"
    XML = "xml"


def export(
    since: Annotated[
        datetime | None, typer.Option(metavar="AAAA-MM-JJ", formats=["%Y-%m-%d"], help="Publiées ce jour ou après.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Forme du document.")] = Format.JSON,
) -> None:
    """Exporter les données essentielles des marchés en vigueur (JSON ou XML)."""
    settings = load()
    database = connect(settings.database_url)
    write = {Format.JSON: to_json, Format.XML: to_xml}[form]
    try:
        with reading(database) as db:
            sandbox = settings.api_entreprise_url is None
            document = write(list(records(db, sandbox, since.date() if since else None)))
    except (OperationalError, ProgrammingError):
        raise Unavailable("La base de données ne répond pas, ou n’est pas à jour : lancez `mps migrate`.") from None
    finally:
        database.dispose()
    sys.stdout.buffer.write(document)
