"""VAT: the rates of the contract, who bills it and who does not, and its amount to the cent."""

import re
from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import fold
from procurement.invoicing.money import euros, percent
from procurement.invoicing.own import wrong_vat
from procurement.invoicing.past import ZERO
from procurement.invoicing.rules.amounts import GROUPED
from procurement.invoicing.rules.finding import Findings, amount, reject, suspend, tell
from procurement.invoicing.rules.original import undoes
from procurement.invoicing.scoring import holder_of, same_company

REVERSE_CHARGE = "AE"
DOMESTIC = frozenset({"", "FR", "GP", "GF", "MQ", "RE", "YT", "MC"})
# Who bills no VAT by right: the small business (CGI, art. 293 B), and whoever works where there is none (art. 294).
_BY_RIGHT = re.compile(r"\b293\s?B\b|\bFRANCHISE\b|\b294\b")


def vat_rate(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Every rate above zero is one of the contract's; zero has its own categories."""
    allowed = set(contract.vat_rates)
    wrong = sorted({rate for category, rate in invoice.vat_rates if category == "S" and rate not in allowed})
    if allowed and wrong and not undoes(invoice, contract):
        rates, known = _percents(wrong), _percents(sorted(allowed))
        message = f"Taux de TVA de la facture : {rates} ; taux du contrat : {known}."
        yield amount(contract, reject("vat-rate", "BT-119", message, "TX_TVA_ERR"), ZERO)


def _percents(rates: list[Decimal]) -> str:
    return ", ".join(percent(rate / 100) for rate in rates)


def without_vat(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A holder bills the whole VAT: only its building subcontractor leaves it to be paid by others."""
    who = holder_of(invoice, contract) or same_company(invoice, contract)
    if who is None or who.role == "subcontractor" or ZERO in contract.vat_rates or undoes(invoice, contract):
        return
    free = {row.category for row in invoice.vat if row.rate == 0 and row.base and row.category != "S"}
    if not free or invoice.seller.country not in DOMESTIC:
        return
    known = f" ; le contrat prévoit {_percents(sorted(contract.vat_rates))}" if contract.vat_rates else ""
    if REVERSE_CHARGE in free:
        message = (
            f"Facture en autoliquidation{known} : le titulaire facture toute la TVA, seul son sous-traitant du "
            "bâtiment autoliquide (CGI, article 283, 2 nonies)."
        )
        yield amount(contract, reject("vat-reverse-charge", "BT-118", message, "TX_TVA_ERR"), ZERO)
    elif _BY_RIGHT.search(fold(" ".join((*invoice.terms.get("BT-120", ()), *invoice.terms.get("BT-121", ()))))):
        yield tell("vat-by-right", "BT-118", f"Facture sans TVA, de droit{known} : à payer telle quelle.", "TX_TVA_ERR")
    elif contract.vat_rates:
        message = f"Facture sans TVA{known} : demander au fournisseur le texte qui l’en exonère, ou une autre facture."
        yield amount(contract, suspend("vat-exempt", "BT-118", message, "TX_TVA_ERR"), ZERO)


def subcontracted(invoice: Invoice, contract: ContractRecord) -> Findings:
    """On works, a subcontractor paid directly bills no VAT: the holder pays it to the State (CGI, 283, 2 nonies)."""
    who = holder_of(invoice, contract) or same_company(invoice, contract)
    if who is None or who.role != "subcontractor" or contract.kind != "works" or undoes(invoice, contract):
        return
    if charged := sum((row.amount for row in invoice.vat if row.rate > 0), ZERO):
        message = (
            f"Le sous-traitant facture {euros(charged)} de TVA : sur des travaux de bâtiment, c’est le titulaire qui "
            "la doit (autoliquidation, CGI, article 283, 2 nonies). Une facture sans TVA est attendue, sauf étude ou "
            "location sans pose."
        )
        yield suspend("subcontractor-with-vat", "BT-118", message, "TX_TVA_ERR")


def vat_amount(invoice: Invoice, contract: ContractRecord) -> Findings:
    """VAT is its base times its rate: the norm lets it be wrong by 99 cents, an accountant does not."""
    if invoice.process[1:] in GROUPED:
        return
    for row, due in wrong_vat(invoice):
        message = (
            f"TVA à {percent(row.rate / 100)} : {euros(due)} attendus sur {euros(row.base)} HT ; la facture dit "
            f"{euros(row.amount)}."
        )
        yield amount(contract, reject("vat-arithmetic", "BT-117", message, "CALCUL_ERR"), ZERO)


RULES = (vat_rate, without_vat, subcontracted, vat_amount)
