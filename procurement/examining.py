"""One invoice file against the rules and the contracts at once: a plain function for a worker process."""

from typing import Any

from procurement.invoicing.check import check_invoice
from procurement.invoicing.contracts import load_contracts
from procurement.invoicing.invoice import Invoice, InvoiceUnreadable
from procurement.invoicing.matching import confront, match
from procurement.invoicing.parsing import to_invoice
from procurement.invoicing.reading import open_invoice

UNREAD: dict[str, Any] = {"candidates": [], "findings": [], "decision": "unmatched", "notice": ""}


def examine(content: bytes, contracts: str, *, chosen: bool = False) -> dict[str, Any]:
    """`report` (`mps invoice check`), `match` (`mps invoice match`) and the facts kept with the copy.

    `contracts` is a contracts file; `chosen`: a person said that its one contract is the invoice's. Raises
    InvoiceUnreadable where there is no invoice in the file; one whose schema is broken has a report, no match.
    """
    report = check_invoice(content).as_dict()
    try:
        invoice = to_invoice(open_invoice(content))
    except InvoiceUnreadable:
        return {"report": report, "match": UNREAD, "number": report["number"], "seller_siret": "", "amount_ht": None}
    known = load_contracts(contracts)
    found = confront(invoice, known[0]) if chosen else match(invoice, known)
    return {"report": report, "match": found.as_dict(), **_facts(invoice)}


def _facts(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "seller_siret": invoice.seller.sirets[0] if invoice.seller.sirets else "",
        "amount_ht": str(invoice.signed_net),
    }
