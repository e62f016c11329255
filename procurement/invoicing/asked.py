"""What a public buyer may ask an invoice to cite (CPRO-11 to -13, DT-4-13-1 to -3): read alike wherever it is judged.

The number of the contract (BT-12) stands in for an engagement; a service is given in BT-46@0224, or in BT-10 alone by
a profile that has no room for it.
"""

from collections.abc import Collection

from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import key


def gives_engagement(invoice: Invoice) -> bool:
    """BT-13, or the number of the contract."""
    return bool(invoice.engagement or invoice.contract)


def gives_service(invoice: Invoice) -> bool:
    """BT-46@0224, or BT-10."""
    return bool(invoice.buyer.services)


def unknown_service(invoice: Invoice, known: Collection[str]) -> str:
    """The first code given that is none of `known`; "" where all are, or none is known. BT-10 counts where alone."""
    ours = {key(code) for code in known}
    given = invoice.buyer.routed_services or invoice.buyer.services
    return next((code for code in given if ours and key(code) not in ours), "")


def may_be_free(invoice: Invoice, *, required: bool) -> bool:
    """A code that nobody asks for and that only BT-10 gives may be a reference of another kind."""
    return not required and not invoice.buyer.routed_services
