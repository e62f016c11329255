"""From a contract and lines to a Factur-X ready to send, checked by every rule before it is given: a worker's work."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from procurement.invoicing.bill import BillUnreadable, bill_of, draft_of, read_bill, read_contract
from procurement.invoicing.check import check_invoice
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.making import Draft, facturx_pdf, totals
from procurement.invoicing.matching import match
from procurement.invoicing.paper import PageRefused
from procurement.invoicing.parsing import read_invoice


def make_invoice(contract: bytes, lines: bytes, wanted: str = "") -> tuple[bytes, dict[str, Any]]:
    """The PDF and what is to be said of it: `sha256`, number, cadre, totals, `valid` and `findings` of its check.

    Raises BillUnreadable or PageRefused, each with a French sentence.
    """
    return _made(draft_of(read_contract(contract, wanted), read_bill(lines)))


def make_typed(contract: Mapping[str, Any], typed: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The same for what a person typed, with `matched`: what the buyer's own comparison would find (French sentences).

    Where it cannot be made the content is empty, and `problems` says why by field, as « lines.1.quantity »; "" for the
    whole. `contract`: one entry of the contracts file, with nothing that this supplier may not read.
    """
    try:
        record = read_contract(json.dumps(contract).encode())
        content, said = _made(draft_of(record, bill_of(typed)))
    except BillUnreadable as error:
        return b"", {"problems": dict(error.fields) or {"": error.sentence}}
    except PageRefused as error:
        return b"", {"problems": {"": error.sentence}}
    return content, said | {"matched": _matched(content, record)}


def _matched(content: bytes, record: ContractRecord) -> list[str]:
    """What would stop it at the buyer's, in the order of its comparison; what it only tells is left out."""
    found = match(read_invoice(content), [record]).findings
    return [finding.message for finding in found if finding.severity != "info"]


def _made(draft: Draft) -> tuple[bytes, dict[str, Any]]:
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
