"""/api/v1/contracts: a contract as its buyer's staff reads it."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api import db as database
from api.auth import BUYER, Who
from api.db import Db
from api.v1.answers import PROBLEMS
from procurement.billing import record_of, whole_of
from procurement.contract import find_contract, paris_day
from procurement.execution.engagements import quoted

router = APIRouter(prefix="/api/v1/contracts", tags=["contracts"], responses=PROBLEMS)


class ContractOut(BaseModel):
    """Amounts are strings, in euros HT. `record`: its entry of the contracts file, as invoices are checked with it.

    `engagement` is what an invoice of no part quotes; the engagements of each tranche or order stand in `record.parts`.
    """

    ref: str
    number: str
    state: str
    consultation: str
    holder: dict[str, str]
    amount_ht: str
    engagement: str
    service: str
    unsigned_sha256: str
    signed_sha256: str | None
    signed_at: datetime | None
    notified_at: datetime | None
    received_on: date | None
    record: dict[str, Any]


@router.get("/{ref}", dependencies=[Depends(BUYER)])
def contract(db: Db, who: Who, ref: str) -> ContractOut:
    found = find_contract(db, ref, who)
    return ContractOut(
        ref=found.ref,
        number=found.number,
        state=found.state,
        consultation=found.consultation.ref,
        holder={"siret": found.holder_siret, "name": found.holder_name},
        amount_ht=f"{found.amount:.2f}",
        engagement=quoted(db, found).whole,
        service=found.service,
        unsigned_sha256=found.act.unsigned_sha256,
        signed_sha256=found.act.signed_sha256,
        signed_at=found.act.signed_at,
        notified_at=found.notified_at,
        received_on=found.received_on,
        record=record_of(whole_of(db, found), today=paris_day(database.now(db))),
    )
