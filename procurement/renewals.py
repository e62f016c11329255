"""Proofs that run out while a contract runs: a calendar, and what is asked again in time (D8222-5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from procurement.consultation import Consultation
from procurement.contract import Contract, paris_day
from procurement.events import lock, record
from procurement.mail import post
from procurement.people import Role, staff_of
from procurement.pieces import Piece, ask_again, pieces_of
from siret_lookup.catalogue import PIECES
from siret_lookup.periods import later

# Asked of the holder every six months until the contract ends (code du travail, D8222-5).
RENEWED = ("vigilance", "msa_conformite")
AHEAD = timedelta(days=30)
AGAIN_AFTER = timedelta(days=14)
LIFE_MONTHS = 6


@dataclass(frozen=True)
class Due:
    """One proof and its end: `until` is the authority's date, `strictly_until` the text's (under six months)."""

    title: str
    fetched_on: date
    until: date | None
    strictly_until: date
    state: Literal["valid", "soon", "past"]


def contract_end(contract: Contract) -> date | None:
    """The last day, renewals included; None before the contract takes effect or where the dossier says no duration."""
    # A form writes its numbers as text.
    dossier = contract.consultation.dossier
    months, renewals, each = (_whole(dossier.get(key)) for key in ("duration_months", "renewals", "renewal_months"))
    if contract.received_on is None or not months:
        return None
    return later(contract.received_on, months + renewals * each + contract.months_added) - timedelta(days=1)


def _whole(value: object) -> int:
    text = str(value or 0)
    return int(text) if text.isascii() and text.isdigit() else 0


def strict_end(piece: Piece) -> date | None:
    """The last day on which this proof is under six months old: its own date, else counted from its reception."""
    if piece.outcome != "obtained" or piece.fetched_at is None:
        return None
    counted = later(paris_day(piece.fetched_at), LIFE_MONTHS) - timedelta(days=1)
    return piece.valid_strictly_until or piece.valid_until or counted


def proofs_due(pieces: Sequence[Piece], today: date) -> list[Due]:
    """The calendar of what runs out, the earliest first."""
    found = []
    for piece in pieces:
        end = strict_end(piece)
        if piece.fetched_at is None or end is None or not (piece.key in RENEWED or piece.valid_until):
            continue
        state: Literal["valid", "soon", "past"] = "past" if end < today else "soon" if end - today <= AHEAD else "valid"
        title = PIECES[piece.key].title
        found.append(Due(title, paris_day(piece.fetched_at), piece.valid_until, end, state))
    return sorted(found, key=lambda due: due.strictly_until)


def renewable(pieces: Sequence[Piece]) -> list[Piece]:
    """Those to keep fresh. A scheme that does not know the company is asked again only where no other knows it."""
    held = any(p.outcome == "obtained" for p in pieces)
    left_out = {"not_applicable", "not_found", "out_of_scope"} if held else {"not_applicable"}
    return [p for p in pieces if p.outcome not in left_out]


def claim_renewal(db: Session, today: date) -> Contract | None:
    """A running contract whose proofs are to be looked at; its consultation is locked, as by every other move."""
    contract = db.scalar(
        select(Contract)
        .join(Contract.consultation)
        .where(Contract.state == "in_effect", Contract.renew_on <= today)
        .order_by(Contract.renew_on, Contract.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Consultation)
    )
    if contract is None:
        return None
    db.refresh(contract)  # another worker may have looked at it before the lock
    return contract if contract.renew_on is not None and contract.renew_on <= today else None


def renew(db: Session, contract: Contract, now: datetime) -> None:
    """Ask again what ends within a month; say so to both sides; set when to look next, nothing after the end."""
    lock(db, contract.consultation)
    today, end = paris_day(now), contract_end(contract)
    if end is not None and end < today:
        contract.renew_on = None
        return
    pieces = renewable([p for p in pieces_of(db, contract.candidacy) if p.key in RENEWED])
    ends = [strict_end(piece) for piece in pieces]
    running_out = [p for p, day in zip(pieces, ends, strict=True) if day is None or day - today <= AHEAD]
    if not running_out:
        contract.renew_on = min((day for day in ends if day), default=today + AGAIN_AFTER * 6) - AHEAD
        return
    asked = [p for p in running_out if p.state == "settled"]
    for piece in asked:
        ask_again(db, piece, "worker", now)
    contract.renew_on = today + AGAIN_AFTER
    _tell(db, contract, asked, today, now)


def _tell(db: Session, contract: Contract, asked: Sequence[Piece], today: date, now: datetime) -> None:
    if not asked:
        return
    titles = ", ".join(_said(piece) for piece in asked)
    record(db, contract.consultation, "contract.renewal", contract.ref, "worker", now, keys=[p.key for p in asked])
    subject = f"Marché {contract.number} – preuves à renouveler"
    said = {"number": contract.number, "holder": contract.holder_name, "titles": titles}
    for address in staff_of(db, contract.organisation_id, Role.OFFICER, Role.FINANCE):
        post(db, to=address, subject=subject, body=BUYER.format(**said), now=now)
    post(db, to=contract.candidacy.contact_email, subject=subject, body=HOLDER.format(**said), now=now)


def _said(piece: Piece) -> str:
    end = strict_end(piece)
    return f"{PIECES[piece.key].title} ({f'jusqu’au {end:%d/%m/%Y}' if end else 'non obtenue à ce jour'})"


BUYER = """Bonjour,

Marché {number}, titulaire {holder} : ces preuves datent de bientôt six mois, ou n’ont pas été obtenues (article D8222-5
du code du travail) : {titles}.

Elles sont redemandées aujourd’hui aux organismes. La page du marché montre la réponse et la prochaine date.

mps
"""
HOLDER = """Bonjour,

Marché {number} : ces preuves se renouvellent tous les six mois jusqu’à la fin du marché (article D8222-5 du code du
travail) : {titles}.

Vous n’avez rien à fournir pour l’instant : l’acheteur les redemande lui-même aux organismes. S’il ne les obtient
pas, il vous écrira.

mps
"""
