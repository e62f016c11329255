"""What the buyer asks the intended winner to give itself, where no authority's answer was enough (R2144-4, R2144-7).

It stands beside the authority's answer, which is never touched: asking the authority again erases nothing given.
A request is the buyer's own statement: it names the piece and a day, never what an authority answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.award import award_of
from procurement.base import Base, HasRef
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.contract import paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, record
from procurement.mail import post
from procurement.people import Person
from procurement.pieces import Piece, pieces_of
from siret_lookup.catalogue import PIECES

# Answers that leave the buyer without the piece. « Non demandée » is first asked with a motive; what the law withholds
# was typed by the company.
WITHOUT = frozenset({"refused_by_authority", "out_of_scope", "not_found", "unavailable", "not_authorised"})


class PieceRequest(HasRef, Base):
    """One piece asked of one company, and the document it gave: who, when, sha256."""

    __tablename__ = "piece_request"
    __table_args__ = (UniqueConstraint("candidacy_id", "key"),)

    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"), index=True)
    key: Mapped[str] = mapped_column(String(60))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(254))
    due_on: Mapped[date] = mapped_column(Date)
    given_at: Mapped[datetime | None]
    given_by: Mapped[str] = mapped_column(String(254), default="")
    document_key: Mapped[str | None] = mapped_column(String(200), index=True)
    document_name: Mapped[str] = mapped_column(String(200), default="")
    document_type: Mapped[str] = mapped_column(String(100), default="")
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    candidacy: Mapped[Candidacy] = relationship()

    @property
    def title(self) -> str:
        return PIECES[self.key].title


@dataclass(frozen=True, slots=True)
class Document:
    """One file, stored."""

    key: str
    name: str
    media_type: str
    sha256: str


def requests_of(db: Session, candidacy: Candidacy) -> list[PieceRequest]:
    query = select(PieceRequest).where(PieceRequest.candidacy_id == candidacy.id)
    return list(db.scalars(query.order_by(PieceRequest.id)))


def find_request(db: Session, candidacy: Candidacy, ref: str) -> PieceRequest:
    found = next((row for row in requests_of(db, candidacy) if row.ref == ref), None)
    if found is None:
        raise NotFound
    return found


def missing(pieces: Sequence[Piece], requests: Sequence[PieceRequest], today: date) -> list[Piece]:
    """What may be asked of the company: no good answer after one try at least, or too old; nothing given yet."""
    given = {row.key for row in requests if row.given_at}
    return [p for p in pieces if p.key not in given and _is_document(p.key) and _lacks(p, today)]


def _is_document(key: str) -> bool:
    return PIECES[key].document or PIECES[key].kind in ("tax", "social")


def _lacks(piece: Piece, today: date) -> bool:
    ends = [day for day in (piece.valid_until, piece.valid_strictly_until) if day]
    return piece.outcome in WITHOUT or (piece.outcome == "obtained" and bool(ends) and min(ends) < today)


def request_missing(
    db: Session, consultation: Consultation, keys: Sequence[str], due_on: date, person: Person, now: datetime
) -> None:
    """Ask the intended winner, by mail and on its page, for what is missing; asked again, only the day changes."""
    lock(db, consultation)
    award = award_of(db, consultation)
    if award is None or consultation.state != "intended":
        raise Refused("Ces pièces ne se demandent qu’à l’attributaire pressenti.", "R2144-4")
    candidacy, known = award.candidacy, requests_of(db, award.candidacy)
    lacking = [p for p in missing(pieces_of(db, candidacy), known, paris_day(now)) if p.key in keys]
    if not lacking:
        raise Invalid({"keys": "Choisissez au moins une des pièces qui manquent."})
    if due_on <= paris_day(now):
        raise Invalid({"due_on": "Laissez au moins jusqu’à demain."})
    rows = {row.key: row for row in known}
    for piece in lacking:
        row = rows.get(piece.key) or PieceRequest(candidacy=candidacy, key=piece.key)
        row.asked_at, row.asked_by, row.due_on = now, person.email, due_on
        db.add(row)
    asked = [piece.key for piece in lacking]
    record(db, consultation, "pieces.requested", candidacy.ref, person.email, now, keys=asked, due_on=str(due_on))
    _tell(db, candidacy, asked, due_on, now)


def may_give(db: Session, request: PieceRequest, now: datetime) -> None:
    """Raises Refused once the day is past, the decision is made or another company is intended."""
    consultation = request.candidacy.consultation
    award = award_of(db, consultation)
    if consultation.state != "intended" or award is None or award.candidacy_id != request.candidacy_id:
        raise Refused("L’acheteur n’attend plus cette pièce.")
    if paris_day(now) > request.due_on:
        raise Refused(f"Le délai est passé le {request.due_on:%d/%m/%Y} : écrivez à l’acheteur.", "R2144-7")


def give(db: Session, request: PieceRequest, document: Document, person: Person, now: datetime) -> None:
    """Keep the document, in place of a former one until that day. The register has the sha256 of each."""
    consultation = request.candidacy.consultation
    lock(db, consultation)
    db.refresh(request, with_for_update=True)
    may_give(db, request, now)
    request.document_key, request.document_name = document.key, document.name
    request.document_type, request.document_sha256 = document.media_type, document.sha256
    request.given_at, request.given_by = now, person.email
    said = {"key": request.key, "sha256": document.sha256}
    record(db, consultation, "piece.given", request.ref, f"account:{person.id}", now, **said)


def _tell(db: Session, candidacy: Candidacy, keys: Sequence[str], due_on: date, now: datetime) -> None:
    consultation = candidacy.consultation
    body = ASKED.format(
        number=consultation.number, object=consultation.object, buyer=consultation.organisation.name,
        day=f"{due_on:%d/%m/%Y}", titles="\n".join(f"- {PIECES[key].title}" for key in keys),
    )  # fmt: skip
    subject = f"{consultation.number} – pièces à fournir avant le {due_on:%d/%m/%Y}"
    post(db, to=candidacy.contact_email, subject=subject, body=body, now=now, consultation_id=consultation.id)


ASKED = """Madame, Monsieur,

Votre entreprise est pressentie pour la consultation {number} « {object} ». L’acheteur vous demande, jusqu’au {day} :

{titles}

Ouvrez « Mes réponses », cette réponse, puis « Pièces demandées par l’acheteur », et déposez chaque document.

{buyer}
"""
