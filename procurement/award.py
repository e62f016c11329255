"""From the intended winner to the decision: proofs of one candidate only, then award and letters."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.base import Base
from procurement.candidacy import Candidacy, find_received, received
from procurement.consultation import Consultation
from procurement.errors import Invalid, Refused
from procurement.events import lock, move
from procurement.mail import post
from procurement.people import Person
from procurement.pieces import WINNER, ask, pieces_of

MOST = Decimal(10**10)


class Award(Base):
    """The choice of one candidate: named, then decided. One row per consultation, rewritten when another is named."""

    __tablename__ = "award"

    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), unique=True)
    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"))
    named_at: Mapped[datetime]
    named_by: Mapped[str] = mapped_column(String(254))
    amount: Mapped[Decimal | None]
    motive: Mapped[str] = mapped_column(String(2000), default="")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(254), default="")
    consultation: Mapped[Consultation] = relationship()
    candidacy: Mapped[Candidacy] = relationship()


def award_of(db: Session, consultation: Consultation) -> Award | None:
    return db.query(Award).filter_by(consultation_id=consultation.id).one_or_none()


def name_intended(db: Session, consultation: Consultation, ref: str, person: Person, now: datetime) -> Award:
    """Name the intended winner: only now, and only for this one, tax and social proofs are asked (R2144-4)."""
    lock(db, consultation)
    candidacy = find_received(db, consultation, ref)
    move(db, consultation, consultation, "intended", person.email, now, candidacy=candidacy.ref)
    award = award_of(db, consultation) or Award(consultation_id=consultation.id)
    award.candidacy, award.named_at, award.named_by = candidacy, now, person.email
    db.add(award)
    ask(db, candidacy, WINNER, person.email, now)
    return award


def set_aside(db: Session, consultation: Consultation, motive: str, person: Person, now: datetime) -> None:
    """Go back to the analysis: the intended winner could not prove in time (R2144-7)."""
    if len(motive.strip()) < 10:
        raise Invalid({"motive": "Écrivez le motif en une phrase : il est conservé au dossier."})
    lock(db, consultation)
    move(db, consultation, consultation, "opened", person.email, now, motive=motive.strip())


def check_decision(db: Session, consultation: Consultation, amount: Decimal, motive: str) -> Award:
    """The award that may be decided now; raises Refused or Invalid. Pages call it before they make the documents."""
    award = award_of(db, consultation)
    if award is None or consultation.state != "intended":
        raise Refused("Désignez d’abord l’attributaire pressenti.", "R2144-4")
    if any(p.state == "waiting" and p.attempts == 0 for p in pieces_of(db, award.candidacy)):
        raise Refused("Les preuves de l’attributaire sont en cours de demande : attendez leur réponse.", "R2144-4")
    wrong = {}
    if amount <= 0 or amount > MOST:
        wrong["amount"] = "Le montant est positif, de dix milliards d’euros au plus."
    elif amount != amount.quantize(Decimal("0.01")):
        wrong["amount"] = "Le montant a deux décimales au plus."
    if len(motive.strip()) < 10:
        wrong["motive"] = "Écrivez en une phrase ce qui a fait choisir cette offre."
    if wrong:
        raise Invalid(wrong)
    return award


def decide(
    db: Session, consultation: Consultation, ref: str, amount: Decimal, motive: str, person: Person, now: datetime,
    standstill: int = 0,
) -> Award:  # fmt: skip
    """Award to `ref`, for whom the acte was made: amount HT in euros, reasons; letters queued in the same transaction.

    Raises Refused where another candidacy was named while the acte was being made.
    """
    lock(db, consultation)
    award = check_decision(db, consultation, amount, motive)
    if award.candidacy.ref != ref:
        raise Refused("Un autre attributaire vient d’être désigné : relisez la page, puis décidez.")
    move(
        db, consultation, consultation, "awarded", person.email, now, candidacy=award.candidacy.ref, amount=str(amount)
    )
    award.amount, award.motive, award.decided_at, award.decided_by = amount, motive.strip()[:2000], now, person.email
    for candidacy in received(db, consultation):
        _letter(db, consultation, candidacy, award, now, standstill)
    return award


def _letter(
    db: Session, consultation: Consultation, candidacy: Candidacy, award: Award, now: datetime, standstill: int
) -> None:
    """MAPA: the rejection itself is notified (R2181-1); its reasons wait for a request (R2181-2)."""
    won = candidacy.id == award.candidacy_id
    subject = f"{consultation.number} – " + ("votre offre est retenue" if won else "votre offre n’est pas retenue")
    body = WON if won else LOST
    post(
        db,
        to=candidacy.contact_email,
        subject=subject,
        body=body.format(
            company=candidacy.name,
            object=consultation.object,
            number=consultation.number,
            buyer=consultation.organisation.name,
            standstill=WAIT.format(days=standstill) if standstill else "",
        ),
        now=now,
        consultation_id=consultation.id,
    )


WON = """Madame, Monsieur,

L’offre de {company} est retenue pour la consultation {number} « {object} ».

Il vous reste une chose à faire : signer l’acte d’engagement. Ouvrez « Mes réponses », téléchargez-le, signez-le
avec votre certificat, et déposez le fichier signé. Le marché ne commence qu’à la réception de sa notification.

{buyer}
"""
LOST = """Madame, Monsieur,

L’offre de {company} n’est pas retenue pour la consultation {number} « {object} » (article R2181-1 du code de la
commande publique).

Vous pouvez demander les motifs de cette décision en répondant à ce message : ils vous seront donnés dans les quinze
jours (article R2181-2).
{standstill}
{buyer}
"""
WAIT = """
Le marché ne sera pas signé avant {days} jours à compter de l’envoi de ce message : vous pouvez, dans ce délai, saisir
le juge du référé précontractuel (article L551-1 du code de justice administrative).
"""
