"""What a contract has already been billed, credit notes taken off, and what is in flight."""

from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord, Part
from procurement.invoicing.invoice import CORRECTIVE_TYPES, Invoice
from procurement.invoicing.keys import citations, key, number_key
from procurement.invoicing.past import ZERO, Invoiced, signed


def billed(contract: ContractRecord, without: frozenset[str] = frozenset()) -> Decimal:
    """Euros HT already billed. `without`: folded numbers that are replaced."""
    return contract.invoiced.total() - _sum(contract.invoiced.folded(without))


def billed_by(contract: ContractRecord, siret: str, without: frozenset[str] = frozenset()) -> Decimal:
    """The same, of one company."""
    gone = [past for past in contract.invoiced.folded(without) if past.siret == siret]
    return contract.invoiced.total("siret", siret) - _sum(gone)


def billed_on(contract: ContractRecord, part: Part, without: frozenset[str] = frozenset()) -> Decimal:
    """The same, of one part: what names it, or names no part and one of its engagements."""
    past, named = contract.invoiced, {key(engagement) for engagement in part.engagements}
    total = past.total("part", key(part.id)) + sum((past.total("engagement", one) for one in named), ZERO)
    return total - _sum([row for row in past.folded(without) if belongs(row, part)])


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
