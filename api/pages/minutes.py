"""Minutes of the opening and report of an opened consultation, for its officers alone. Each look is logged."""

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api import db as database
from api import isolate
from api.auth import OFFICER, Who
from api.context import Ctx
from api.db import reading
from api.downloads import attachment
from api.minutes import minutes_of
from api.pages.opening import BASE, log_looks
from procurement.consultation import find_for
from procurement.errors import NotFound, Refused

router = APIRouter(include_in_schema=False)
# Name in the address → kind of record, name of the file, what the journal says.
RECORDS = {
    "ouverture": ("opening", "PV-OUVERTURE", "Procès-verbal d’ouverture"),
    "rapport": ("report", "RAPPORT", "Rapport d’analyse"),
    "courriers": ("letters", "COURRIERS", "Courriers aux candidats"),
}
TYPES = {"pdf": "application/pdf", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}


@router.get(f"{BASE}/proces-verbal/{{name}}", dependencies=[Depends(OFFICER)])
def record(ctx: Ctx, who: Who, ref: str, name: str) -> Response:
    """`ouverture.pdf`, `rapport.docx`, `courriers.docx`…, made on demand and never kept."""
    which, _, extension = name.partition(".")
    if which not in RECORDS or extension not in TYPES:
        raise NotFound
    kind, stem, looked = RECORDS[which]
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        facts, candidacies = minutes_of(db, consultation)
        if kind == "letters" and facts.decision is None:
            raise Refused("Les courriers s’écrivent une fois la décision prise : attribuez d’abord le marché.")
        number, now = consultation.number, database.now(db)
    content: bytes = isolate.run("dce_templates.acts.minutes_file:render", kind, facts, extension, now, seconds=60)
    log_looks(ctx, candidacies, who, looked)
    return attachment(content, f"{stem}_{number}.{extension}", TYPES[extension])
