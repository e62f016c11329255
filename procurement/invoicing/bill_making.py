"""From a contract and lines to a Factur-X ready to send, checked by every rule before it is given: a worker's work."""

import hashlib
from typing import Any

from procurement.invoicing.bill import draft_of, read_bill, read_contract
from procurement.invoicing.check import check_invoice
from procurement.invoicing.making import facturx_pdf, totals


def make_invoice(contract: bytes, lines: bytes, wanted: str = "") -> tuple[bytes, dict[str, Any]]:
    """The PDF and what is to be said of it: `sha256`, number, cadre, totals, `valid` and `findings` of its check.

    Raises BillUnreadable or PageRefused, each with a French sentence.
    """
    draft = draft_of(read_contract(contract, wanted), read_bill(lines))
    made = facturx_pdf(draft)
    report = check_invoice(made).as_dict()
    figures = totals(draft)
    return made, {
        "sha256": hashlib.sha256(made).hexdigest(),
        "number": draft.number,
        "process": draft.process,
        "profile": report["profile"],
        "net": figures["BT-109"],
        "vat": figures["BT-110"],
        "gross": figures["BT-112"],
        "valid": report["valid"],
        "findings": report["findings"],
        "not_verified": report["not_verified"],
    }
