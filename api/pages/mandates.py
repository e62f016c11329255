"""The supporting documents of one mandate."""

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api import db as database
from api.auth import FINANCE, Who
from api.context import Ctx
from api.db import reading
from api.downloads import streamed
from api.mandate import bundle_of, mandate_of
from procurement.contract import paris_day
from procurement.errors import Refused
from procurement.invoice_copy import find_invoice
from procurement.ledger import ADMITTED

router = APIRouter(include_in_schema=False)


@router.get("/factures/{ref}/pieces.zip", dependencies=[Depends(FINANCE)])
def mandate_pieces(ctx: Ctx, who: Who, ref: str) -> Response:
    """Once it is approved: before, there is nothing to pay."""
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
        if copy.contract is None or copy.state not in ADMITTED | {"to_confirm"}:
            raise Refused("Les pièces d’un mandat se réunissent une fois la facture approuvée.")
        mandate = mandate_of(db, copy, copy.contract, paris_day(database.now(db)))
        name = f"mandat-{copy.contract.number}-{copy.number}.zip"
    return streamed(bundle_of(ctx.storage, mandate), name, "application/zip")
