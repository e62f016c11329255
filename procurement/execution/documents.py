"""The papers of a running contract, each beside the move it proves: order, minutes, release, decision, account."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh
from procurement.errors import NotFound
from procurement.events import record
from procurement.people import Person

KINDS = {
    "order": "Bon de commande ou décision d’affermir", "amendment": "Modification", "subcontract": "Sous-traitance",
    "assignment": "Cession, nantissement ou opposition", "reception": "Service fait ou réception",
    "guarantee": "Garantie ou libération de retenue", "ending": "Fin du marché", "account": "Décompte",
    "other": "Autre",
}  # fmt: skip


class Paper(HasRef, Base):
    """One stored file. `subject`: the ref of the order, modification, … that it proves, or the contract's own."""

    __tablename__ = "contract_paper"

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    subject: Mapped[str] = mapped_column(String(12), index=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    key: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(254))


def papers_of(db: Session, contract: Contract) -> Sequence[Paper]:
    """The oldest first."""
    return db.scalars(select(Paper).where(Paper.contract_id == contract.id).order_by(Paper.id)).all()


def by_subject(papers: Sequence[Paper]) -> dict[str, list[Paper]]:
    """What each row is proven by: ref → its papers."""
    found: dict[str, list[Paper]] = {}
    for paper in papers:
        found.setdefault(paper.subject, []).append(paper)
    return found


def find_paper(db: Session, contract: Contract, ref: str) -> Paper:
    found = db.scalar(select(Paper).where(Paper.contract_id == contract.id, Paper.ref == ref))
    if found is None:
        raise NotFound
    return found


def keep_paper(
    db: Session,
    contract: Contract,
    *,
    kind: str,
    subject: str,
    name: str,
    media_type: str,
    size: int,
    key: str,
    sha256: str,
    person: Person,
    now: datetime,
) -> Paper:
    """Keep a paper whose bytes are stored already; the register says its sha256."""
    fresh(db, contract)
    paper = Paper(
        contract_id=contract.id, kind=kind, subject=subject, name=name[:200], media_type=media_type[:100], size=size,
        key=key, sha256=sha256, created_at=now, created_by=person.email,
    )  # fmt: skip
    db.add(paper)
    db.flush()
    record(db, contract.consultation, "paper.kept", paper.ref, person.email, now, of=kind, about=subject, sha256=sha256)
    return paper
