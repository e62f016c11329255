"""What a contract has already been billed, credit notes taken off, and what is in flight."""

from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord, Part
from procurement.invoicing.invoice import CORRECTIVE_TYPES, PREPAID_TYPES, Invoice
from procurement.invoicing.keys import citations, key, number_key
from procurement.invoicing.money import CENT
from procurement.invoicing.past import ZERO, Invoiced, signed


def billed(contract: ContractRecord, invoice: Invoice) -> Decimal:
    """Euros HT billed beside this invoice: neither what it takes the place of, nor what it holds."""
    return contract.invoiced.total() - _sum(held(invoice, contract))


def billed_by(contract: ContractRecord, siret: str, invoice: Invoice) -> Decimal:
    """The same, of one company."""
    return contract.invoiced.total("siret", siret) - _sum([p for p in held(invoice, contract) if p.siret == siret])


def billed_on(contract: ContractRecord, part: Part, invoice: Invoice) -> Decimal:
    """The same, of one part: what names it, or names no part and one of its engagements."""
    past, named = contract.invoiced, {key(engagement) for engagement in part.engagements}
    total = past.total("part", key(part.id)) + sum((past.total("engagement", one) for one in named), ZERO)
    return total - _sum([row for row in held(invoice, contract) if belongs(row, part)])


def held(invoice: Invoice, contract: ContractRecord) -> list[Invoiced]:
    """What counts of the past and is in this invoice: what it corrects, its prepayments, its subcontractors' demands.

    Each once, and none that the sums leave out already.
    """
    past = contract.invoiced
    inside = (row for row in past.within(invoice.number) if row.counted)
    found = {id(row): row for row in (*past.folded(replaced(invoice)), *_prepaid(invoice, contract), *inside)}
    return [row for row in found.values() if not past.is_inside(row)]


def _prepaid(invoice: Invoice, contract: ContractRecord) -> list[Invoiced]:
    """The prepayments that a final invoice names (BG-3), where it takes them off in full (BT-113)."""
    paid = invoice.totals.paid or ZERO
    if paid <= 0 or invoice.is_credit or invoice.type_code in PREPAID_TYPES:
        return []
    named = contract.invoiced.folded(number_key(number) for number in originals(invoice))
    rows = [row for row in named if row.type in PREPAID_TYPES and not row.credit and _same_seller(row, invoice)]
    return rows if sum((gross_of(row, contract) for row in rows), ZERO) <= paid + CENT else []


def _same_seller(row: Invoiced, invoice: Invoice) -> bool:
    return row.siret in invoice.seller.sirets or row.siret[:9] == invoice.seller.siren


def gross_of(row: Invoiced, contract: ContractRecord) -> Decimal:
    """Euros TTC of a past invoice, negative for a credit note; estimated where it tells none."""
    return signed(row, row.amount_ttc if row.amount_ttc is not None else row.amount_ht * gross_factor(contract))


def _sum(rows: list[Invoiced]) -> Decimal:
    return sum((signed(row, row.amount_ht) for row in rows), ZERO)


def in_flight(contract: ContractRecord) -> Decimal:
    """Euros HT of what is billed and not paid yet."""
    return contract.invoiced.total("flight")


def belongs(past: Invoiced, part: Part) -> bool:
    """True where the past invoice names the part, or one of its engagements."""
    if past.part:
        return key(past.part) == key(part.id)
    return bool(past.engagement) and key(past.engagement) in {key(engagement) for engagement in part.engagements}


def part_of(invoice: Invoice, contract: ContractRecord) -> Part | None:
    """The part that a person chose, else the one whose engagement or identifier is cited (BT-13, then BT-12)."""
    if not contract.parts:
        return None
    for part in contract.parts:
        if invoice.imputed and key(part.id) == key(invoice.imputed):
            return part
    for text in (invoice.imputed, invoice.engagement, invoice.contract):
        cited = citations(text)
        for part in contract.parts:
            if cited & {key(name) for name in (*part.engagements, part.id)}:
                return part
    return None


def originals(invoice: Invoice) -> tuple[str, ...]:
    """The numbers of the invoices that this one credits or corrects (BT-25)."""
    return tuple(invoice.terms.get("BT-25", ()))


def replaced(invoice: Invoice) -> frozenset[str]:
    """The folded numbers that a corrective invoice takes the place of: they no longer count beside it."""
    if invoice.type_code not in CORRECTIVE_TYPES:
        return frozenset()
    return frozenset(number_key(number) for number in originals(invoice))


def gross_factor(contract: ContractRecord) -> Decimal:
    """From HT to TTC where only HT is known: the highest VAT rate of the contract (none known: 1)."""
    return 1 + max(contract.vat_rates, default=ZERO) / 100
