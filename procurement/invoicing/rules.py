"""What may be wrong with an invoice once its contract is known: one function per rule, listed in RULES.

Each finding carries a French sentence, the reason code of the lifecycle (CDAR, XP Z12-012), its action code, and the
Chorus Pro status proposed. An addressee to correct is sent back (A_RECYCLER), a missing piece suspends (SUSPENDUE), a
wrong invoice is rejected (REJETEE); on works an amount is never a ground for refusal: it is paid in part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import CREDIT_TYPES, Invoice, InvoiceLine
from procurement.invoicing.scoring import cites_contract, cites_engagement, holder_of, key, same_company

CENT = Decimal("0.01")
RECYCLE, SUSPEND, REJECT = "A_RECYCLER", "SUSPENDUE", "REJETEE"
ALREADY_PAID = frozenset({"B2", "S2", "M2"})
GROUPED = frozenset({"8", "9"})  # multi-vendor frames carry group lines and their details: they do not add up


@dataclass(frozen=True)
class MatchFinding:
    """One finding. `severity` block, warn or info; `effect` on the decision: approve, partial, hold or refuse.

    `action` is a CDAR action code: NOA none, PIN give information, NIN new invoice, CNA credit the amount, OTH other.
    """

    rule: str
    severity: str
    bt: str
    message: str
    reason_code: str
    action: str
    chorus: str = ""
    effect: str = "approve"


Findings = Iterator[MatchFinding]
Rule = Callable[[Invoice, ContractRecord], Findings]


def euros(value: Decimal) -> str:
    """An amount as people read it: 1 234,50 €."""
    return f"{value:,.2f} €".replace(",", " ").replace(".", ",")


def _recycle(rule: str, bt: str, message: str, reason: str) -> MatchFinding:
    return MatchFinding(rule, "block", bt, message, reason, "PIN", RECYCLE, "hold")


def _suspend(rule: str, bt: str, message: str, reason: str, severity: str = "block") -> MatchFinding:
    return MatchFinding(rule, severity, bt, message, reason, "PIN", SUSPEND, "hold")


def _reject(rule: str, bt: str, message: str, reason: str) -> MatchFinding:
    return MatchFinding(rule, "block", bt, message, reason, "NIN", REJECT, "refuse")


def _amount(contract: ContractRecord, finding: MatchFinding) -> MatchFinding:
    """On works, the amount found wrong is approved in part, never refused (reason kept)."""
    if contract.kind != "works":
        return finding
    message = f"{finding.message} Marché de travaux : payer les sommes admises et notifier l’écart."
    return MatchFinding(finding.rule, "warn", finding.bt, message, finding.reason_code, "CNA", "", "partial")


def _info(rule: str, bt: str, message: str, reason: str, severity: str = "info") -> MatchFinding:
    return MatchFinding(rule, severity, bt, message, reason, "NOA")


def supplier(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The seller is a holder, a co-contractor or an agreed subcontractor of the contract."""
    if holder_of(invoice, contract):
        return
    siret = invoice.seller.sirets[0] if invoice.seller.sirets else "absent"
    if company := same_company(invoice, contract):
        message = (
            f"Le fournisseur facture sous le SIRET {siret} ; le contrat connaît {company.siret} (même entreprise)."
        )
        yield _suspend("supplier-other-establishment", "BT-29", message, "SIRET_ERR", "warn")
    elif invoice.process == "S3":
        message = (
            f"Le sous-traitant {siret} n’est pas déclaré au contrat {contract.id} : son paiement direct est exclu."
        )
        yield _reject("subcontractor-not-declared", "BT-29", message, "ST_CT_NON_DECLAR")
    else:
        message = (
            f"Le fournisseur (SIRET {siret}) n’est ni titulaire, ni cotraitant, ni sous-traitant du contrat "
            f"{contract.id}."
        )
        yield _reject("supplier-not-holder", "BT-29", message, "EMMET_INC")


def supplier_identity(invoice: Invoice, contract: ContractRecord) -> Findings:
    """BT-30 is the start of BT-29."""
    siren, sirets = invoice.seller.siren, invoice.seller.sirets
    if siren and any(not siret.startswith(siren) for siret in sirets):
        message = f"Le SIREN du fournisseur ({siren}) n’est pas celui de son SIRET ({sirets[0]})."
        yield _suspend("supplier-siren-mismatch", "BT-30", message, "SIRET_ERR")


def buyer(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The invoice is addressed to the contract's buyer."""
    if invoice.buyer.siret == contract.buyer.siret:
        return
    given = invoice.buyer.siret or "absent"
    message = (
        f"Le SIRET de l’acheteur ({given}) n’est pas celui du contrat ({contract.buyer.siret}) : à renvoyer au "
        "fournisseur pour correction du destinataire, sans rejeter."
    )
    yield _recycle("buyer-wrong", "BT-46", message, "DEST_ERR")


def service(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The service code, where the buyer asks for one, is one of its own (BT-46@0224 or BT-10)."""
    known, given = {key(code) for code in contract.buyer.services}, invoice.buyer.services
    required = contract.buyer.requires.service
    if not given:
        if required:
            yield _recycle(
                "service-missing", "BT-46", "Le code service, exigé par l’acheteur, manque.", "CODE_ROUTAGE_ERR"
            )
        return
    if not known or any(key(code) in known for code in given):
        return
    message = f"Le code service « {given[0]} » n’est pas l’un de ceux de l’acheteur pour ce contrat."
    if required or invoice.buyer.routed_services:
        yield _recycle("service-unknown", "BT-46", message, "CODE_ROUTAGE_ERR")
    else:
        yield _info("service-unknown", "BT-10", message, "CODE_ROUTAGE_ERR", "warn")


def engagement(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The engagement number, where the buyer asks for one, is one of the contract's; its number may stand in."""
    given = invoice.engagement
    if not given:
        if contract.buyer.requires.engagement:
            message = "Le numéro d’engagement (BT-13), exigé par l’acheteur, manque."
            yield _recycle("engagement-missing", "BT-13", message, "CMD_ERR")
        elif contract.buyer.requires.either and not invoice.buyer.services:
            message = "Ni numéro d’engagement (BT-13), ni code service (BT-46) : l’acheteur exige l’un des deux."
            yield _recycle("engagement-or-service-missing", "BT-13", message, "CMD_ERR")
        return
    if cites_engagement(given, contract) or cites_contract(given, contract):
        return
    message = f"Le numéro d’engagement « {given} » n’est pas l’un de ceux du contrat {contract.id}."
    if contract.engagements:
        yield _recycle("engagement-unknown", "BT-13", message, "CMD_ERR")
    else:
        yield _info(
            "engagement-unverified", "BT-13", "Aucun engagement connu pour ce contrat : BT-13 non vérifié.", "CMD_ERR"
        )


def contract_reference(invoice: Invoice, contract: ContractRecord) -> Findings:
    """BT-12 is the contract's number."""
    if cites_contract(invoice.contract, contract):
        return
    by_order = cites_engagement(invoice.engagement, contract) or cites_contract(invoice.engagement, contract)
    if invoice.contract:
        message = f"Le numéro de marché « {invoice.contract} » (BT-12) n’est pas celui du contrat {contract.id}."
        yield _suspend("contract-reference-wrong", "BT-12", message, "REF_CT_ABSENT")
    elif by_order:
        yield _info(
            "contract-reference-absent", "BT-12", "BT-12 manque ; BT-13 suffit à retrouver le contrat.", "REF_CT_ABSENT"
        )
    else:
        message = (
            "Ni numéro de marché (BT-12) ni engagement (BT-13) : contrat retrouvé par les seules parties, à confirmer."
        )
        yield _suspend("contract-reference-absent", "BT-12", message, "REF_CT_ABSENT")


def iban(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Every account to pay is one that the contract knows."""
    holder = holder_of(invoice, contract) or same_company(invoice, contract)
    known = {key(account) for account in holder.ibans} if holder else set()
    new = [account for account in invoice.ibans if key(account) not in known]
    if known and new:
        message = (
            f"Le compte à payer (…{new[0][-4:]}) n’est pas au contrat : ne pas payer avant un rappel du "
            "fournisseur à un "
            "numéro déjà connu et l’accord de deux personnes."
        )
        yield MatchFinding("iban-unknown", "block", "BT-84", message, "COORD_BANC_ERR", "PIN", SUSPEND, "hold")
    elif new and holder:
        yield _info(
            "iban-unverified", "BT-84", "Aucun compte bancaire connu au contrat : compte non vérifié.", "COORD_BANC_ERR"
        )


def payee(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Another payee (factoring) supposes an assignment notified to the accountant (R2191-45)."""
    if invoice.payee and key(invoice.payee) != key(invoice.seller.name):
        message = (
            f"Le bénéficiaire du paiement est « {invoice.payee} » : vérifier que la cession a été notifiée au "
            "comptable."
        )
        yield _suspend("payee-other", "BT-59", message, "COORD_BANC_ERR", "warn")


def duplicate(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The same supplier has not billed this number yet; the same amount is told."""
    mine = [past for past in contract.invoiced if past.siret in invoice.seller.sirets]
    if any(key(past.number) == key(invoice.number) for past in mine):
        message = f"La facture n° {invoice.number} de ce fournisseur est déjà enregistrée sur le contrat."
        yield _reject("duplicate-number", "BT-1", message, "DOUBLON")
    elif twin := next((past for past in mine if past.amount_ht == invoice.totals.net), None):
        message = (
            f"Même montant hors taxes que la facture n° {twin.number} : vérifier qu’il ne s’agit pas de la même "
            "prestation."
        )
        yield _info("same-amount", "BT-109", message, "DOUBLE_FACT")


def already_paid(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Billing frames B2, S2 and M2 say that the invoice is already paid."""
    if invoice.process in ALREADY_PAID:
        message = f"Cadre {invoice.process} : le fournisseur la dit déjà payée. Ne pas mettre en paiement."
        yield _suspend("already-paid", "BT-23", message, "DOUBLE_FACT", "warn")


def currency(invoice: Invoice, contract: ContractRecord) -> Findings:
    """The invoice is in the contract's currency."""
    if invoice.currency != contract.currency:
        message = f"La facture est en {invoice.currency or 'devise inconnue'}, le contrat en {contract.currency}."
        yield _reject("currency", "BT-5", message, "NON_CONFORME")


def billed(contract: ContractRecord, siret: str | None = None) -> Decimal:
    """What is already billed, credit notes taken off; of one company where `siret` is given."""
    parts = (
        -abs(past.amount_ht) if past.type in CREDIT_TYPES else past.amount_ht
        for past in contract.invoiced
        if siret is None or past.siret == siret
    )
    return sum(parts, Decimal(0))


def ceiling(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Already billed plus this invoice stays under the ceiling (the amount where there is no ceiling)."""
    limit = contract.ceiling_ht if contract.ceiling_ht is not None else contract.amount_ht
    total = billed(contract) + invoice.signed_net
    if limit is not None and not invoice.is_credit and total > limit:
        left = max(limit - billed(contract), Decimal(0))
        message = (
            f"Avec cette facture, {euros(total)} HT seraient facturés pour {euros(limit)} HT : il reste "
            f"{euros(left)} HT."
        )
        yield _amount(contract, _suspend("ceiling-exceeded", "BT-109", message, "MONTANTTOTAL_ERR"))


def share(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A co-contractor or a subcontractor stays under its own share."""
    holder = holder_of(invoice, contract)
    if holder is None or holder.share_ht is None or invoice.is_credit:
        return
    total = billed(contract, holder.siret) + invoice.signed_net
    if total > holder.share_ht:
        message = (
            f"La part de ce fournisseur est de {euros(holder.share_ht)} HT ; elle serait portée à {euros(total)} HT."
        )
        yield _amount(contract, _suspend("share-exceeded", "BT-109", message, "MONTANTTOTAL_ERR"))


def vat_rate(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Every rate above zero is one of the contract's; zero has its own categories."""
    allowed = set(contract.vat_rates)
    wrong = sorted({rate for category, rate in invoice.vat_rates if category == "S" and rate not in allowed})
    if allowed and wrong:
        rates, known = _percents(wrong), _percents(sorted(allowed))
        message = f"Taux de TVA de la facture : {rates} ; taux du contrat : {known}."
        yield _amount(contract, _reject("vat-rate", "BT-119", message, "TX_TVA_ERR"))


def _percents(rates: list[Decimal]) -> str:
    return ", ".join(f"{rate.normalize():f} %".replace(".", ",") for rate in rates)


def period(invoice: Invoice, contract: ContractRecord) -> Findings:
    """What is billed was done while the contract ran; an invoice may come after its end."""
    first = invoice.period[0] or invoice.delivered_on or invoice.period[1]
    last = invoice.period[1] or invoice.delivered_on or invoice.period[0]
    if contract.start and invoice.issued_on < contract.start:
        message = (
            f"La facture est datée du {invoice.issued_on:%d/%m/%Y}, avant le début du contrat "
            f"({contract.start:%d/%m/%Y})."
        )
        yield _reject("before-start", "BT-2", message, "CONTRAT_TERM")
        return
    if first and last and ((contract.start and last < contract.start) or (contract.end and first > contract.end)):
        message = f"La prestation ({first:%d/%m/%Y} au {last:%d/%m/%Y}) est entièrement hors de la durée du contrat."
        yield _reject("period-outside", "BT-73", message, "CONTRAT_TERM")
    elif (first and contract.start and first < contract.start) or (last and contract.end and last > contract.end):
        message = "Une partie de la période facturée est hors de la durée du contrat."
        yield _suspend("period-overlaps", "BT-73", message, "CONTRAT_TERM")
    elif not last and contract.end and invoice.issued_on > contract.end:
        message = (
            f"Facture postérieure à la fin du contrat ({contract.end:%d/%m/%Y}), sans période : vérifier la "
            "date d’exécution."
        )
        yield _suspend("after-end", "BT-2", message, "CONTRAT_TERM", "warn")


def unit_price(invoice: Invoice, contract: ContractRecord) -> Findings:
    """A line whose code is on the price list bears its price."""
    prices = {key(price.code): price.unit_price for price in contract.prices}
    for line in invoice.lines:
        agreed = prices.get(key(line.code)) if line.code else None
        billed_price = line.unit_price / line.base_quantity
        if agreed is None or billed_price == agreed:
            continue
        message = f"Ligne {line.id} ({line.code}) : prix unitaire {billed_price:f} HT, {agreed:f} HT au contrat."
        if billed_price > agreed:
            yield _amount(contract, _suspend("unit-price", "BT-146", message, "PU_ERR"))
        else:
            yield _info("unit-price-lower", "BT-146", message, "PU_ERR")


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
            yield _amount(contract, _reject("line-arithmetic", "BT-131", message, "CALCUL_ERR"))
    totals, zero = invoice.totals, Decimal(0)
    lines = sum((line.net for line in invoice.lines), zero)
    net = lines - (totals.allowances or zero) + (totals.charges or zero)
    if invoice.lines and net != totals.net:
        message = (
            f"Le total hors taxes devrait être {euros(net)} d’après les lignes ; la facture dit {euros(totals.net)}."
        )
        yield _amount(contract, _reject("net-arithmetic", "BT-109", message, "CALCUL_ERR"))
    gross = totals.net + (totals.vat or zero)
    if gross != totals.gross:
        message = f"Le total TTC devrait être {euros(gross)} ; la facture dit {euros(totals.gross)}."
        yield _amount(contract, _reject("gross-arithmetic", "BT-112", message, "MONTANTTOTAL_ERR"))


def _expected(line: InvoiceLine) -> Decimal:
    return line.quantity * line.unit_price / line.base_quantity + line.adjustments


RULES: tuple[Rule, ...] = (
    supplier,
    supplier_identity,
    buyer,
    service,
    engagement,
    contract_reference,
    iban,
    payee,
    duplicate,
    already_paid,
    currency,
    ceiling,
    share,
    vat_rate,
    period,
    unit_price,
    arithmetic,
)
