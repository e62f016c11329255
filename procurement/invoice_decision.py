"""What becomes of an invoice: a person decides, a second one confirms above the buyer's threshold, then it is paid.

The proposal of the match stays beside; nothing is written over the invoice. Each day that counts for the delay of
payment is kept: reception, service fait, suspension and its end (CCP R2192-10 to R2192-31).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from procurement.contract import Contract, paris_day
from procurement.errors import Invalid, Refused
from procurement.events import lock, move
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.deadlines import Clock, Interest, Rate, clock, interest
from procurement.people import Organisation, Person

PAYABLE = ("approved", "partial")
OPEN = ("received", "held", "completed")


@dataclass(frozen=True)
class Liquidation:
    """What is admitted and what is taken off before payment, in euros; None: the whole invoice, nothing taken off."""

    admitted_ht: Decimal | None = None
    admitted_ttc: Decimal | None = None
    retention_ttc: Decimal = Decimal(0)
    advance_ttc: Decimal = Decimal(0)
    penalties_ttc: Decimal = Decimal(0)


@dataclass(frozen=True)
class Decision:
    """`to`: approved, partial, held, refused or sent_back. `done_on`: the day of the service fait."""

    to: str
    motive: str = ""
    done_on: date | None = None
    liquidation: Liquidation = field(default_factory=Liquidation)


def decide_copy(db: Session, copy: InvoiceCopy, decision: Decision, person: Person, now: datetime) -> None:
    """Decide, or propose where a second person must confirm. Raises Invalid field by field, Refused."""
    contract = _locked(db, copy)
    _check(copy, decision, paris_day(now))
    motive, to = decision.motive.strip(), decision.to
    if to == "held" and copy.suspended_on is not None:
        raise Refused("Le délai de paiement ne se suspend qu’une fois.", "R2192-27")
    if to in PAYABLE:
        _liquidate(copy, decision)
        if _wants_two(db, copy):
            move(db, contract.consultation, copy, "to_confirm", person.email, now, proposed=to, motive=motive)
            copy.proposed, copy.proposed_by, copy.motive = to, person.email, motive
            return
    if to == "held":
        copy.suspended_on = paris_day(now)
    _conclude(db, contract, copy, to, motive, person, now)


def _locked(db: Session, copy: InvoiceCopy) -> Contract:
    if copy.contract is None:
        raise Refused("Rattachez d’abord cette facture à un marché : sa décision y est conservée.")
    lock(db, copy.contract.consultation)
    db.refresh(copy)
    return copy.contract


def _check(copy: InvoiceCopy, decision: Decision, today: date) -> None:
    wrong = {}
    if decision.to != "approved" and len(decision.motive.strip()) < 10:
        wrong["motive"] = "Écrivez le motif en une phrase : le fournisseur le lira."
    elif len(decision.motive.strip()) > 1000:
        wrong["motive"] = "Le motif a mille caractères au plus."
    if decision.done_on is not None and decision.done_on > today:
        wrong["done_on"] = "La date du service fait est passée ou d’aujourd’hui."
    if decision.to in PAYABLE:
        wrong |= _wrong_amounts(copy, decision)
    if wrong:
        raise Invalid(wrong)


def _wrong_amounts(copy: InvoiceCopy, decision: Decision) -> dict[str, str]:
    said, wrong = decision.liquidation, {}
    admitted = said.admitted_ttc if said.admitted_ttc is not None else copy.amount_ttc
    if decision.to == "partial" and (said.admitted_ht is None or said.admitted_ttc is None):
        wrong["admitted_ht"] = "Dites les sommes admises, hors taxes et toutes taxes comprises."
    for name, most in (("admitted_ht", copy.amount_ht), ("admitted_ttc", copy.amount_ttc)):
        value = getattr(said, name)
        if value is not None and most is not None and abs(value) > abs(most):
            wrong[name] = "Les sommes admises ne dépassent pas celles de la facture."
    off = said.retention_ttc + said.advance_ttc + said.penalties_ttc
    if min(said.retention_ttc, said.advance_ttc, said.penalties_ttc) < 0:
        wrong["retention_ttc"] = "Ce qui est retenu s’écrit sans signe."
    elif admitted is not None and admitted > 0 and off > admitted:
        wrong["retention_ttc"] = "Ce qui est retenu dépasse les sommes admises."
    return wrong


def _liquidate(copy: InvoiceCopy, decision: Decision) -> None:
    said = decision.liquidation
    copy.done_on = decision.done_on or copy.done_on
    copy.admitted_ht = said.admitted_ht if said.admitted_ht is not None else copy.amount_ht
    copy.admitted_ttc = said.admitted_ttc if said.admitted_ttc is not None else copy.amount_ttc
    copy.retention_ttc, copy.advance_ttc = said.retention_ttc, said.advance_ttc
    copy.penalties_ttc = said.penalties_ttc


def _wants_two(db: Session, copy: InvoiceCopy) -> bool:
    above = db.get_one(Organisation, copy.organisation_id).second_above
    return above is not None and abs(copy.admitted_ttc or copy.admitted_ht or Decimal(0)) > above


def confirm_copy(db: Session, copy: InvoiceCopy, person: Person, now: datetime) -> None:
    """The second person agrees with what the first proposed."""
    contract = _locked(db, copy)
    if copy.proposed_by == person.email:
        raise Refused("Au-dessus du seuil de votre organisme, une facture se décide à deux : à une autre personne.")
    if copy.state != "to_confirm":
        raise Refused("Cette facture n’attend pas de confirmation.")
    _conclude(db, contract, copy, copy.proposed, copy.motive, person, now)


def send_back_to_first(db: Session, copy: InvoiceCopy, motive: str, person: Person, now: datetime) -> None:
    """The second person does not agree: the invoice is to be decided again."""
    contract = _locked(db, copy)
    if len(motive.strip()) < 10:
        raise Invalid({"motive": "Dites en une phrase pourquoi vous ne confirmez pas."})
    to = "completed" if copy.resumed_on else "received"
    move(db, contract.consultation, copy, to, person.email, now, motive=motive.strip()[:1000])
    copy.proposed, copy.proposed_by = "", ""


def _conclude(
    db: Session, contract: Contract, copy: InvoiceCopy, to: str, motive: str, person: Person, now: datetime
) -> None:
    if copy.suspended_on is not None and copy.resumed_on is None and to != "held":
        copy.resumed_on = paris_day(now)
    move(db, contract.consultation, copy, to, person.email, now, motive=motive)
    copy.decided_at, copy.decided_by, copy.motive = now, person.email, motive


def complete_copy(db: Session, copy: InvoiceCopy, on: date | None, person: Person, now: datetime) -> None:
    """What was missing came that day: the delay of payment runs again (R2192-29)."""
    contract = _locked(db, copy)
    if on is None or copy.suspended_on is None or not copy.suspended_on <= on <= paris_day(now):
        raise Invalid({"on": "La réception de la pièce va de la suspension à aujourd’hui."})
    move(db, contract.consultation, copy, "completed", person.email, now, on=on.isoformat())
    copy.resumed_on = on


def pay_copy(db: Session, copy: InvoiceCopy, mandate: str, on: date | None, person: Person, now: datetime) -> None:
    """The accountant paid it that day under this mandate; once."""
    contract = _locked(db, copy)
    wrong = {}
    if not 1 <= len(mandate.strip()) <= 30:
        wrong["mandate"] = "Écrivez le numéro du mandat, 30 caractères au plus."
    if on is None or on > paris_day(now) or (copy.issued_on is not None and on < copy.issued_on):
        wrong["paid_on"] = "Le paiement va de la date de la facture à aujourd’hui."
    if wrong or on is None:
        raise Invalid(wrong)
    move(db, contract.consultation, copy, "paid", person.email, now, mandate=mandate.strip(), on=on.isoformat())
    copy.mandate, copy.paid_on = mandate.strip(), on


def clock_of(copy: InvoiceCopy, days: int) -> Clock | None:
    """The delay of payment; None where the invoice says no date or is not to be paid."""
    if copy.issued_on is None or copy.state in ("refused", "sent_back") or (copy.amount_ht or 0) < 0:
        return None
    return clock(
        copy.issued_on, received_on=copy.received_on, done_on=copy.done_on, days=days,
        suspended_on=copy.suspended_on, resumed_on=copy.resumed_on,
    )  # fmt: skip


def interest_of(
    copy: InvoiceCopy, days: int, today: date, rates: Sequence[Rate], points: Decimal, fixed: Decimal
) -> Interest | None:
    """What is owed for late payment until it was paid, or until today; None where nothing is."""
    running = clock_of(copy, days)
    if running is None or running.due is None:
        return None
    owed = interest(copy.net_ttc or Decimal(0), running.due, copy.paid_on or today, rates, points, fixed)
    return owed if owed.days else None
