"""One invoice file against the rules and the contracts at once: a plain function for a worker process."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from procurement.invoicing.check import check_invoice
from procurement.invoicing.contracts import ContractRecord, Invoiced, load_contracts
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


def check_many(contents: Sequence[bytes]) -> list[dict[str, Any]]:
    """`report` and `invoice` (None where its schema is broken) of each file, or `{"error": sentence}`."""
    return [_checked(content) for content in contents]


def _checked(content: bytes) -> dict[str, Any]:
    try:
        report = check_invoice(content).as_dict()
    except InvoiceUnreadable as error:
        return {"error": error.sentence}
    try:
        return {"report": report, "invoice": to_invoice(open_invoice(content))}
    except InvoiceUnreadable:
        return {"report": report, "invoice": None}


def match_many(checked: Sequence[dict[str, Any]], contracts: str) -> list[dict[str, Any]]:
    """What `examine` gives, for files already checked: each is matched with those before it counted as received."""
    known = {record.id: record for record in load_contracts(contracts)}
    found = []
    for one in checked:
        invoice: Invoice | None = one["invoice"]
        if invoice is None:
            facts = {"number": one["report"]["number"], "seller_siret": "", "amount_ht": None}
            found.append({"report": one["report"], "match": UNREAD, **facts})
            continue
        matched = match(invoice, tuple(known.values()))
        found.append({"report": one["report"], "match": matched.as_dict(), **_facts(invoice)})
        if matched.decision != "unmatched" and matched.candidates:
            record = known[matched.candidates[0].contract]
            known[record.id] = replace(record, invoiced=(*record.invoiced, *_received(invoice)))
    return found


def _received(invoice: Invoice) -> tuple[Invoiced, ...]:
    if not invoice.seller.sirets or not invoice.number:
        return ()
    return (Invoiced(invoice.number, invoice.seller.sirets[0], abs(invoice.totals.net), invoice.type_code),)


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
