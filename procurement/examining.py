"""One invoice file against the rules, and what it says: a plain function for a worker process."""

from collections.abc import Sequence
from typing import Any

from procurement.invoicing.check import check_and_read
from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import ILLEGIBLE, Invoice, InvoiceUnreadable
from procurement.invoicing.parsing import to_invoice
from procurement.invoicing.reading import open_invoice

NO_FACTS: dict[str, Any] = {
    "number": "", "seller_siret": "", "amount_ht": None, "amount_ttc": None, "type_code": "", "process": "",
    "issued_on": None, "engagement": "",
}  # fmt: skip


def examine(content: bytes, directory: Directory | None = None) -> dict[str, Any]:
    """`report` (`mps invoice check`), `invoice` as read (None where its schema is broken), and the facts kept with it.

    `directory`: what is known of the buyer, without which some rules are said not verified.
    Raises InvoiceUnreadable where there is no invoice in the file.
    """
    checked, invoice = check_and_read(content, directory)
    if invoice is None:
        return {"report": checked.as_dict(), "invoice": None, **NO_FACTS, "number": checked.number}
    return {"report": checked.as_dict(), "invoice": invoice, **_facts(invoice)}


def unread(sentence: str, number: str = "", *, pdf: bool = False) -> dict[str, Any]:
    """The same shape for an invoice that a portal delivered and that does not read: kept, and `sentence` says why."""
    finding = {"rule": "MPS-LECTURE", "severity": "fatal", "location": "/", "message": sentence, "source": "mps"}
    report = {
        "syntax": ILLEGIBLE, "profile": "", "container": "pdf" if pdf else "xml", "number": number, "valid": False,
        "rule_sets": [], "findings": [finding],
    }  # fmt: skip
    return {"report": report, "invoice": None, **NO_FACTS, "number": number}


def read(content: bytes) -> Invoice | None:
    """The invoice of a file that was examined already. Raises InvoiceUnreadable where there is none in it."""
    source = open_invoice(content)
    try:
        return to_invoice(source)
    except InvoiceUnreadable:
        return None


def check_many(contents: Sequence[bytes], directory: Directory | None = None) -> list[dict[str, Any]]:
    """What `examine` gives of each file, or `{"error": sentence}`."""
    return [_checked(content, directory) for content in contents]


def _checked(content: bytes, directory: Directory | None) -> dict[str, Any]:
    try:
        return examine(content, directory)
    except InvoiceUnreadable as error:
        return {"error": error.sentence}


def _facts(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "seller_siret": invoice.seller.sirets[0] if invoice.seller.sirets else "",
        "amount_ht": str(invoice.signed_net),
        "amount_ttc": str(invoice.signed_gross),
        "type_code": invoice.type_code,
        "process": invoice.process,
        "issued_on": invoice.issued_on,
        "engagement": invoice.engagement,
    }
