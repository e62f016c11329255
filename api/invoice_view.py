"""An invoice as finance reads it: its delay in words, the choices with their effect, what the form proposes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlalchemy.orm import Session

from api.invoices import proposal
from api.render import euros, french_date
from procurement.as_read import as_shown
from procurement.execution.engagements import engagements_of
from procurement.execution.parts import parts_of
from procurement.execution.terms import Terms, terms_of
from procurement.invoice_copy import InvoiceCopy
from procurement.invoice_decision import AWAY, OPEN, PAYABLE
from procurement.invoice_delay import UNPAID, clock_of, interest_of, reception_day
from procurement.invoicing.deadlines import AFTER_SUSPENSION, Clock, Interest, clock
from procurement.invoicing.reasons import REASONS
from procurement.second_person import is_account_unsure
from procurement.twins import copies_of_deposit, deposits_of
from procurement.worklist import SOON

CENT = Decimal("0.01")
Shown = tuple[str, str]
LABELS: Mapping[str, str] = {
    "approved": "Approuver", "partial": "Approuver en partie", "sent_back": "Renvoyer pour correction",
    "held": "Suspendre", "refused": "Rejeter",
}  # fmt: skip
# The words of Chorus Pro and of the lifecycle message, as a proposal: no official table says so.
SAID_THERE: Mapping[str, str] = {
    "approved": "Chorus Pro : « Service fait » ou « Mandatée » ; cycle de vie : 205 « Approuvée ».",
    "partial": "Chorus Pro : « Mandatée » ; cycle de vie : 206 « Approuvée partiellement ».",
    "sent_back": "Chorus Pro : « À recycler » ; cycle de vie : 207 « En litige ».",
    "held": "Chorus Pro : « Suspendue » ; cycle de vie : 208 « Suspendue ».",
    "refused": "Chorus Pro : « Rejetée » ; cycle de vie : 210 « Refusée », à ne pas confondre avec 213 « Rejetée », "
    "que prononce une plateforme.",
}
# What a reader may be told of an interest whose rate nobody has read again yet.
ESTIMATE = "Estimation : le taux de la BCE est à relire sur son site avant de payer."


@dataclass(frozen=True)
class Delay:
    """The clock of one invoice on one day; `owed` once it is late, paid or not."""

    clock: Clock | None
    left: int | None
    words: str
    tone: str
    owed: Interest | None

    @property
    def badge(self) -> Shown:
        return self.words, self.tone


def delay_of(copy: InvoiceCopy, days: int, today: date) -> Delay:
    """Read from its days; a closed invoice says how it ended."""
    running = clock_of(copy, days)
    if running is None:
        return Delay(None, None, "Aucun délai ne court", "neutral", None)
    owed, left = interest_of(copy, days, today), running.left(today)
    if copy.state == "paid":
        late = running.late(copy.paid_on or today)
        words, tone = (f"Payée avec {_days(late)} de retard", "danger") if late else ("Payée à temps", "success")
        return Delay(running, None, words, tone, owed)
    if left is None:
        return Delay(running, None, "Délai suspendu", "warning", None)
    if left < 0:
        return Delay(running, left, f"En retard de {_days(-left)}", "danger", owed)
    words = "Dernier jour aujourd’hui" if left == 0 else f"Encore {_days(left)}"
    return Delay(running, left, words, "warning" if left <= SOON.days else "info", None)


def _days(count: int) -> str:
    return f"{count} jour{'s' if count > 1 else ''}"


def list_badge(copy: InvoiceCopy, today: date) -> Shown | None:
    """For lists: late or soon, from the day that is kept."""
    if copy.state not in UNPAID or copy.due_on is None:
        return None
    left = (copy.due_on - today).days
    if left < 0:
        return f"En retard de {_days(-left)}", "danger"
    return (f"Encore {_days(left)}" if left else "Dernier jour aujourd’hui", "warning") if left <= SOON.days else None


def choices(copy: InvoiceCopy, days: int, today: date) -> list[tuple[str, str, str]]:
    """(decision, its name, its effect on the delay and its words elsewhere), in the order the law has them thought of.

    Correct, then suspend, then reject (facts: law review). A suspension is offered once; what no contract has may only
    go back.
    """
    effects = _effects(copy, days, today)
    return [
        (key, label, f"{effects[key]} {SAID_THERE[key]}")
        for key, label in LABELS.items()
        if not (key == "held" and copy.suspended_on is not None) and (copy.contract is not None or key in AWAY)
    ]


def _effects(copy: InvoiceCopy, days: int, today: date) -> dict[str, str]:
    running = clock_of(copy, days)
    due, again = _due_if_resumed(copy, running, today), AFTER_SUSPENSION
    if running is not None and running.due is not None:
        again = max(AFTER_SUSPENSION, (running.due - today).days)
    pay = f"À payer au plus tard le {french_date(due)}." if due else "Aucun délai de paiement ne court."
    return {
        "approved": pay,
        "partial": f"{pay} Seules les sommes admises se paient ; la somme refusée et sa raison sont dites.",
        "sent_back": "Mauvais destinataire, service ou engagement : le fournisseur corrige sans refaire sa facture. Le "
        "délai part de la notification du portail au bon destinataire (R2192-15).",
        "held": f"Une pièce manque : le délai s’interrompt aujourd’hui, une seule fois. À la réception de la pièce, il "
        f"restera {_days(again)} (R2192-27 à R2192-29).",
        "refused": "La facture est fausse : elle est close, et le délai partira de celle qui la remplace.",
    }


def _due_if_resumed(copy: InvoiceCopy, running: Clock | None, today: date) -> date | None:
    if running is None or running.due is not None or copy.issued_on is None:
        return running.due if running else None
    return clock(
        copy.issued_on, received_on=reception_day(copy), done_on=copy.done_on, days=running.days,
        suspended_on=copy.suspended_on, resumed_on=today,
    ).due  # fmt: skip


def proposed_values(copy: InvoiceCopy, terms: Terms) -> dict[str, str]:
    """What the decision form shows first: from the match where it computed it, else from the contract's terms."""
    found, proposed = copy.match, proposal(copy.report, copy.match)
    payable = found.get("payable") or {}
    partial = found.get("amounts") or {} if proposed == "partial" else {}
    admitted = _amount(partial.get("MAP"))
    return {
        "reason": reason_of(found, proposed),
        "done_on": copy.done_on.isoformat() if copy.done_on else "",
        "admitted_ht": _typed(admitted), "admitted_ttc": _typed(_with_tax(copy, admitted)),
        "retention_ttc": _typed(_amount(payable.get("retention")) if payable else _retention(copy, terms)),
        "advance_ttc": _typed(_amount(payable.get("advance_repaid"))),
        "penalties_ttc": _typed(_amount(payable.get("penalties"))),
    }  # fmt: skip


def _amount(text: object) -> Decimal | None:
    try:
        value = Decimal(str(text)) if text is not None else None
    except InvalidOperation:
        return None
    return value.quantize(CENT, ROUND_HALF_UP) if value is not None and value.is_finite() and value else None


def _typed(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.2f}".replace(".", ",")


def _with_tax(copy: InvoiceCopy, admitted: Decimal | None) -> Decimal | None:
    if admitted is None or not copy.amount_ht or copy.amount_ttc is None:
        return None
    return (admitted * copy.amount_ttc / copy.amount_ht).quantize(CENT, ROUND_HALF_UP)


def _retention(copy: InvoiceCopy, terms: Terms) -> Decimal | None:
    """The rate of the contract on the whole amount, unless a guarantee replaces it or it was released (R2191-32)."""
    if copy.amount_ttc is None or copy.amount_ttc <= 0 or terms.guarantee or terms.retention_released_on is not None:
        return None
    return (copy.amount_ttc * Decimal(terms.retention_rate)).quantize(CENT, ROUND_HALF_UP) or None


EFFECTS: Mapping[str, frozenset[str]] = {
    "held": frozenset({"hold"}), "sent_back": frozenset({"hold"}), "refused": frozenset({"refuse"}),
    "partial": frozenset({"partial"}),
}  # fmt: skip


def _heard(match: Mapping[str, Any], proposed: str) -> list[Mapping[str, Any]]:
    return [f for f in match["findings"] if f.get("effect") in EFFECTS.get(proposed, frozenset())]


def reason_of(match: Mapping[str, Any], proposed: str) -> str:
    """The code of the first finding that asks for it; a rule of form in default is NON_CONFORME."""
    codes = [str(f.get("reason_code")) for f in _heard(match, proposed) if f.get("reason_code") in REASONS]
    return codes[0] if codes else "NON_CONFORME" if proposed == "refused" else "AUTRE" if proposed != "approved" else ""


def motive_of(match: Mapping[str, Any], proposed: str) -> str:
    """The sentences that ask for it, to be read again by whoever decides."""
    return " ".join(str(f["message"]) for f in _heard(match, proposed))[:1000]


def changes(before: Mapping[str, Any], copy: InvoiceCopy) -> list[str]:
    """What a comparison says that the one before did not, and what it no longer says."""
    now = copy.match
    former, found = ([str(f["message"]) for f in match["findings"]] for match in (before, now))
    said = [f"Constaté maintenant : {message}" for message in found if message not in former]
    said += [f"N’est plus constaté : {message}" for message in former if message not in found]
    proposals = [LABELS[proposal(copy.report, match)].lower() for match in (before, now)]
    if proposals[0] != proposals[1]:
        said.append(f"Proposition : {proposals[1]}, et non plus {proposals[0]}.")
    old, new = (match.get("payable") or {} for match in (before, now))
    for name, words in SUMS.items():
        sums = [_amount(payable.get(name)) or Decimal(0) for payable in (old, new)]
        if sums[0] != sums[1]:
            said.append(f"{words} : {euros(sums[1])} calculés, {euros(sums[0])} avant.")
    return said


SUMS: Mapping[str, str] = {
    "advance_repaid": "Avance à rembourser", "retention": "Retenue de garantie", "penalties": "Pénalités",
    "direct_payments": "Paiements directs", "prepaid": "Déjà payé", "net_payable": "Net à payer",
}  # fmt: skip


def shown(db: Session, copy: InvoiceCopy, today: date) -> dict[str, Any]:
    """What the page of an invoice reads besides the invoice itself."""
    terms = terms_of(db, copy.contract) if copy.contract else None
    days = terms.payment_days if terms else 30
    stamp, certified = as_shown(db, copy)
    return {
        "delay": delay_of(copy, days, today),
        "received_on": reception_day(copy),
        "from_portal": getattr(copy, "portal_at", None) is not None,
        "open": copy.state in OPEN,
        "unsure": is_account_unsure(copy),
        "stamp": stamp,
        "certifies": certified,
        "payable": copy.state in PAYABLE,
        "decisions": choices(copy, days, today),
        "labels": LABELS,
        "reasons": list(REASONS.items()),
        "reason_words": REASONS,
        "not_admitted": not_admitted(copy),
        "parts": [("", "Aucune")] + [(p.number, f"{p.title} : {p.label}") for p in _parts(db, copy)],
        "engagements": _engagements(db, copy),
        "steps": (copy.match.get("payable") or {}).get("steps", []),
        "values": proposed_values(copy, terms) if terms else {},
        "suggested": motive_of(copy.match, proposal(copy.report, copy.match)),
        "estimate": ESTIMATE,
        "copies": copies_of_deposit(db, copy) if copy.state in OPEN or copy.state == "to_confirm" else [],
        "deposits": deposits_of(db, copy),
    }


def _parts(db: Session, copy: InvoiceCopy) -> list[Any]:
    return list(parts_of(db, copy.contract)) if copy.contract else []


def _engagements(db: Session, copy: InvoiceCopy) -> list[tuple[str, str]]:
    if copy.contract is None:
        return []
    numbers = [e.number for e in engagements_of(db, copy.contract) if e.closed_at is None]
    return [("", "Aucun")] + [(n, n) for n in dict.fromkeys([*numbers, copy.engagement]) if n]


def not_admitted(copy: InvoiceCopy) -> tuple[Decimal, Decimal] | None:
    """(HT, TTC) of what was not admitted (MNA); None unless approved in part."""
    whole, kept = (copy.amount_ht, copy.amount_ttc), (copy.admitted_ht, copy.admitted_ttc)
    if whole[0] is None or whole[1] is None or kept[0] is None or kept[1] is None or whole == kept:
        return None
    return whole[0] - kept[0], whole[1] - kept[1]


def clock_dict(delay: Delay) -> dict[str, Any] | None:
    """For programs: days as ISO, amounts as strings."""
    if delay.clock is None:
        return None
    due, owed = delay.clock.due, delay.owed
    return {
        "start": delay.clock.start.isoformat(), "why": delay.clock.why, "article": delay.clock.article,
        "days": delay.clock.days, "due": due.isoformat() if due else None, "left": delay.left,
        "suspended": due is None,
        "interest": {
            "days": owed.days, "percent": str(owed.percent), "amount": str(owed.amount), "fixed": str(owed.fixed),
            "total": str(owed.total), "notice": ESTIMATE,
        } if owed else None,
    }  # fmt: skip
