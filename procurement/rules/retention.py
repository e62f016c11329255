"""The most that may be withheld as a guarantee (R2191-33): less of an SME, where the State or a large body buys."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from procurement.rules import rule_table

# Kinds of buyer of whom the lower figure is asked; the others of BUYER_KINDS (procurement/people.py) are not.
PROTECTING = frozenset({"state", "local_large"})


@dataclass(frozen=True)
class Cap:
    """Fractions. `most`: what the law allows as far as is known; `perhaps`: if what is not known turns out so."""

    most: Decimal
    perhaps: Decimal


def retention_cap(on: date, buyer: str, sme: bool | None) -> Cap:
    """For a contract launched that day; `buyer`: its kind, "" where nobody said; `sme`: None where not known."""
    figures = rule_table().in_force(on).figures
    most = figures["retention_max"].value
    lower = figures.get("retention_max_sme")
    if lower is None or sme is False or (buyer and buyer not in PROTECTING):
        return Cap(most, most)
    return Cap(lower.value if buyer and sme else most, lower.value)
