"""The essential data (DECP) as they were published, for anyone; the sandbox's are marked in the data itself."""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from sqlalchemy.orm import Session

from api.render import PARIS
from procurement.publication.essential import Essential, published

# A record has no field for it: the subject is what every reader of the data shows.
SANDBOX = "[Bac à sable, sans valeur] "


def records(
    db: Session, sandbox: bool, since: date | None = None, organisation: int | None = None
) -> Iterator[dict[str, Any]]:
    """One record per contract, oldest first, with all that was appended; of one buyer, or of all.

    `since`: published that day or later (Paris).
    """
    from_instant = datetime.combine(since, time(), PARIS) if since else None
    for essential in published(db, organisation, from_instant):
        yield shown(essential, sandbox)


def shown(essential: Essential, sandbox: bool) -> dict[str, Any]:
    """The record as the world reads it: as it was published, marked where it has no value."""
    made = essential.whole
    if sandbox or essential.contract.organisation.sandbox:
        made["objet"] = (SANDBOX + str(made["objet"]))[:1000]
    return made
