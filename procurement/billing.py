"""A contract as finance checks invoices against it: the published shape of the contracts file, amounts as strings."""

import calendar
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from procurement.chorus import ChorusStructure
from procurement.contract import Contract
from procurement.invoice_copy import InvoiceCopy, invoices_of
from procurement.people import Organisation

COUNTED = frozenset({"received", "held", "approved", "partial"})
STARTED = ("notified", "in_effect")


def vat_of(siren: str) -> str:
    """The French VAT number of a SIREN: its key is (12 + 3 × (SIREN mod 97)) mod 97."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def contract_end(start: date, months: int) -> date:
    """The day `months` later, the month's last day where it is shorter."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def record_of(
    contract: Contract,
    copies: Iterable[InvoiceCopy],
    *,
    leave_out: str = "",
    structure: ChorusStructure | None = None,
) -> dict[str, Any]:
    """One entry of `contracts`. `leave_out`: the sha256 of the copy that is being checked again.

    `structure`: what the buyer asks for at Chorus Pro, where that was read.
    """
    dossier = contract.consultation.dossier
    months = int(dossier.get("duration_months") or 0) + int(dossier.get("renewals") or 0) * int(
        dossier.get("renewal_months") or 0
    )
    start = contract.received_on
    return {
        "id": contract.number,
        "decp_id": contract.number,
        "buyer": _buyer(contract, structure),
        "engagements": [contract.engagement] if contract.engagement else [],
        "holders": [
            {
                "siret": contract.holder_siret,
                "vat": vat_of(contract.holder_siret[:9]),
                "role": "holder",
                "ibans": list(contract.ibans),
            }
        ],
        "amount_ht": str(contract.amount),
        "ceiling_ht": str(contract.amount),
        "vat_rates": [contract.vat_rate],
        "kind": dossier.get("kind", "services"),
        "start": start.isoformat() if start else None,
        "end": contract_end(start, months).isoformat() if start and months else None,
        "prices": [],
        "invoiced": [_invoiced(c) for c in copies if c.state in COUNTED and c.sha256 != leave_out and _known(c)],
    }


def _buyer(contract: Contract, structure: ChorusStructure | None) -> dict[str, Any]:
    return {
        "siret": contract.organisation.siret,
        "services": _services(contract, structure),
        "requires": _required(contract, structure),
    }


def _services(contract: Contract, structure: ChorusStructure | None) -> list[str]:
    """The contract's own, else those that the buyer has open at Chorus Pro."""
    if contract.service:
        return [contract.service]
    return [code for code, _ in structure.services] if structure else []


def _required(contract: Contract, structure: ChorusStructure | None) -> dict[str, bool]:
    """Engagement and service are owed where the buyer's switches say so; unread, where the contract names one."""
    if structure is None:
        return {"engagement": bool(contract.engagement), "service": bool(contract.service)}
    return {
        "engagement": structure.engagement_required,
        "service": structure.service_required,
        "either": structure.either_required,
    }


def _known(copy: InvoiceCopy) -> bool:
    return bool(copy.number and copy.seller_siret and copy.amount_ht is not None)


def _invoiced(copy: InvoiceCopy) -> dict[str, str]:
    """Credit notes are kept negative; the ledger of a contracts file wants their type and their size."""
    amount = copy.amount_ht or 0
    return {
        "number": copy.number,
        "siret": copy.seller_siret,
        "amount_ht": str(abs(amount)),
        "type": "381" if amount < 0 else "380",
    }


def contracts_file(db: Session, organisations: Iterable[int] | None = None, *, leave_out: str = "") -> dict[str, Any]:
    """The contracts that may be billed (notified or in effect), of these buyers or of all."""
    query = select(Contract).where(Contract.state.in_(STARTED)).order_by(Contract.id)
    if organisations is not None:
        query = query.where(Contract.organisation_id.in_(list(organisations)))
    structures = {row.organisation_id: row for row in db.scalars(select(ChorusStructure))}
    found = [
        record_of(
            contract, invoices_of(db, contract), leave_out=leave_out, structure=structures.get(contract.organisation_id)
        )
        for contract in db.scalars(query)
    ]
    return {"version": 1, "contracts": found}


def contract_by_number(db: Session, organisation: Organisation, number: str) -> Contract | None:
    return db.scalar(select(Contract).where(Contract.organisation_id == organisation.id, Contract.number == number))
