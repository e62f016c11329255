"""From what is billed to what is paid: revision told, then the advance repaid, then the retention (in that order).

The invoice is left as it is: VAT is on its gross amount, and what is withheld lowers the payment, never the base
(CGI 269; R2191-11 for the advance, R2191-32 and R2191-33 for the retention). Everything is in euros, all taxes
included unless said otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from procurement.invoicing.billed import gross_factor, gross_of, replaced
from procurement.invoicing.contracts import Advance, ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import key, number_key
from procurement.invoicing.money import cents, euros, percent
from procurement.invoicing.past import ZERO
from procurement.invoicing.revision import coefficient, is_revision, reference_day
from procurement.invoicing.scoring import holder_of, same_company
from procurement.rules import rule_table
from procurement.rules.retention import Cap, retention_cap


@dataclass(frozen=True)
class Payable:
    """What is to be paid, and how one gets there. `revision` is the part of `gross_ttc` that comes from it.

    `refused_ttc` is the part of `gross_ttc` that is not admitted: what is taken off is counted on the rest.
    A credit note gives negative amounts. `prepaid` is what the supplier says it received (BT-113), the advance aside.
    """

    gross_ttc: Decimal
    revision: Decimal
    advance_repaid: Decimal
    retention: Decimal
    penalties: Decimal
    direct_payments: Decimal
    prepaid: Decimal
    net_payable: Decimal
    refused_ttc: Decimal = ZERO
    steps: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, object]:
        """Amounts as strings, for JSON."""
        sums = {name: str(cents(value)) for name, value in vars(self).items() if isinstance(value, Decimal)}
        return sums | {"steps": list(self.steps)}


def payable(contract: ContractRecord, invoice: Invoice, refused: Decimal = ZERO) -> Payable:
    """The steps from BT-112 to the payment, each explained in French. `refused`: euros HT that are not admitted."""
    gross = -abs(invoice.totals.gross) if invoice.is_credit else invoice.totals.gross
    steps = [f"Montant facturé toutes taxes comprises : {euros(gross)} (la TVA reste due sur ce montant)."]
    revision = _revision(contract, invoice, steps)
    not_admitted = _not_admitted(invoice, refused, steps)
    left = max(gross - not_admitted, ZERO)
    advance = _advance(contract, invoice, left, steps)
    retention = _retention(contract, invoice, left, left - advance, steps)
    left -= advance + retention
    direct = _direct(contract, invoice, left, steps)
    penalties = _penalties(contract, invoice, left - direct, steps)
    prepaid = _prepaid(invoice, advance, left - direct - penalties, steps)
    net = gross - not_admitted - advance - retention - direct - penalties - prepaid
    steps.append(f"Net à payer : {euros(net)}.")
    return Payable(gross, revision, advance, retention, penalties, direct, prepaid, net, not_admitted, tuple(steps))


def _not_admitted(invoice: Invoice, refused: Decimal, steps: list[str]) -> Decimal:
    """What is refused with its VAT, at the rate of the whole invoice."""
    totals = invoice.totals
    if refused <= 0 or totals.net <= 0 or invoice.is_credit:
        return ZERO
    taken = cents(min(refused * totals.gross / totals.net, totals.gross))
    steps.append(f"Non admis : {euros(taken)} ; montant admis : {euros(totals.gross - taken)}.")
    return taken


def _law_day(contract: ContractRecord, otherwise: date) -> date:
    """The day that chooses the law: that of the consultation, else the start of the contract."""
    return contract.launched_on or contract.start or otherwise


@lru_cache(512)
def figures(on: date) -> MappingProxyType[str, Decimal]:
    """The legal figures in force on that day, by id (procurement/rules)."""
    return MappingProxyType({name: figure.value for name, figure in rule_table().in_force(on).figures.items()})


def withheld_from(contract: ContractRecord, invoice: Invoice) -> bool:
    """Advance, retention and penalties are the holder's business, not that of a subcontractor paid directly."""
    holder = holder_of(invoice, contract) or same_company(invoice, contract)
    return holder is not None and holder.role != "subcontractor" and not invoice.is_credit


def _revision(contract: ContractRecord, invoice: Invoice, steps: list[str]) -> Decimal:
    by = coefficient(contract, reference_day(invoice))
    if by is None:
        return ZERO
    if by.missing:
        steps.append(f"Révision : l’indice {by.missing} manque, elle n’est pas vérifiée.")
        return ZERO
    part = cents(sum(_revised(contract, invoice), ZERO))
    state = "indices provisoires, à régulariser" if by.provisional else "indices définitifs"
    steps.append(
        f"Révision : coefficient {by.value:f} ({by.month}, {state})"
        + (
            f" ; {euros(part)} du montant facturé en viennent."
            if part or by.value == 1
            else ", que la facture n’applique pas ; rien n’est ajouté."
        )
    )
    return part


def _revised(contract: ContractRecord, invoice: Invoice) -> Iterator[Decimal]:
    """What each line owes to the revision, with its VAT: a revision line whole, else the rise of a listed price."""
    prices = {key(price.code): price.unit_price for price in contract.prices}
    sign = -1 if invoice.is_credit else 1
    for line in invoice.lines:
        tax = 1 + (line.vat_rate or ZERO) / 100
        agreed = prices.get(line.code_among(prices))
        if is_revision(line.code) or is_revision(line.name):
            yield sign * line.net * tax
        elif agreed is not None:
            yield sign * (line.unit_price / line.base_quantity - agreed) * line.quantity * tax


def _advance(contract: ContractRecord, invoice: Invoice, gross: Decimal, steps: list[str]) -> Decimal:
    advance = contract.advance
    if advance is None or not withheld_from(contract, invoice):
        return ZERO
    base = _advance_base(contract, invoice.issued_on)
    if not base:
        steps.append("Avance : le montant du contrat n’est pas connu, le précompte n’est pas calculé.")
        return ZERO
    start, end = thresholds(contract, advance, base)
    before = _admitted_before(contract, invoice)
    share = (before + gross) / base
    due = advance.paid_ttc * _progress(share, start, end) - advance.repaid_ttc
    left = advance.paid_ttc - advance.repaid_ttc
    taken = cents(min(max(due, ZERO), gross, max(left, ZERO)))
    steps.append(
        f"Avance : avec les sommes déjà admises et cette facture, {percent(share)} du montant est atteint "
        f"(remboursement de {percent(start)} à {percent(end)}, R2191-11) ; précompte de {euros(taken)} sur "
        f"{euros(left)} restant à rembourser."
    )
    return taken


def thresholds(contract: ContractRecord, advance: Advance, base: Decimal) -> tuple[Decimal, Decimal]:
    """The shares between which the advance is repaid: the contract's, else those of its law (launched_on).

    Above 30 % the first demand already repays (R2191-11).
    """
    law = figures(_law_day(contract, date.max))
    rate = advance.rate if advance.rate is not None else advance.paid_ttc / base
    usual = ZERO if rate > law["advance_repay_high"] else law["advance_repay_start"]
    start = advance.start if advance.start is not None and usual else usual
    end = advance.end if advance.end is not None else law["advance_repay_end"]
    return start, max(end, start)


def _progress(share: Decimal, start: Decimal, end: Decimal) -> Decimal:
    if share >= end:
        return Decimal(1)
    return (share - start) / (end - start) if share > start else ZERO


def _advance_base(contract: ContractRecord, on: date) -> Decimal:
    """The amount TTC whose share counts: the holder's since 2026, the whole contract's before."""
    if contract.amount_ht is None:
        return ZERO
    amount = contract.amount_ht
    if "advance_on_holder_share" in figures(_law_day(contract, on)):
        amount -= sum((h.share_ht or ZERO for h in contract.holders if h.role == "subcontractor"), ZERO)
    return max(amount, ZERO) * gross_factor(contract)


def _admitted_before(contract: ContractRecord, invoice: Invoice) -> Decimal:
    """Euros TTC admitted of whoever is no subcontractor, this invoice and what it replaces left out."""
    past, factor = contract.invoiced, gross_factor(contract)
    holders = past.sirets - {holder.siret for holder in contract.holders if holder.role == "subcontractor"}
    same = past.folded(replaced(invoice) | {number_key(invoice.number)})
    gone = sum((gross_of(p, contract) for p in same if p.admitted and p.siret in holders), ZERO)
    known = (past.total("admitted ttc", siret) + past.total("admitted ht", siret) * factor for siret in holders)
    return sum(known, ZERO) - gone


def cap_of(contract: ContractRecord, invoice: Invoice) -> Cap:
    """What may be withheld of who bills (R2191-33), as far as the file knows both sides."""
    holder = holder_of(invoice, contract) or same_company(invoice, contract)
    return retention_cap(
        _law_day(contract, invoice.issued_on), contract.buyer.kind or "", holder.sme if holder else None
    )


def _retention(contract: ContractRecord, invoice: Invoice, gross: Decimal, left: Decimal, steps: list[str]) -> Decimal:
    retention = contract.retention
    if retention is None or not withheld_from(contract, invoice):
        return ZERO
    if retention.guarantee:
        steps.append("Retenue de garantie : une garantie la remplace, rien n’est retenu (R2191-36).")
        return ZERO
    rate = min(retention.rate, cap_of(contract, invoice).most)
    taken = gross * rate
    if contract.amount_ht is not None:
        taken = min(taken, max(contract.amount_ht * gross_factor(contract) * rate - retention.held_ttc, ZERO))
    taken = cents(min(taken, left))
    steps.append(f"Retenue de garantie de {percent(rate)} sur le montant facturé : {euros(taken)} (R2191-33).")
    return taken


def _direct(contract: ContractRecord, invoice: Invoice, left: Decimal, steps: list[str]) -> Decimal:
    inside = [past for past in contract.invoiced.within(invoice.number) if past.counted]
    if not inside or not withheld_from(contract, invoice):
        return ZERO
    total = cents(min(sum((gross_of(past, contract) for past in inside), ZERO), left))
    steps.append(f"Sous-traitants payés directement et compris dans cette demande : {euros(total)} (L2193-11).")
    return total


def _penalties(contract: ContractRecord, invoice: Invoice, left: Decimal, steps: list[str]) -> Decimal:
    if not contract.penalties or not withheld_from(contract, invoice):
        return ZERO
    due = sum((penalty.amount_ttc for penalty in contract.penalties), ZERO)
    taken = cents(min(due, left))
    steps.append(f"Pénalités à déduire : {euros(taken)} sur {euros(due)} (hors du champ de la TVA).")
    return taken


def _prepaid(invoice: Invoice, advance: Decimal, left: Decimal, steps: list[str]) -> Decimal:
    given = invoice.totals.paid or ZERO
    if invoice.is_credit or given <= 0:
        return ZERO
    taken = cents(min(max(given - advance, ZERO), left))
    word = " (l’avance précomptée en fait partie)" if advance else ""
    steps.append(f"Déjà payé d’après le fournisseur (BT-113){word} : {euros(taken)}.")
    return taken
