"""The coefficient that revises prices: one in the base month, between its indices, rounded once, provisional if so."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from procurement.execution.revision import coefficient, latest_month, wrong_formula


@dataclass(frozen=True)
class Known:
    series: str
    month: str
    value: str
    final: bool = True


def formula(weights: list[int], **more: Any) -> dict[str, Any]:
    """Shares in hundredths: the first is the fixed part, the last makes the whole."""
    terms = [
        {"index": f"i{n}", "weight": str(Decimal(weight) / 100), "base": "2026-01"}
        for n, weight in enumerate(weights[1:])
    ]
    return {"fixed": str(Decimal(weights[0]) / 100), "terms": terms, "decimals": 4, "rounding": "half_up"} | more


shares = st.lists(st.integers(0, 100), min_size=1, max_size=5).map(
    lambda cuts: [b - a for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 100], strict=True)]
)
indices = st.decimals("0.1", "9999", places=2)


@given(shares, indices)
def test_prices_of_the_base_month_are_not_changed(weights: list[int], value: Decimal) -> None:
    said = formula(weights)
    known = [Known(term["index"], "2026-01", str(value)) for term in said["terms"]]
    found = coefficient(said, known, "2026-01")
    assert wrong_formula(said) == ""
    assert (found.value, found.provisional, found.missing) == (Decimal("1.0000"), False, "")


@given(shares, st.lists(indices, min_size=10, max_size=10), st.sampled_from(["half_up", "up"]), st.integers(1, 9))
def test_it_lies_between_the_fixed_part_and_the_rises(
    weights: list[int], values: list[Decimal], rounding: str, decimals: int
) -> None:
    said = formula(weights, rounding=rounding, decimals=decimals)
    known = []
    for number, term in enumerate(said["terms"]):
        known.append(Known(term["index"], "2026-01", str(values[2 * number])))
        known.append(Known(term["index"], "2026-06", str(values[2 * number + 1])))
    found = coefficient(said, known, "2026-06")
    ratios = [Decimal(1), *(part.value / part.base_value for part in found.parts)]
    step = Decimal(1).scaleb(-decimals)
    assert min(ratios) - step <= found.value <= max(ratios) + step
    exact = Decimal(said["fixed"]) + sum((part.share for part in found.parts), Decimal(0))
    assert abs(found.value - exact) <= step
    assert rounding == "half_up" or found.value >= exact


def test_the_last_known_index_stands_in_and_is_said() -> None:
    said = formula([15, 85])
    known = [Known("i0", "2026-01", "100"), Known("i0", "2026-03", "110"), Known("other", "2026-09", "1")]
    assert latest_month(said, known) == "2026-03"
    later = coefficient(said, known, "2026-08")
    assert (later.value, later.provisional, later.parts[0].month) == (Decimal("1.0850"), True, "2026-03")
    assert coefficient(said, [*known, Known("i0", "2026-08", "110", final=False)], "2026-08").provisional
    assert not coefficient(said, known, "2026-03").provisional


def test_what_is_missing_is_named() -> None:
    said = formula([15, 85])
    assert coefficient(said, [], "2026-08").missing == "i0 (2026-01)"
    before = coefficient(said, [Known("i0", "2026-01", "100")], "2025-12")
    assert (before.parts, before.missing) == ((), "i0 (2025-12)")
    assert latest_month(said, []) == ""


@given(shares, st.integers(1, 50))
def test_shares_that_do_not_make_one_are_refused(weights: list[int], more: int) -> None:
    assert "font 1 ensemble" in wrong_formula(formula([weights[0], *weights[1:-1], weights[-1] + more])) or (
        weights[-1] + more > 100
    )
