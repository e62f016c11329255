"""Records of a procedure, from its own facts: minutes of the opening, and report (R2184-1 to R2184-6, once called OUV).

Nothing is judged here: what the service does not know stays a blank for the buyer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from dce_templates import french
from dce_templates.acts.documents import document
from dce_templates.blocks import Document
from dce_templates.dossier import Dossier
from dce_templates.view import address, view

Record = Literal["opening", "report", "letters"]
TITLES: dict[Record, str] = {
    "opening": "Procès-verbal d'ouverture des plis",
    "report": "Rapport d'analyse et de présentation de la procédure",
    "letters": "Courriers aux candidats",
}


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit received in time. `amount` is the clear one in euros excluding VAT; None where none was opened here.

    `standing`: winner, intended, aside (with its motive) or received.
    """

    name: str
    siret: str
    received_at: datetime
    files: int
    offer_files: int
    amount: Decimal | None
    sealed: bool
    sha256: str
    standing: Literal["winner", "intended", "aside", "received"] = "received"
    motive: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The award as it was decided."""

    amount: Decimal
    motive: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Minutes:
    """The facts. `late`: (name, received at). `overrides`: (article, motive, by, at) of the checks passed over.

    `threshold` is the European one where the buyer adopted the table of rules, else None: no law is then stated.
    """

    dossier: Dossier
    published_at: datetime
    dce_version: int
    deadline: datetime
    opened_at: datetime
    opened_by: str
    offers_elsewhere: str
    register_sha256: str
    deposits: tuple[Deposit, ...]
    late: tuple[tuple[str, datetime], ...]
    overrides: tuple[tuple[str, str, str, datetime], ...] = ()
    decision: Decision | None = None
    abandoned: str = ""
    threshold: Decimal | None = None
    standstill_days: int | None = None


def record(kind: Record, facts: Minutes, now: datetime) -> Document:
    """The blocks of one record."""
    dossier = facts.dossier
    words = view(dossier, {}) | {
        "m": facts,
        "made_on": french.moment(now),
        "published_at": french.moment(facts.published_at),
        "deadline": french.moment(facts.deadline),
        "opened_at": french.moment(facts.opened_at),
        "buyer_address": address(dossier.buyer.address),
        "rows": [_row(number, item) for number, item in enumerate(facts.deposits, 1)],
        "late": [{"name": name, "at": french.moment(at)} for name, at in facts.late],
        "overrides": [{"rule": r, "motive": m, "by": by, "at": french.moment(at)} for r, m, by, at in facts.overrides],
        "estimate": french.euros(dossier.estimated_amount),
        "threshold": french.euros(facts.threshold) if facts.threshold is not None else "",
        "above": facts.threshold is not None and dossier.estimated_amount >= facts.threshold,
        "decided_at": french.moment(facts.decision.at) if facts.decision else "",
        "awarded": french.euros(facts.decision.amount) if facts.decision else "",
        **_letters(facts),
    }
    return document(kind, TITLES[kind], dossier.object, dossier.reference, dossier.buyer.name, words)


def _letters(facts: Minutes) -> dict[str, Any]:
    """Who won, and the first day of the signature where the procedure has a standstill (R2182-1)."""
    formal, days, decision = facts.dossier.formal, facts.standstill_days, facts.decision
    until = decision.at + timedelta(days=days + 1) if formal and days is not None and decision else None
    return {
        "winner": next((item.name for item in facts.deposits if item.standing == "winner"), ""),
        "formal": formal,
        "standstill_until": french.day(until.astimezone(french.PARIS).date()) if until else "",
        "court_address": address(facts.dossier.court.address),
    }


def _row(number: int, item: Deposit) -> dict[str, Any]:
    amount = french.euros(item.amount) if item.amount is not None else ""
    return {
        "number": number,
        "name": item.name,
        "siret": french.siret(item.siret),
        "at": french.moment(item.received_at),
        "files": item.files,
        "offer_files": item.offer_files,
        "amount": amount or ("illisible" if item.sealed else "aucun montant ici"),
        "sha256": item.sha256,
        "standing": item.standing,
        "motive": item.motive,
    }
