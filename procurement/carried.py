"""The account of a contract as the checks of its invoices want it, and how an import carries it between its batches.

A contract of a hundred thousand invoices is read once, not at each batch: what the import adds is counted beside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from procurement.contract import Contract
from procurement.events import Event
from procurement.invoice_copy import InvoiceCopy, by_contract
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import is_siret
from procurement.invoicing.past import Invoiced, Past
from procurement.ledger import admitted, admitted_ttc

# What the contracts file calls an invoice that waits for a person.
FLIGHT = {"completed": "received", "to_confirm": "received"}
# Invoices: a smaller account is read again, and takes no memory meanwhile.
WORTH = 20


@dataclass(frozen=True)
class Account:
    """What is counted on a contract, and what decisions took off so far, in euros TTC."""

    invoiced: Past
    repaid: Decimal
    withheld: Decimal


def entry_of(copy: InvoiceCopy) -> dict[str, Any]:
    """Credit notes are kept negative; the ledger of a contracts file wants their type and their size."""
    amount, gross = admitted(copy), admitted_ttc(copy)
    return {
        "number": copy.number, "siret": copy.seller_siret, "amount_ht": str(abs(amount)),
        "type": "381" if amount < 0 else copy.type_code or "380", "issued_on": _day(copy.issued_on),
        "engagement": copy.engagement, "part": copy.part,
        "amount_ttc": str(abs(gross)) if gross is not None else None,
        "paid_on": _day(copy.paid_on), "state": FLIGHT.get(copy.state, copy.state),
    }  # fmt: skip


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def is_known(copy: InvoiceCopy) -> bool:
    """It says enough to be counted."""
    return bool(copy.number and is_siret(copy.seller_siret) and copy.amount_ht is not None)


class Accounts:
    """Of the contracts of one buyer, by their number: what was read of them or added during one import.

    An account holds as long as the contract's register stands where this import left it: whatever changes one of its
    invoices is written there. Otherwise it is read again.
    """

    def __init__(self) -> None:
        self._carried: dict[str, tuple[int, Account]] = {}
        self._stands: dict[str, int] = {}
        self._counted: dict[str, list[Invoiced]] = {}

    def current(self, db: Session, contracts: Sequence[Contract]) -> Mapping[str, Account]:
        """Those that hold still, for the next batch."""
        self._stands, self._counted = _stands(db, contracts), {}
        known = {number: self._carried.pop(number) for number in self._stands if number in self._carried}
        self._carried |= {number: one for number, one in known.items() if one[0] == self._stands[number]}
        return {number: self._carried[number][1] for number in known if number in self._carried}

    def read(self, number: str, account: Account) -> None:
        """What was just read in full."""
        if len(account.invoiced) >= WORTH:
            self._carried[number] = self._stands[number], account

    def forget(self) -> None:
        """A batch was not kept: what was counted of it is read again."""
        self._carried.clear()

    def count(self, record: ContractRecord, row: Invoiced) -> None:
        """An invoice of the batch counts for those after it, before it is kept."""
        record.invoiced.add(row)
        self._counted.setdefault(record.id, []).append(row)

    def written(self, db: Session, copies: Sequence[InvoiceCopy]) -> None:
        """The new rows of the batch, in its transaction: an account that is not exactly these more is dropped."""
        kept = {contract.number: mine for contract, mine in by_contract(copies)}
        now = _stands(db, [contract for contract, _ in by_contract(copies)])
        for number in (kept.keys() | self._counted.keys()) & self._carried.keys():
            before, account = self._carried.pop(number)
            mine = kept.get(number, [])
            rows = [Invoiced(**entry_of(copy)) for copy in mine if is_known(copy)]
            if rows == self._counted.get(number, []) and now.get(number) == before + len(mine):
                self._carried[number] = now[number], account


def _stands(db: Session, contracts: Sequence[Contract]) -> dict[str, int]:
    """The last line of each contract's register: one look in an index each."""
    last = select(func.max(Event.seq)).where(Event.consultation_id == Contract.consultation_id).scalar_subquery()
    query = select(Contract.number, last).where(Contract.id.in_([contract.id for contract in contracts]))
    return {number: seq or 0 for number, seq in db.execute(query)}
