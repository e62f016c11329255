"""What an invoice says, whatever its syntax: plain frozen data, amounts as Decimal.

BT and BG numbers are those of EN 16931.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procurement.invoicing.keys import key

Period = tuple[date | None, date | None]
MAX_FILE = 20 * 1024 * 1024
SIRET_DIGITS = 14
# Years that an invoice may bear.
YEARS = range(2000, 2101)
# UNTDID 1001 codes that lower what is owed (EN 16931, BR-FR-04).
CREDIT_TYPES = frozenset({"261", "262", "381", "396", "502", "503"})
# Those that take the place of another invoice (BR-FR-CO-04).
CORRECTIVE_TYPES = frozenset({"384", "471", "472", "473"})
# Prepayments: asked for before the work, and inside the final invoice.
PREPAID_TYPES = frozenset({"386", "500", "503"})
# Lines that only sum up or explain others (EXT-FR-FE-163): they neither add up nor have a price.
HEADINGS = frozenset({"GROUP", "INFORMATION"})

# Billing frames (BT-23) of an invoice that is paid already.
PAID_FRAMES = frozenset({"B2", "S2", "M2"})


# The syntax that a report gives of a file that does not read.
ILLEGIBLE = "illisible"


def is_siret(text: str) -> bool:
    """Fourteen digits, of ASCII alone."""
    return len(text) == SIRET_DIGITS and text.isascii() and text.isdigit()


class InvoiceUnreadable(Exception):
    """The file cannot be read as an invoice; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Seller:
    """BG-4. `sirets` are BT-29 under scheme 0009 (or any 14-digit identifier), `siren` BT-30, `vat` BT-31.

    `ids` keeps BT-29 and BT-30 as they are written: (scheme, value).
    """

    name: str
    sirets: tuple[str, ...] = ()
    siren: str = ""
    vat: str = ""
    country: str = ""
    schemes: tuple[str, ...] = ()
    ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Buyer:
    """BG-7. `services` gathers the service codes of BT-46@0224 and BT-10: suppliers use one or the other.

    `sirets` are all those of BT-46@0009: there should be one.
    """

    name: str
    siret: str = ""
    siren: str = ""
    services: tuple[str, ...] = ()
    routed_services: tuple[str, ...] = ()
    sirets: tuple[str, ...] = ()


@dataclass(frozen=True)
class InvoiceLine:
    """BG-25. `unit_price` is BT-146 for `base_quantity` (BT-149, 1 by default) units.

    `code` is the supplier's (BT-155), else the buyer's (BT-156), which `buyer_code` always is. `kind`: EXT-FR-FE-163.
    """

    id: str
    name: str
    code: str
    quantity: Decimal
    unit_price: Decimal
    base_quantity: Decimal
    net: Decimal
    vat_category: str
    vat_rate: Decimal | None
    adjustments: Decimal = Decimal(0)
    buyer_code: str = ""
    period: Period = (None, None)
    kind: str = ""

    def code_among(self, known: Container[str]) -> str:
        """The folded code (keys.key) under which the line is `known`, the buyer's own first; "" where it is not."""
        codes = (key(code) for code in (self.buyer_code, self.code) if code)
        return next((code for code in codes if code in known), "")


@dataclass(frozen=True)
class VatRow:
    """BG-23: one category and rate (percent), its base and its VAT."""

    category: str
    rate: Decimal
    base: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Totals:
    """BT-106 to BT-115; None where the invoice does not say."""

    net: Decimal
    gross: Decimal
    due: Decimal
    lines: Decimal | None = None
    allowances: Decimal | None = None
    charges: Decimal | None = None
    vat: Decimal | None = None
    paid: Decimal | None = None
    rounding: Decimal | None = None


@dataclass(frozen=True)
class Invoice:
    """One invoice. `terms` keeps the raw text of each BT that length rules read.

    `lines` are those that add up, `headings` those that sum up or explain them. `period` is BG-14, else the extent of
    the lines' own periods.
    `agent` (EXT-FR-FE-BG-03) and `payee_ids` (BG-10) are (scheme, value) pairs, private and legal identifiers together.
    `imputed` alone is not in the file: the part, else the engagement, that a person of finance laid the invoice to.
    """

    syntax: str
    profile: str
    number: str
    issued_on: date
    type_code: str
    currency: str
    seller: Seller
    buyer: Buyer
    totals: Totals
    buyer_reference: str = ""
    contract: str = ""
    engagement: str = ""
    process: str = ""
    ibans: tuple[str, ...] = ()
    payee: str = ""
    agent_sirets: tuple[str, ...] = ()
    lines: tuple[InvoiceLine, ...] = ()
    headings: tuple[InvoiceLine, ...] = ()
    vat_rates: tuple[tuple[str, Decimal], ...] = ()
    period: Period = (None, None)
    delivered_on: date | None = None
    notes: tuple[tuple[str, str], ...] = ()
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vat: tuple[VatRow, ...] = ()
    agent: tuple[tuple[str, str], ...] = ()
    payee_ids: tuple[tuple[str, str], ...] = ()
    imputed: str = ""

    @property
    def is_credit(self) -> bool:
        """A credit note: its amounts are taken off."""
        return self.type_code in CREDIT_TYPES

    @property
    def signed_net(self) -> Decimal:
        """BT-109, negative for a credit note."""
        return -abs(self.totals.net) if self.is_credit else self.totals.net

    @property
    def signed_gross(self) -> Decimal:
        """BT-112, negative for a credit note."""
        return -abs(self.totals.gross) if self.is_credit else self.totals.gross

    @property
    def worked(self) -> Period:
        """First and last day of what is billed: its period, else the delivery (BT-72)."""
        first = self.period[0] or self.delivered_on or self.period[1]
        return first, self.period[1] or self.delivered_on or self.period[0]

    @property
    def is_b2g(self) -> bool:
        """The supplier marked the invoice as addressed to a public body (note ADN = B2G)."""
        return ("ADN", "B2G") in self.notes
