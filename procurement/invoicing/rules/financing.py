"""Advance and retention: never a discount of the invoice, which would lower its VAT base."""

from collections.abc import Iterator
from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import fold
from procurement.invoicing.money import CENT, euros, percent
from procurement.invoicing.past import ZERO
from procurement.invoicing.payable import cap_of, payable, withheld_from
from procurement.invoicing.rules.finding import Findings, MatchFinding, amount, reject, tell
from procurement.invoicing.scoring import holder_of, same_company

RETENTION_WORDS, ADVANCE_WORDS, PENALTY_WORDS = ("RETENUE",), ("AVANCE", "PRECOMPTE"), ("PENALITE",)


def discounts(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A retention, an advance or a penalty taken off as a discount (BT-107) or a negative line."""
    for bt, text, taken in _lowered(invoice):
        for rule, found, what in _KINDS:
            if any(word in fold(text) for word in found):
                yield _as_discount(contract, rule, bt, what, taken)
    if not invoice.terms.get("BT-97"):
        yield from _unnamed(invoice, contract)


_KINDS = (
    ("retention-as-discount", RETENTION_WORDS, "La retenue de garantie"),
    ("advance-as-discount", ADVANCE_WORDS, "Le remboursement de l’avance"),
    ("penalty-as-discount", PENALTY_WORDS, "Une pénalité"),
)


def _lowered(invoice: Invoice) -> Iterator[tuple[str, str, Decimal]]:
    reasons, amounts = invoice.terms.get("BT-97", ()), invoice.terms.get("BT-92", ())
    if reasons:
        one = len(reasons) == len(amounts) == 1 and invoice.totals.allowances is not None
        yield "BT-107", " ".join(reasons), invoice.totals.allowances or ZERO if one else ZERO
    for line in invoice.lines:
        if line.net < 0:
            yield "BT-131", line.name, -line.net


def _as_discount(contract: ContractRecord, rule: str, bt: str, what: str, taken: Decimal) -> MatchFinding:
    told = f" ({euros(taken)})" if taken else ""
    message = (
        f"{what}{told} est déduite comme une remise : elle diminue à tort la base de la TVA. Elle se retient au "
        "paiement, sur une facture du montant entier."
    )
    return amount(contract, reject(rule, bt, message, "CALCUL_ERR"), ZERO)


def _unnamed(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A discount without reason that is, to the cent, the retention of the contract."""
    taken, retention = invoice.totals.allowances or ZERO, contract.retention
    if taken <= 0 or retention is None or not retention.rate:
        return
    lines = sum((line.net for line in invoice.lines), ZERO)
    if abs(lines * retention.rate - taken) <= CENT:
        yield _as_discount(contract, "retention-as-discount", "BT-107", "La retenue de garantie", taken)


def retention_rate(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The contract's own rate is within the law."""
    if contract.retention is None or not withheld_from(contract, invoice):
        return
    cap, rate = cap_of(contract, invoice), contract.retention.rate
    most = cap.most
    if rate > most:
        message = (
            f"Le contrat prévoit une retenue de {percent(contract.retention.rate)} ; {percent(most)} au plus "
            "peuvent être retenus (R2191-33)."
        )
        yield tell("retention-above-legal", "BT-115", message, "AUTRE", "warn")
    elif rate > cap.perhaps and (contract.buyer.kind or _size_known(invoice, contract)):
        message = (
            f"Le contrat prévoit une retenue de {percent(rate)} : elle ne dépasse pas {percent(cap.perhaps)} si "
            f"{'le titulaire est une PME' if contract.buyer.kind else 'l’acheteur est de ceux que vise l’article'} "
            "(R2191-33). À vérifier avant de payer."
        )
        yield tell("retention-perhaps-above-legal", "BT-115", message, "AUTRE", "warn")


def _size_known(invoice: Invoice, contract: ContractRecord) -> bool:
    """Where neither side is known, nothing is checked."""
    holder = holder_of(invoice, contract) or same_company(invoice, contract)
    return holder is not None and holder.sme is not None


def withheld(invoice: Invoice, contract: ContractRecord) -> Findings:
    """What will be taken off the payment is told: the supplier expects BT-115."""
    if contract.advance is None and contract.retention is None:
        return
    if not withheld_from(contract, invoice):
        return
    sums = payable(contract, invoice)
    if sums.advance_repaid:
        message = f"Avance : {euros(sums.advance_repaid)} à précompter sur ce paiement (R2191-11)."
        yield tell("advance-repayment", "BT-115", message, "AUTRE")
    if sums.retention:
        message = f"Retenue de garantie : {euros(sums.retention)} à retenir sur ce paiement (R2191-33)."
        yield tell("retention", "BT-115", message, "AUTRE")


RULES = (discounts, retention_rate, withheld)
