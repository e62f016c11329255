"""`mps dce sources`: what the checks and the clauses of a dossier stand on, for the buyer's own file."""

import json
from pathlib import Path
from typing import Annotated, cast

import typer

from api.cli.dce import At, BadFile, Json, NotAdopted, _end, _listed, _moment, _read, _write
from api.cli.dce_acts import app as app
from dce_templates.build import Built
from dce_templates.catalogue import ClauseError
from dce_templates.render.pdf import PdfError
from dce_templates.sources import FORMATS, Format, build_sources
from procurement.rules import rule_table


@app.command("sources")
def sources_command(
    file: Annotated[Path, typer.Argument(help="Dossier en YAML")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Dossier de sortie")],
    formats: Annotated[str, typer.Option("--format", help="docx,pdf,html,csv")] = ",".join(FORMATS),
    as_json: Json = False,
    not_adopted: NotAdopted = False,
    at: At = "",
) -> None:
    """Write the annex « Sources », which stays with the buyer: exit 0, or 2 where the file is unreadable."""
    wanted, now, table = cast(tuple[Format, ...], _listed(formats, FORMATS)), _moment(at), rule_table()
    try:
        made = build_sources(
            _read(file), table.figures, table.rules, wanted, now=now, table=table.name, adopted=not not_adopted
        )
    except (BadFile, ClauseError, PdfError) as error:
        _end(str(error))
    _write(out, Built(made, (), ()))
    if as_json:
        files = [{"name": each.name, "media_type": each.media_type, "sha256": each.sha256} for each in made]
        print(json.dumps({"files": files}, ensure_ascii=False))
    else:
        for each in made:
            print(f"{out / each.name}  sha256 {each.sha256}")
