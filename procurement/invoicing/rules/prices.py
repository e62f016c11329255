"""Unit prices against the price list and its revision, quantities against what was received, and negative prices."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from procurement.invoicing.billed import belongs, billed, held, part_of
from procurement.invoicing.contracts import ContractRecord, Part, Received
from procurement.invoicing.invoice import Invoice, InvoiceLine
from procurement.invoicing.keys import key
from procurement.invoicing.money import CENT, decimals, euros
from procurement.invoicing.past import ZERO, Invoiced
from procurement.invoicing.revision import Coefficient, coefficient, is_revision, reference_day
from procurement.invoicing.rules.finding import Findings, MatchFinding, amount, hold, reject, suspend, tell
from procurement.invoicing.rules.original import undoes

HALF = Decimal("0.5")
REGULARISE = "à régulariser dans les trois mois qui suivent la publication des indices définitifs (R2191-28)"


def unit_price(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A line whose code is on the price list bears its price, revised, or at the base month beside its revision."""
    prices = {key(price.code): price.unit_price for price in contract.prices}
    if not prices or undoes(invoice, contract):
        return
    by, apart = coefficient(contract, reference_day(invoice)), bool(_revisions(invoice, contract))
    for line in invoice.lines:
        agreed = prices.get(line.code_among(prices))
        if agreed is None or is_revision(line.code) or _is(line, agreed, by, apart):
            continue
        if by and by.missing and line.unit_price > agreed * line.base_quantity:
            yield _unverified(line, agreed, by)
        else:
            yield _wrong_price(contract, line, agreed, by, apart)


def _is(line: InvoiceLine, agreed: Decimal, by: Coefficient | None, apart: bool) -> bool:
    """True for the agreed price or the revised one; the agreed one alone is too much where the formula lowers it."""
    if by is None or by.missing:
        return _near(line, agreed)
    return _near(line, agreed * by.value, agreed) or ((apart or by.value >= 1) and _near(line, agreed))


def _near(line: InvoiceLine, price: Decimal, agreed: Decimal | None = None) -> bool:
    """Within a cent of the line's amount: a cent of a unit price would be ten thousand euros of a million units.

    Where `price` was revised, it is rounded as the line or the price list rounds: to the cent at least.
    """
    gap, whole = abs(line.unit_price - price * line.base_quantity), abs(line.quantity / line.base_quantity)
    if gap * whole <= CENT:
        return True
    return agreed is not None and gap <= HALF.scaleb(-max(2, decimals(agreed), decimals(line.unit_price.normalize())))


def _wrong_price(
    contract: ContractRecord, line: InvoiceLine, agreed: Decimal, by: Coefficient | None, apart: bool
) -> MatchFinding:
    price, revised = line.unit_price / line.base_quantity, agreed * by.value if by else agreed
    most = max(agreed, revised) if apart else revised
    message = f"Ligne {line.id} ({line.code}) : prix unitaire {_short(price)} HT, {_short(agreed)} HT au contrat."
    if by and by.value != 1:
        message = f"{message[:-1]}, soit {_short(revised)} HT révisé (coefficient {by.value:f}, {by.month})."
    if by and by.value < 1 and _near(line, agreed):
        message += " La formule diminue le prix : il est à facturer révisé, ou avec une ligne de révision négative."
    if price > most:
        excess = (price - most) * abs(line.quantity)
        return amount(contract, suspend("unit-price", "BT-146", message, "PU_ERR"), excess, line.id)
    return tell("unit-price-lower", "BT-146", message, "PU_ERR")


def _unverified(line: InvoiceLine, agreed: Decimal, by: Coefficient) -> MatchFinding:
    price = line.unit_price / line.base_quantity
    message = (
        f"Ligne {line.id} ({line.code}) : prix unitaire {_short(price)} HT, {_short(agreed)} HT au contrat avant "
        f"révision. L’indice {by.missing} est inconnu : ce prix ne peut pas être vérifié. Saisir l’indice avant de "
        "payer."
    )
    return hold("unit-price-unverified", "BT-146", message, "PU_ERR")


def _short(value: Decimal) -> str:
    """Up to six decimals, two at least where there are any."""
    short = value.quantize(Decimal("0.000001")).normalize()
    return f"{short if decimals(short) > 2 else short.quantize(CENT):f}"


def _revisions(invoice: Invoice, contract: ContractRecord) -> list[InvoiceLine]:
    """The lines that bill the revision itself; what is on the price list is no revision, whatever its name."""
    listed = {key(price.code) for price in contract.prices}
    return [
        line
        for line in invoice.lines
        if is_revision(line.code) or (is_revision(line.name) and not line.code_among(listed))
    ]


def revision(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A line of revision is what the formula gives; provisional indices are regularised later."""
    if undoes(invoice, contract):
        return
    lines, by = _revisions(invoice, contract), coefficient(contract, reference_day(invoice))
    if by is None:
        if lines and contract.price_kind == "firm":
            message = f"Ligne {lines[0].id} : une révision est facturée alors que le prix du contrat est ferme."
            refused = _net(lines)
            yield amount(contract, suspend("revision-on-firm-price", "BT-153", message, "PU_ERR"), refused, lines[0].id)
        return
    if by.missing:
        if lines:
            message = f"Indice {by.missing} inconnu : la révision facturée n’est pas vérifiée."
            less = _net(lines) <= 0
            rule, bt, reason = "revision-unverified", "BT-146", "PU_ERR"
            yield tell(rule, bt, message, reason, "warn") if less else hold(rule, bt, message, reason)
        return
    yield from _revision_amount(invoice, contract, lines, by)
    if by.provisional:
        message = f"Révision sur des indices provisoires ({by.month}, coefficient {by.value:f}) : {REGULARISE}."
        yield tell("revision-provisional", "BT-146", message, "PU_ERR")


def _revision_amount(
    invoice: Invoice, contract: ContractRecord, lines: list[InvoiceLine], by: Coefficient
) -> Iterator[MatchFinding]:
    if not lines:
        return
    prices = {key(price.code): price.unit_price for price in contract.prices}
    bare = [
        line
        for line in invoice.lines
        if line not in lines and not _revised(line, prices.get(line.code_among(prices)), by)
    ]
    expected, given = _net(bare) * (by.value - 1), _net(lines)
    if given > expected + CENT:
        message = (
            f"Révision facturée : {euros(given)} HT ; la formule donne {euros(expected)} HT (coefficient {by.value:f}, "
            f"{by.month})."
        )
        finding = suspend("revision-amount", "BT-131", message, "PU_ERR")
        yield amount(contract, finding, given - expected, lines[0].id)


def _revised(line: InvoiceLine, agreed: Decimal | None, by: Coefficient) -> bool:
    """A price that is revised already is not revised again by a line apart."""
    return agreed is not None and not _near(line, agreed) and _near(line, agreed * by.value, agreed)


def _net(lines: Iterable[InvoiceLine]) -> Decimal:
    return sum((line.net for line in lines), ZERO)


def negative(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A unit price is never negative (BR-27), nor the total of an invoice that is no credit note."""
    for line in invoice.lines:
        if line.unit_price < 0:
            message = (
                f"Ligne {line.id} : prix unitaire négatif ({line.unit_price:f}) ; une diminution se facture par un "
                "avoir."
            )
            yield reject("negative-price", "BT-146", message, "NON_CONFORME")
    if invoice.totals.net < 0 and not invoice.is_credit:
        message = (
            f"Total hors taxes négatif ({euros(invoice.totals.net)}) sur une facture : un avoir (381) est attendu."
        )
        yield reject("negative-total", "BT-109", message, "NON_CONFORME")


def quantity(invoice: Invoice, contract: ContractRecord) -> Findings:
    """What is billed of a price, with what was billed of it before, was received."""
    found = _above(invoice, contract, _quantities(contract))
    yield from (_excess(contract, "quantity-above-received", each, "reçus au service fait") for each in found)


def ordered(invoice: Invoice, contract: ContractRecord) -> Findings:
    """What is billed of a price under an order, with what was billed of it before, was ordered by it."""
    part = part_of(invoice, contract)
    if part is not None:
        found = _above(invoice, contract, {key(line.code): line.quantity for line in part.lines}, part)
        yield from (_excess(contract, "quantity-above-ordered", each, f"commandés par {part.id}") for each in found)


@dataclass(frozen=True)
class _Over:
    """More of one price than its limit: billed before, and by this invoice's `lines`."""

    lines: list[InvoiceLine]
    before: Decimal
    now: Decimal
    limit: Decimal


def _above(
    invoice: Invoice, contract: ContractRecord, limits: Mapping[str, Decimal], part: Part | None = None
) -> Iterator[_Over]:
    done = held(invoice, contract)
    for code, lines in ({} if invoice.is_credit else _lines_by_code(invoice, limits)).items():
        before, now = _billed_quantity(contract, code, done, part), sum((line.quantity for line in lines), ZERO)
        if before + now > limits[code]:
            yield _Over(lines, before, now, limits[code])


def _excess(contract: ContractRecord, rule: str, over: _Over, said: str) -> MatchFinding:
    line = over.lines[0]
    message = (
        f"Ligne {line.id} ({line.code}) : {over.now:f} facturés"
        + (f", {over.before:f} déjà facturés" if over.before else "")
        + f" ; {over.limit:f} {said}."
    )
    excess = min(over.before + over.now - over.limit, over.now) * line.unit_price / line.base_quantity
    return amount(contract, suspend(rule, "BT-129", message, "QTE_ERR"), excess, line.id)


def _quantities(contract: ContractRecord) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in contract.received:
        if one.code and one.quantity is not None:
            found[key(one.code)] = found.get(key(one.code), ZERO) + one.quantity
    return found


def _lines_by_code(invoice: Invoice, known: Container[str]) -> dict[str, list[InvoiceLine]]:
    found: dict[str, list[InvoiceLine]] = {}
    for line in invoice.lines:
        if code := line.code_among(known):
            found.setdefault(code, []).append(line)
    return found


def _billed_quantity(contract: ContractRecord, code: str, without: list[Invoiced], part: Part | None = None) -> Decimal:
    past = contract.invoiced
    gone = (
        -abs(line.quantity) if row.credit else line.quantity
        for row in without
        if part is None or belongs(row, part)
        for line in row.lines
        if key(line.code) == code
    )
    if part is None:
        return past.total("code", code) - sum(gone, ZERO)
    named = {key(engagement) for engagement in part.engagements}
    total = past.total("part code", key(part.id), code)
    return total + sum((past.total("engagement code", one, code) for one in named), ZERO) - sum(gone, ZERO)


def received_amount(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Where receptions are in euros, what is billed in all does not exceed them."""
    amounts = [one for one in contract.received if one.amount_ht is not None]
    if not amounts or invoice.is_credit:
        return
    total, done = _sum(amounts), billed(contract, invoice) + invoice.signed_net
    if done > total:
        message = f"{euros(total)} HT ont été reçus au service fait ; {euros(done)} HT seraient facturés."
        yield amount(contract, suspend("amount-above-received", "BT-109", message, "LIVR_INCOMP"), done - total)


def _sum(received: list[Received]) -> Decimal:
    return sum((one.amount_ht or ZERO for one in received), ZERO)


RULES = (unit_price, revision, negative, quantity, ordered, received_amount)
