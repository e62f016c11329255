"""What a contract has already been billed, credit notes taken off, and what is in flight."""

from collections.abc import Iterator
from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord, Invoiced, Part
from procurement.invoicing.invoice import CORRECTIVE_TYPES, CREDIT_TYPES, Invoice
from procurement.invoicing.keys import citations, key, number_key

NOT_COUNTED = frozenset({"refused", "sent_back"})
ZERO = Decimal(0)


def counted(contract: ContractRecord) -> Iterator[Invoiced]:
    """Every invoice that takes from the contract: paid or in flight, never refused nor sent back."""
    return (past for past in contract.invoiced if past.state not in NOT_COUNTED)


def signed(past: Invoiced, amount: Decimal) -> Decimal:
    """The amount, negative where `past` is a credit note."""
    return -abs(amount) if past.type in CREDIT_TYPES else amount


def billed(
    contract: ContractRecord, siret: str | None = None, part: Part | None = None, without: frozenset[str] = frozenset()
) -> Decimal:
    """Euros HT already billed; of one company or one part where given. `without`: folded numbers that are replaced."""
    return sum(
        (
            signed(past, past.amount_ht)
            for past in counted(contract)
            if (siret is None or past.siret == siret)
            and (part is None or belongs(past, part))
            and not (without and number_key(past.number) in without)
        ),
        ZERO,
    )


def in_flight(contract: ContractRecord) -> Decimal:
    """Euros HT of what is billed and not paid yet."""
    return sum((signed(p, p.amount_ht) for p in counted(contract) if p.state != "paid" and not p.paid_on), ZERO)


def belongs(past: Invoiced, part: Part) -> bool:
    """True where the past invoice names the part, or one of its engagements."""
    if past.part:
        return key(past.part) == key(part.id)
    return bool(past.engagement) and key(past.engagement) in {key(engagement) for engagement in part.engagements}


def part_of(invoice: Invoice, contract: ContractRecord) -> Part | None:
    """The part whose engagement or identifier the invoice cites (BT-13, then BT-12)."""
    if not contract.parts:
        return None
    for text in (invoice.engagement, invoice.contract):
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


def of_seller(invoice: Invoice, contract: ContractRecord) -> list[Invoiced]:
    """The past invoices of the establishment that bills, whatever became of them."""
    return [past for past in contract.invoiced if past.siret in invoice.seller.sirets]


def gross_factor(contract: ContractRecord) -> Decimal:
    """From HT to TTC where only HT is known: the highest VAT rate of the contract (none known: 1)."""
    return 1 + max(contract.vat_rates, default=ZERO) / 100
