"""Who may sign contracts for a buyer: capacity, act of delegation, ceiling, dates, as an administrator typed them."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Organisation, Person, Role, User

MOST = Decimal(10**10)


class SigningPower(HasRef, Base):
    """One person may sign contracts of one buyer up to `ceiling` (euros HT, none: any amount), between two dates."""

    __tablename__ = "signing_power"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    capacity: Mapped[str] = mapped_column(String(200))
    act: Mapped[str] = mapped_column(String(300))
    ceiling: Mapped[Decimal | None]
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    granted_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(254), default="")
    user: Mapped[User] = relationship()

    def holds_on(self, day: date) -> bool:
        """Is it in force on that day of Paris?"""
        return (
            self.ended_at is None and self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
        )

    def covers(self, amount: Decimal) -> bool:
        return self.ceiling is None or amount <= self.ceiling


def grant(
    db: Session,
    organisation: Organisation,
    user: User,
    *,
    capacity: str,
    act: str,
    ceiling: Decimal | None,
    valid_from: date,
    valid_until: date | None,
    by: str,
    now: datetime,
) -> SigningPower:
    """Record a delegation. Raises Invalid field by field; the person is one of the buyer's officers."""
    wrong = {}
    officers = {m.user_id for m in organisation.memberships if m.role == Role.OFFICER.value and m.ended_at is None}
    if user.id not in officers:
        wrong["signatory"] = "Cette personne n’est pas acheteuse de cette organisation : rattachez-la d’abord."
    if not capacity.strip():
        wrong["capacity"] = "Dites à quel titre elle signe, par exemple « adjointe au maire »."
    if not act.strip():
        wrong["act"] = "Donnez l’acte qui lui donne ce pouvoir : délibération ou arrêté, numéro et date."
    if ceiling is not None and not 0 < ceiling <= MOST:
        wrong["ceiling"] = "Le plafond est un montant positif, ou rien."
    if valid_until is not None and valid_until < valid_from:
        wrong["valid_until"] = "La fin vient avant le début."
    if wrong:
        raise Invalid(wrong)
    power = SigningPower(
        organisation_id=organisation.id, user=user, capacity=capacity.strip()[:200], act=act.strip()[:300],
        ceiling=ceiling, valid_from=valid_from, valid_until=valid_until, granted_by=by, created_at=now,
    )  # fmt: skip
    db.add(power)
    db.flush()
    return power


def end(db: Session, organisation: Organisation, ref: str, by: str, now: datetime) -> None:
    """From now on this power signs nothing. Raises NotFound."""
    power = db.scalar(
        select(SigningPower).where(SigningPower.ref == ref, SigningPower.organisation_id == organisation.id)
    )
    if power is None:
        raise NotFound
    if power.ended_at is None:
        power.ended_at, power.ended_by = now, by


def powers_of(db: Session, organisation_id: int) -> list[SigningPower]:
    """Those not ended, the newest first."""
    query = select(SigningPower).where(SigningPower.organisation_id == organisation_id, SigningPower.ended_at.is_(None))
    return list(db.scalars(query.options(joinedload(SigningPower.user)).order_by(SigningPower.id.desc()).limit(200)))


def power_for(db: Session, organisation_id: int, person: Person, amount: Decimal, day: date) -> SigningPower:
    """The power by which this person signs an act of that amount today. Raises Refused: which is missing."""
    mine = [power for power in powers_of(db, organisation_id) if power.user_id == person.id]
    held = [power for power in mine if power.holds_on(day)]
    for power in held:
        if power.covers(amount):
            return power
    if held:
        raise Refused("Cet acte dépasse le plafond de votre délégation de signature : une autre personne doit signer.")
    if mine:
        raise Refused("Votre délégation de signature n’est pas en vigueur aujourd’hui : vérifiez ses dates.")
    raise Refused(
        "Aucune délégation de signature n’est enregistrée à votre nom : votre administrateur l’ajoute sur la page de "
        "votre organisation."
    )
