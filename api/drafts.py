"""What a new draft starts from, so that an officer types only what is new."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.dossiers import PARIS
from procurement.consultation import Consultation
from procurement.people import Organisation

CRITERIA: list[dict[str, str]] = [
    {"id": "price", "kind": "price", "label": "Prix des prestations", "weight": "40"},
    {"id": "technical", "kind": "technical", "label": "Valeur technique", "weight": "40"},
    {"id": "environment", "kind": "environmental", "label": "Performance environnementale", "weight": "20"},
]
# Parts that do not change from one consultation to the next.
KEPT = ("buyer", "court", "place", "payment_delay_days", "publicity", "service_code", "advance")


def next_number(db: Session, organisation: Organisation, year: int) -> str:
    """« 2026-004 » : the first number of this shape that no consultation of the buyer carries."""
    taken = set(db.scalars(select(Consultation.number).where(Consultation.organisation_id == organisation.id)))
    rank = next(n for n in range(1, len(taken) + 2) if f"{year}-{n:03d}" not in taken)
    return f"{year}-{rank:03d}"


def _from_organisation(organisation: Organisation) -> dict[str, Any]:
    buyer: dict[str, Any] = {"kind": "local"}
    if organisation.email:
        buyer["email"] = organisation.email
    if place := re.fullmatch(r"(.+?),?\s+(\d{5})\s+(.+)", organisation.address.strip()):
        buyer["address"] = {"street": place[1].rstrip(","), "postcode": place[2], "city": place[3]}
    return {"buyer": buyer, "publicity": ["profile"], "payment_delay_days": "30"}


def _kind(said: str) -> dict[str, Any]:
    """What the administrator said once, before what the last consultation had."""
    return {"kind": said.removesuffix("_large"), "large": said == "local_large"} if said else {}


def starting_dossier(db: Session, organisation: Organisation, public_url: str, now: datetime) -> dict[str, Any]:
    """The dossier of an empty form: today, usual values, and what the buyer's last consultation said of itself."""
    today = now.astimezone(PARIS).date()
    latest = db.scalar(select(func.max(Consultation.id)).where(Consultation.organisation_id == organisation.id))
    before = db.get_one(Consultation, latest).dossier if latest else {}
    data: dict[str, Any] = {
        "reference": next_number(db, organisation, today.year),
        "launched_on": today.isoformat(),
        "kind": "services",
        "ccag": "FCS",
        "renewals": "0",
        "renewal_months": "12",
        "price": {"form": "Forfaitaire", "kind": "Définitif ferme", "vat_rate": "0.2"},
        "advance": {"granted": True, "rate": "0.1"},
        "validity_days": "120",
        "negotiation": True,
        "capacity": {"references": "3"},
        "criteria": CRITERIA,
        **_from_organisation(organisation),
        **{key: before[key] for key in KEPT if key in before},
    }
    data["buyer"] = {"profile_url": public_url, **data["buyer"], **_kind(organisation.public_kind)}
    return data
