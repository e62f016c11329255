"""Under which keys a contract may be found by an invoice: a table asked once for a whole batch of invoices.

The keys are those of procurement/invoicing/index.py, so that the database and a contracts file find the same contracts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, any_of
from procurement.invoicing.contracts import ContractRecord, to_record
from procurement.invoicing.index import BARE, CITED, PARTIES, bare_keys, contract_keys, invoice_keys
from procurement.invoicing.invoice import Invoice

KEY = 160
CHUNK = 5_000  # SQLite takes 32 766 parameters at most in one statement


class ContractKey(Base):
    """One key of one contract. `kind`: cited, parties or bare (procurement/invoicing/index.py)."""

    __tablename__ = "contract_key"
    __table_args__ = (UniqueConstraint("key", "kind", "contract_id"),)

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id", ondelete="CASCADE"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    kind: Mapped[str] = mapped_column(String(8))
    key: Mapped[str] = mapped_column(String(KEY))


def keys_of(record: ContractRecord | Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every (kind, key) of one entry of a contracts file, sorted; a key too long to be a reference is left out."""
    known = record if isinstance(record, ContractRecord) else to_record(record)
    return sorted(one for one in contract_keys(known) if len(one[1]) <= KEY)


def refresh_keys(db: Session, contract_id: int, organisation_id: int, record: Mapping[str, Any]) -> None:
    """The keys of a contract as its record says them now: what is gone is deleted, what is new is added.

    To be called, in the same transaction, whenever the number, an engagement, a part or a holder changes.
    """
    wanted = set(keys_of(record))
    held = db.execute(
        select(ContractKey.id, ContractKey.kind, ContractKey.key).where(ContractKey.contract_id == contract_id)
    )
    known = {(kind, key): row for row, kind, key in held}
    if gone := [known[one] for one in known.keys() - wanted]:
        db.execute(delete(ContractKey).where(ContractKey.id.in_(gone)))
    db.add_all(
        ContractKey(contract_id=contract_id, organisation_id=organisation_id, kind=kind, key=key)
        for kind, key in sorted(wanted - known.keys())
    )
    db.flush()


def candidates(
    db: Session, invoices: Sequence[Invoice], organisations: Iterable[int] | None = None, *, alternatives: bool = False
) -> dict[int, list[int]]:
    """For each invoice, by its place, the contracts it may belong to (ids, in order): one query for the batch.

    Where one is cited and has both parties, those that are not cited are left out: they cannot be chosen before it
    (scoring.Candidate.sure), and need not be read; `alternatives` keeps them.
    `organisations`: among their contracts only. Then an invoice that nothing else brings to a contract is looked up by
    its reference alone, in a second query; without, that would bring the contract of the same number of every buyer.
    """
    among = None if organisations is None else sorted(organisations)
    found = _found(db, [{key for _, key in invoice_keys(invoice)} for invoice in invoices], among, alternatives)
    if among is not None:
        lost = [place for place, ids in found.items() if not ids]
        bare = _found(db, [{key for _, key in bare_keys(invoices[place])} for place in lost], among, True, BARE)
        found |= {place: bare[n] for n, place in enumerate(lost)}
    return found


def _found(
    db: Session, asked: Sequence[set[str]], among: Sequence[int] | None, alternatives: bool, kind: str | None = None
) -> dict[int, list[int]]:
    hits: dict[str, list[tuple[str, int]]] = {}
    keys = sorted(set().union(*asked))
    for start in range(0, len(keys), CHUNK):
        query = select(ContractKey.key, ContractKey.kind, ContractKey.contract_id)
        query = query.where(any_of(db, ContractKey.key, keys[start : start + CHUNK]))
        query = query if among is None else query.where(ContractKey.organisation_id.in_(among))
        query = query if kind is None else query.where(ContractKey.kind == kind)
        for key, of, contract_id in db.execute(query):
            hits.setdefault(key, []).append((of, contract_id))
    return {
        place: _kept([hit for key in keys for hit in hits.get(key, ())], alternatives)
        for place, keys in enumerate(asked)
    }


def _kept(hits: list[tuple[str, int]], alternatives: bool) -> list[int]:
    cited = {contract for kind, contract in hits if kind == CITED}
    parties = {contract for kind, contract in hits if kind == PARTIES}
    sure = cited & parties and not alternatives
    return sorted(cited if sure else {contract for _, contract in hits})
