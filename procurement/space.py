"""The company's own space: what one account answered once for a SIRET, offered again in its later candidacies.

A draft belongs to an account, and accounts never learn of each other: so does what is kept. Only where belonging is
proven on both sides do members share it, without what is a person's own.
"""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Select, String, UniqueConstraint, and_, delete, exists, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.belonging import proven
from procurement.errors import Invalid
from procurement.people import User

# Answers worth keeping, with their names in a list. Not the foreign workers: the winner alone is asked.
KEPT: Mapping[str, str] = {
    "capacity": "Qualité du signataire",
    "turnover_share": "Part du chiffre d’affaires dans le domaine",
    "references": "Références",
    "insurance": "Assurance responsabilité civile professionnelle",
}
# A person's own: never shown to another member.
PERSONAL = ("capacity",)
INSURANCE_END = "insurance_until"
MOST = 400


class Given(HasRef, Base):
    """One answer of a deposit: the latest for this account, SIRET and key. `origin` is the consultation's number."""

    __tablename__ = "given"
    __table_args__ = (UniqueConstraint("account_id", "siret", "key"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    siret: Mapped[str] = mapped_column(String(14), index=True)
    key: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(4000))
    given_at: Mapped[datetime]
    valid_until: Mapped[date | None] = mapped_column(Date)
    candidacy_ref: Mapped[str] = mapped_column(String(12))
    origin: Mapped[str] = mapped_column(String(40))

    def ended(self, today: date) -> bool:
        return self.valid_until is not None and self.valid_until < today


def read_end(text: str) -> date | None:
    """The last day of an insurance (« 2026-12-31 »), None where nothing was typed. Raises Invalid."""
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid({INSURANCE_END: "Cette date ne se lit pas : choisissez un jour."}) from None


def keep_given(
    db: Session, account_id: int, siret: str, answers: Mapping[str, str], ref: str, origin: str, now: datetime
) -> None:
    """Keep what a deposit answered, in place of what was kept before; an empty answer takes nothing away."""
    # Two deposits of one account, for two consultations, do not wait for each other otherwise.
    db.scalar(select(User.id).where(User.id == account_id).with_for_update(key_share=True))
    known = {g.key: g for g in db.scalars(select(Given).where(Given.account_id == account_id, Given.siret == siret))}
    # PostgreSQL holds no null character in a text.
    for key, value in ((key, answers.get(key, "").replace("\0", "")) for key in KEPT):
        if not value:
            continue
        given = known.get(key) or Given(account_id=account_id, siret=siret, key=key)
        given.value, given.given_at, given.candidacy_ref, given.origin = value, now, ref, origin
        given.valid_until = read_end(answers.get(INSURANCE_END, "")) if key == "insurance" else None
        db.add(given)


def _seen_by(account_id: int, now: datetime) -> Select[Given]:
    """The account's own, and what proven members gave for the companies to which it is proven to belong."""
    mine, theirs = proven(now).subquery(), proven(now).subquery()
    shared = and_(
        Given.key.not_in(PERSONAL),
        Given.siret.in_(select(mine.c.siret).where(mine.c.user_id == account_id)),
        exists().where(theirs.c.user_id == Given.account_id, theirs.c.siret == Given.siret),
    )
    return select(Given).where(or_(Given.account_id == account_id, shared))


def offered(db: Session, account_id: int, siret: str, now: datetime) -> dict[str, Given]:
    """Key → the newest answer that this account may take over for this SIRET."""
    query = _seen_by(account_id, now).where(Given.siret == siret).order_by(Given.given_at, Given.id)
    return {given.key: given for given in db.scalars(query)}


def kept_for(db: Session, account_id: int, now: datetime, siret: str | None = None) -> list[tuple[Given, str]]:
    """(what is kept, who gave it), by company: one's own and what its members share; of one SIRET where given."""
    query = _seen_by(account_id, now).join(User, User.id == Given.account_id).add_columns(User.name)
    if siret is not None:
        query = query.where(Given.siret == siret)
    rows = db.execute(query.order_by(Given.siret, Given.key, Given.given_at.desc()).limit(MOST))
    return [(given, name) for given, name in rows]


def forget(db: Session, account_id: int, ref: str) -> None:
    """Take one's own answer out; somebody else's is not touched, a second click finds nothing left to do."""
    db.execute(delete(Given).where(Given.account_id == account_id, Given.ref == ref))
