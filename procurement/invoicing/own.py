"""What no published rule says and a reader of invoices wants to know: warnings of this service, as rows of data."""

from collections import Counter
from decimal import Decimal

from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import Invoice, VatRow, is_siret
from procurement.invoicing.money import CENT, cents
from procurement.invoicing.rows import Row

SOURCE = "mps"


def exact_vat(invoice: Invoice, directory: Directory) -> bool:
    """EN 16931 (BR-CO-17, BR-S-09) lets VAT be wrong by anything under one unit of currency."""
    return not wrong_vat(invoice)


def wrong_vat(invoice: Invoice) -> list[tuple[VatRow, Decimal]]:
    """The rows of the VAT breakdown whose amount is not base × rate to the cent, each with what it should be, in euros.

    VAT is also right where it is, exactly, the sum of what each line of that rate gives once rounded.
    """
    wrong = [(row, _vat(row.base, row.rate)) for row in invoice.vat]
    return [(row, due) for row, due in wrong if abs(row.amount - due) > CENT and row.amount != _by_line(invoice, row)]


def _by_line(invoice: Invoice, row: VatRow) -> Decimal | None:
    """Line by line, where the lines of that category and rate are the whole of the base."""
    lines = [line.net for line in invoice.lines if (line.vat_category, line.vat_rate) == (row.category, row.rate)]
    return sum((_vat(net, row.rate) for net in lines), Decimal(0)) if sum(lines, Decimal(0)) == row.base else None


def _vat(base: Decimal, rate: Decimal) -> Decimal:
    return cents(base * rate / 100)


def own_line_numbers(invoice: Invoice, directory: Directory) -> bool:
    """BT-126 tells lines apart."""
    return max(Counter(line.id for line in (*invoice.lines, *invoice.headings)).values(), default=0) <= 1


def sound_sirets(invoice: Invoice, directory: Directory) -> bool:
    """What the seller calls a SIRET (scheme 0009) is one."""
    return all(is_siret(value.replace(" ", "")) for scheme, value in invoice.seller.ids if scheme == "0009" and value)


def euros(invoice: Invoice, directory: Directory) -> bool:
    """A public accounting officer pays in euros."""
    return invoice.currency == "EUR"


def positive_credit(invoice: Invoice, directory: Directory) -> bool:
    """A credit note takes off what it says: its amounts are positive."""
    return not (invoice.is_credit and invoice.totals.net < 0)


RULES: tuple[Row, ...] = (
    Row(
        "MPS-TVA",
        "BT-117",
        "Un montant de TVA (BT-117) n’est pas égal à sa base multipliée par le taux, au centime près : le comptable "
        "peut le refuser, même si aucune règle officielle ne s’y oppose. Faites-le corriger.",
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
    Row(
        "MPS-AVOIR",
        "BT-109",
        "Le total de cet avoir est négatif (BT-109). Un avoir s’écrit en montants positifs ; négatif, il dit une somme "
        "à payer au lieu d’une somme à déduire.",
        positive_credit,
    ),
)
