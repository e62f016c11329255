"""To whom and on which account: known IBANs, assignments and pledges notified, oppositions (R2191-45 to R2191-63)."""

from datetime import date

from procurement.invoicing.billed import gross_factor
from procurement.invoicing.contracts import Assignment, ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import key, words
from procurement.invoicing.money import euros
from procurement.invoicing.past import ZERO
from procurement.invoicing.rules.finding import SUSPEND, Findings, MatchFinding, hold, suspend, tell
from procurement.invoicing.rules.original import undoes
from procurement.invoicing.scoring import holder_of, same_company

TRANSFERS = frozenset({"assignment", "pledge"})


def iban(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Every account to pay is one that the contract knows on the day of payment, or that of a notified assignee."""
    if undoes(invoice, contract):
        return  # nothing is paid on a credit note
    if (taker := notified(invoice, contract)) and taker.ibans:
        return  # assigned() compares the accounts
    holder = holder_of(invoice, contract) or same_company(invoice, contract)
    accounts = holder.ibans if holder else ()
    day = contract.paid_from(invoice.issued_on)
    known = {key(one.iban) for one in accounts if _valid(one.valid_from, one.valid_to, day)}
    new = [account for account in invoice.ibans if key(account) not in known]
    if accounts and new:
        past = any(key(one.iban) == key(new[0]) for one in accounts)
        message = (
            f"Le compte à payer (…{new[0][-4:]}) "
            + ("n’est pas valable à cette date" if past else "n’est pas au contrat")
            + " : ne pas payer avant un rappel du fournisseur à un numéro déjà connu et l’accord de deux personnes."
        )
        yield MatchFinding("iban-unknown", "block", "BT-84", message, "COORD_BANC_ERR", "PIN", SUSPEND, "hold")
    elif new and holder:
        message = "Aucun compte bancaire connu au contrat : compte non vérifié."
        yield tell("iban-unverified", "BT-84", message, "COORD_BANC_ERR")


def _valid(start: date | None, end: date | None, on: date) -> bool:
    return (start is None or start <= on) and (end is None or on <= end)


def payee(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Another payee (factoring) supposes an assignment notified to the accountant (R2191-45)."""
    if not invoice.payee or key(invoice.payee) == key(invoice.seller.name):
        return
    named = [taker for taker in _takers(invoice, contract) if is_payee(invoice, taker)]
    if any(_active(taker, contract.paid_from(invoice.issued_on)) for taker in named):
        return
    if ended := next((taker for taker in named if taker.ended_on and taker.notified_on), None):
        message = (
            f"La cession au profit de « {ended.beneficiary} » a pris fin le {ended.ended_on:%d/%m/%Y} : demander la "
            "mainlevée ou le compte du fournisseur."
        )
        yield suspend("assignment-ended", "BT-59", message, "COORD_BANC_ERR")
        return
    message = (
        f"Le bénéficiaire du paiement est « {invoice.payee} » : aucune cession à son profit n’a été notifiée au "
        "comptable ; il ne peut pas être payé à la place du fournisseur."
    )
    yield suspend("payee-other", "BT-59", message, "COORD_BANC_ERR")


def assigned(invoice: Invoice, contract: ContractRecord) -> Findings:
    """Once an assignment is notified, only its beneficiary can be paid, on its account."""
    taker = notified(invoice, contract)
    if taker is None or invoice.is_credit:
        return
    known = {key(account) for account in taker.ibans}
    other = [account for account in invoice.ibans if key(account) not in known]
    if known and other:
        message = (
            f"La créance est cédée à « {taker.beneficiary} » (notifiée le {taker.notified_on:%d/%m/%Y}) ; la facture "
            f"demande le paiement sur un autre compte (…{other[0][-4:]}) : ne payer que le cessionnaire."
        )
        yield suspend("assignment-other-account", "BT-84", message, "COORD_BANC_ERR")
    if taker.amount_ttc is not None and invoice.totals.gross > taker.amount_ttc:
        message = (
            f"La cession à « {taker.beneficiary} » porte sur {euros(taker.amount_ttc)} TTC : le surplus de cette "
            "facture revient au fournisseur."
        )
        yield tell("assignment-exceeded", "BT-112", message, "COORD_BANC_ERR", "warn")
    yield from _assignable(contract, taker)


def _assignable(contract: ContractRecord, taker: Assignment) -> Findings:
    """What may be assigned is the contract less what subcontractors are paid directly (R2191-45, R2191-46)."""
    if taker.amount_ttc is None or contract.amount_ht is None or taker.assignor:
        return
    subcontracted = sum(
        (h.share_ht or ZERO for h in contract.holders if h.role == "subcontractor" and h.direct_payment is not False),
        ZERO,
    )
    most = (contract.amount_ht - subcontracted) * gross_factor(contract)
    if taker.amount_ttc > most:
        message = (
            f"La cession à « {taker.beneficiary} » ({euros(taker.amount_ttc)} TTC) dépasse la part cessible, "
            f"{euros(most)} TTC une fois ôté ce qui est payé aux sous-traitants (R2191-46) : voir le comptable."
        )
        yield hold("assignment-above-assignable", "BT-112", message, "COORD_BANC_ERR")


def opposition(invoice: Invoice, contract: ContractRecord) -> Findings:
    """An opposition received by the accountant comes before the payment of the supplier."""
    for taker in _takers(invoice, contract, frozenset({"opposition"})):
        if _active(taker, contract.paid_from(invoice.issued_on)) and not invoice.is_credit:
            sum_told = f" ({euros(taker.amount_ttc)})" if taker.amount_ttc is not None else ""
            message = (
                f"Opposition de « {taker.beneficiary} »{sum_told} reçue le {taker.notified_on:%d/%m/%Y} : ne rien "
                "payer au fournisseur avant la réponse du comptable."
            )
            yield hold("opposition", "BT-84", message, "AUTRE")


def notified(invoice: Invoice, contract: ContractRecord) -> Assignment | None:
    """The assignment in force on the supplier's claims; that of the payee named first."""
    day = contract.paid_from(invoice.issued_on)
    active = [taker for taker in _takers(invoice, contract) if _active(taker, day)]
    return next((taker for taker in active if is_payee(invoice, taker)), active[0] if active else None)


def is_payee(invoice: Invoice, taker: Assignment) -> bool:
    """True where the invoice's payee is the beneficiary, by SIRET (BT-60) or by name (BT-59)."""
    if taker.siret and invoice.terms.get("BT-60"):
        return any(key(given) in (taker.siret, taker.siret[:9]) for given in invoice.terms["BT-60"])
    same = words(invoice.payee) & words(taker.beneficiary)
    return key(invoice.payee) == key(taker.beneficiary) or (bool(same) and same == words(taker.beneficiary))


def _takers(invoice: Invoice, contract: ContractRecord, kinds: frozenset[str] = TRANSFERS) -> list[Assignment]:
    holder = holder_of(invoice, contract) or same_company(invoice, contract)
    if holder is None:
        return []
    main = holder.role != "subcontractor"
    return [t for t in contract.assignments if t.kind in kinds and (t.assignor == holder.siret if t.assignor else main)]


def _active(taker: Assignment, on: date) -> bool:
    """Notified, even after the invoice: what counts is who may be paid, and the record is of the day it was made."""
    return taker.notified_on is not None and (taker.ended_on is None or on < taker.ended_on)


RULES = (iban, payee, assigned, opposition)
