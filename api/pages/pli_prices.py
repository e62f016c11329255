"""A price workbook that came back in a pli, read against the one that was sent: in a worker process, nothing kept."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import db as database
from api import isolate
from api.auth import OFFICER, Who
from api.board_view import header
from api.context import Context, Ctx
from api.db import transaction
from api.isolate import WorkFailed
from api.pages.opening import BASE
from api.render import page
from api.review import read
from api.unsealing import clear_chunks
from dce_templates.dossier import Dossier
from procurement.candidacy import CandidacyFile, find_received
from procurement.consultation import Consultation, find_for
from procurement.errors import NotFound, Refused
from procurement.looks import looked
from procurement.people import Person

router = APIRouter(include_in_schema=False)
PATH, TEMPLATE = f"{BASE}/plis/{{cref}}/prix/{{file}}", "opening/prices.html"
CAP, SHOWN = 5_000_000, 100


def priced(consultation: Consultation, file: CandidacyFile) -> bool:
    """Whether this file may hold the prices that the dossier asked for, line by line."""
    offered = file.kind == "offer" and file.name.lower().endswith(".xlsx")
    return offered and bool(consultation.dossier.get("price_lines"))


@router.get(PATH, dependencies=[Depends(OFFICER)])
def prices(request: Request, ctx: Ctx, who: Who, ref: str, cref: str, file: str) -> Response:
    """The prices as read, their total beside the amount of the offer, and each cell that does not hold."""
    context, consultation, found, dossier = _known(ctx, who, ref, cref, file)
    amount = Decimal(context["amount"]) if context["amount"] else None
    try:
        content = _content(ctx, consultation, found, context.pop("now"))
        report: Any = isolate.run("dce_templates.read_prices:read_prices_plain", dossier, content, amount)
    except (WorkFailed, Refused) as error:
        return page(request, TEMPLATE, **context, report=None, refused=error.sentence)
    return page(request, TEMPLATE, **context, report=report, refused="", shown=SHOWN)


def _known(
    ctx: Context, who: Person, ref: str, cref: str, file: str
) -> tuple[dict[str, Any], Consultation, CandidacyFile, Dossier]:
    with transaction(ctx.database) as db:
        consultation, now = find_for(db, ref, who), database.now(db)
        candidacy = find_received(db, consultation, cref)
        found = next((f for f in candidacy.files if f.ref == file and priced(consultation, f)), None)
        dossier, _ = read(consultation.dossier)
        if found is None or dossier is None:
            raise NotFound
        looked(db, candidacy, who.email, f"Prix lus : {found.name}"[:200], now)
        context = {
            "consultation": header(consultation), "cref": cref, "company": candidacy.name, "name": found.name,
            "amount": candidacy.opened_amount, "now": now,
        }  # fmt: skip
        return context, consultation, found, dossier


def _content(ctx: Context, consultation: Consultation, file: CandidacyFile, now: datetime) -> bytes:
    """The clear bytes. Raises Refused above the size that a price workbook can have."""
    if file.size > CAP:
        raise Refused(f"Ce fichier dépasse {CAP // 10**6} Mo : ce n’est pas le classeur de prix qui a été envoyé.")
    return b"".join(clear_chunks(ctx, consultation, file.key, now))
