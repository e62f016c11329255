"""Minutes, report and register of an opened consultation, for its officers alone. Each look is logged.

The minutes of the opening and the register leave under the service's seal; the rest is a draft to complete.
"""

import hashlib

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api import db as database
from api import isolate
from api.auth import OFFICER, Who
from api.context import Context, Ctx
from api.db import reading, transaction
from api.downloads import attachment
from api.minutes import minutes_of
from api.pages.opening import BASE, log_looks
from api.register_export import NAME, note_sealing, register_file
from api.seal import WORDS, key_of, seal_file, seal_or_not
from procurement.consultation import find_for
from procurement.errors import NotFound, Refused
from procurement.people import Person

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
    file = f"{stem}_{number}.{extension}"
    if name == "ouverture.pdf":
        content = _sealed_minutes(ctx, who, ref, content, file)
    log_looks(ctx, candidacies, who, looked)
    return attachment(content, file, TYPES[extension])


def _sealed_minutes(ctx: Context, who: Person, ref: str, content: bytes, name: str) -> bytes:
    """The minutes just made, sealed where this service has a seal."""
    if key_of(ctx) is None:
        return content
    with reading(ctx.database) as db:
        now = database.now(db)
    sealed, level = seal_or_not(ctx, content, f"Procès-verbal d’ouverture : {WORDS}", name, now)
    if level:
        _note(ctx, who, ref, name, hashlib.sha256(sealed).hexdigest(), level)
    return sealed


def _note(ctx: Context, who: Person, ref: str, name: str, sha256: str, level: str) -> None:
    with transaction(ctx.database) as db:
        note_sealing(db, find_for(db, ref, who), name, sha256, level, who.email, database.now(db))


@router.get(f"{BASE}/registre.asics", dependencies=[Depends(OFFICER)])
def export_register(ctx: Ctx, who: Who, ref: str) -> Response:
    """The whole register in JSON inside a sealed container (ASiC-S), which /verifier reads."""
    with reading(ctx.database) as db:
        consultation, now = find_for(db, ref, who), database.now(db)
        content, number = register_file(db, consultation, now), consultation.number
    name = f"REGISTRE_{number}.asics"
    sealed = seal_file(ctx, content, NAME, name, now)
    _note(ctx, who, ref, name, sealed.sha256, sealed.level)
    return attachment(sealed.content, name, "application/vnd.etsi.asic-s+zip")


@router.get(f"{BASE}/registre.json", dependencies=[Depends(OFFICER)])
def export_plain_register(ctx: Ctx, who: Who, ref: str) -> Response:
    """The same without a seal, for an install that has none."""
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        content, number = register_file(db, consultation, database.now(db)), consultation.number
    return attachment(content, f"REGISTRE_{number}.json", "application/json")
