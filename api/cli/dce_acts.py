"""`mps dce amendment`: an amendment to a running contract from a YAML file, beside dce.py's commands."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from api.cli.dce import (
    MAX_BYTES,
    At,
    BadFile,
    Json,
    NotAdopted,
    _content,
    _end,
    _formats,
    _moment,
    _motives,
    _read,
    _tell,
)
from api.cli.dce_word import app as app
from dce_templates.acts.amendment import Amendment, from_dossier, laid_over
from dce_templates.acts.build import FORMATS, build_amendment
from dce_templates.build import Format
from dce_templates.dossier import DossierError, parse_model
from dce_templates.fields import Model
from dce_templates.render.odt import OdtError
from dce_templates.render.pdf import PdfError
from dce_templates.strict_yaml import YamlError, read_mapping
from procurement.rules import rule_table
from siret_lookup.siret import SiretError, parse_siret

Out = Annotated[Path, typer.Option("--out", "-o", help="Dossier de sortie")]
Override = Annotated[list[str] | None, typer.Option("--override", help="REGLE=motif, pour passer outre")]
Wanted = Annotated[
    str | None,
    typer.Option("--format", help="docx,pdf,html, odt avec LibreOffice ; sans cette option, les trois premiers"),
]
T = TypeVar("T", bound=Model)


@app.command("amendment")
def amendment_command(
    file: Annotated[Path, typer.Argument(help="Avenant en YAML")],
    out: Out,
    dossier: Annotated[Path | None, typer.Option("--dossier", help="Dossier du marché, en YAML")] = None,
    formats: Wanted = None,
    override: Override = None,
    as_json: Json = False,
    not_adopted: NotAdopted = False,
    at: At = "",
) -> None:
    """Check, then write an amendment that adds clauses, data or prices to a running contract: exit 1 if blocked."""
    wanted, now, table = _wanted(formats), _moment(at), rule_table()
    how: dict[str, Any] = {"adopted": not not_adopted, "passed_over": _motives(override or [], table.contracts)}
    try:
        start = from_dossier(_read(dossier)) if dossier else {}
        act = _act(Amendment, file, laid_over(start, _plain(file)), "un avenant")
        _numbers(file, act.holder.siret, act.buyer.siret)
        built = build_amendment(act, table.figures, table.contracts, wanted, now=now, **how)
    except (BadFile, OdtError, PdfError) as error:
        _end(str(error))
    _tell(out, built, as_json)


def _wanted(text: str | None) -> tuple[Format, ...]:
    formats = _formats(text) or FORMATS
    if "xlsx" in formats:
        _end("Un acte n'a pas de classeur : formats possibles : docx, pdf, html, odt.")
    return formats


def _plain(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(_content(path, MAX_BYTES, "un acte").decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(f"Le fichier « {path} » n'est pas du texte en UTF-8.") from error
    except YamlError as error:
        raise BadFile(f"Le fichier « {path} » ne peut pas être lu. {error}") from error


def _act(model: type[T], path: Path, data: dict[str, Any], what: str) -> T:
    try:
        return parse_model(model, data)
    except DossierError as error:
        raise BadFile(f"Le fichier « {path} » ne décrit pas {what}. {error}") from error


def _numbers(path: Path, *sirets: str) -> None:
    """Raises BadFile: a number that no establishment can have."""
    for number in sirets:
        try:
            parse_siret(number)
        except SiretError as error:
            raise BadFile(f"Le fichier « {path} » est à corriger. {error.sentence}") from error
