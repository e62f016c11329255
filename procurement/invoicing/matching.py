"""An invoice and the contracts it may belong to: ranked candidates, findings, and a decision that a person takes.

Deterministic: the same invoice and contracts always give the same answer. Nothing is written over the invoice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.index import Index
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.money import CENT
from procurement.invoicing.payable import Payable, payable
from procurement.invoicing.rules import ORDER, REJECT, RULES, SUSPEND, MatchFinding
from procurement.invoicing.scoring import Candidate, score

NOTICE = (
    "Copie contrôlée, sans valeur de dépôt : la facture se dépose sur Chorus Pro ou par une plateforme agréée, et le "
    "délai de paiement part de la date donnée par le portail (R2192-15)."
)
_ORDER = ("approve", "partial", "hold", "refuse")
# Lifecycle status of each decision (CDAR, XP Z12-012); none where nobody can decide yet.
CDAR = {"approve": "205", "partial": "206", "hold": "208", "refuse": "210", "unmatched": ""}
MAX_CANDIDATES = 10
MARGIN = 5  # by the parties alone, a lesser difference proves nothing

Ranked = list[tuple[Candidate, ContractRecord]]


@dataclass(frozen=True)
class Match:
    """Ranked candidates, findings against the first, and the decision proposed.

    `decision`: approve, partial, hold, refuse, or unmatched where no contract stands out. `payable`: from what is
    billed to what is paid, against the contract found. `net`: BT-109, negative for a credit note.
    """

    number: str
    candidates: tuple[Candidate, ...]
    findings: tuple[MatchFinding, ...]
    decision: str
    notice: str = NOTICE
    payable: Payable | None = None
    net: Decimal | None = None

    @property
    def chorus(self) -> str:
        """The Chorus Pro status proposed: the first that is needed, in the order recycle, suspend, reject."""
        if self.decision == "refuse":
            return REJECT
        return next((finding.chorus for finding in self.findings if finding.chorus), "")

    @property
    def amounts(self) -> dict[str, str]:
        """For a partial approval, the sums admitted (MAP) and not admitted (MNA), euros HT."""
        if self.decision != "partial" or self.net is None:
            return {}
        refused = not_admitted(self.findings, self.net)
        return {"MAP": str((self.net - refused).quantize(CENT)), "MNA": str(refused.quantize(CENT))}

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for JSON; amounts are strings."""
        return {
            "number": self.number,
            "candidates": [vars(one) | {"because": list(one.because)} for one in self.candidates],
            "findings": [_plain(finding) for finding in self.findings],
            "decision": self.decision,
            "notice": self.notice,
            "chorus": self.chorus,
            "cdar": CDAR[self.decision],
            "amounts": self.amounts,
            "delay": next((f.delay for f in self.findings if f.chorus == self.chorus and f.effect != "approve"), ""),
            "payable": self.payable.as_dict() if self.payable else None,
        }


def _plain(finding: MatchFinding) -> dict[str, Any]:
    refused = None if finding.refused is None else str(finding.refused)
    return vars(finding) | {"refused": refused, "delay": finding.delay}


def refused_by(findings: Iterable[MatchFinding]) -> Decimal:
    """What is not admitted: the worst of each line, added up, or the worst of the whole invoice where it is more."""
    lines: dict[str, Decimal] = {}
    whole = Decimal(0)
    for finding in findings:
        refused = finding.refused or Decimal(0)
        if finding.line:
            lines[finding.line] = max(lines.get(finding.line, Decimal(0)), refused)
        else:
            whole = max(whole, refused)
    return max(whole, sum(lines.values(), Decimal(0)))


def not_admitted(findings: Iterable[MatchFinding], net: Decimal) -> Decimal:
    """The same, never more than what is billed."""
    return min(refused_by(findings), max(net, Decimal(0)))


def match(invoice: Invoice, contracts: Iterable[ContractRecord]) -> Match:
    """Find the contract by BT-12, BT-13, BT-46 and supplier, then confront the invoice with it.

    `contracts` may be an Index, built once for many invoices.
    """
    ranked = rank(invoice, contracts)
    candidates = tuple(candidate for candidate, _ in ranked[:MAX_CANDIDATES])
    if not ranked:
        return Match(invoice.number, (), (_no_contract(invoice),), "unmatched", net=invoice.signed_net)
    if len(ranked) > 1 and _alike(candidates[0], candidates[1]):
        return Match(invoice.number, candidates, (_ambiguous(candidates),), "unmatched", net=invoice.signed_net)
    return confront(invoice, ranked[0][1], candidates)


def confront(invoice: Invoice, contract: ContractRecord, candidates: tuple[Candidate, ...] = ()) -> Match:
    """Every rule against that contract; without candidates, it is one that a person chose."""
    found = [finding for rule in RULES for finding in rule(invoice, contract)]
    findings = tuple(sorted(found, key=lambda finding: (ORDER.index(finding.chorus), finding.effect == "approve")))
    decision = decide(findings)
    refused = not_admitted(findings, invoice.signed_net) if decision == "partial" else Decimal(0)
    return Match(
        invoice.number,
        candidates or (_chosen(invoice, contract),),
        findings,
        decision,
        payable=payable(contract, invoice, refused),
        net=invoice.signed_net,
    )


def _chosen(invoice: Invoice, contract: ContractRecord) -> Candidate:
    return score(invoice, contract) or Candidate(contract.id, 0, ("choisi par une personne",), False)


def rank(invoice: Invoice, contracts: Iterable[ContractRecord]) -> Ranked:
    """The candidates, best first; those that share no party with the invoice only where there is no other."""
    if isinstance(contracts, Index):
        scored = _scored(invoice, contracts.candidates(invoice))
        if not any(candidate.tied for candidate, _ in scored):
            scored = _scored(invoice, contracts.cited(invoice))
    else:
        scored = _scored(invoice, contracts)
    tied = [one for one in scored if one[0].tied]
    return sorted(tied or scored, key=_place)


def _place(one: tuple[Candidate, ContractRecord]) -> tuple[bool, bool, int, str, str, str]:
    candidate, contract = one
    return (
        not candidate.sure,
        not candidate.exact,
        -candidate.points,
        candidate.contract,
        candidate.buyer,
        contract.decp_id or "",
    )


def _scored(invoice: Invoice, contracts: Iterable[ContractRecord]) -> Ranked:
    scored = ((score(invoice, contract), contract) for contract in contracts)
    return [(candidate, contract) for candidate, contract in scored if candidate]


def _alike(first: Candidate, second: Candidate) -> bool:
    if (first.sure, first.exact) != (second.sure, second.exact):
        return False
    if first.by_reference or second.by_reference:
        return first.points == second.points
    return first.points - second.points < MARGIN


def decide(findings: Iterable[MatchFinding]) -> str:
    """The heaviest effect among the findings; approve where there is none.

    What is addressed to another buyer goes back to its sender: it is not this one's to refuse.
    """
    findings = tuple(findings)
    if any(finding.reason_code == "DEST_ERR" for finding in findings):
        return "hold"
    return max((finding.effect for finding in findings), key=_ORDER.index, default="approve")


def _no_contract(invoice: Invoice) -> MatchFinding:
    given = ", ".join(
        f"{term} « {value} »" for term, value in (("BT-12", invoice.contract), ("BT-13", invoice.engagement)) if value
    )
    message = f"Aucun contrat connu ne correspond ({given or 'la facture ne cite ni marché ni engagement'})."
    return MatchFinding("no-contract", "block", "BT-12", message, "REF_CT_ABSENT", "PIN", SUSPEND, "hold")


def _ambiguous(ranked: tuple[Candidate, ...]) -> MatchFinding:
    alike = [candidate for candidate in ranked if _alike(ranked[0], candidate)]
    names = ", ".join(candidate.contract for candidate in alike)
    message = (
        f"Plusieurs contrats correspondent autant ({names}) : choisissez, ou demandez le numéro de marché (BT-12)."
    )
    return MatchFinding("several-contracts", "block", "BT-12", message, "REF_CT_ABSENT", "PIN", SUSPEND, "hold")
