"""Charts: what is drawn, named and described, and the table that says the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from api.charts import bars, lines
from tests.html import found, parse, problems, words

FRAME = (
    '<!DOCTYPE html><html lang="fr"><head><title>Essai – mps</title></head>'
    "<body><main><h1>x</h1>{}</main></body></html>"
)
numbers = st.decimals(-(10**12), 10**12, places=2)


def test_bars_say_each_figure_twice() -> None:
    made = bars("Montant par année", [("2025", Decimal("1200.50")), ("2026", 3400)], "€")
    html = FRAME.format(made)
    assert problems(html) == []
    tree = parse(html)[0]
    drawn = found(tree, "//svg//rect[contains(@class, 'bar')]")
    assert [bar.get("width") for bar in drawn] == ["35.31%", "100.0%"]
    assert [words(row) for row in found(tree, "//tbody/tr")] == ["2025 1 200,5 €", "2026 3 400 €"]
    assert [words(e) for e in found(tree, "//svg/title")] == ["Montant par année"]
    assert "2026 : 3 400" in words(found(tree, "//svg/desc")[0])


def test_a_negative_bar_starts_on_the_left_of_zero() -> None:
    tree = parse(FRAME.format(bars("Reste", [("Avant", 100), ("Après", -100)])))[0]
    drawn = found(tree, "//svg//rect[contains(@class, 'bar')]")
    assert [(bar.get("x"), bar.get("width")) for bar in drawn] == [("50.0%", "50.0%"), ("0.0%", "50.0%")]


def test_lines_leave_a_gap_where_nothing_is_known() -> None:
    made = lines(
        "Facturé et payé", ["janvier", "février", "mars"], [("Facturé", [0, 40, 90]), ("Payé", [0, None, 50])], "€"
    )
    html = FRAME.format(made)
    assert problems(html) == []
    tree = parse(html)[0]
    assert len(found(tree, "//svg/line[contains(@class, 'line-0')]")) == 3  # two segments and the legend
    assert len(found(tree, "//svg/line[contains(@class, 'line-1')]")) == 1  # the legend alone
    assert words(found(tree, "//tbody/tr")[1]).endswith("–")


def test_nothing_to_draw_is_a_sentence() -> None:
    assert "rien à montrer" in bars("Vide", [])
    assert "rien à montrer" in lines("Vide", [], [])


def test_a_series_has_one_value_per_label() -> None:
    with pytest.raises(ValueError, match="one value per label"):
        lines("Essai", ["a"], [("b", [1, 2])])


def test_words_are_escaped() -> None:
    html = FRAME.format(bars("<b>Titre</b>", [('"><script>go()</script>', 1)]))
    assert problems(html) == []
    assert not found(parse(html)[0], "//script")


@given(rows=st.lists(st.tuples(st.text(max_size=60), numbers), max_size=30))
def test_no_bar_leaves_the_drawing(rows: list[tuple[str, Decimal]]) -> None:
    tree = etree.fromstring(
        f"<main>{bars('Essai', [('x', value) for _, value in rows])}</main>".encode(), etree.HTMLParser()
    )
    for bar in found(tree, "//rect[contains(@class, 'bar')]"):
        x, width = (float((bar.get(name) or "").rstrip("%")) for name in ("x", "width"))
        assert x >= 0
        assert width >= 0
        assert x + width <= 100.02


@given(values=st.lists(st.none() | numbers, min_size=1, max_size=40))
def test_no_point_leaves_the_drawing(values: list[Decimal | None]) -> None:
    labels = [str(index) for index in range(len(values))]
    tree = etree.fromstring(f"<main>{lines('Essai', labels, [('x', values)])}</main>".encode(), etree.HTMLParser())
    dots = found(tree, "//circle")
    assert len(dots) == sum(value is not None for value in values)
    assert all(11.9 <= float(dot.get("cy") or "") <= 232.1 for dot in dots)
    assert 1 <= len(found(tree, "//text[@y='252']")) <= 7
