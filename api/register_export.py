"""The register of an opened consultation as one file that anybody can recompute, under the service's seal."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from procurement.consultation import Consultation
from procurement.errors import Refused
from procurement.events import GENESIS, Event, chain_holds, record, register

NAME = "registre.json"
# How procurement/events.py makes each line's digest.
RECIPE = (
    "hash = SHA-256, en hexadécimal, de la liste JSON [consultation, seq, at, actor, kind, subject, data, previous] "
    "écrite en UTF-8 avec « , » et « : » suivis d’une espace, les clés de data triées. previous est le hash de la "
    f"ligne d’avant ; celui de la première est {GENESIS[:4]}…, soixante-quatre zéros."
)


def line(event: Event) -> dict[str, Any]:
    """One line with everything that its digest covers."""
    return {
        "consultation": event.consultation_id,
        "seq": event.seq,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "kind": event.kind,
        "subject": event.subject,
        "data": event.data,
        "previous": event.previous_hash,
        "hash": event.hash,
    }


def register_file(db: Session, consultation: Consultation, now: datetime) -> bytes:
    """The whole register in JSON. Raises Refused before the opening: its lines would betray who answers (R2132-9)."""
    if consultation.opened_at is None:
        raise Refused("Le registre s’exporte après l’ouverture des plis : avant, il dirait qui répond.", "R2132-9")
    told = {
        "buyer": {"name": consultation.organisation.name, "siret": consultation.organisation.siret},
        "number": consultation.number,
        "object": consultation.object,
        "exported_at": now.isoformat(),
        "holds": chain_holds(db, consultation),
        "recipe": RECIPE,
        "lines": [line(event) for event in register(db, consultation)],
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def note_sealing(
    db: Session, consultation: Consultation, name: str, sha256: str, level: str, by: str, now: datetime
) -> None:
    """Each use of the seal on a consultation's document is a line of its register."""
    record(db, consultation, "consultation.sealed", consultation.ref, by, now, name=name, sha256=sha256, level=level)
