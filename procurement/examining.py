"""One invoice file against the rules and the contracts at once: a plain function for a worker process."""

from collections.abc import Sequence
from typing import Any

from procurement.invoicing.check import check_invoice
from procurement.invoicing.contracts import ContractRecord, load_contracts
from procurement.invoicing.invoice import Invoice, InvoiceUnreadable
from procurement.invoicing.matching import Match, decide, match
from procurement.invoicing.parsing import to_invoice
from procurement.invoicing.reading import open_invoice
from procurement.invoicing.rules import RULES
from procurement.invoicing.scoring import Candidate, score

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


def unread(sentence: str, number: str = "", *, pdf: bool = False) -> dict[str, Any]:
    """The same shape for an invoice that a portal delivered and that does not read: kept, and `sentence` says why."""
    finding = {"rule": "MPS-LECTURE", "severity": "fatal", "location": "/", "message": sentence, "source": "mps"}
    report = {
        "syntax": "illisible", "profile": "", "container": "pdf" if pdf else "xml", "number": number, "valid": False,
        "rule_sets": [], "findings": [finding],
    }  # fmt: skip
    return {"report": report, "match": UNREAD, "number": number, "seller_siret": "", "amount_ht": None}


def examine_many(contents: Sequence[bytes], contracts: str) -> list[dict[str, Any]]:
    """`examine` for several files; one that cannot be examined gives `{"error": sentence}`, never an exception."""
    return [_examined(content, contracts) for content in contents]


def _examined(content: bytes, contracts: str) -> dict[str, Any]:
    try:
        return examine(content, contracts)
    except InvoiceUnreadable as error:
        return {"error": error.sentence}


def confront(invoice: Invoice, contract: ContractRecord) -> Match:
    """Every rule against the contract that a person chose, even where nothing on the invoice names it."""
    candidate = score(invoice, contract) or Candidate(contract.id, 0, ("choisi par une personne",), False)
    findings = tuple(finding for rule in RULES for finding in rule(invoice, contract))
    return Match(invoice.number, (candidate,), findings, decide(findings))


def _facts(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "seller_siret": invoice.seller.sirets[0] if invoice.seller.sirets else "",
        "amount_ht": str(invoice.signed_net),
    }
