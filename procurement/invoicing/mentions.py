"""What an invoice to a public buyer must carry (code de la commande publique, article D2192-2): rows of data.

1° to 3° were read on a public page; 4° to 12° and the last paragraph are from memory [M]: nothing here is fatal, each
row only warns. What the other sets already refuse (no total, no quantity) is found there first.
"""

from procurement.invoicing.asked import gives_engagement, gives_service
from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import PREPAID_TYPES, Invoice
from procurement.invoicing.rows import Given, Row

SOURCE = "D2192-2"
VERSION = "code de la commande publique, lecture de novembre 2026 (4° à 12° de mémoire)"


def reference(invoice: Invoice, directory: Directory) -> bool:
    """4°: order, contract or engagement."""
    return gives_engagement(invoice)


def paying_service(invoice: Invoice, directory: Directory) -> bool:
    """5°, where the payer is told apart by a service code."""
    return gives_service(invoice) or not directory.of(invoice.buyer.siret).services


def executed_on(invoice: Invoice, directory: Directory) -> bool:
    """6°. What is prepaid is not executed yet."""
    return invoice.type_code in PREPAID_TYPES or any(invoice.worked)


def what_was_done(invoice: Invoice, directory: Directory) -> bool:
    """7°."""
    return bool(invoice.lines) and all(line.name and line.quantity for line in invoice.lines)


def unit_prices(invoice: Invoice, directory: Directory) -> bool:
    """8°: a price of zero is a price."""
    return bool(invoice.lines)


def totals(invoice: Invoice, directory: Directory) -> bool:
    """9°: VAT by rate, or the reason of the exemption."""
    exempt = any(row.category in {"E", "AE", "K", "G", "O"} for row in invoice.vat)
    return bool(invoice.vat) and (not exempt or bool(invoice.terms.get("BT-120")))


def numbers(invoice: Invoice, directory: Directory) -> bool:
    """Last paragraph: identity numbers of both establishments."""
    return bool(invoice.seller.sirets or invoice.seller.ids) and bool(invoice.buyer.siret)


RULES: tuple[Row, ...] = (
    Row("D2192-2-2-EMETTEUR", "BT-27", "La désignation de l’émetteur manque (D2192-2, 2°).", Given("BT-27")),
    Row("D2192-2-2-DESTINATAIRE", "BT-44", "La désignation du destinataire manque (D2192-2, 2°).", Given("BT-44")),
    Row(
        "D2192-2-4",
        "BT-12",
        "Ni le contrat (BT-12) ni le bon de commande ou l’engagement (BT-13) ne sont cités (D2192-2, 4°).",
        reference,
    ),
    Row(
        "D2192-2-5",
        "BT-46",
        "Le service chargé du paiement n’est pas désigné par son code (D2192-2, 5°).",
        paying_service,
        needs_directory="asked",
    ),
    Row(
        "D2192-2-6",
        "BT-72",
        "La date de livraison ou d’exécution manque (BT-72, la période BG-14 ou celle des lignes BG-26 ; D2192-2, 6°).",
        executed_on,
    ),
    Row(
        "D2192-2-7",
        "BT-153",
        "Une ligne n’a pas de quantité ou de désignation (D2192-2, 7°).",
        what_was_done,
    ),
    Row("D2192-2-8", "BT-146", "Les prix unitaires ou forfaitaires manquent (D2192-2, 8°).", unit_prices),
    Row(
        "D2192-2-9",
        "BG-23",
        "La répartition par taux de TVA, ou le motif de l’exonération (BT-120), manque (D2192-2, 9°).",
        totals,
    ),
    Row(
        "D2192-2-11",
        "BG-16",
        "Les modalités de règlement manquent : le compte à créditer (BT-84) n’est pas donné (D2192-2, 11°).",
        Given("BT-84"),
        applies=lambda invoice: not invoice.is_credit and invoice.totals.due > 0,
    ),
    Row(
        "D2192-2-SIRET",
        "BT-29",
        "Les numéros d’identité (SIRET) de l’émetteur et du destinataire manquent (D2192-2, dernier alinéa).",
        numbers,
    ),
)
