"""Sendings of a contract's sheet to the accounting officer, each with its number: N + 1 waits for the receipt of N.

A sheet that is refused gives its number back: the next one takes it again, so that the sequence has no gap.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.execution.amendments import BASES, Amendment, amendments_of
from procurement.execution.parties import HOLDER, Party, parties_of
from procurement.execution.parts import KINDS, ORDERED, Part, parts_of
from procurement.execution.terms import Terms, terms_of
from procurement.invoicing.handoff import canonical
from procurement.people import Person
from procurement.subcontract import Subcontract, standing_of


class PesSending(HasRef, Base):
    """One XML file. `facts_sha256`: of what it says, its number aside."""

    __tablename__ = "pes_sending"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "made": frozenset({"sent"}),
        "sent": frozenset({"acked", "refused"}),
        "acked": frozenset(),
        "refused": frozenset(),
    }

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))  # initial | correction
    state: Mapped[str] = mapped_column(String(10), default="made")
    sha256: Mapped[str] = mapped_column(String(64))
    facts_sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(254))
    sent_at: Mapped[datetime | None]
    acked_on: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(String(500), default="")


def sendings_of(db: Session, contract: Contract) -> Sequence[PesSending]:
    """The oldest first."""
    return db.scalars(select(PesSending).where(PesSending.contract_id == contract.id).order_by(PesSending.id)).all()


def find_sending(db: Session, contract: Contract, ref: str) -> PesSending:
    found = db.scalar(select(PesSending).where(PesSending.contract_id == contract.id, PesSending.ref == ref))
    if found is None:
        raise NotFound
    return found


def next_sequence(sendings: Sequence[PesSending], facts_sha256: str) -> int:
    """The number that the next sheet bears. Raises Refused while one is under way, or where nothing changed."""
    kept = [row for row in sendings if row.state != "refused"]
    if not kept:
        return 1
    last = kept[-1]
    if last.state != "acked":
        raise Refused(f"L’envoi n° {last.sequence} attend son acquittement : le suivant serait rejeté.")
    if last.facts_sha256 == facts_sha256:
        raise Refused(f"Rien n’a changé depuis l’envoi n° {last.sequence} : il n’y a rien à corriger.")
    return last.sequence + 1


def facts_digest(facts: Mapping[str, Any]) -> str:
    """The digest (hexadecimal) of what a sheet says."""
    return hashlib.sha256(canonical(facts)).hexdigest()


def keep_sending(
    db: Session, contract: Contract, *, sequence: int, facts_sha256: str, content_sha256: str, key: str,
    person: Person, now: datetime,
) -> PesSending:  # fmt: skip
    """Keep a sheet whose bytes are stored. Raises Refused where another took the number meanwhile."""
    fresh(db, contract)
    if next_sequence(sendings_of(db, contract), facts_sha256) != sequence:
        raise Refused("Un autre envoi vient d’être préparé : rechargez la page.")
    row = PesSending(
        contract_id=contract.id, sequence=sequence, kind="initial" if sequence == 1 else "correction",
        sha256=content_sha256, facts_sha256=facts_sha256, key=key, made_at=now, made_by=person.email,
    )  # fmt: skip
    db.add(row)
    db.flush()
    record(
        db, contract.consultation, "pessending.made", row.ref, person.email, now,
        sequence=sequence, sha256=content_sha256,
    )  # fmt: skip
    return row


def mark_sent(db: Session, contract: Contract, row: PesSending, person: Person, now: datetime) -> None:
    """A person transmitted it, by the buyer's own means."""
    fresh(db, contract)
    db.refresh(row)
    move(db, contract.consultation, row, "sent", person.email, now, sequence=row.sequence)
    row.sent_at = now


def answer(
    db: Session, contract: Contract, row: PesSending, to: str, on: date | None, reason: str, person: Person,
    now: datetime,
) -> None:  # fmt: skip
    """The receipt came (`acked`), or a refusal with its reason (`refused`). Raises Invalid field by field."""
    fresh(db, contract)
    db.refresh(row)
    wrong = {}
    if to not in ("acked", "refused"):
        wrong["to"] = "Dites si l’envoi est acquitté ou refusé."
    if on is None or on > paris_day(now) or (row.sent_at is not None and on < paris_day(row.sent_at)):
        wrong["on"] = "La réponse va du jour de la transmission à aujourd’hui."
    if to == "refused" and len(reason.strip()) < 5:
        wrong["reason"] = "Recopiez le motif du refus."
    if wrong:
        raise Invalid(wrong)
    move(db, contract.consultation, row, to, person.email, now, sequence=row.sequence, reason=reason.strip()[:500])
    row.acked_on, row.reason = on, reason.strip()[:500]


def facts_of(db: Session, contract: Contract) -> dict[str, Any]:
    """What the sheet says of the contract today, as text; amounts in euros HT, days as ISO."""
    terms, said = terms_of(db, contract), contract.consultation.dossier
    return {
        "acheteur": {"siret": contract.organisation.siret, "nom": contract.organisation.name},
        "marche": _contract(contract, terms, said),
        "titulaires": _holders(parties_of(db, contract)),
        "montants": {
            "initialHT": str(contract.amount), "actuelHT": str(contract.amount_now),
            "minimumHT": _text(terms.floor_ht), "maximumHT": _text(terms.ceiling_ht),
        },
        "tranches": [_part(part) for part in parts_of(db, contract) if part.state in ORDERED],
        "actesSousTraitance": [_subcontract(row) for row in standing_of(db, contract)],
        "modifications": [_change(row) for row in amendments_of(db, contract) if row.state == "notified"],
    }  # fmt: skip


def _contract(contract: Contract, terms: Terms, said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "numero": contract.number, "objet": contract.consultation.object, "nature": terms.kind,
        "procedure": _text(said.get("procedure")), "cpv": [str(said["cpv"])] if said.get("cpv") else [],
        "dateNotification": _text(paris_day(contract.notified_at) if contract.notified_at else None),
        "dateEffet": _text(contract.received_on), "debut": _text(terms.starts_on), "fin": _text(terms.ends_on),
        "delaiPaiementJours": str(terms.payment_days), "formePrix": terms.price_form, "variationPrix": terms.price_kind,
        "tauxAvance": terms.advance_rate, "tauxRetenueGarantie": terms.retention_rate, "penalites": terms.penalties,
    }  # fmt: skip


def _holders(parties: list[Party]) -> list[dict[str, Any]]:
    """A group has a mandataire and cotraitants; a company that is alone, or succeeds one, is the titulaire."""
    leader = "mandataire" if any(party.role != HOLDER for party in parties) else "titulaire"
    return [
        {
            "siret": party.siret, "nom": party.name, "role": leader if party.role == HOLDER else "cotraitant",
            "partHT": _text(party.share_ht), "fin": _text(party.ended_on),
        }
        for party in parties
    ]  # fmt: skip


def _part(part: Part) -> dict[str, Any]:
    return {
        "type": KINDS[part.kind], "numero": part.number, "objet": part.label, "montantHT": str(part.amount_ht),
        "date": _text(part.decided_on),
    }  # fmt: skip


def _subcontract(row: Subcontract) -> dict[str, Any]:
    return {
        "numero": str(row.number), "siret": row.siret, "nom": row.name, "objet": row.work,
        "montantHT": str(row.amount_ht), "montantTTC": _text(row.amount_ttc), "dureeMois": str(row.months),
        "paiementDirect": "oui" if row.direct_payment else "non", "date": _text(row.accepted_on),
    }  # fmt: skip


def _change(row: Amendment) -> dict[str, Any]:
    return {
        "numero": str(row.number), "motif": BASES[row.basis], "objet": row.reason, "ecartHT": str(row.amount_change),
        "ecartMois": str(row.months_change), "dateNotification": _text(row.notified_on),
        "nouveauTitulaire": row.to_siret,
    }  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None else str(value)
