"""What no published rule says and a reader of invoices wants to know: warnings of this service, as rows of data."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import Invoice, VatRow, is_siret
from procurement.invoicing.rows import Row

SOURCE = "mps"
_CENT = Decimal("0.01")
_HALF_CENT = Decimal("0.005")


def exact_vat(invoice: Invoice, directory: Directory) -> bool:
    """EN 16931 (BR-CO-17, BR-S-09) lets VAT be wrong by anything under one unit of currency."""
    return not wrong_vat(invoice)


def wrong_vat(invoice: Invoice) -> list[tuple[VatRow, Decimal]]:
    """The rows of the VAT breakdown whose amount is not base × rate, each with what it should be, in euros.

    A VAT rounded line by line may differ by half a cent per line: that much is left.
    """
    left = max(_CENT, _HALF_CENT * len(invoice.lines))
    return [(row, _vat(row)) for row in invoice.vat if abs(row.amount - _vat(row)) > left]


def _vat(row: VatRow) -> Decimal:
    return (row.base * row.rate / 100).quantize(_CENT, ROUND_HALF_UP)


def own_line_numbers(invoice: Invoice, directory: Directory) -> bool:
    """BT-126 tells lines apart."""
    return max(Counter(line.id for line in (*invoice.lines, *invoice.headings)).values(), default=0) <= 1


def sound_sirets(invoice: Invoice, directory: Directory) -> bool:
    """What the seller calls a SIRET (scheme 0009) is one."""
    return all(is_siret(value.replace(" ", "")) for scheme, value in invoice.seller.ids if scheme == "0009" and value)


def euros(invoice: Invoice, directory: Directory) -> bool:
    """A public accounting officer pays in euros."""
    return invoice.currency == "EUR"


RULES: tuple[Row, ...] = (
    Row(
        "MPS-TVA",
        "BT-117",
        "Un montant de TVA (BT-117) n’est pas égal à sa base multipliée par le taux, au centime près. La norme tolère "
        "un écart de moins d’un euro ; faites-le corriger si le montant vous importe.",
        exact_vat,
    ),
    Row("MPS-LIGNES", "BT-126", "Plusieurs lignes portent le même numéro (BT-126).", own_line_numbers),
    Row(
        "MPS-SIRET",
        "BT-29",
        "Ce que le vendeur donne pour SIRET (BT-29, schéma 0009) n’a pas 14 chiffres : la facture est lue sans.",
        sound_sirets,
    ),
    Row("MPS-DEVISE", "BT-5", "La facture n’est pas en euros (BT-5).", euros),
)
