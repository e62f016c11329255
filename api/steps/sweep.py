"""Once a day, removes stored files that no row names: an upload whose server died, a publication that failed."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from api import db as database
from api.context import Context
from api.steps.daily import turn_of_day
from procurement.appeals import Appeal
from procurement.candidacy import CandidacyFile
from procurement.consultation import DceFile
from procurement.deliveries import Delivery
from procurement.execution.assignments import Assignability
from procurement.execution.documents import Paper
from procurement.invoice_copy import InvoiceCopy
from procurement.people import Organisation
from procurement.pes import PesSending
from procurement.piece_requests import PieceRequest
from procurement.signers import Signer
from procurement.trust_lists import ListVersion

# A file is stored an instant before its row; a day leaves room for any clock, and for whoever wants to look.
AGE = timedelta(days=1)
# Folder → the only column that names its files. A folder that is not here is never swept.
NAMED: Mapping[str, InstrumentedAttribute[Any]] = {
    "plis": CandidacyFile.key,
    "dce": DceFile.key,
    "given": PieceRequest.document_key,
    "deliveries": Delivery.file_key,
    "models": Organisation.word_model_key,
    "preparations": Signer.prepared_key,
    "lists": ListVersion.key,
    "appeals": Appeal.file_key,
    "tokens": Signer.token_key,
    "pes": PesSending.key,
    "received": InvoiceCopy.key,
    "papers": Paper.key,
    "certificates": Assignability.key,
}
log = structlog.get_logger("mps.sweep")


def sweep_once(context: Context) -> bool:
    """True when something was removed. One worker a day does it; one that dies leaves the rest to the next day."""
    now = turn_of_day(context, "sweep")
    if now is None:
        return False
    removed = 0
    for folder in NAMED:
        for keys in context.storage.older(folder, now - AGE):
            for key in _unnamed(context, folder, keys):
                context.storage.delete(key)
                log.info("removed", key=key)
                removed += 1
    return removed > 0


def _unnamed(context: Context, folder: str, keys: list[str]) -> Iterator[str]:
    column = NAMED[folder]
    with database.reading(context.database) as db:
        named = set(db.scalars(select(column).where(column.in_(keys))))
    return (key for key in keys if key not in named)
