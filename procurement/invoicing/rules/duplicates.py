"""The same invoice twice, under its number or not; corrective invoices and credit notes against their original."""

from decimal import Decimal

from procurement.invoicing.billed import originals
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import CORRECTIVE_TYPES, PAID_FRAMES, Invoice
from procurement.invoicing.keys import number_key, same_number
from procurement.invoicing.money import euros
from procurement.invoicing.past import ZERO, Invoiced
from procurement.invoicing.rules.finding import Findings, amount, hold, reject, suspend, tell
from procurement.invoicing.rules.original import mine, original

NEAR_AMOUNT, NEAR_DAYS = Decimal("0.05"), 7


def duplicate(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The same supplier has not billed this number yet; the same amount is told."""
    same = [past for past in mine(invoice, contract, invoice.number) if past.counted and _same(invoice, past)]
    if any(past.issued_on is None or past.issued_on.year == invoice.issued_on.year for past in same):
        message = f"La facture n° {invoice.number} de ce fournisseur est déjà enregistrée sur le contrat."
        yield reject("duplicate-number", "BT-1", message, "DOUBLON")
        return
    if same:
        message = f"Une facture n° {same[0].number} de ce fournisseur existe pour une autre année."
        yield tell("same-number-other-year", "BT-1", message, "DOUBLON")
    yield from _elsewhere(invoice, contract)
    yield from _twin(invoice, contract)


def _same(invoice: Invoice, past: Invoiced) -> bool:
    """One number, or two that share their signs (« 2026-1-11 », « 2026-11-1 ») with the amount or the day."""
    told = past.amount_ht == invoice.totals.net or past.issued_on == invoice.issued_on
    return told or same_number(past.number, invoice.number)


def _elsewhere(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The same number billed by another establishment of the same company."""
    for past in contract.invoiced.numbered(invoice.number):
        same_company = invoice.seller.siren == past.siret[:9] and past.siret not in invoice.seller.sirets
        if same_company and past.counted and _same(invoice, past):
            message = (
                f"La facture n° {past.number} est déjà enregistrée sous un autre SIRET du même fournisseur "
                f"({past.siret})."
            )
            yield suspend("duplicate-other-establishment", "BT-1", message, "DOUBLON")
            return


def _twin(invoice: Invoice, contract: ContractRecord) -> Findings:
    if invoice.is_credit or invoice.type_code in CORRECTIVE_TYPES:
        return
    if twin := _first_near(invoice, contract):
        message = (
            f"Presque la facture n° {twin.number} : même engagement, {euros(twin.amount_ht)} HT, à quelques jours : "
            "demander au fournisseur si c’est la même prestation."
        )
        yield suspend("near-duplicate", "BT-109", message, "DOUBLE_FACT", "warn")
    elif twin := _same_amount(invoice, contract):
        message = (
            f"Même montant hors taxes que la facture n° {twin.number} : vérifier qu’il ne s’agit pas de la même "
            "prestation."
        )
        yield tell("same-amount", "BT-109", message, "DOUBLE_FACT")


def _first_near(invoice: Invoice, contract: ContractRecord) -> Invoiced | None:
    pasts = contract.invoiced.near(
        invoice.seller.sirets, invoice.engagement, invoice.issued_on, NEAR_DAYS, invoice.totals.net
    )
    return next((past for past in pasts if abs(past.amount_ht - invoice.totals.net) <= NEAR_AMOUNT), None)


def _same_amount(invoice: Invoice, contract: ContractRecord) -> Invoiced | None:
    return next(contract.invoiced.same_amount(invoice.seller.sirets, invoice.totals.net), None)


def already_paid(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Billing frames B2, S2 and M2 say that the invoice is already paid."""
    if invoice.process in PAID_FRAMES:
        message = f"Cadre {invoice.process} : le fournisseur la dit déjà payée. Ne pas mettre en paiement."
        yield suspend("already-paid", "BT-23", message, "DOUBLE_FACT", "warn")


def corrective(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A corrective invoice (384, 471 to 473) names one original, of the same supplier, not paid yet."""
    if invoice.type_code not in CORRECTIVE_TYPES:
        return
    if not (numbers := originals(invoice)):
        message = "Facture rectificative sans le numéro de la facture d’origine (BT-25)."
        yield suspend("corrective-without-original", "BT-25", message, "REF_ERR")
        return
    if (first := original(invoice, contract, numbers[0])) is None:
        yield from _unknown(contract, numbers[0], "rectifiée")
    elif first.paid_on or first.state == "paid":
        message = (
            f"La facture d’origine n° {first.number} est déjà payée : un avoir est à demander, pas une facture de "
            "remplacement."
        )
        yield reject("corrective-of-paid", "BT-25", message, "DOUBLE_FACT")
    elif first.counted:
        message = f"La facture rectifiée n° {first.number} est encore en cours : la refuser avant de payer celle-ci."
        yield suspend("corrective-of-pending", "BT-25", message, "DOUBLE_FACT", "warn")


def credit_note(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A credit note names one known invoice of the supplier and, with the others, takes off no more than it."""
    if invoice.is_credit and invoice.totals.net < 0:
        message = (
            f"Avoir au total négatif ({euros(invoice.totals.net)}) : un avoir s’écrit en montants positifs, et négatif "
            "il dit une somme à payer. Demander au fournisseur de le refaire."
        )
        yield suspend("credit-negative", "BT-109", message, "NON_CONFORME")
    if not invoice.is_credit or invoice.type_code == "262":  # 262: a global allowance on a contract, over a period
        return
    if not (numbers := originals(invoice)):
        message = "Avoir sans le numéro de la facture qu’il corrige (BT-25)."
        yield suspend("credit-without-original", "BT-25", message, "REF_ERR")
        return
    if len(set(map(number_key, numbers))) > 1:
        message = f"Avoir sur {len(numbers)} factures ({', '.join(numbers)}) : un avoir par facture est attendu."
        yield suspend("credit-of-several", "BT-25", message, "REF_ERR")
        return
    if (first := original(invoice, contract, numbers[0])) is None:
        yield from _unknown(contract, numbers[0], "corrigée")
    elif first.credit:
        message = f"Le document n° {first.number} est lui-même un avoir : il ne se corrige pas par un avoir."
        yield suspend("credit-of-credit", "BT-25", message, "REF_ERR")
    elif not first.counted:
        message = (
            f"La facture n° {first.number} a été {REFUSED[first.state or 'refused']} : elle ne compte pas, et cet "
            "avoir n’est à déduire de rien. Classez-le sans suite."
        )
        yield hold("credit-of-refused", "BT-25", message, "REF_ERR")
    else:
        yield from _over(invoice, contract, first)


REFUSED = {"refused": "refusée", "sent_back": "renvoyée"}


def _over(invoice: Invoice, contract: ContractRecord, first: Invoiced) -> Findings:
    notes = [past for past in contract.invoiced.crediting(first.number) if past.counted]
    same = [past for past in notes if past.siret in invoice.seller.sirets and same_number(past.credits, first.number)]
    others = [past for past in same if not same_number(past.number, invoice.number)]
    total = sum((abs(past.amount_ht) for past in others), ZERO) + abs(invoice.totals.net)
    if total > first.amount_ht:
        message = (
            f"Les avoirs sur la facture n° {first.number} atteindraient {euros(total)} HT pour "
            f"{euros(first.amount_ht)} HT facturés."
        )
        yield amount(contract, suspend("credit-over-original", "BT-109", message, "MONTANTTOTAL_ERR"), ZERO)


def _unknown(contract: ContractRecord, number: str, what: str) -> Findings:
    message = f"La facture {what} n° {number} n’est pas connue pour ce fournisseur sur ce contrat."
    if contract.invoiced:
        yield suspend("original-unknown", "BT-25", message, "REF_ERR")
    else:
        yield tell("original-unverified", "BT-25", message, "REF_ERR")


RULES = (duplicate, already_paid, corrective, credit_note)
