"""Who signs an act: its companies, then its buyer; each line belongs to an account, an address, or the officers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.act import Act
from procurement.base import Base, HasRef
from procurement.contract import Contract
from procurement.errors import NotFound
from procurement.people import Person, Role

MOVES: Mapping[str, frozenset[str]] = {
    "waiting": frozenset({"signed", "refused"}),
    "refused": frozenset({"waiting"}),
    "signed": frozenset(),
}
# How a signature came: shown to people, kept in the register.
WAYS = {
    "file": "fichier signé ailleurs, puis déposé",
    "token": "jeton de signature signé ailleurs, gardé à côté de l’acte",
    "remote": "signature à distance chez un prestataire",
    "certificate": "certificat ouvert dans la page",
    "code": "signature simple, par un code envoyé à l’adresse du compte",
    "hand": "à la main, sur l’original papier",
}
# Made with a tool of one's own: article 6 of the arrêté asks for a « mode d'emploi ».
ELSEWHERE = ("file", "token")
COMPANY, BUYER = "company", "buyer"


class Signer(HasRef, Base):
    """One party that must sign an act: a company, whose person holds an account with that address; then the buyer.

    The buyer's line has no address: any of its officers who holds the power to sign may.
    """

    __tablename__ = "signer"
    __table_args__ = (UniqueConstraint("act_id", "siret", "role"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    act_id: Mapped[int] = mapped_column(ForeignKey("act.id"), index=True)
    rank: Mapped[int]
    role: Mapped[str] = mapped_column(String(10), default=COMPANY)
    siret: Mapped[str] = mapped_column(String(14))
    company: Mapped[str] = mapped_column(String(300))
    email: Mapped[str] = mapped_column(String(254), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    way: Mapped[str] = mapped_column(String(20), default="")
    person: Mapped[str] = mapped_column(String(300), default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    signed_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(1000), default="")
    reminded_at: Mapped[datetime | None]
    token_key: Mapped[str | None] = mapped_column(String(200))
    token_name: Mapped[str] = mapped_column(String(200), default="")
    token_report: Mapped[dict[str, Any] | None]
    prepared_key: Mapped[str | None] = mapped_column(String(200))
    prepared: Mapped[dict[str, Any] | None]
    tool: Mapped[str] = mapped_column(String(200), default="")
    evidence: Mapped[dict[str, Any] | None]
    act: Mapped[Act] = relationship()


def circuit(db: Session, act: Act) -> list[Signer]:
    """Everybody who signs, in order: companies, then the buyer."""
    return list(db.scalars(select(Signer).where(Signer.act_id == act.id).order_by(Signer.rank)))


def party_of(db: Session, contract: Contract, ref: str) -> Signer:
    """One line of the circuit of one of a contract's acts. Raises NotFound."""
    signer = db.scalar(_whole().join(Signer.act).where(Act.contract_id == contract.id, Signer.ref == ref))
    if signer is None:
        raise NotFound
    return signer


def _whole() -> Select[Signer]:
    """With its act, contract and consultation, which every page shows."""
    return select(Signer).options(joinedload(Signer.act).joinedload(Act.contract).joinedload(Contract.consultation))


def signers_of(db: Session, act: Act) -> list[Signer]:
    """The companies."""
    return [signer for signer in circuit(db, act) if signer.role == COMPANY]


def buyer_of(db: Session, act: Act) -> Signer:
    """The buyer's own line. Raises NotFound."""
    for signer in circuit(db, act):
        if signer.role == BUYER:
            return signer
    raise NotFound


def find_signer(db: Session, ref: str, person: Person) -> Signer:
    """The signer that this account is. Raises NotFound for anyone else."""
    signer = db.scalar(_whole().where(Signer.ref == ref))
    if signer is None or not is_party(signer, person):
        raise NotFound
    return signer


def mine(db: Session, person: Person) -> list[Signer]:
    """What this account is asked to sign, the newest first."""
    known = (Signer.account_id == person.id) | (
        Signer.account_id.is_(None) & (Signer.email == (person.email.lower() if person.verified else "-"))
    )
    ours = (Signer.role == BUYER) & Contract.organisation_id.in_(person.organisations(Role.OFFICER))
    query = _whole().join(Signer.act).join(Act.contract).where(known | ours)
    return list(db.scalars(query.order_by(Signer.id.desc()).limit(100)))


def awaited_of(db: Session, person: Person) -> list[Signer]:
    """What may wait for this account now; `may_sign` still decides for each."""
    return [s for s in mine(db, person) if s.state == "waiting" and s.act.state == "awaiting_signature"]


def is_party(signer: Signer, person: Person) -> bool:
    """The holder's own account; for another company, whoever proved its address; for the buyer, its officers."""
    if signer.role == BUYER:
        return person.has(Role.OFFICER, signer.act.contract.organisation_id)
    if signer.account_id is not None:
        return signer.account_id == person.id
    return person.verified and person.email.lower() == signer.email


def leader_of(db: Session, act: Act) -> Signer:
    """The holder's own line of the circuit. Raises NotFound."""
    for signer in signers_of(db, act):
        if signer.siret == act.contract.holder_siret:
            return signer
    raise NotFound
