"""The lines of a chart, drawn by a browser: no label touches another, and no line crosses a figure of the axis."""

from decimal import Decimal

import pytest
from playwright.sync_api import Browser

from api.charts import lines
from api.pages.ledger import SHORT_MONTHS
from api.render import MONTHS
from api.settings import ROOT

STYLES = [ROOT / "build" / "static" / "pico.min.css", ROOT / "api" / "static" / "mps.css"]
HEAD = '<!DOCTYPE html><html lang="fr" data-theme="light">'
TOUCHING = """() => {
  const shown = [...document.querySelectorAll(".plots text")].filter(e => e.getClientRects().length);
  const boxes = shown.map(e => [e.textContent, e.getBoundingClientRect()]);
  const curves = [...document.querySelectorAll(".plots .line, .plots .dot")];
  const drawn = curves.map(e => ["line", e.getBoundingClientRect()]);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const said = [];
  boxes.forEach(([name, box], rank) => {
    const others = [...boxes.slice(rank + 1), ...drawn];
    others.forEach(([other, its]) => { if (meet(box, its)) said.push(name + " / " + other); });
    if (box.right > document.documentElement.clientWidth || box.left < 0) said.push(name + " leaves the page");
  });
  return said;
}"""
COUNT = """() => [...document.querySelectorAll(".plot text")].filter(e => e.getClientRects().length).length"""


def chart(months: int) -> str:
    """Admitted money under a ceiling that is near a figure of the axis, as a contract's account draws it."""
    labels, short = ([f"{names[n % 12]} {2024 + n // 12}" for n in range(months)] for names in (MONTHS, SHORT_MONTHS))
    admitted = [Decimal(84_000) * n / 36 for n in range(months)]
    return str(lines("Cumul", labels, [("Admis", admitted), ("Plafond", [Decimal(81_000)] * months)], "€", short))


@pytest.mark.parametrize(("width", "least"), [(320, 2), (390, 2), (1280, 3)])
def test_no_label_touches_another_at_any_number_of_months(chromium: Browser, width: int, least: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    styles = "".join(f"<style>{path.read_text(encoding='utf-8')}</style>" for path in STYLES)
    for months in range(1, 37):
        page.set_content(f"{HEAD}{styles}<body><main class='container'>{chart(months)}</main>")
        assert page.evaluate(TOUCHING) == [], months
        assert page.evaluate(COUNT) >= min(least, months), months
    page.close()
