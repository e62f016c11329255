"""The invoice that a credit note or a corrective invoice names (BT-25), among those of the supplier."""

from procurement.invoicing.billed import originals
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import same_number
from procurement.invoicing.past import Invoiced


def mine(invoice: Invoice, contract: ContractRecord, number: str) -> list[Invoiced]:
    """What the establishment that bills has sent under a number or one written alike, whatever became of it."""
    return [past for past in contract.invoiced.numbered(number) if past.siret in invoice.seller.sirets]


def original(invoice: Invoice, contract: ContractRecord, number: str) -> Invoiced | None:
    """The invoice of that number; one that counts before one that was refused."""
    same = [past for past in mine(invoice, contract, number) if same_number(past.number, number)]
    return min(same, key=lambda past: not past.counted, default=None)


def undoes(invoice: Invoice, contract: ContractRecord) -> bool:
    """True for a credit note of an invoice that counts: it is judged against that invoice, errors included.

    It takes back a wrong price, a wrong rate or a wrong account by repeating it, and long after the contract ended.
    """
    if not invoice.is_credit or len(numbers := originals(invoice)) != 1:
        return False
    found = original(invoice, contract, numbers[0])
    return found is not None and found.counted and not found.credit
