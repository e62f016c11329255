"""Advance and retention: never a discount of the invoice, which would lower its VAT base."""

import re
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

# Phrases that name the sum taken off, on folded text: « remise sur la solution retenue », « escompte pour paiement
# d’avance » or « correction de l’avancement » hold the word and say something else.
_LINK = r"(?:(?:DE|D|DES|DU|L|LA|LES|SUR|PARTIELLE?|TOTALE?|\d+)\W+){0,4}"
_REPAID = r"(?:REMBOURSEMENT|REMB|REPRISE|RESORPTION|PRECOMPTE|RECUPERATION|IMPUTATION|DEDUCTION|RETENUE|APUREMENT)S?"
_SAID = (
    r"(?:FORFAITAIRE|FACULTATIVE|OBLIGATOIRE|VERSEE|PERCUE|RECUE|CONSENTIE|ACCORDEE|REMBOURSEE|DEDUITE|PRECOMPTEE)S?"
)
_ADVANCE = re.compile(
    rf"\b{_REPAID}\W+{_LINK}AVANCES?\b|\bAVANCES?\W+(?:A\W+(?:DEDUIRE|REMBOURSER)|(?:DEJA\W+)?{_SAID})\b"
    r"|^\W*(?:MOINS\W+)?(?:L\W+)?(?:AVANCES?|PRECOMPTES?)\W*(?:(?:DE\W+)?\d.*)?$"
)
_RETENTION = re.compile(r"\bRETENUES?\W+(?:DE\W+)?(?:LA\W+)?GARANTIE|\bRETENUES?\W+(?:DE\W+)?\d|^\W*RETENUES?\W*$")
_PENALTY = re.compile(r"(?<!\bHORS )(?<!\bSANS )\bPENALITES?\b")
_KINDS = (
    ("retention-as-discount", _RETENTION, "La retenue de garantie"),
    ("advance-as-discount", _ADVANCE, "Le remboursement de l’avance"),
    ("penalty-as-discount", _PENALTY, "Une pénalité"),
)


def discounts(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A retention, an advance or a penalty taken off as a discount (BT-107) or a negative line."""
    for bt, texts, taken in _lowered(invoice):
        for rule, phrase, what in _KINDS:
            if any(phrase.search(text) or _begins(text, rule, contract) for text in texts):
                yield _as_discount(contract, rule, bt, what, taken)
    if not invoice.terms.get("BT-97"):
        yield from _unnamed(invoice, contract)


_APOSTROPHE = re.compile("['\u2019\u02bc]")
_FIRST = {"retention-as-discount": re.compile(r"\W*RETENUES?\b"), "advance-as-discount": re.compile(r"\W*AVANCES?\b")}


def _begins(text: str, rule: str, contract: ContractRecord) -> bool:
    """Where the contract has a retention or an advance, what begins with the word is it."""
    known = {"retention-as-discount": contract.retention, "advance-as-discount": contract.advance}.get(rule)
    return known is not None and _FIRST[rule].match(text) is not None


def _plain(text: str) -> str:
    return fold(_APOSTROPHE.sub(" ", text))


def _lowered(invoice: Invoice) -> Iterator[tuple[str, tuple[str, ...], Decimal]]:
    reasons, amounts = invoice.terms.get("BT-97", ()), invoice.terms.get("BT-92", ())
    if reasons:
        one = len(reasons) == len(amounts) == 1 and invoice.totals.allowances is not None
        yield "BT-107", tuple(map(_plain, reasons)), invoice.totals.allowances or ZERO if one else ZERO
    for line in invoice.lines:
        if line.net < 0:
            yield "BT-131", (_plain(line.name),), -line.net


def _as_discount(contract: ContractRecord, rule: str, bt: str, what: str, taken: Decimal) -> MatchFinding:
    told = f" ({euros(taken)})" if taken else ""
    message = (
        f"{what}{told} figure comme une remise, et diminue à tort la base de la TVA. Cela se retient au paiement, sur "
        "une facture du montant entier."
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
