"""An act: one document of a contract that its parties sign – the acte d’engagement, a DC4, an avenant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from dce_templates.french import PARIS
from procurement.base import Base, HasRef
from procurement.errors import NotFound, Refused
from procurement.events import lock, move, record

if TYPE_CHECKING:
    from procurement.contract import Contract

MOVES: Mapping[str, frozenset[str]] = {
    "awaiting_signature": frozenset({"signed", "withdrawn"}),
    "signed": frozenset(),
    "withdrawn": frozenset(),
}


@dataclass(frozen=True)
class Kind:
    """What an act is called: in a sentence, after « l’ » or « de l’ »; and how its file's name begins."""

    name: str
    stem: str


ENGAGEMENT, DC4, AMENDMENT = "acte_engagement", "dc4", "avenant"
KINDS: Mapping[str, Kind] = {
    ENGAGEMENT: Kind("acte d’engagement", "acte-engagement"),
    DC4: Kind("acte spécial de sous-traitance (DC4)", "dc4"),
    AMENDMENT: Kind("avenant", "avenant"),
}


class Act(HasRef, Base):
    """One document to sign. `amount` (euros HT) is what the power of the buyer's signatory must cover.

    `number` counts from 1 per contract and kind. `sign_after`: the buyer does not sign before; `in_order`: each signs
    after the one before; `certificate_required`: no signature by a code, whatever the amount.
    """

    __tablename__ = "act"
    __table_args__ = (UniqueConstraint("contract_id", "kind", "number"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(20), default="awaiting_signature")
    amount: Mapped[Decimal]
    created_at: Mapped[datetime]
    unsigned_key: Mapped[str] = mapped_column(String(200))
    unsigned_sha256: Mapped[str] = mapped_column(String(64))
    signed_key: Mapped[str | None] = mapped_column(String(200))
    signed_sha256: Mapped[str | None] = mapped_column(String(64))
    signature_report: Mapped[dict[str, Any] | None]
    signed_at: Mapped[datetime | None]
    restamp_at: Mapped[datetime | None] = mapped_column(index=True)
    sign_after: Mapped[datetime | None]
    in_order: Mapped[bool] = mapped_column(default=False)
    certificate_required: Mapped[bool] = mapped_column(default=False)
    if TYPE_CHECKING:
        # Mapped by procurement/contract.py, which knows both classes: either module can then be imported alone.
        contract: Mapped[Contract]

    @property
    def key(self) -> str:
        """Where the act is kept as it is now, with the signatures it has."""
        return self.signed_key or self.unsigned_key

    @property
    def sha256(self) -> str:
        """The digest of those bytes (hexadecimal)."""
        return self.signed_sha256 or self.unsigned_sha256

    @property
    def first_day(self) -> date | None:
        """The first day on which the buyer may sign, in Paris; None: no standstill."""
        return self.sign_after.astimezone(PARIS).date() if self.sign_after else None

    @property
    def name(self) -> str:
        """« acte d’engagement », « avenant n° 2 »: what it is, in a sentence."""
        said = KINDS[self.kind].name
        return said if self.kind == ENGAGEMENT else f"{said} n° {self.number}"

    @property
    def reference(self) -> str:
        """« Marché 2026-0001 », « Marché 2026-0001, avenant n° 2 »: which act of which contract."""
        return f"Marché {self.contract.number}{'' if self.kind == ENGAGEMENT else f', {self.name}'}"

    @property
    def stem(self) -> str:
        """« acte-engagement », « dc4 », « avenant »."""
        return KINDS[self.kind].stem

    @property
    def file_stem(self) -> str:
        """How the file is named when it is handed out, without its ending."""
        counted = "" if self.kind == ENGAGEMENT else f"-{self.number}"
        return f"{self.stem}-{self.contract.number}{counted}"


def open_act(
    db: Session,
    contract: "Contract",
    kind: str,
    *,
    title: str,
    amount: Decimal,
    key: str,
    sha256: str,
    actor: str,
    now: datetime,
    sign_after: datetime | None = None,
    certificate_required: bool = False,
    number: int | None = None,
) -> Act:
    """A new act of this contract, to be signed: then name who signs with `procurement.signing.ask`.

    `kind` is one of KINDS. `key` is where the unsigned PDF is stored, `sha256` its digest (hexadecimal), `amount` in
    euros HT; `number`: the next of its kind, unless the document bears one already. Once its last party has signed,
    `procurement.consequences` says what follows for that kind.
    """
    lock(db, contract.consultation)
    last = db.scalar(select(func.max(Act.number)).where(Act.contract_id == contract.id, Act.kind == kind))
    act = Act(
        contract=contract,
        kind=kind,
        number=number or (last or 0) + 1,
        title=title[:300],
        amount=amount,
        created_at=now,
        unsigned_key=key,
        unsigned_sha256=sha256,
        sign_after=sign_after,
        certificate_required=certificate_required,
    )
    db.add(act)
    db.flush()
    record(db, contract.consultation, "act.opened", act.ref, actor, now, act=kind, number=act.number, sha256=sha256)
    return act


def fresh(db: Session, act: Act) -> None:
    """Take the lock, then read the act and its contract again: another tab may have moved them meanwhile."""
    lock(db, act.contract.consultation)
    db.refresh(act)
    db.refresh(act.contract)


def awaits_signature(act: Act) -> None:
    """Raises Refused once the signed file was received, or the act withdrawn."""
    if act.state == "withdrawn":
        raise Refused(f"L’{act.name} est retiré : il ne se signe plus.")
    if act.state != "awaiting_signature":
        raise Refused(f"L’{act.name} signé est déjà reçu.")


def withdraw_act(db: Session, act: Act, actor: str, now: datetime) -> None:
    """Nobody signs it any more; what was signed stays kept. Raises Refused once every party has signed."""
    fresh(db, act)
    awaits_signature(act)
    move(db, act.contract.consultation, act, "withdrawn", actor, now, sha256=act.sha256)


def acts_of(db: Session, contract: "Contract") -> list[Act]:
    """In the order they were opened."""
    return list(db.scalars(select(Act).where(Act.contract_id == contract.id).order_by(Act.id)))


def find_act(db: Session, contract: "Contract", ref: str) -> Act:
    """One act of this contract. Raises NotFound."""
    act = db.scalar(select(Act).where(Act.contract_id == contract.id, Act.ref == ref))
    if act is None:
        raise NotFound
    return act


LEASE = timedelta(hours=1)


def claim_restamp(db: Session, now: datetime) -> Act | None:
    """A signed act whose proofs are to be made to last longer, held for an hour.

    Before every party has signed, each signature makes a version of its own.
    """
    query = select(Act).where(Act.restamp_at <= now, Act.state == "signed")
    act = db.scalar(query.order_by(Act.restamp_at).limit(1).with_for_update(skip_locked=True))
    if act is not None:
        act.restamp_at = now + LEASE
    return act


def keep_restamped(
    db: Session, act: Act, before: str, key: str, sha256: str, restamp_at: datetime, now: datetime
) -> bool:
    """The same act with more proofs, in place of the version whose sha256 was `before`; False where it changed."""
    fresh(db, act)
    if act.signed_sha256 != before:
        return False
    act.restamp_at = restamp_at
    if sha256 != before:
        act.signed_key, act.signed_sha256 = key, sha256
        record(
            db, act.contract.consultation, "signature.stamped_again", act.ref, "worker", now,
            before=before, sha256=sha256,
        )  # fmt: skip
    return True
