"""The revision of prices: fixed part + Σ weight × index of the month ÷ index of its base month (R2112-13, R2191-28).

A formula is `Terms.revision`: {"fixed": "0.15", "terms": [{"index": "001710986", "weight": "0.85", "base": "2026-01"}],
"decimals": 4, "rounding": "half_up" | "up", "months": 1}; shares are fractions as text and make one together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation
from typing import Any, Protocol

from procurement.execution.indices import MONTH, SERIES

ONE = Decimal(1)
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


@dataclass(frozen=True)
class Part:
    """One term worked out: `base_value` and `value` as published, `month` the one read, `share` not rounded."""

    index: str
    weight: Decimal
    base: str
    base_value: Decimal
    month: str
    value: Decimal
    share: Decimal


@dataclass(frozen=True)
class Coefficient:
    """What base prices are multiplied by in `month`.

    `provisional`: an index is not final yet, or its last known value stands in for the month (R2191-28).
    `missing`: the index and month of which nothing is known; `value` is then None.
    """

    month: str
    value: Decimal | None
    provisional: bool = False
    missing: str = ""
    parts: tuple[Part, ...] = ()


def coefficient(formula: Mapping[str, Any], values: Iterable[Value], month: str) -> Coefficient:
    """The coefficient of one month (« 2026-11 »), rounded as the formula says. The formula holds: `wrong_formula`."""
    known = list(values)
    provisional, parts = False, []
    for term in formula["terms"]:
        mine = [each for each in known if each.series == term["index"]]
        base = next((each for each in mine if each.month == term["base"]), None)
        read = max((each for each in mine if each.month <= month), key=lambda each: str(each.month), default=None)
        if base is None or read is None or read.month < term["base"]:
            return Coefficient(month, None, missing=f"{term['index']} ({term['base'] if base is None else month})")
        provisional = provisional or not read.final or not base.final or read.month < month
        weight, before, after = Decimal(term["weight"]), Decimal(base.value), Decimal(read.value)
        parts.append(Part(term["index"], weight, term["base"], before, str(read.month), after, weight * after / before))
    total = Decimal(formula["fixed"]) + sum((part.share for part in parts), Decimal(0))
    return Coefficient(month, _rounded(total, formula), provisional, parts=tuple(parts))


def latest_month(formula: Mapping[str, Any], values: Iterable[Value]) -> str:
    """The last month of which a value is known, whatever the index; "" where there is none."""
    named = {term["index"] for term in formula["terms"]}
    return max((str(each.month) for each in values if each.series in named), default="")


def _rounded(value: Decimal, formula: Mapping[str, Any]) -> Decimal:
    rounding = ROUND_UP if formula.get("rounding") == "up" else ROUND_HALF_UP
    return value.quantize(ONE.scaleb(-int(formula.get("decimals", 4))), rounding)


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
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value <= 1 else None
