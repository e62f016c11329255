"""When the work was done: within the contract and its part, and before it is billed."""

from datetime import date

from procurement.invoicing.billed import part_of
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import PREPAID_TYPES, Invoice
from procurement.invoicing.rules.amounts import PART_NAMES
from procurement.invoicing.rules.finding import Findings, reject, suspend, tell
from procurement.invoicing.rules.original import undoes


def period(invoice: Invoice, contract: ContractRecord) -> Findings:
    """What is billed was done while the contract ran; an invoice may come after its end."""
    first, last = invoice.worked
    if undoes(invoice, contract):
        return
    if contract.start and invoice.issued_on < contract.start:
        message = (
            f"La facture est datée du {invoice.issued_on:%d/%m/%Y}, avant le début du contrat "
            f"({contract.start:%d/%m/%Y})."
        )
        yield reject("before-start", "BT-2", message, "CONTRAT_TERM")
        return
    if first and last and _outside(first, last, contract.start, contract.end):
        message = f"La prestation ({first:%d/%m/%Y} au {last:%d/%m/%Y}) est entièrement hors de la durée du contrat."
        # Works often run past their date, under penalties: whether they were prolonged is asked first.
        late = contract.kind == "works" and not (contract.start and last < contract.start)
        yield (suspend if late else reject)("period-outside", "BT-73", message, "CONTRAT_TERM")
    elif (first and contract.start and first < contract.start) or (last and contract.end and last > contract.end):
        message = "Une partie de la période facturée est hors de la durée du contrat."
        yield suspend("period-overlaps", "BT-73", message, "CONTRAT_TERM")
    elif not last and contract.end and invoice.issued_on > contract.end:
        message = (
            f"Facture postérieure à la fin du contrat ({contract.end:%d/%m/%Y}), sans période : vérifier la "
            "date d’exécution."
        )
        yield suspend("after-end", "BT-2", message, "CONTRAT_TERM", "warn")


def _outside(first: date, last: date, start: date | None, end: date | None) -> bool:
    return bool((start and last < start) or (end and first > end))


def part(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The tranche, order or lot cited was decided and has not ended."""
    found = part_of(invoice, contract)
    if found is None or undoes(invoice, contract):
        return
    name, (first, last) = f"{PART_NAMES[found.kind]} {found.id}", invoice.worked
    if found.state == "planned":
        message = f"{name} : elle n’est pas affermie ou notifiée ; rien ne peut y être facturé."
        yield reject("part-not-affirmed", "BT-13", message, "CMD_ERR")
    elif first and last and _outside(first, last, found.start, found.end):
        message = f"{name} : la prestation ({first:%d/%m/%Y} au {last:%d/%m/%Y}) est hors de sa durée."
        yield suspend("part-period-outside", "BT-73", message, "CONTRAT_TERM")
    elif found.state == "ended" and found.end is None:
        message = f"{name} : elle est soldée ; vérifier ce qui reste à facturer."
        yield suspend("part-ended", "BT-13", message, "CONTRAT_TERM", "warn")


def before_service(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Nothing is due before the work is done (« service fait »); prepayments aside."""
    last = invoice.worked[1]
    if invoice.type_code in PREPAID_TYPES or undoes(invoice, contract):
        return
    if last and last > invoice.issued_on:
        message = (
            f"La facture du {invoice.issued_on:%d/%m/%Y} porte sur une période qui court jusqu’au {last:%d/%m/%Y} : "
            "le service n’était pas fait."
        )
        yield suspend("before-service", "BT-74", message, "LIVR_INCOMP")
    elif contract.received and min(one.on for one in contract.received) > invoice.issued_on:
        day = min(one.on for one in contract.received)
        message = (
            f"Service fait le {day:%d/%m/%Y}, après la facture : le délai de paiement part de cette date (R2192-13)."
        )
        yield tell("service-after-invoice", "BT-2", message, "LIVR_INCOMP")


RULES = (period, part, before_service)
