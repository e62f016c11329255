"""A contract as finance checks invoices against it: the published shape of the contracts file, amounts as strings."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from procurement.contract import Contract
from procurement.execution.assignments import Assignment, assignments_of
from procurement.execution.engagements import Engagement, engagements_of
from procurement.execution.indices import IndexValue, values_of
from procurement.execution.parties import BankAccount, Party, accounts_of, parties_of, payable
from procurement.execution.parts import Part, parts_of
from procurement.execution.receptions import Reception, receptions_of
from procurement.execution.terms import Terms, terms_of
from procurement.invoice_copy import InvoiceCopy, invoices_of
from procurement.ledger import COUNTED, admitted
from procurement.people import Organisation
from procurement.renewals import contract_end

STARTED = ("notified", "in_effect", "ended")


def vat_of(siren: str) -> str:
    """The French VAT number of a SIREN: its key is (12 + 3 × (SIREN mod 97)) mod 97."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


@dataclass(frozen=True)
class Switches:
    """What the buyer asks invoices to quote, as its directory line says."""

    engagement: bool
    service: bool
    either: bool = False
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whole:
    """Everything that is known of a running contract, read once."""

    contract: Contract
    terms: Terms
    parties: list[Party]
    accounts: list[BankAccount]
    engagements: list[Engagement]
    parts: list[Part]
    receptions: list[Reception]
    assignments: list[Assignment]
    indices: list[IndexValue]
    copies: list[InvoiceCopy]
    switches: Switches


def whole_of(db: Session, contract: Contract) -> Whole:
    """Read the contract and all that hangs on it."""
    terms, engagements = terms_of(db, contract), engagements_of(db, contract)
    return Whole(
        contract, terms, parties_of(db, contract), accounts_of(db, contract), engagements, parts_of(db, contract),
        receptions_of(db, contract), assignments_of(db, contract), _indices(db, contract, terms),
        invoices_of(db, contract), switches_of(contract, engagements),
    )  # fmt: skip


def _indices(db: Session, contract: Contract, terms: Terms) -> list[IndexValue]:
    named = {str(term["index"]) for term in (terms.revision or {}).get("terms", [])}
    return values_of(db, contract, named) if named else []


def switches_of(contract: Contract, engagements: Iterable[Engagement]) -> Switches:
    """Asked where the buyer gave one: its own line of the directory, once it is read, says better."""
    services = tuple(dict.fromkeys(filter(None, (contract.service, *(e.service for e in engagements)))))
    return Switches(any(e.closed_at is None for e in engagements), bool(contract.service), False, services)


def record_of(whole: Whole, *, leave_out: str = "") -> dict[str, Any]:
    """One entry of `contracts`. `leave_out`: the sha256 of the copy that is being checked again."""
    contract, terms, switches = whole.contract, whole.terms, whole.switches
    start = terms.starts_on or contract.received_on
    end = contract.ended_on or terms.ends_on or contract_end(contract)
    ceiling = terms.ceiling_ht if terms.ceiling_ht is not None else contract.amount_now
    return {
        "id": contract.number,
        "decp_id": contract.number,
        "buyer": {
            "siret": contract.organisation.siret,
            "services": list(switches.services),
            "requires": {
                "engagement": switches.engagement, "service": switches.service, "either": switches.either,
            },
        },
        "engagements": [e.number for e in whole.engagements if e.closed_at is None],
        "holders": [_holder(party, whole.accounts) for party in whole.parties],
        "amount_ht": str(contract.amount_now),
        "ceiling_ht": str(ceiling),
        "vat_rates": list(terms.vat_rates),
        "kind": terms.kind,
        "price_kind": terms.price_kind,
        "payment_days": terms.payment_days,
        "start": _day(start),
        "end": _day(end),
        "prices": [],
        "parts": [_part(part, whole.engagements) for part in whole.parts],
        "revision": terms.revision,
        "indices": [{"index": v.series, "month": v.month, "value": v.value, "final": v.final} for v in whole.indices],
        "advance": _advance(terms, whole.copies),
        "retention": _retention(terms, whole.copies),
        "assignments": [_assignment(row) for row in whole.assignments],
        "received": [_reception(row) for row in whole.receptions if row.state == "done"],
        "invoiced": [_invoiced(c) for c in whole.copies if c.state in COUNTED and c.sha256 != leave_out and _known(c)],
    }  # fmt: skip


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _holder(party: Party, accounts: list[BankAccount]) -> dict[str, Any]:
    return {
        "siret": party.siret,
        "name": party.name,
        "vat": vat_of(party.siret[:9]),
        "role": party.role,
        "leader": party.rank == 1,
        "share_ht": _money(party.share_ht),
        "ended_on": _day(party.ended_on),
        "ibans": [a.iban for a in payable(accounts, party.siret) if a.state == "confirmed"],
    }


def _part(part: Part, engagements: list[Engagement]) -> dict[str, Any]:
    return {
        "id": part.number,
        "kind": part.kind,
        "engagements": [e.number for e in engagements if e.part == part.number and e.closed_at is None],
        "ceiling_ht": str(part.amount_ht),
        "start": _day(part.starts_on or part.decided_on),
        "end": _day(part.ends_on),
        "state": part.state,
    }


def _advance(terms: Terms, copies: list[InvoiceCopy]) -> dict[str, Any] | None:
    if terms.advance_paid_on is None or terms.advance_ttc is None:
        return None
    repaid = sum((c.advance_ttc or Decimal(0) for c in copies if c.state in COUNTED), Decimal(0))
    return {
        "paid_ttc": str(terms.advance_ttc), "rate": terms.advance_rate, "start": terms.repayment_starts,
        "end": terms.repayment_ends, "repaid_ttc": str(repaid),
    }  # fmt: skip


def _retention(terms: Terms, copies: list[InvoiceCopy]) -> dict[str, Any] | None:
    if Decimal(terms.retention_rate) == 0:
        return None
    held = sum((c.retention_ttc or Decimal(0) for c in copies if c.state in COUNTED), Decimal(0))
    return {
        "rate": terms.retention_rate, "guarantee": bool(terms.guarantee) or terms.retention_released_on is not None,
        "held_ttc": str(held),
    }  # fmt: skip


def _assignment(row: Assignment) -> dict[str, Any]:
    return {
        "kind": row.kind, "beneficiary": row.beneficiary, "siret": row.siret, "ibans": [row.iban] if row.iban else [],
        "amount_ttc": _money(row.amount_ttc), "notified_on": _day(row.notified_on), "ended_on": _day(row.released_on),
    }  # fmt: skip


def _reception(row: Reception) -> dict[str, Any]:
    return {
        "on": _day(row.on), "part": row.part or None, "code": row.code or None, "quantity": row.quantity or None,
        "amount_ht": str(row.amount_ht),
    }  # fmt: skip


def _known(copy: InvoiceCopy) -> bool:
    return bool(copy.number and copy.seller_siret and copy.amount_ht is not None)


def _invoiced(copy: InvoiceCopy) -> dict[str, Any]:
    """Credit notes are kept negative; the ledger of a contracts file wants their type and their size."""
    amount = admitted(copy)
    return {
        "number": copy.number, "siret": copy.seller_siret, "amount_ht": str(abs(amount)),
        "type": "381" if amount < 0 else copy.type_code or "380", "issued_on": _day(copy.issued_on),
        "engagement": copy.engagement or None, "part": copy.part or None,
        "amount_ttc": _money(abs(copy.amount_ttc)) if copy.amount_ttc is not None else None,
        "paid_on": _day(copy.paid_on), "state": copy.state,
    }  # fmt: skip


def contracts_file(db: Session, organisations: Iterable[int] | None = None, *, leave_out: str = "") -> dict[str, Any]:
    """The contracts that may be billed, or were once (notified, in effect, ended), of these buyers or of all."""
    query = select(Contract).where(Contract.state.in_(STARTED)).order_by(Contract.id)
    query = query.options(joinedload(Contract.consultation), joinedload(Contract.organisation))
    if organisations is not None:
        query = query.where(Contract.organisation_id.in_(list(organisations)))
    found = [record_of(whole_of(db, contract), leave_out=leave_out) for contract in db.scalars(query)]
    return {"version": 1, "contracts": found}


def contract_by_number(db: Session, organisation: Organisation, number: str) -> Contract | None:
    return db.scalar(select(Contract).where(Contract.organisation_id == organisation.id, Contract.number == number))
