"""What may be wrong with an invoice once its contract is known: one function per rule, by subject, listed in RULES."""

from procurement.invoicing.rules import (
    accounts,
    amounts,
    dates,
    duplicates,
    financing,
    identity,
    prices,
    references,
    vat,
)
from procurement.invoicing.rules.finding import ORDER, RECYCLE, REJECT, SUSPEND, Findings, MatchFinding, Rule

RULES: tuple[Rule, ...] = (
    *identity.RULES,
    *references.RULES,
    *accounts.RULES,
    *duplicates.RULES,
    *amounts.RULES,
    *vat.RULES,
    *dates.RULES,
    *prices.RULES,
    *financing.RULES,
)

__all__ = ["ORDER", "RECYCLE", "REJECT", "RULES", "SUSPEND", "Findings", "MatchFinding", "Rule"]
