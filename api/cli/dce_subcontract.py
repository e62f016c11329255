"""`mps dce subcontract`: a declaration of subcontracting from a YAML file. Apart: it can ask open data for a name."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.dce import At, BadFile, Json, NotAdopted, _end, _moment, _motives, _tell
from api.cli.dce_acts import Out, Override, Wanted, _act, _numbers, _plain, _wanted
from api.cli.dce_acts import app as app
from api.cli.dossier_candidat import _look_up
from api.portable import identity_of
from api.settings import load
from dce_templates.acts.build import build_subcontract
from dce_templates.acts.subcontract import Subcontract
from dce_templates.render.odt import OdtError
from dce_templates.render.pdf import PdfError
from procurement.rules import rule_table
from siret_lookup.siret import parse_siret


@app.command("subcontract")
def subcontract_command(
    file: Annotated[Path, typer.Argument(help="Déclaration de sous-traitance en YAML")],
    out: Out,
    formats: Wanted = None,
    override: Override = None,
    as_json: Json = False,
    not_adopted: NotAdopted = False,
    at: At = "",
) -> None:
    """Check, then write a declaration of subcontracting (DC4); a name not given is looked up by SIRET."""
    wanted, now, table = _wanted(formats), _moment(at), rule_table()
    how: dict[str, Any] = {"adopted": not not_adopted, "passed_over": _motives(override or [], table.contracts)}
    try:
        act = _act(Subcontract, file, _plain(file), "une déclaration de sous-traitance")
        _numbers(file, act.holder.siret, act.subcontractor.siret, act.buyer_siret)
        built = build_subcontract(_known(act), table.figures, table.contracts, wanted, now=now, **how)
    except (BadFile, OdtError, PdfError) as error:
        _end(str(error))
    _tell(out, built, as_json)


def _known(act: Subcontract) -> Subcontract:
    """The subcontractor as open data names it, where the file gives its SIRET alone."""
    other = act.subcontractor
    if other.name:
        return act
    number = parse_siret(other.siret)
    found = identity_of(number.value, _look_up(number, load())[0])
    if not found.name:
        sentence = f"Le SIRET {number} n'a pas été trouvé dans les données ouvertes"
        raise BadFile(f"{sentence} : vérifiez-le, ou écrivez le nom (subcontractor.name).")
    where = ", ".join(part for part in (found.street, f"{found.postcode} {found.city}".strip()) if part)
    said = {"name": found.name, "legal_form": other.legal_form or found.legal_form, "address": other.address or where}
    return act.model_copy(update={"subcontractor": other.model_copy(update=said)})
