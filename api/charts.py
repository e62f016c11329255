"""Charts made on the server: an SVG that a screen reader hears named and described, then the same figures as a table.

    bars("Montant par année", [("2025", Decimal(1200)), ("2026", Decimal(3400))], "€")
    lines("Facturé et payé", ["janvier", "février"], [("Facturé", [10, 40]), ("Payé", [0, None])], "€")

Both return Markup, to be written `{{ chart }}` in a template. Titles must differ within a page: ids come from them.
Lengths are percentages across and pixels down, so that the chart fits a phone without shrinking its words; colours and
dashes are classes of mps.css (`.chart`). Numbers may be negative; None is a gap of a line, and « – » in the table.
The figures of a vertical axis have a drawing of their own, left of the lines, so that no line crosses them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from math import ceil, floor
from typing import Any, cast

from markupsafe import Markup

from api.render import templates
from dce_templates.french import number
from procurement.people import fold

Figure = Decimal | int
Rows = Sequence[tuple[str, Figure]]
SHORT = 30
HEIGHT, TOP = 220, 12
LEFT, RIGHT = 2, 98
MOST_LABELS = 6
# In em of an axis label (mps.css, `.tick`): a chart on the narrowest phone, and on a screen that shows `.roomy` labels.
NARROW, WIDE = 20.5, 46.0
LETTER, GAP = 0.62, 0.8


@dataclass(frozen=True)
class Bar:
    """One bar: where it begins and how long it is, in percent of the width."""

    label: str
    short: str
    shown: str
    x: float
    width: float
    negative: bool


@dataclass(frozen=True)
class Curve:
    """One line: its known points (percent, pixels) and the segments between neighbours."""

    label: str
    points: tuple[tuple[float, float], ...]
    segments: tuple[tuple[tuple[float, float], tuple[float, float]], ...]


def bars(title: str, rows: Rows, unit: str = "") -> Markup:
    """One horizontal bar per (label, value), in the order given; `unit` is written after each value (« € », « % »).

    No row gives a sentence in place of the chart.
    """
    low, high = _span([value for _, value in rows])
    drawn = [_bar(label, value, low, high, unit) for label, value in rows]
    said = " ; ".join(f"{bar.label} : {bar.shown}" for bar in drawn[:12])
    return _made("bars", title, drawn, said, _shown_unit(unit))


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[Figure | None]]],
    unit: str = "",
    short: Sequence[str] = (),
) -> Markup:
    """One line per (name, values); `labels` name the points from left to right, as many as each has values.

    Lines differ by dash as well as by colour. `short`: the same labels for the axis, where as many as fit are written;
    the table has all. Raises ValueError where a series is longer or shorter than the labels.
    """
    if any(len(values) != len(labels) for _, values in [*series, ("", short or labels)]):
        raise ValueError("each series needs one value per label")
    low, high = _span([value for _, values in series for value in values if value is not None])
    step = _step(high - low)
    low, high = floor(low / step) * step, ceil(high / step) * step
    grid = [(_y(value, low, high), _shown(value, unit)) for value in _ticks(low, high, step)]
    places = [_x(index, len(labels)) for index in range(len(labels))]
    curves = [_curve(name, values, places, low, high) for name, values in series]
    table = [[label, *(_shown(values[i], unit) for _, values in series)] for i, label in enumerate(labels)]
    said = " ; ".join(f"{row[0]} : {', '.join(row[1:])}" for row in table[:12])
    gutter = LETTER * max(len(label) for _, label in grid) + GAP
    axis = _axis(short or labels, places, gutter)
    return _made("lines", title, curves, said, _shown_unit(unit), grid, axis, table, round(gutter, 2))


def _made(kind: str, *args: Any) -> Markup:
    macro = getattr(templates.env.get_template("charts.html").module, kind)
    return cast(Markup, macro("graphique-" + re.sub(r"[^a-z0-9]+", "-", fold(args[0])).strip("-"), *args))


def _span(values: Sequence[Figure]) -> tuple[Decimal, Decimal]:
    """The least and the greatest value, 0 among them, never the same."""
    low, high = Decimal(min([0, *values])), Decimal(max([0, *values]))
    return low, high if high > low else low + 1


def _shown(value: Figure | None, unit: str) -> str:
    if value is None:
        return "–"
    rounded = Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return number(rounded) + (f"\u00a0{unit}" if unit else "")


def _shown_unit(unit: str) -> str:
    return f" ({unit})" if unit else ""


def _bar(label: str, value: Figure, low: Decimal, high: Decimal, unit: str) -> Bar:
    start, length = min(Decimal(0), Decimal(value)), abs(Decimal(value))
    share = 100 / (high - low)
    short = label if len(label) <= SHORT else label[: SHORT - 1].rstrip() + "…"
    x, width = float((start - low) * share), float(length * share)
    return Bar(label, short, _shown(value, unit), round(x, 2), round(width, 2), value < 0)


def _step(span: Decimal) -> Decimal:
    """A round step that cuts the span in two to five: 1, 2 or 5 of a power of ten."""
    power = Decimal(10) ** (span.adjusted() - 1)
    return next(power * factor for factor in (1, 2, 5, 10, 20, 50) if span / (power * factor) <= 5)


def _ticks(low: Decimal, high: Decimal, step: Decimal) -> list[Decimal]:
    return [low + step * index for index in range(int((high - low) / step) + 1)]


def _y(value: Figure, low: Decimal, high: Decimal) -> float:
    return round(TOP + HEIGHT * float((high - Decimal(value)) / (high - low)), 1)


def _x(index: int, count: int) -> float:
    return round(LEFT + (RIGHT - LEFT) * index / (count - 1), 2) if count > 1 else 50.0


def _curve(
    name: str, values: Sequence[Figure | None], places: Sequence[float], low: Decimal, high: Decimal
) -> Curve:  # fmt: skip
    points = [(x, _y(value, low, high)) if value is not None else None for x, value in zip(places, values, strict=True)]
    segments = tuple((a, b) for a, b in pairwise(points) if a is not None and b is not None)
    return Curve(name, tuple(point for point in points if point is not None), segments)


@dataclass(frozen=True)
class Mark:
    """A label under the lines; `roomy` ones are shown on a wide screen alone."""

    x: float
    label: str
    anchor: str
    roomy: bool


def _axis(labels: Sequence[str], places: Sequence[float], gutter: float) -> list[Mark]:
    """The labels that can be written without touching, beside a gutter in em: on a phone, then on a wide screen."""
    half = max((len(label) for label in labels), default=0) * LETTER / 2
    many = _apart(range(len(labels)), places, half, WIDE - gutter)
    few = _apart(many, places, half, NARROW - gutter)
    anchors = {0: "start", len(labels) - 1: "end"} if len(labels) > 1 else {}
    return [Mark(places[rank], labels[rank], anchors.get(rank, "middle"), rank not in few) for rank in many]


def _apart(ranks: Sequence[int], places: Sequence[float], half: float, width: float) -> list[int]:
    """The first, the last, and as many between at a regular step as leave a gap; the first alone where two touch.

    The first begins at its place, the last ends there, the others reach `half` on both sides.
    """
    at = {rank: places[rank] * width / 100 for rank in ranks}
    if len(ranks) < 2 or at[ranks[-1]] - at[ranks[0]] < 4 * half + GAP:
        return list(ranks[:1])
    low, high = at[ranks[0]] + 3 * half + GAP, at[ranks[-1]] - 3 * half - GAP
    for every in range(1, len(ranks)):
        between = [rank for rank in ranks[every:-1:every] if at[rank] <= high]
        apart = all(at[b] - at[a] >= 2 * half + GAP for a, b in pairwise(between))
        if apart and len(between) <= MOST_LABELS - 2 and all(at[rank] >= low for rank in between):
            return [ranks[0], *between, ranks[-1]]
    return [ranks[0], ranks[-1]]
