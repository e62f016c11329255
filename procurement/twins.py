"""Two copies of one invoice: the same company, the same number however it is written, the same year.

What Chorus Pro delivers is the invoice; what was uploaded or imported is a copy without value of deposit, and leaves it
its place: with its decision where both say the same, else as soon as a person decides the deposited one.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.orm import Session, load_only

from dce_templates.french import euros
from procurement.chorus import wanted_status
from procurement.errors import Refused
from procurement.events import move, record
from procurement.invoice_copy import InvoiceCopy, ask_portal
from procurement.invoicing.keys import key, same_number
from procurement.ledger import ADMITTED, COUNTED, WAITING

_READ = (
    InvoiceCopy.ref, InvoiceCopy.sha256, InvoiceCopy.contract_id, InvoiceCopy.number, InvoiceCopy.seller_siret,
    InvoiceCopy.state, InvoiceCopy.type_code, InvoiceCopy.issued_on,
    InvoiceCopy.amount_ht, InvoiceCopy.amount_ttc, InvoiceCopy.mandate, InvoiceCopy.paid_on, InvoiceCopy.portal_id,
)  # fmt: skip
# Said twice the same way, it is the same invoice; the number is compared apart.
_WHOLE = ("seller_siret", "amount_ht", "amount_ttc", "issued_on", "type_code")
# What the deposited invoice takes from its copy. A suspension of the copy stopped no delay: it is not taken.
_DECIDED = (
    "done_on", "decided_at", "decided_by", "motive", "reason_code", "proposed", "proposed_by", "admitted_ht",
    "admitted_ttc", "retention_ttc", "advance_ttc", "penalties_ttc", "mandate", "paid_on",
)  # fmt: skip


class Billed(Protocol):
    """What tells an invoice from another: a kept one, or what was just read of a file."""

    @property
    def number(self) -> Any: ...
    @property
    def seller_siret(self) -> Any: ...
    @property
    def amount_ht(self) -> Any: ...
    @property
    def issued_on(self) -> Any: ...


def only_copy(db: Session, copy: InvoiceCopy) -> None:
    """Raises Refused where another one is approved or paid already; a credit note is not its invoice.

    A copy without value of deposit hinders its own deposited invoice only once it is paid.
    """
    if not copy.portal_id:
        not_deposited(db, copy)
    for other in _twins(db, copy.organisation_id, copy, InvoiceCopy.state.in_(ADMITTED), InvoiceCopy.id != copy.id):
        done = f"payée par le mandat {other.mandate}" if other.state == "paid" else "approuvée"
        if not copy.portal_id:
            raise Refused(
                f"La facture {other.number} de ce fournisseur est déjà {done} : celle-ci en est un double, rejetez-la."
            )
        if other.portal_id:
            raise Refused(
                f"La facture {other.number} de ce fournisseur est déjà {done} sous un autre dépôt : demandez-lui "
                "lequel est le bon, et renvoyez-lui celui-ci pour correction."
            )
        if other.state == "paid":
            raise Refused(
                f"Une copie de cette facture est déjà {done}, pour {_euros(other.amount_ttc)} TTC ; le dépôt en "
                f"demande {_euros(copy.amount_ttc)}. Voyez l’écart avec le fournisseur : suspendez ce dépôt, ou "
                "renvoyez-le."
            )


def not_deposited(db: Session, copy: InvoiceCopy) -> None:
    """Raises Refused where the deposited invoice waits for its own decision: its copy decides nothing any more."""
    waiting = (InvoiceCopy.state.in_(WAITING), InvoiceCopy.portal_id.is_not(None), InvoiceCopy.id != copy.id)
    for deposit in _twins(db, copy.organisation_id, copy, *waiting):
        raise Refused(
            f"La facture {deposit.number} elle-même est arrivée par Chorus Pro : décidez celle-là, cette copie ne vaut "
            "pas dépôt."
        )


def stand_ins(db: Session, organisation_id: int, deposit: Billed) -> list[InvoiceCopy]:
    """The copies of an invoice that Chorus Pro delivers, which count as long as it has not taken their place."""
    return _numbered(db, organisation_id, deposit, InvoiceCopy.state.in_(COUNTED), InvoiceCopy.portal_id.is_(None))


def deposits_of(db: Session, copy: InvoiceCopy) -> list[InvoiceCopy]:
    """The deposited invoice of a copy, where it came; none for a deposited one."""
    if copy.portal_id:
        return []
    return _numbered(db, copy.organisation_id, copy, InvoiceCopy.portal_id.is_not(None), InvoiceCopy.id != copy.id)


def copies_of_deposit(db: Session, copy: InvoiceCopy) -> list[InvoiceCopy]:
    """`stand_ins` of a kept invoice; none where it is a copy itself."""
    return stand_ins(db, copy.organisation_id, copy) if copy.portal_id else []


def left_out(db: Session, copy: InvoiceCopy) -> frozenset[str]:
    """The sha256 of what does not count beside this invoice when it is compared: itself, and its copies."""
    return frozenset({copy.sha256, *(other.sha256 for other in copies_of_deposit(db, copy))})


def take_over(db: Session, deposit: InvoiceCopy, now: datetime) -> None:
    """A deposited invoice arrives: a copy that says the same leaves it its decision, and counts no more.

    What differs, or where the comparison with the contract now finds something that stops it, waits for a person.
    """
    for copy in copies_of_deposit(db, deposit):
        if any(getattr(copy, name) != getattr(deposit, name) for name in _WHOLE):
            continue
        if copy.state in ADMITTED or copy.state == "to_confirm":
            if deposit.state != "received" or not _may_inherit(copy, deposit):
                continue
            _inherit(db, copy, deposit, now)
        elif copy.contract not in (None, deposit.contract):
            continue
        _replace(db, copy, deposit, deposit.uploaded_by, now)


def replace_copies(db: Session, deposit: InvoiceCopy, by: str, now: datetime) -> None:
    """A person decided the deposited invoice: its copies count no more. What was paid under one stays paid."""
    for copy in copies_of_deposit(db, deposit):
        if copy.state != "paid":
            _replace(db, copy, deposit, by, now)


def _replace(db: Session, copy: InvoiceCopy, deposit: InvoiceCopy, by: str, now: datetime) -> None:
    copy.due_on = None
    if copy.contract is None:
        copy.state = "replaced"
        return
    move(db, copy.contract.consultation, copy, "replaced", by, now, deposit=deposit.ref, portal_id=deposit.portal_id)
    copy.contract.recount_at = now


def _may_inherit(copy: InvoiceCopy, deposit: InvoiceCopy) -> bool:
    """What is paid is paid; else nothing may stop the deposited one that did not stop its copy."""
    if copy.contract is None or deposit.contract not in (None, copy.contract):
        return False
    if copy.state == "paid":
        return True
    same = deposit.contract is copy.contract and (deposit.report["valid"] or not copy.report["valid"])
    return bool(same) and _stops(deposit.match) <= _stops(copy.match)


def _stops(match: Mapping[str, Any]) -> set[str]:
    return {str(each["message"]) for each in match.get("findings", []) if each.get("effect", "approve") != "approve"}


def _inherit(db: Session, copy: InvoiceCopy, deposit: InvoiceCopy, now: datetime) -> None:
    assert copy.contract is not None  # noqa: S101 - `_may_inherit` has looked
    consultation, by = copy.contract.consultation, deposit.uploaded_by
    if deposit.contract is None:
        deposit.contract = copy.contract
        record(db, consultation, "invoicecopy.attached", deposit.ref, by, now, contract=copy.contract.ref, left=None)
    for name in _DECIDED:
        setattr(deposit, name, getattr(copy, name))
    deposit.part, deposit.engagement = deposit.part or copy.part, deposit.engagement or copy.engagement
    sums = {name: _text(getattr(copy, name)) for name in _DECIDED if name.endswith(("_ht", "_ttc"))}
    decided = "approved" if copy.admitted_ttc == copy.amount_ttc else "partial"
    for to in (decided, "paid") if copy.state == "paid" else (copy.state,):
        said = {"of_copy": copy.ref, "decided_by": copy.decided_by or copy.proposed_by, "motive": copy.motive, **sums}
        move(db, consultation, deposit, to, by, now, **said)
    if copy.state in ADMITTED:
        ask_portal(db, deposit, wanted_status(db, deposit.organisation_id, decided), now)


def twin_of(db: Session, copy: InvoiceCopy, states: Collection[str]) -> InvoiceCopy | None:
    """Another copy of the same invoice in one of these states."""
    which = (InvoiceCopy.state.in_(states), InvoiceCopy.id != copy.id)
    return next(iter(_twins(db, copy.organisation_id, copy, *which)), None)


def _numbered(db: Session, organisation_id: int, one: Billed, *which: ColumnElement[bool]) -> list[InvoiceCopy]:
    """A deposit and its copy bear one number: one that is only cut elsewhere is not enough."""
    return [other for other in _twins(db, organisation_id, one, *which) if same_number(one.number, other.number)]


def _twins(db: Session, organisation_id: int, one: Billed, *which: ColumnElement[bool]) -> list[InvoiceCopy]:
    """A company is its SIREN; where one of the two says none, the same contract and the same amount stand for it."""
    if not one.number:
        return []
    siren, theirs = one.seller_siret[:9], InvoiceCopy.seller_siret
    contract_id = one.contract_id if isinstance(one, InvoiceCopy) else None
    unnamed = theirs == "" if siren else true()
    alike = and_(unnamed, InvoiceCopy.contract_id == contract_id, InvoiceCopy.amount_ht == one.amount_ht)
    company = or_(theirs.startswith(siren) if siren else false(), alike if contract_id else false())
    query = select(InvoiceCopy).where(InvoiceCopy.organisation_id == organisation_id, company, *which)
    if one.issued_on is not None:
        year = one.issued_on.year
        of_year = InvoiceCopy.issued_on.between(date(year, 1, 1), date(year, 12, 31))
        query = query.where(or_(InvoiceCopy.issued_on.is_(None), of_year))
    query = query.options(load_only(*_READ)).order_by(InvoiceCopy.id)
    return [other for other in db.scalars(query) if _same(one, other)]


def _same(one: Billed, other: InvoiceCopy) -> bool:
    signs = {(copy.amount_ht or 0) < 0 for copy in (one, other)}
    return len(signs) == 1 and (same_number(one.number, other.number) or _mixed_up(one, other))


def _mixed_up(one: Billed, other: InvoiceCopy) -> bool:
    """Numbers of the same signs cut elsewhere (« 2026-1-11 », « 2026-11-1 ») are one by the amount or the day."""
    told = one.amount_ht == other.amount_ht or (one.issued_on is not None and one.issued_on == other.issued_on)
    return told and key(one.number) == key(other.number)


def _euros(amount: Decimal | None) -> str:
    return "une somme qui ne se lit pas" if amount is None else euros(amount)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"
