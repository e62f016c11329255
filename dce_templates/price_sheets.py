"""The price schedules cell by cell: what render/xlsx.py writes and what read_prices.py expects to find again."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from textwrap import shorten
from typing import Literal

from dce_templates import french
from dce_templates.dossier import Dossier
from dce_templates.files import slug
from dce_templates.prices import TITLES, PriceLine, ScheduleKind, schedule_kinds

Kind = Literal["text", "number", "formula", "price", "free"]
Look = Literal["title", "plain", "head", "text", "quantity", "unit_price", "amount", "rate", "total", "free"]
Place = tuple[int, int]
CENT = Decimal("0.01")
TITLE_ROW, MARKET_ROW, HELP_ROW, COMPANY_ROW, HEAD_ROW, FIRST_ROW = 1, 2, 3, 4, 5, 6
TOTAL_LABEL = "Total HT"
_HELP: dict[ScheduleKind, str] = {
    "BPU": "Donnez chaque prix hors taxes dans les cases claires, en nombre ; ne changez rien d’autre.",
    "DQE": "Rien à saisir : les prix viennent du BPU. Non contractuel, ce total sert à comparer les offres.",
    "DPGF": "Donnez chaque prix hors taxes dans les cases claires, en nombre ; le total est celui de votre offre.",
}
_PRICE_TITLE = "Prix unitaire HT (€)"
_WIDTHS = {
    "Code": 12, "Chapitre": 18, "Désignation": 52, "Unité": 12, "Quantité": 12, "Quantité estimée": 12,
    "TVA": 9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it is sent: `price` and `free` are for the candidate, all else stays as it is."""

    kind: Kind
    look: Look
    value: str | Decimal = ""


@dataclass(frozen=True)
class Sheet:
    """One schedule. Places are (row, column), from 1; `cells` says all that is written."""

    kind: ScheduleKind
    market: str
    lines: tuple[PriceLine, ...]
    vat_rate: Decimal
    bpu_price: str = ""

    @property
    def title(self) -> str:
        return TITLES[self.kind]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        chapter = ("Chapitre",) if any(line.chapter for line in self.lines) else ()
        after = {
            "BPU": (_PRICE_TITLE, "TVA", "Prix unitaire TTC (€)"),
            "DQE": ("Quantité estimée", _PRICE_TITLE, "Montant HT (€)", "TVA"),
            "DPGF": ("Quantité", _PRICE_TITLE, "Montant HT (€)", "TVA"),
        }[self.kind]
        return ("Code", *chapter, "Désignation", "Unité", *after)

    def column(self, *titles: str) -> int:
        """The number of the first column with one of these titles."""
        return next(number for number, title in enumerate(self.columns, 1) if title in titles)

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(_WIDTHS.get(title, 18) for title in self.columns)

    @property
    def last_row(self) -> int:
        return FIRST_ROW + len(self.lines) - 1

    @property
    def price_column(self) -> int:
        return self.column(_PRICE_TITLE)

    @property
    def total(self) -> Place | None:
        """Where the total excluding VAT stands; a sum of unit prices would mean nothing."""
        return None if self.kind == "BPU" else (self.last_row + 1, self.column("Montant HT (€)"))

    def quantity(self, line: PriceLine) -> Decimal:
        """What is not said: nothing is estimated for a unit price, a part of a lump sum is there once."""
        default = Decimal(1) if self.kind == "DPGF" else Decimal(0)
        return default if line.quantity is None else line.quantity

    @cached_property
    def cells(self) -> Mapping[Place, Cell]:
        found: dict[Place, Cell] = {
            (TITLE_ROW, 1): Cell("text", "title", self.title),
            (MARKET_ROW, 1): Cell("text", "plain", self.market),
            (HELP_ROW, 1): Cell("text", "plain", _HELP[self.kind]),
            (COMPANY_ROW, 1): Cell("text", "plain", "Entreprise :"),
            (COMPANY_ROW, 2): Cell("free", "free"),
        }
        if self.kind == "DQE":
            del found[COMPANY_ROW, 1], found[COMPANY_ROW, 2]
        found |= {(HEAD_ROW, number): Cell("text", "head", title) for number, title in enumerate(self.columns, 1)}
        for row, line in enumerate(self.lines, FIRST_ROW):
            found |= self.row(row, line)
        return found | self._totals()

    def row(self, row: int, line: PriceLine) -> dict[Place, Cell]:
        """One price, written on `row`."""
        by_title = {
            "Code": Cell("text", "text", line.code),
            "Chapitre": Cell("text", "text", line.chapter),
            "Désignation": Cell("text", "text", line.label),
            "Unité": Cell("text", "text", line.unit),
            "Quantité": Cell("number", "quantity", self.quantity(line)),
            "Quantité estimée": Cell("number", "quantity", self.quantity(line)),
            _PRICE_TITLE: self._price(row),
            "TVA": Cell("number", "rate", self.vat_rate),
            "Montant HT (€)": self._computed(row, ("Quantité", "Quantité estimée"), "{left}*{price}", 2, "amount"),
            "Prix unitaire TTC (€)": self._computed(row, ("TVA",), "{price}*(1+{left})", 6, "unit_price"),
        }
        return {(row, number): by_title[title] for number, title in enumerate(self.columns, 1)}

    def _price(self, row: int) -> Cell:
        if self.kind != "DQE":
            return Cell("price", "unit_price")
        return Cell("formula", "unit_price", f'=IF(BPU!{self.bpu_price}{row}="","",BPU!{self.bpu_price}{row})')

    def _computed(self, row: int, titles: tuple[str, ...], product: str, places: int, look: Look) -> Cell:
        if not set(titles) & set(self.columns):
            return Cell("text", "text")
        price, left = name(row, self.price_column), name(row, self.column(*titles))
        return Cell("formula", look, f'=IF({price}="","",ROUND({product.format(left=left, price=price)},{places}))')

    def _totals(self) -> dict[Place, Cell]:
        if self.total is None:
            return {}
        row, column = self.total
        first, rate = name(FIRST_ROW, column), name(FIRST_ROW, self.column("TVA"))
        rows = (
            (TOTAL_LABEL, f"=SUM({first}:{name(row - 1, column)})"),
            (f"TVA à {french.percent(self.vat_rate)}", f"=ROUND({name(row, column)}*{rate},2)"),
            ("Total TTC", f"={name(row, column)}+{name(row + 1, column)}"),
        )
        label = self.column("Désignation")
        found: dict[Place, Cell] = {}
        for number, (words, formula) in enumerate(rows, row):
            found[number, label] = Cell("text", "total", words)
            found[number, column] = Cell("formula", "total", formula)
        return found


def name(row: int, column: int) -> str:
    """(6, 4) → « D6 », as spreadsheet programs name a cell."""
    return f"{letters(column)}{row}"


def letters(column: int) -> str:
    """4 → « D », 27 → « AA »."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def sheets(dossier: Dossier) -> tuple[Sheet, ...]:
    """The schedules of the dossier, in the order of the workbook; none without price lines."""
    market = shorten(f"{dossier.reference} – {dossier.object} – {dossier.buyer.name}", 150, placeholder=" …")
    found: list[Sheet] = []
    for kind in schedule_kinds(dossier.price.form, dossier.price_lines):
        bpu_price = letters(found[0].price_column) if found else ""
        found.append(Sheet(kind, market, dossier.price_lines, dossier.price.vat_rate, bpu_price))
    return tuple(found)


def workbook_name(dossier: Dossier) -> str:
    """« BPU-DQE_2026-014.xlsx », « BPU-LOT2_2026-014.xlsx » of one lot; empty without price lines."""
    kinds = schedule_kinds(dossier.price.form, dossier.price_lines)
    return f"{'-'.join(kinds)}{dossier.suffix}_{slug(dossier.reference)}.xlsx" if kinds else ""


def amount(quantity: Decimal, price: Decimal) -> Decimal:
    """To the cent, as the sheet's ROUND does."""
    return (quantity * price).quantize(CENT, ROUND_HALF_UP)
