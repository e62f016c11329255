"""An invoice and the contracts it may belong to: ranked candidates, findings, and a decision that a person takes.

Deterministic: the same invoice and contracts always give the same answer. Nothing is written over the invoice.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.rules import RULES, SUSPEND, MatchFinding
from procurement.invoicing.scoring import Candidate, score

NOTICE = (
    "Copie contrôlée, sans valeur de dépôt : la facture se dépose sur Chorus Pro ou par une plateforme agréée, et le "
    "délai de paiement part de la date donnée par le portail (R2192-15)."
)
_ORDER = ("approve", "partial", "hold", "refuse")
MAX_CANDIDATES = 10


@dataclass(frozen=True)
class Match:
    """Ranked candidates, findings against the first, and the decision proposed.

    `decision`: approve, partial, hold, refuse, or unmatched where no contract stands out.
    """

    number: str
    candidates: tuple[Candidate, ...]
    findings: tuple[MatchFinding, ...]
    decision: str
    notice: str = NOTICE

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for JSON."""
        plain = asdict(self)
        candidates = [candidate | {"because": list(candidate["because"])} for candidate in plain["candidates"]]
        return plain | {"candidates": candidates, "findings": list(plain["findings"])}


def match(invoice: Invoice, contracts: Iterable[ContractRecord]) -> Match:
    """Find the contract by BT-12, BT-13, BT-46 and supplier, then confront the invoice with it."""
    known = list(contracts)
    by_id = {contract.id: contract for contract in known}
    scored = [candidate for candidate in (score(invoice, contract) for contract in known) if candidate]
    ranked = tuple(sorted(scored, key=lambda candidate: (-candidate.score, candidate.contract)))[:MAX_CANDIDATES]
    if not ranked:
        return Match(invoice.number, (), (_no_contract(invoice),), "unmatched")
    if len(ranked) > 1 and ranked[0].score == ranked[1].score:
        return Match(invoice.number, ranked, (_ambiguous(ranked),), "unmatched")
    contract = by_id[ranked[0].contract]
    findings = tuple(finding for rule in RULES for finding in rule(invoice, contract))
    return Match(invoice.number, ranked, findings, decide(findings))


def decide(findings: Iterable[MatchFinding]) -> str:
    """The heaviest effect among the findings; approve where there is none."""
    return max((finding.effect for finding in findings), key=_ORDER.index, default="approve")


def _no_contract(invoice: Invoice) -> MatchFinding:
    given = ", ".join(
        f"{term} « {value} »" for term, value in (("BT-12", invoice.contract), ("BT-13", invoice.engagement)) if value
    )
    message = f"Aucun contrat connu ne correspond ({given or 'la facture ne cite ni marché ni engagement'})."
    return MatchFinding("no-contract", "block", "BT-12", message, "REF_CT_ABSENT", "PIN", SUSPEND, "hold")


def _ambiguous(ranked: tuple[Candidate, ...]) -> MatchFinding:
    names = ", ".join(candidate.contract for candidate in ranked if candidate.score == ranked[0].score)
    message = (
        f"Plusieurs contrats correspondent autant ({names}) : choisissez, ou demandez le numéro de marché (BT-12)."
    )
    return MatchFinding("several-contracts", "block", "BT-12", message, "REF_CT_ABSENT", "PIN", SUSPEND, "hold")
