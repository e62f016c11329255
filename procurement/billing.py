"""A contract as finance checks invoices against it: the published shape of the contracts file, amounts as strings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, load_only

from procurement.base import any_of
from procurement.candidacy import Candidacy
from procurement.carried import Account, Accounts, entry_of, is_known
from procurement.chorus import ChorusStructure
from procurement.contract import Contract
from procurement.contract_keys import candidates, refresh_keys
from procurement.execution.assignments import Assignment
from procurement.execution.engagements import Engagement
from procurement.execution.indices import IndexValue
from procurement.execution.order_lines import OrderLine
from procurement.execution.parties import BankAccount, Party, alone, payable
from procurement.execution.parts import Part
from procurement.execution.prices import ContractPrice
from procurement.execution.receptions import Reception
from procurement.execution.sizes import known_of
from procurement.execution.terms import Terms, from_dossier
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.contracts import ContractRecord, to_record
from procurement.invoicing.invoice import Invoice
from procurement.ledger import COUNTED
from procurement.people import Organisation
from procurement.renewals import contract_end
from procurement.subcontract import STANDING, Subcontract
from siret_lookup.siret import vat_number

STARTED = ("notified", "in_effect", "ended")
CHUNK = 5_000
NOTHING: Mapping[str, Account] = MappingProxyType({})
# What `record_of` reads beside a contract's own rows: with it, not contract by contract.
READ_OF = (
    joinedload(Contract.consultation), joinedload(Contract.organisation),
    joinedload(Contract.candidacy).load_only(Candidacy.identity),
)  # fmt: skip
Row = TypeVar(
    "Row", Terms, Party, BankAccount, Engagement, ContractPrice, Part, OrderLine, Reception, Assignment, Subcontract,
    InvoiceCopy,
)  # fmt: skip
# Reports and matches are heavy, and no record needs them.
COPIED = (
    InvoiceCopy.contract_id, InvoiceCopy.state, InvoiceCopy.sha256, InvoiceCopy.number, InvoiceCopy.seller_siret,
    InvoiceCopy.amount_ht, InvoiceCopy.amount_ttc, InvoiceCopy.admitted_ht, InvoiceCopy.admitted_ttc,
    InvoiceCopy.type_code, InvoiceCopy.issued_on, InvoiceCopy.engagement, InvoiceCopy.part, InvoiceCopy.paid_on,
    InvoiceCopy.advance_ttc, InvoiceCopy.retention_ttc,
)  # fmt: skip


@dataclass(frozen=True)
class Switches:
    """What the buyer asks invoices to quote, as its directory line says."""

    engagement: bool
    service: bool
    either: bool = False
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whole:
    """Everything that is known of a running contract, read once; `carried` stands for copies that were not."""

    contract: Contract
    terms: Terms
    parties: list[Party]
    accounts: list[BankAccount]
    engagements: list[Engagement]
    prices: list[ContractPrice]
    parts: list[Part]
    order_lines: list[OrderLine]
    receptions: list[Reception]
    assignments: list[Assignment]
    subcontracts: list[Subcontract]
    indices: list[IndexValue]
    copies: list[InvoiceCopy]
    switches: Switches
    carried: Account | None = None

    def counted(self, leave_out: Collection[str] = ()) -> list[InvoiceCopy]:
        """The copies that count, but the one of this sha256."""
        return [copy for copy in self.copies if copy.state in COUNTED and copy.sha256 not in leave_out]

    def taken(self, leave_out: Collection[str] = ()) -> tuple[Decimal, Decimal]:
        """Euros TTC that decisions take, or will once they are confirmed: of the advance, and retained."""
        if self.carried:
            return self.carried.repaid, self.carried.withheld
        counted, zero = self.counted(leave_out), Decimal(0)
        repaid = sum((copy.advance_ttc or zero for copy in counted), zero)
        return repaid, sum((copy.retention_ttc or zero for copy in counted), zero)


def whole_of(db: Session, contract: Contract) -> Whole:
    """Read the contract and all that hangs on it."""
    return wholes_of(db, [contract])[0]


def wholes_of(db: Session, contracts: Sequence[Contract], carried: Mapping[str, Account] = NOTHING) -> list[Whole]:
    """The same for many: one query for each table, whatever their number. `carried`: accounts known, by number."""
    ids = [contract.id for contract in contracts]
    terms = {row.contract_id: row for rows in _by(db, Terms, ids).values() for row in rows}
    parties, accounts, engagements = _by(db, Party, ids), _by(db, BankAccount, ids), _by(db, Engagement, ids)
    prices, parts, receptions = _by(db, ContractPrice, ids), _by(db, Part, ids), _by(db, Reception, ids)
    order_lines = _by(db, OrderLine, ids)
    assignments, subcontracts = _by(db, Assignment, ids), _by(db, Subcontract, ids)
    copies = _by(db, InvoiceCopy, [one.id for one in contracts if one.number not in carried], *COPIED)
    indices, asked = _indices(db, contracts, terms), _structures(db, contracts)
    return [
        Whole(
            contract=contract,
            terms=terms.get(contract.id) or from_dossier(contract),
            parties=sorted(parties.get(contract.id) or [alone(contract)], key=lambda party: party.rank),
            accounts=accounts.get(contract.id, []),
            engagements=engagements.get(contract.id, []),
            prices=prices.get(contract.id, []),
            parts=parts.get(contract.id, []),
            order_lines=order_lines.get(contract.id, []),
            receptions=receptions.get(contract.id, []),
            assignments=assignments.get(contract.id, []),
            subcontracts=subcontracts.get(contract.id, []),
            indices=indices.get(contract.organisation_id, []),
            copies=copies.get(contract.id, []),
            switches=switches_of(contract, engagements.get(contract.id, []), asked.get(contract.organisation_id)),
            carried=carried.get(contract.number),
        )
        for contract in contracts
    ]


def _by(db: Session, model: type[Row], ids: Sequence[int], *columns: Any) -> dict[int, list[Row]]:
    """Rows by contract, in the order they were written."""
    found: dict[int, list[Row]] = {}
    for start in range(0, len(ids), CHUNK):
        query = select(model).where(any_of(db, model.contract_id, ids[start : start + CHUNK])).order_by(model.id)
        for row in db.scalars(query.options(load_only(*columns)) if columns else query):
            found.setdefault(row.contract_id or 0, []).append(row)
    return found


def _indices(db: Session, contracts: Sequence[Contract], terms: Mapping[int, Terms]) -> dict[int, list[IndexValue]]:
    """What each buyer knows of the series that its contracts name."""
    named = {str(term["index"]) for each in terms.values() for term in (each.revision or {}).get("terms", [])}
    found: dict[int, list[IndexValue]] = {}
    if named:
        buyers = {contract.organisation_id for contract in contracts}
        query = select(IndexValue).where(IndexValue.organisation_id.in_(buyers), IndexValue.series.in_(sorted(named)))
        for row in db.scalars(query.order_by(IndexValue.series, IndexValue.month)):
            found.setdefault(row.organisation_id, []).append(row)
    return found


def _structures(db: Session, contracts: Sequence[Contract]) -> dict[int, ChorusStructure]:
    """What the buyers of these contracts ask for at Chorus Pro, where that was read."""
    buyers = {contract.organisation_id for contract in contracts}
    query = select(ChorusStructure).where(ChorusStructure.organisation_id.in_(sorted(buyers)))
    return {row.organisation_id: row for row in db.scalars(query)}


def switches_of(contract: Contract, engagements: Sequence[Engagement], structure: ChorusStructure | None) -> Switches:
    """Engagement and service are owed where the buyer's switches say so; unread, where the contract names one.

    The services are the contract's own, else those that the buyer has open at Chorus Pro.
    """
    own = tuple(dict.fromkeys(filter(None, (contract.service, *(e.service for e in engagements)))))
    if structure is None:
        return Switches(any(e.closed_at is None for e in engagements), bool(contract.service), False, own)
    return Switches(
        structure.engagement_required, structure.service_required, structure.either_required,
        own or tuple(str(code) for code, _ in structure.services),
    )  # fmt: skip


def open_engagements(whole: Whole) -> list[str]:
    """The numbers that an invoice may quote."""
    return [engagement.number for engagement in whole.engagements if engagement.closed_at is None]


def engagements_for(whole: Whole, part: Part) -> list[str]:
    """Those that pay for this tranche or order."""
    return [one.number for one in whole.engagements if one.part == part.number and one.closed_at is None]


def record_of(whole: Whole, *, today: date | None = None, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """One entry of `contracts`, as of `today`; `leave_out`: the sha256 of what is checked again, and of its copies."""
    contract, terms, switches = whole.contract, whole.terms, whole.switches
    start = terms.starts_on or contract.received_on
    end = contract.ended_on or terms.ends_on or contract_end(contract)
    known = known_of(contract, terms.holder_size, terms.holder_size_source)
    repaid, withheld = whole.taken(leave_out)
    ceiling = terms.ceiling_ht if terms.ceiling_ht is not None else contract.amount_now
    return {
        "id": contract.number,
        "decp_id": contract.number,
        "buyer": _buyer(contract, switches, known.kind),
        "engagements": open_engagements(whole),
        "holders": _holders(whole, known.sme),
        "declared": [act.siret for act in whole.subcontracts if act.state == "declared"],
        "amount_ht": str(contract.amount_now),
        "ceiling_ht": str(ceiling),
        "vat_rates": list(terms.vat_rates),
        "kind": terms.kind,
        "price_kind": terms.price_kind,
        "payment_days": terms.payment_days,
        "launched_on": _day(known.launched_on),
        "as_of": _day(today),
        "start": _day(start),
        "end": _day(end),
        "prices": [{"code": p.code, "unit_price": p.unit_price} for p in whole.prices],
        "parts": [_part(part, whole) for part in whole.parts],
        "revision": terms.revision,
        "indices": [{"index": v.series, "month": v.month, "value": v.value, "final": v.final} for v in whole.indices],
        "advance": _advance(terms, repaid),
        "retention": _retention(terms, withheld),
        "assignments": [_assignment(row) for row in whole.assignments],
        "received": [_reception(row) for row in whole.receptions if row.state == "done"],
        "invoiced": whole.carried.invoiced if whole.carried else _invoiced(whole.counted(leave_out)),
    }  # fmt: skip


def _holders(whole: Whole, sme: bool | None) -> list[dict[str, Any]]:
    return [
        *(_holder(party, whole.accounts, sme) for party in whole.parties),
        *(_subcontractor(act, whole.accounts) for act in whole.subcontracts if act.state in STANDING),
    ]


def _buyer(contract: Contract, switches: Switches, kind: str) -> dict[str, Any]:
    return {
        "siret": contract.organisation.siret,
        "services": list(switches.services),
        "requires": {"engagement": switches.engagement, "service": switches.service, "either": switches.either},
        "kind": kind or None,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _holder(party: Party, accounts: list[BankAccount], sme: bool | None) -> dict[str, Any]:
    """`sme`: whether who signed as holder is one; of the others nobody says."""
    return {
        "siret": party.siret,
        "name": party.name,
        "vat": vat_number(party.siret[:9]),
        "role": party.role,
        "leader": party.rank == 1,
        "share_ht": _money(party.share_ht),
        "ended_on": _day(party.ended_on),
        "sme": sme if party.rank == 1 else None,
        "ibans": _ibans(accounts, party.siret),
    }


def _subcontractor(act: Subcontract, accounts: list[BankAccount]) -> dict[str, Any]:
    return {
        "siret": act.siret,
        "name": act.name,
        "vat": vat_number(act.siret[:9]),
        "role": "subcontractor",
        "share_ht": str(act.amount_ht),
        "direct_payment": act.direct_payment,
        "accepted_on": _day(act.accepted_on),
        "ibans": _ibans(accounts, act.siret),
    }


def _ibans(accounts: list[BankAccount], siret: str) -> list[dict[str, Any]]:
    return [
        {"iban": a.iban, "valid_from": _day(a.valid_from), "valid_to": _day(a.valid_to)}
        for a in payable(accounts, siret)
    ]


def _part(part: Part, whole: Whole) -> dict[str, Any]:
    return {
        "id": part.number,
        "kind": part.kind,
        "engagements": engagements_for(whole, part),
        "ceiling_ht": str(part.amount_ht),
        "start": _day(part.starts_on or (part.decided_on if part.state == "affirmed" else None)),
        "end": _day(part.ends_on),
        "state": "planned" if part.state == "dropped" else part.state,
        "lines": [{"code": o.code, "quantity": o.quantity} for o in whole.order_lines if o.part_id == part.id],
    }


def _advance(terms: Terms, repaid: Decimal) -> dict[str, Any] | None:
    if terms.advance_paid_on is None or terms.advance_ttc is None:
        return None
    return {
        "paid_ttc": str(terms.advance_ttc), "rate": terms.advance_rate, "start": terms.repayment_starts,
        "end": terms.repayment_ends, "repaid_ttc": str(repaid),
    }  # fmt: skip


def _retention(terms: Terms, held: Decimal) -> dict[str, Any] | None:
    if Decimal(terms.retention_rate) == 0:
        return None
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
        "on": _day(row.on), "part": row.part, "code": row.code, "quantity": row.quantity or None,
        "amount_ht": str(row.amount_ht),
    }  # fmt: skip


def _invoiced(counted: list[InvoiceCopy]) -> list[dict[str, Any]]:
    return [entry_of(copy) for copy in counted if is_known(copy)]


def contracts_file(
    db: Session, organisations: Iterable[int] | None = None, today: date | None = None
) -> dict[str, Any]:
    """The contracts that may be billed, or were once (notified, in effect, ended), of these buyers or of all."""
    query = select(Contract).where(Contract.state.in_(STARTED)).order_by(Contract.id)
    query = query.options(*READ_OF)
    if organisations is not None:
        query = query.where(Contract.organisation_id.in_(list(organisations)))
    wholes = wholes_of(db, list(db.scalars(query)))
    return {"version": 1, "contracts": [record_of(whole, today=today) for whole in wholes]}


def records_for(
    db: Session,
    organisation_id: int,
    invoices: Sequence[Invoice],
    accounts: Accounts,
    *,
    today: date | None = None,
    leave_out: Collection[str] = (),
) -> list[list[ContractRecord]]:
    """For each invoice, the contracts of this buyer that it may belong to; keys are asked once for all of them.

    What `accounts` carries is not read again; what is read is left with it. `leave_out`: as for `record_of`.
    """
    found = candidates(db, invoices, [organisation_id])
    ids = sorted({one for each in found.values() for one in each})
    query = select(Contract).where(any_of(db, Contract.id, ids), Contract.state.in_(STARTED))
    contracts = list(db.scalars(query.options(*READ_OF)))
    wholes = wholes_of(db, contracts, accounts.current(db, contracts))
    records = {one.contract.id: to_record(record_of(one, today=today, leave_out=leave_out)) for one in wholes}
    for whole in wholes:
        if whole.carried is None:
            past = records[whole.contract.id].invoiced
            accounts.read(whole.contract.number, Account(past, *whole.taken()))
    return [[records[one] for one in found[place] if one in records] for place in range(len(invoices))]


def keys_are_stale(db: Session, organisation_id: int) -> bool:
    """Whether a contract of this buyer changed since its keys were made."""
    return db.scalar(select(Contract.id).where(*_stale(organisation_id)).limit(1)) is not None


def _stale(organisation_id: int) -> tuple[ColumnElement[bool], ...]:
    return Contract.keyed.is_(False), Contract.state.in_(STARTED), Contract.organisation_id == organisation_id


def key_contracts(db: Session, organisation_id: int) -> None:
    """Make the keys of the contracts that changed since they were last made.

    Two invoices at once would make the same keys: the second waits on the buyer's row, then finds them made.
    """
    db.get_one(Organisation, organisation_id, with_for_update=True)
    query = select(Contract).where(*_stale(organisation_id)).options(*READ_OF)
    for whole in wholes_of(db, list(db.scalars(query))):
        refresh_keys(db, whole.contract.id, organisation_id, record_of(whole))
        whole.contract.keyed = True


def contracts_by_number(db: Session, organisation: Organisation, numbers: Collection[str]) -> dict[str, Contract]:
    """Those of a buyer's contracts, by their number, with their consultation."""
    query = select(Contract).where(Contract.organisation_id == organisation.id, Contract.number.in_(numbers))
    return {row.number: row for row in db.scalars(query.options(joinedload(Contract.consultation)))}
