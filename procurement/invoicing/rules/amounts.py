"""What is billed in all against what was agreed (contract, part, share), and the sums of the invoice."""

from decimal import Decimal

from procurement.invoicing.billed import billed, billed_by, billed_on, in_flight, part_of
from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice, InvoiceLine
from procurement.invoicing.money import CENT, euros
from procurement.invoicing.rules.finding import Findings, amount, reject, suspend
from procurement.invoicing.scoring import holder_of

GROUPED = frozenset({"8", "9"})  # multi-vendor frames carry group lines and their details: they do not add up


def ceiling(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Already billed (paid and in flight) plus this invoice stays under the ceiling, or the amount without one."""
    limit = contract.ceiling_ht if contract.ceiling_ht is not None else contract.amount_ht
    before = billed(contract, invoice)
    total = before + invoice.signed_net
    if limit is None or invoice.is_credit or total <= limit:
        return
    left, waiting = max(limit - before, Decimal(0)), in_flight(contract)
    message = (
        f"Avec cette facture, {euros(total)} HT seraient facturés pour {euros(limit)} HT : il reste {euros(left)} HT"
        + (f", {euros(waiting)} HT étant encore à payer." if waiting > 0 else ".")
    )
    finding = suspend("ceiling-exceeded", "BT-109", message, "MONTANTTOTAL_ERR")
    yield amount(contract, finding, min(total - limit, invoice.signed_net))


def part_ceiling(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The tranche, order, lot or subsequent contract that the invoice cites has its own ceiling."""
    part = part_of(invoice, contract)
    if part is None or part.ceiling_ht is None or invoice.is_credit:
        return
    total = billed_on(contract, part, invoice) + invoice.signed_net
    if total > part.ceiling_ht:
        message = (
            f"{PART_NAMES[part.kind]} {part.id} : {euros(total)} HT seraient facturés pour {euros(part.ceiling_ht)} HT."
        )
        finding = suspend("part-ceiling-exceeded", "BT-109", message, "MONTANTTOTAL_ERR")
        yield amount(contract, finding, min(total - part.ceiling_ht, invoice.signed_net))


PART_NAMES = {"tranche": "Tranche", "order": "Bon de commande", "lot": "Lot", "subsequent": "Marché subséquent"}


def share(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A co-contractor or a subcontractor stays under its own share."""
    holder = holder_of(invoice, contract)
    if holder is None or holder.share_ht is None or invoice.is_credit:
        return
    total = billed_by(contract, holder.siret, invoice) + invoice.signed_net
    if total > holder.share_ht:
        message = (
            f"La part de ce fournisseur est de {euros(holder.share_ht)} HT ; elle serait portée à {euros(total)} HT."
        )
        finding = suspend("share-exceeded", "BT-109", message, "MONTANTTOTAL_ERR")
        yield amount(contract, finding, min(total - holder.share_ht, invoice.signed_net))


def arithmetic(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Lines and totals add up to the cent (EN 16931 tolerates almost 1 € on VAT: this is stricter)."""
    if invoice.process[1:] in GROUPED:
        return
    for line in invoice.lines:
        if abs(_expected(line) - line.net) > CENT:
            message = (
                f"Ligne {line.id} : {euros(_expected(line))} attendus d’après quantité et prix, "
                f"{euros(line.net)} facturés."
            )
            finding = reject("line-arithmetic", "BT-131", message, "CALCUL_ERR")
            yield amount(contract, finding, line.net - _expected(line), line.id)
    totals, zero = invoice.totals, Decimal(0)
    lines = sum((line.net for line in invoice.lines), zero)
    net = lines - (totals.allowances or zero) + (totals.charges or zero)
    if invoice.lines and net != totals.net:
        message = (
            f"Le total hors taxes devrait être {euros(net)} d’après les lignes ; la facture dit {euros(totals.net)}."
        )
        yield amount(contract, reject("net-arithmetic", "BT-109", message, "CALCUL_ERR"), totals.net - net)
    gross = totals.net + (totals.vat or zero)
    if gross != totals.gross:
        message = f"Le total TTC devrait être {euros(gross)} ; la facture dit {euros(totals.gross)}."
        yield amount(contract, reject("gross-arithmetic", "BT-112", message, "MONTANTTOTAL_ERR"), zero)
    due = totals.gross - (totals.paid or zero) + (totals.rounding or zero)
    if due != totals.due:
        message = (
            f"Le net à payer (BT-115) devrait être {euros(due)}, le total moins ce qui est déjà payé ; la facture dit "
            f"{euros(totals.due)}."
        )
        yield amount(contract, reject("due-arithmetic", "BT-115", message, "MONTANTTOTAL_ERR"), zero)


def _expected(line: InvoiceLine) -> Decimal:
    return line.quantity * line.unit_price / line.base_quantity + line.adjustments


RULES = (ceiling, part_ceiling, share, arithmetic)
