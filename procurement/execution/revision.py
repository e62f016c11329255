"""The revision of prices: fixed part + Σ weight × index of the month ÷ index of its base month (R2112-13, R2191-28).

A formula is `Terms.revision`: {"fixed": "0.15", "terms": [{"index": "001710986", "weight": "0.85", "base": "2026-01"}],
"decimals": 4, "rounding": "half_up" | "up", "months": 1}; shares are fractions as text and make one together.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from pydantic import TypeAdapter

from procurement.execution.indices import MONTH, SERIES
from procurement.invoicing.contracts import IndexValue, Revision
from procurement.invoicing.revision import Coefficient, of_month
from procurement.spreadsheet import figure

ONE = Decimal(1)
_revision = TypeAdapter(Revision)
MOST_TERMS = 6
ROUNDINGS = {"half_up": "au plus proche", "up": "par excès"}


class Value(Protocol):
    """One month of one series: a row of `IndexValue`, or a test's own."""

    @property
    def series(self) -> Any: ...
    @property
    def month(self) -> Any: ...
    @property
    def value(self) -> Any: ...
    @property
    def final(self) -> Any: ...


def coefficient(formula: Mapping[str, Any], values: Iterable[Value], month: str) -> Coefficient:
    """The coefficient of one month (« 2026-11 ») of a formula that holds (`wrong_formula`), as invoices are judged."""
    known = [
        IndexValue(index=each.series, month=each.month, value=Decimal(each.value), final=each.final) for each in values
    ]
    return of_month(_revision.validate_python(formula), known, month)


def latest_month(formula: Mapping[str, Any], values: Iterable[Value]) -> str:
    """The last month of which a value is known, whatever the index; "" where there is none."""
    named = {term["index"] for term in formula["terms"]}
    return max((str(each.month) for each in values if each.series in named), default="")


def wrong_formula(formula: Mapping[str, Any]) -> str:
    """What keeps it from being worked out, in one sentence; "" where it holds."""
    terms = formula.get("terms") or []
    if not 1 <= len(terms) <= MOST_TERMS:
        return f"Une formule de révision a de un à {MOST_TERMS} indices."
    for term in terms:
        if not SERIES.fullmatch(str(term["index"])):
            return "Le numéro de série (idBank) est celui de l’Insee : des chiffres, sans espace."
        if not MONTH.fullmatch(str(term["base"])):
            return f"Le mois de base de l’indice {term['index']} s’écrit AAAA-MM."
    shares = [share_of(formula.get("fixed")), *(share_of(term["weight"]) for term in terms)]
    if any(share is None for share in shares):
        return "La partie fixe et les poids vont de 0 à 1, par exemple 0,15."
    total = sum((share for share in shares if share is not None), Decimal(0))
    if total != ONE:
        said = f"{total:f}".replace(".", ",")
        return f"La partie fixe et les poids font 1 ensemble ; ils font {said}."
    if not 1 <= int(formula.get("decimals", 4)) <= 9:
        return "Le coefficient s’arrondit de 1 à 9 décimales."
    if not 1 <= int(formula.get("months", 1)) <= 120:
        return "Le prix se révise tous les 1 à 120 mois."
    return "" if formula.get("rounding", "half_up") in ROUNDINGS else "Choisissez un arrondi."


def share_of(text: object) -> Decimal | None:
    """A fraction from 0 to 1; None for anything else."""
    value = figure(str(text))
    return value if value is not None and 0 <= value <= 1 else None
