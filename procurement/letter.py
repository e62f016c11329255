"""A code posted to the head office: whoever gives it back was given the company's mail, hence belongs to it.

The code is shown nowhere but in the letter. It waits sealed until the operator takes the letter out, once; then only
its argon2 hash stays.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.base import CROCKFORD, Base, HasRef
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person, User

CODE_LENGTH = 8
LIFE = timedelta(days=60)
TRIES = 5
MONTH = timedelta(days=30)
PER_COMPANY, PER_ACCOUNT = 2, 3
# What people write for signs that Crockford's alphabet leaves out.
_READ_AS = str.maketrans("OIL", "011")


class Letter(HasRef, Base):
    """One letter to one head office, asked by one account."""

    __tablename__ = "letter"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    siret: Mapped[str] = mapped_column(String(14), index=True)
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[list[Any]]
    code_hash: Mapped[str] = mapped_column(String(200))
    code_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    taken_by: Mapped[str] = mapped_column(String(254), default="")
    posted_at: Mapped[datetime | None]
    posted_by: Mapped[str] = mapped_column(String(254), default="")
    used_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()

    def alive(self, now: datetime) -> bool:
        return self.used_at is None and self.tries < TRIES and now < self.expires_at


def read_code(text: str) -> str:
    """Eight signs of Crockford's alphabet, however they were copied; raises Invalid."""
    code = "".join(c for c in text.upper() if c.isalnum()).translate(_READ_AS)
    if len(code) != CODE_LENGTH or set(code) - set(CROCKFORD):
        raise Invalid({"code": "Le code du courrier compte huit lettres ou chiffres, par exemple 7K2M-9QXA."})
    return code


def ask(
    db: Session, account: Person, siret: str, name: str, address: list[str], code_hash: str, now: datetime
) -> Letter:
    """A letter to the official address of the head office; few per month, for paper costs and mail may annoy."""
    if not account.verified:
        raise Refused("Confirmez d’abord votre adresse électronique.")
    db.scalar(select(User).where(User.id == account.id).with_for_update())
    since = now - MONTH
    if _asked(db, since, Letter.siret == siret) >= PER_COMPANY or (
        _asked(db, since, Letter.user_id == account.id) >= PER_ACCOUNT
    ):
        raise Refused(
            "Trop de courriers ont été demandés ce mois-ci pour cette entreprise ou par ce compte : réessayez dans "
            "trente jours, ou prouvez votre appartenance autrement."
        )
    letter = Letter(
        user_id=account.id, siret=siret, name=name[:200], address=address, code_hash=code_hash, asked_at=now,
        expires_at=now + LIFE,
    )  # fmt: skip
    db.add(letter)
    db.flush()
    return letter


def _asked(db: Session, since: datetime, whose: Any) -> int:
    return db.scalar(select(func.count()).select_from(Letter).where(Letter.asked_at > since, whose)) or 0


def own_letters(db: Session, account: Person, now: datetime) -> list[Letter]:
    """Those whose code can still be given back, newest first."""
    query = select(Letter).where(Letter.user_id == account.id, Letter.expires_at > now).order_by(Letter.id.desc())
    return [letter for letter in db.scalars(query.limit(20)) if letter.alive(now)]


def find_own_letter(db: Session, ref: str, account: Person) -> Letter:
    """Locked: two tries at once count as two."""
    query = select(Letter).where(Letter.ref == ref, Letter.user_id == account.id).with_for_update()
    letter = db.scalar(query)
    if letter is None:
        raise NotFound
    return letter


def give_back(letter: Letter, code: str, holds: Callable[[str, str], bool], now: datetime) -> str:
    """Try the code; gives "" when it is the right one, used from now on, else the sentence. `holds(hash, code)`.

    A wrong try is counted, so the caller commits whatever comes back.
    """
    if not letter.alive(now):
        return "Ce courrier ne vaut plus rien : le code a servi, a plus de soixante jours, ou a été essayé cinq fois."
    if not holds(letter.code_hash, code):
        letter.tries += 1
        left = TRIES - letter.tries
        return f"Ce n’est pas le code du courrier ; essais restants : {left}." if left else (
            "Ce n’est pas le code du courrier, et c’était le dernier essai : demandez un autre courrier."
        )  # fmt: skip
    letter.used_at = now
    letter.code_sealed = None
    return ""


def waiting_letters(db: Session, before: int | None, size: int) -> list[Letter]:
    """For the operator, newest first."""
    query = select(Letter).options(joinedload(Letter.user)).order_by(Letter.id.desc()).limit(size)
    return list(db.scalars(query.where(Letter.id < before) if before else query))


def find_letter(db: Session, ref: str) -> Letter:
    letter = db.scalar(select(Letter).where(Letter.ref == ref).with_for_update())
    if letter is None:
        raise NotFound
    return letter


def may_take(letter: Letter, by: Person, now: datetime) -> None:
    """Raises Refused unless this person may take the letter out: once, never one's own."""
    if letter.user_id == by.id:
        raise Refused("Vous avez demandé ce courrier : un collègue doit le poster.")
    if letter.taken_at is not None or letter.code_sealed is None:
        raise Refused("Ce courrier a déjà été téléchargé : s’il est perdu, la personne en demande un autre.")
    if not letter.alive(now):
        raise Refused("Ce courrier ne vaut plus rien : ne le postez pas.")


def take(letter: Letter, by: Person, now: datetime) -> None:
    """The letter leaves the service; its code is not kept in clear any more."""
    may_take(letter, by, now)
    letter.taken_at, letter.taken_by, letter.code_sealed = now, by.email, None


def mark_posted(letter: Letter, by: Person, posted_at: datetime, now: datetime) -> None:
    if letter.taken_at is None:
        raise Refused("Téléchargez d’abord le courrier.")
    if letter.posted_at is not None:
        raise Refused("Ce courrier est déjà marqué comme posté.")
    if not letter.taken_at - timedelta(days=1) <= posted_at <= now:
        raise Invalid({"posted_on": "La date d’envoi est entre le téléchargement et aujourd’hui."})
    letter.posted_at, letter.posted_by = posted_at, by.email
