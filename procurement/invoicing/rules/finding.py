"""One finding: what is wrong, its reason and action codes, the Chorus Pro status proposed and its effect on the delay.

Proposed in the order: send back (A_RECYCLER), suspend (SUSPENDUE), reject (REJETEE). On works a wrong amount is never
a ground for refusal: the admitted sums are paid (206, MAP), the rest is told (MNA).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.money import CENT

RECYCLE, SUSPEND, REJECT = "A_RECYCLER", "SUSPENDUE", "REJETEE"
ORDER = (RECYCLE, SUSPEND, REJECT, "")
DELAYS = {
    RECYCLE: "Le délai de paiement ne court pas chez ce destinataire : il part de la nouvelle mise à disposition "
    "(R2192-15).",
    SUSPEND: "Le délai est interrompu, une seule fois et avant l’ordonnancement, par une notification datée et motivée "
    "(R2192-27, R2192-28) ; ensuite court un nouveau délai de 30 jours, ou le solde s’il est plus long (R2192-29).",
    REJECT: "Le délai ouvert par cette facture prend fin ; la facture qui la remplace en ouvre un nouveau.",
}
STAYS = "Sans effet sur le délai de paiement."
PARTLY = "Le délai continue de courir pour les sommes admises."
HELD = "Le délai de paiement continue de courir : décidez sans attendre."


@dataclass(frozen=True)
class MatchFinding:
    """One finding. `severity` block, warn or info; `effect` on the decision: approve, partial, hold or refuse.

    `action` is a CDAR action code: NOA none, PIN give information, NIN new invoice, CNA credit the amount, OTH other.
    `refused` is the part of BT-109 that is not admitted (euros HT, on works), `line` the line (BT-126) it comes from.
    """

    rule: str
    severity: str
    bt: str
    message: str
    reason_code: str
    action: str
    chorus: str = ""
    effect: str = "approve"
    refused: Decimal | None = None
    line: str = ""

    @property
    def delay(self) -> str:
        """What the proposed status does to the payment delay, in French."""
        if self.chorus:
            return DELAYS[self.chorus]
        return {"partial": PARTLY, "hold": HELD}.get(self.effect, STAYS)


Findings = Iterator[MatchFinding]
Rule = Callable[[Invoice, ContractRecord], Findings]


def recycle(rule: str, bt: str, message: str, reason: str) -> MatchFinding:
    """The supplier corrects the addressee or a reference without billing again."""
    return MatchFinding(rule, "block", bt, message, reason, "PIN", RECYCLE, "hold")


def suspend(rule: str, bt: str, message: str, reason: str, severity: str = "block") -> MatchFinding:
    """Something must be given or explained before anything is paid."""
    return MatchFinding(rule, severity, bt, message, reason, "PIN", SUSPEND, "hold")


def reject(rule: str, bt: str, message: str, reason: str) -> MatchFinding:
    """The invoice cannot be paid as it is: another one is needed."""
    return MatchFinding(rule, "block", bt, message, reason, "NIN", REJECT, "refuse")


def hold(rule: str, bt: str, message: str, reason: str) -> MatchFinding:
    """The supplier has nothing to mend: the buyer or its accountant decides first."""
    return MatchFinding(rule, "block", bt, message, reason, "NOA", "", "hold")


def tell(rule: str, bt: str, message: str, reason: str, severity: str = "info") -> MatchFinding:
    """Told, without effect on the payment."""
    return MatchFinding(rule, severity, bt, message, reason, "NOA")


def amount(contract: ContractRecord, finding: MatchFinding, refused: Decimal, line: str = "") -> MatchFinding:
    """On works, the amount found wrong is approved in part, never refused (reason kept)."""
    if contract.kind != "works":
        return finding
    message = f"{finding.message} Marché de travaux : payer les sommes admises et notifier l’écart."
    partial = replace(finding, severity="warn", message=message, action="CNA", chorus="", effect="partial")
    return replace(partial, refused=max(refused, Decimal(0)).quantize(CENT), line=line)
