"""What becomes of an invoice: a person decides, a second one confirms above the buyer's threshold, then it is paid.

The proposal of the match stays beside; nothing is written over the invoice. Each day that counts for the delay of
payment is kept: reception, service fait, suspension and its end (CCP R2192-10 to R2192-31).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dce_templates.french import euros
from procurement.as_read import Changed, certifies, must_be_as_read
from procurement.chorus import wanted_status
from procurement.contract import Contract, paris_day
from procurement.errors import Invalid, Refused
from procurement.events import Event, lock, move, record
from procurement.execution.engagements import engagements_by, engagements_of
from procurement.execution.parts import parts_of
from procurement.execution.terms import days_by, terms_of
from procurement.invoice_copy import InvoiceCopy, ask_portal, by_contract
from procurement.invoice_delay import wind
from procurement.invoicing.reasons import REASONS
from procurement.people import Organisation, Person, hold_buyer
from procurement.second_person import is_account_unsure, wants_two
from procurement.suppliers import tell
from procurement.twins import not_deposited, only_copy, replace_copies, twin_of

PAYABLE = ("approved", "partial")
OPEN = ("received", "held", "completed")
AGREED = ("to_confirm", "approved", "partial")
# CGI article 278: no rate of VAT is higher.
HIGHEST_RATE, CENTS = Decimal(20), Decimal("0.05")
CALL_BACK = (
    "Le compte à payer n’est pas sûr : dites qui vous avez rappelé, quand, et à quel numéro déjà connu. Une seconde "
    "personne confirmera."
)
# What may be decided of an invoice that no contract has.
AWAY = ("sent_back", "refused")
# What the supplier is told, with the motive (R2192-28: a suspension is notified, dated, with its reasons).
TOLD: Mapping[str, str] = {
    "partial": "approuvée en partie", "held": "suspendue, une pièce manque", "refused": "rejetée",
    "sent_back": "à corriger, mauvais destinataire ou mauvaise référence",
}  # fmt: skip


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
    """`to`: approved, partial, held, refused or sent_back. `done_on`: the day of the service fait.

    `reason`: one of `REASONS`, needed unless the whole invoice is approved. `seen`: the stamp of its page, if any.
    """

    to: str
    motive: str = ""
    reason: str = ""
    done_on: date | None = None
    liquidation: Liquidation = field(default_factory=Liquidation)
    seen: str | None = None


def decide_copy(db: Session, copy: InvoiceCopy, decision: Decision, person: Person, now: datetime) -> None:
    """Decide, or propose where a second person must confirm. Raises Invalid field by field, Refused."""
    if copy.contract is None and decision.to in AWAY:
        _turn_away(db, copy, decision, person, now)
        return
    contract = _locked(db, copy)
    if decision.seen is not None:
        must_be_as_read(db, copy, decision.seen)
    _check(copy, decision, paris_day(now))
    motive, to = decision.motive.strip(), decision.to
    if to == "held" and copy.suspended_on is not None:
        raise Refused("Le délai de paiement ne se suspend qu’une fois.", "R2192-27")
    copy.done_on = decision.done_on or copy.done_on
    copy.reason_code = "" if to == "approved" else decision.reason
    if to in PAYABLE:
        only_copy(db, copy)
        _liquidate(copy, decision)
        if wants_two(db.get_one(Organisation, copy.organisation_id), copy):
            said = _sums(db, copy)
            move(db, contract.consultation, copy, "to_confirm", person.email, now, proposed=to, motive=motive, **said)
            copy.proposed, copy.proposed_by, copy.motive = to, person.email, motive
            _counted(db, contract, copy, now)
            return
    if to == "held":
        copy.suspended_on = paris_day(now)
    _conclude(db, contract, copy, to, motive, person, now)


def _turn_away(db: Session, copy: InvoiceCopy, decision: Decision, person: Person, now: datetime) -> None:
    """What belongs to no contract, or does not read, goes back: no register is its own, the row keeps who and why."""
    hold_buyer(db, copy.organisation_id)
    db.refresh(copy)
    if copy.contract is not None:
        raise Changed
    if decision.seen is not None:
        must_be_as_read(db, copy, decision.seen)
    _check(copy, decision, paris_day(now))
    if decision.to not in copy.MOVES[copy.state]:
        raise Refused("Cette facture est déjà décidée.")
    copy.state, copy.reason_code, copy.motive = decision.to, decision.reason, decision.motive.strip()
    copy.decided_at, copy.decided_by, copy.due_on = now, person.email, None
    replace_copies(db, copy, person.email, now)
    if copy.portal_id:
        ask_portal(db, copy, wanted_status(db, copy.organisation_id, decision.to), now)


def _locked(db: Session, copy: InvoiceCopy) -> Contract:
    """The buyer's row, then the register; the invoice as others left it."""
    hold_buyer(db, copy.organisation_id)
    db.refresh(copy)
    if copy.contract is None:
        raise Refused("Rattachez d’abord cette facture à un marché : sa décision y est conservée.")
    lock(db, copy.contract.consultation)
    return copy.contract


def _check(copy: InvoiceCopy, decision: Decision, today: date) -> None:
    wrong = {}
    if decision.to in PAYABLE and is_account_unsure(copy) and len(decision.motive.strip()) < 10:
        wrong["motive"] = CALL_BACK
    elif decision.to != "approved" and len(decision.motive.strip()) < 10:
        wrong["motive"] = "Écrivez le motif en une phrase : le fournisseur le lira."
    elif len(decision.motive.strip()) > 1000:
        wrong["motive"] = "Le motif a mille caractères au plus."
    if decision.to != "approved" and decision.reason not in REASONS:
        wrong["reason"] = "Choisissez le code du motif : il est transmis au fournisseur."
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
        if value is not None and most is not None and (abs(value) > abs(most) or value * most < 0):
            wrong[name] = "Les sommes admises ne dépassent pas celles de la facture."
    return _wrong_share(copy, decision) | wrong | _wrong_off(said, admitted)


def _wrong_off(said: Liquidation, admitted: Decimal | None) -> dict[str, str]:
    """Under the field to correct: the negative ones, or the one that takes off the most."""
    off = {"retention_ttc": said.retention_ttc, "advance_ttc": said.advance_ttc, "penalties_ttc": said.penalties_ttc}
    if negative := [name for name, value in off.items() if value < 0]:
        return dict.fromkeys(negative, "Ce qui est retenu s’écrit sans signe.")
    total = sum(off.values(), Decimal(0))
    if admitted is None or total <= max(admitted, Decimal(0)):
        return {}
    sentence = f"Ce qui est retenu ({euros(total)}) dépasse les sommes admises ({euros(admitted)})."
    return {max(off, key=lambda name: off[name]): sentence}


def _wrong_share(copy: InvoiceCopy, decision: Decision) -> dict[str, str]:
    """A part is less than the whole, and the whole is not a part."""
    said = decision.liquidation
    pairs = ((said.admitted_ht, copy.amount_ht), (said.admitted_ttc, copy.amount_ttc))
    less = any(value is not None and value != whole for value, whole in pairs)
    if decision.to == "approved" and less:
        return {"admitted_ht": "Pour admettre moins que la facture, choisissez « Approuver en partie »."}
    if decision.to == "partial" and not less and said.admitted_ht is not None and said.admitted_ttc is not None:
        return {"admitted_ht": "Ces sommes sont celles de la facture : approuvez-la en entier, ou admettez moins."}
    ht, ttc = said.admitted_ht, said.admitted_ttc
    if ht is not None and ttc is not None and abs(ttc) < abs(ht):
        return {"admitted_ttc": "La somme toutes taxes comprises n’est pas inférieure à celle hors taxes."}
    if less and ht is not None and ttc is not None and abs(ttc) > abs(ht) * (1 + HIGHEST_RATE / 100) + CENTS:
        return {"admitted_ttc": f"La TVA admise dépasse {HIGHEST_RATE} % de la somme hors taxes."}
    return {}


def _liquidate(copy: InvoiceCopy, decision: Decision) -> None:
    said = decision.liquidation
    copy.admitted_ht = said.admitted_ht if said.admitted_ht is not None else copy.amount_ht
    copy.admitted_ttc = said.admitted_ttc if said.admitted_ttc is not None else copy.amount_ttc
    copy.retention_ttc, copy.advance_ttc = said.retention_ttc, said.advance_ttc
    copy.penalties_ttc = said.penalties_ttc


def _sums(db: Session, copy: InvoiceCopy) -> dict[str, str | bool | None]:
    """What the register keeps of a liquidation, in euros, and the threshold of that moment.

    `certified`: no service fait was recorded, whoever approved was told that approving certifies it.
    """
    names = ("admitted_ht", "admitted_ttc", "retention_ttc", "advance_ttc", "penalties_ttc")
    sums = {name: getattr(copy, name) for name in names}
    sums["two_above"] = db.get_one(Organisation, copy.organisation_id).second_above
    written = {name: None if value is None else f"{value:.2f}" for name, value in sums.items()}
    return written | ({"certified": True} if certifies(db, copy) else {})


def confirm_copy(db: Session, copy: InvoiceCopy, seen: str, person: Person, now: datetime) -> None:
    """The second person agrees with what the first proposed, as it read it: `seen` is the stamp of its page."""
    contract = _locked(db, copy)
    if copy.proposed_by == person.email:
        raise Refused("Cette facture se décide à deux : à une autre personne des finances de la confirmer.")
    if copy.state != "to_confirm":
        raise Refused("Cette facture n’attend pas de confirmation.")
    must_be_as_read(db, copy, seen)
    only_copy(db, copy)
    _conclude(db, contract, copy, copy.proposed, copy.motive, person, now)


def send_back_to_first(db: Session, copy: InvoiceCopy, motive: str, person: Person, now: datetime) -> None:
    """The second person does not agree: to be decided again, still suspended where it was."""
    contract = _locked(db, copy)
    if len(motive.strip()) < 10:
        raise Invalid({"motive": "Dites en une phrase pourquoi vous ne confirmez pas."})
    to = "completed" if copy.resumed_on else "held" if copy.suspended_on else "received"
    move(db, contract.consultation, copy, to, person.email, now, motive=motive.strip()[:1000])
    copy.proposed, copy.proposed_by = "", ""
    copy.motive, copy.reason_code = _suspension_of(db, contract, copy)
    copy.admitted_ht = copy.admitted_ttc = copy.retention_ttc = copy.advance_ttc = copy.penalties_ttc = None
    _counted(db, contract, copy, now)


def _suspension_of(db: Session, contract: Contract, copy: InvoiceCopy) -> tuple[str, str]:
    """The motive and the reason under which it was suspended, which the supplier read; empty where it was not."""
    query = select(Event.data).where(
        Event.consultation_id == contract.consultation_id, Event.kind == "invoicecopy.held", Event.subject == copy.ref
    )
    told = (data for data in db.scalars(query.order_by(Event.id.desc())) if data.get("reason"))
    said: Mapping[str, Any] = next(told, {})
    return str(said.get("motive") or ""), str(said.get("reason") or "")


def _conclude(
    db: Session, contract: Contract, copy: InvoiceCopy, to: str, motive: str, person: Person, now: datetime
) -> None:
    if copy.suspended_on is not None and copy.resumed_on is None and to != "held":
        copy.resumed_on = paris_day(now)
    sums = _sums(db, copy) if to in PAYABLE else {}
    move(db, contract.consultation, copy, to, person.email, now, motive=motive, reason=copy.reason_code, **sums)
    copy.decided_at, copy.decided_by, copy.motive = now, person.email, motive
    if to != "held":
        replace_copies(db, copy, person.email, now)
    _counted(db, contract, copy, now)
    if copy.portal_id:
        ask_portal(db, copy, wanted_status(db, copy.organisation_id, to), now)
    if to in TOLD:
        tell(db, contract, copy, TOLD[to], motive, now)


def arrived(db: Session, copies: Sequence[InvoiceCopy], now: datetime) -> None:
    """What follows from its contract: the part that its engagement pays for, its last day, the account to count."""
    groups = by_contract(copies)
    contracts = [contract for contract, _ in groups]
    engagements, days = engagements_by(db, [contract.id for contract in contracts]), days_by(db, contracts)
    for contract, mine in groups:
        parts = {row.number: row.part for row in reversed(engagements.get(contract.id, []))}
        for copy in mine:
            copy.part = (parts.get(copy.engagement, "") if copy.engagement else "") or copy.part
            wind(copy, days[contract.id])
        contract.recount_at = now


def _counted(db: Session, contract: Contract, copy: InvoiceCopy, now: datetime) -> None:
    """The last day and the account follow each change."""
    wind(copy, terms_of(db, contract).payment_days)
    contract.recount_at = now


def complete_copy(db: Session, copy: InvoiceCopy, on: date | None, person: Person, now: datetime) -> None:
    """What was missing came that day: the delay of payment runs again (R2192-29)."""
    contract = _locked(db, copy)
    if on is None or copy.suspended_on is None or not copy.suspended_on <= on <= paris_day(now):
        raise Invalid({"on": "La réception de la pièce va de la suspension à aujourd’hui."})
    move(db, contract.consultation, copy, "completed", person.email, now, on=on.isoformat())
    copy.resumed_on = on
    _counted(db, contract, copy, now)


def pay_copy(db: Session, copy: InvoiceCopy, mandate: str, on: date | None, person: Person, now: datetime) -> None:
    """The accountant paid it that day under this mandate; once."""
    contract = _locked(db, copy)
    _not_paid(db, copy)
    if not copy.portal_id:
        not_deposited(db, copy)
    wrong = {}
    if not 1 <= len(mandate.strip()) <= 30:
        wrong["mandate"] = "Écrivez le numéro du mandat, 30 caractères au plus."
    if on is None or on > paris_day(now) or (copy.issued_on is not None and on < copy.issued_on):
        wrong["paid_on"] = "Le paiement va de la date de la facture à aujourd’hui."
    if wrong or on is None:
        raise Invalid(wrong)
    move(db, contract.consultation, copy, "paid", person.email, now, mandate=mandate.strip(), on=on.isoformat())
    copy.mandate, copy.paid_on = mandate.strip(), on
    _counted(db, contract, copy, now)


def _not_paid(db: Session, copy: InvoiceCopy) -> None:
    """Neither this copy nor another one of the same invoice: nothing is paid twice."""
    query = select(InvoiceCopy).where(
        InvoiceCopy.organisation_id == copy.organisation_id, InvoiceCopy.state == "paid",
        InvoiceCopy.number == copy.number, InvoiceCopy.seller_siret == copy.seller_siret, InvoiceCopy.number != "",
    )  # fmt: skip
    # Of another year, a number written the very same way may be a new one: at payment, it is asked about.
    paid = copy if copy.state == "paid" else twin_of(db, copy, ("paid",)) or db.scalar(query.limit(1))
    if paid is not None:
        day = f"{paid.paid_on:%d/%m/%Y}" if paid.paid_on else ""
        raise Refused(f"La facture {paid.number} est déjà payée, par le mandat {paid.mandate} du {day}.")


def set_reception(db: Session, copy: InvoiceCopy, on: date | None, person: Person, now: datetime) -> None:
    """The day on which the portal announced the invoice, typed by a person: the delay starts there (R2192-15)."""
    contract = _locked(db, copy)
    if getattr(copy, "portal_at", None) is not None:
        raise Refused("La date de réception est celle du portail : elle ne se corrige pas ici.", "R2192-15")
    if copy.state == "paid":
        raise Refused("Cette facture est payée : ses dates ne changent plus.")
    if on is None or on > paris_day(now) or (copy.issued_on is not None and on < copy.issued_on):
        raise Invalid({"received_on": "La réception va de la date de la facture à aujourd’hui."})
    before = copy.received_on.isoformat() if copy.received_on else None
    record(
        db, contract.consultation, "invoicecopy.reception", copy.ref, person.email, now,
        on=on.isoformat(), before=before,
    )  # fmt: skip
    copy.received_on = on
    _counted(db, contract, copy, now)


def impute(db: Session, copy: InvoiceCopy, part: str, engagement: str, person: Person, now: datetime) -> None:
    """Say which tranche or order the invoice bills, and which engagement pays for it; "" for none."""
    contract = _locked(db, copy)
    if copy.state == "paid":
        raise Refused("Cette facture est payée : son imputation ne change plus.")
    if copy.state in AGREED and wants_two(db.get_one(Organisation, copy.organisation_id), copy):
        raise Refused("Cette facture se décide à deux : son imputation ne change plus d’une seule main.")
    wrong = {}
    if part and part not in {row.number for row in parts_of(db, contract)}:
        wrong["part"] = "Choisissez une tranche ou une commande de ce marché."
    known = {row.number for row in engagements_of(db, contract) if row.closed_at is None} | {copy.engagement}
    if engagement and engagement not in known:
        wrong["engagement"] = "Choisissez un engagement ouvert de ce marché."
    if wrong:
        raise Invalid(wrong)
    record(
        db, contract.consultation, "invoicecopy.imputed", copy.ref, person.email, now, part=part, engagement=engagement
    )
    copy.part, copy.engagement = part, engagement
    contract.recount_at = now
