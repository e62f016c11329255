"""A price workbook that came back filled, against what was sent: prices in Decimal, and what does not hold.

Totals are computed here; what the file says of them is only compared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from dce_templates import french
from dce_templates.dossier import Dossier
from dce_templates.price_sheets import (
    CENT,
    FIRST_ROW,
    HEAD_ROW,
    TOTAL_LABEL,
    Cell,
    Place,
    Sheet,
    amount,
    name,
    sheets,
)
from dce_templates.prices import LARGEST, PLACES, PriceLine
from dce_templates.workbook import Found, Page, WorkbookError, read_workbook

MAX_PROBLEMS = 200
_NOTHING = Found(None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold: `cell` is « BPU!D6 », or the sheet alone."""

    cell: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A price as read; None where it cannot be. `amount` is excluding VAT, None in a BPU without quantities."""

    code: str
    label: str
    unit: str
    quantity: Decimal | None
    price: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class PricesRead:
    """`total_ht` is None for a BPU alone, and while a price is missing."""

    lines: tuple[PricedLine, ...]
    total_ht: Decimal | None
    problems: tuple[Problem, ...]


def read_prices(dossier: Dossier, content: bytes, engaged: Decimal | None = None) -> PricesRead:
    """Read back a filled workbook; `engaged` is the amount of the acte d'engagement, excluding VAT.

    Raises WorkbookError: nothing to read, or not readable.
    """
    wanted = sheets(dossier)
    if not wanted:
        raise WorkbookError("Ce dossier ne demande aucun prix ligne à ligne : il n’a rien à relire.")
    readings = _readings(wanted, read_workbook(content))
    problems = [problem for reading in readings.values() for problem in reading.problems]
    given = next((reading.prices for reading in readings.values() if reading.sheet.kind != "DQE"), {})
    lines = tuple(_priced(wanted[-1], line, given.get(line.code)) for line in dossier.price_lines)
    amounts = [line.amount for line in lines if line.amount is not None]
    total = sum(amounts, Decimal(0)) if len(amounts) == len(lines) else None
    if last := readings.get(wanted[-1].kind):
        problems += _totals(last, total, engaged)
    return PricesRead(lines, total, _few(problems))


def read_prices_plain(dossier: Dossier, content: bytes, engaged: Decimal | None = None) -> dict[str, Any]:
    """read_prices() as plain data, for a worker process: whoever calls it loads nothing of spreadsheets."""
    return asdict(read_prices(dossier, content, engaged))


def _few(problems: list[Problem]) -> tuple[Problem, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    rest = Problem("", f"Autres différences : {french.number(len(problems) - MAX_PROBLEMS)}.")
    return (*problems[:MAX_PROBLEMS], rest)


def _priced(sheet: Sheet, line: PriceLine, price: Decimal | None) -> PricedLine:
    quantity = None if sheet.kind == "BPU" else sheet.quantity(line)
    total = None if quantity is None or price is None else amount(quantity, price)
    return PricedLine(line.code, line.label, line.unit, quantity, price, total)


@dataclass(slots=True)
class _Reading:
    """One sheet being read: `aligned` while every line is where it was sent, `formulas` while they can be compared."""

    sheet: Sheet
    page: Page
    problems: list[Problem]
    prices: dict[str, Decimal]
    formulas: bool = True
    aligned: bool = True

    def at(self, place: Place) -> Found:
        return self.page.cells.get(place, _NOTHING)

    def tell(self, where: str, sentence: str) -> None:
        self.problems.append(Problem(f"{self.sheet.kind}!{where}" if where else self.sheet.kind, sentence))


def _readings(wanted: Iterable[Sheet], pages: dict[str, Page | None]) -> dict[str, _Reading]:
    found: dict[str, _Reading] = {}
    for sheet in wanted:
        page = pages.pop(sheet.kind, None)
        steady = all(other.aligned for other in found.values())
        reading = found[sheet.kind] = _Reading(sheet, page or Page({}, (), (), (), False, {}), [], {}, steady)
        if page is None:
            reading.tell("", f"La feuille « {sheet.kind} » manque : reprenez le fichier de la consultation.")
            continue
        _read_sheet(reading)
    if extra := list(pages):
        first = next(iter(found.values()))
        first.problems += [Problem(title, f"La feuille « {_short(title)} » a été ajoutée.") for title in extra]
    return found


def _read_sheet(reading: _Reading) -> None:
    _look(reading)
    for row, line in _pairs(reading):
        for place, cell in reading.sheet.row(row, line).items():
            _compare(reading, place, cell, line)
    for place, cell in reading.sheet.cells.items():
        row = place[0]
        if row < FIRST_ROW or (reading.aligned and row > reading.sheet.last_row):
            _compare(reading, place, cell, None)
    if reading.aligned:
        _beside(reading)


def _look(reading: _Reading) -> None:
    """What hides something from the reader's eye."""
    page = reading.page
    if page.hidden:
        reading.tell("", "Cette feuille est masquée.")
    for area in page.merged:
        reading.tell(area, f"Les cellules {area} ont été fusionnées.")
    for row in page.hidden_rows:
        reading.tell(name(row, 1), f"La ligne {row} est masquée.")
    for hidden in page.hidden_columns:
        reading.tell(f"{hidden}{HEAD_ROW}", f"La colonne {hidden} est masquée.")
    for (row, column), cell in page.cells.items():
        if cell.note:
            reading.tell(name(row, column), "Une note a été ajoutée à cette cellule.")


def _pairs(reading: _Reading) -> list[tuple[int, PriceLine]]:
    """Each line with the row where it now stands; says what was added, removed or moved."""
    rows, lines = _table_rows(reading), reading.sheet.lines
    ranks = _ranks(reading, rows)
    reading.aligned = [(row, row - FIRST_ROW) for row in rows] == sorted(ranks.items()) and len(rows) == len(lines)
    highest = -1
    for row in rows:
        if row not in ranks:
            reading.tell(name(row, 1), f"La ligne {row} a été ajoutée : « {_short(reading.at((row, 1)).value)} ».")
        elif ranks[row] < highest:
            reading.tell(name(row, 1), f"La ligne du prix « {lines[ranks[row]].code} » a été déplacée.")
        highest = max(highest, ranks.get(row, -1))
    for rank in sorted(set(range(len(lines))) - set(ranks.values())):
        reading.tell(name(FIRST_ROW + rank, 1), f"La ligne du prix « {lines[rank].code} » a été supprimée.")
    return [(row, lines[rank]) for row, rank in sorted(ranks.items())]


def _ranks(reading: _Reading, rows: list[int]) -> dict[int, int]:
    """Row → rank of its line, by code; a code that changed where its line was is still that line."""
    by_code = {_as_read(line.code): rank for rank, line in enumerate(reading.sheet.lines)}
    found: dict[int, int] = {}
    for row in rows:
        rank = by_code.pop(_text(reading.at((row, 1)).value), None)
        if rank is not None:
            found[row] = rank
    left = set(by_code.values())
    return found | {row: row - FIRST_ROW for row in rows if row not in found and row - FIRST_ROW in left}


def _table_rows(reading: _Reading) -> list[int]:
    """The rows between the header and the totals that hold something."""
    sheet = reading.sheet
    label, width = sheet.column("Désignation"), len(sheet.columns)
    rows = sorted({row for row, column in reading.page.cells if row >= FIRST_ROW and column <= width})
    if sheet.total is None:
        return rows
    for row in rows:
        if reading.at((row, label)).value == TOTAL_LABEL and reading.at((row, 1)).value is None:
            return [other for other in rows if other < row]
    reading.tell("", f"La ligne « {TOTAL_LABEL} » a disparu.")
    return [row for row in rows if reading.at((row, 1)).value is not None]


def _compare(reading: _Reading, place: Place, cell: Cell, line: PriceLine | None) -> None:
    found = reading.at(place)
    where = name(*place)
    if cell.kind == "price" and line is not None:
        price = _price(line.code, found)
        if isinstance(price, str):
            reading.tell(where, price)
        else:
            reading.prices[line.code] = price
    elif cell.kind == "formula":
        if reading.formulas and reading.aligned and not _same_formula(found, str(cell.value)):
            reading.tell(where, "La formule de cette cellule a été changée ou remplacée.")
    elif cell.kind != "free":
        value = _text(found.value) if cell.kind == "text" else found.value
        if found.formula or value != _as_read(cell.value):
            reading.tell(where, _difference(_as_read(cell.value), value))


def _text(value: Any) -> Any:
    """A program may have turned the code « 12 » into a number: it is still that code."""
    return f"{value:f}" if isinstance(value, Decimal) else value


def _difference(sent: Any, found: Any) -> str:
    if found is None:
        return f"« {_short(sent)} » a été envoyé, cette cellule est vide."
    if sent is None:
        return f"Cette cellule était vide, « {_short(found)} » est écrit."
    return f"« {_short(sent)} » a été envoyé, « {_short(found)} » est écrit."


def _as_read(value: str | Decimal) -> str | Decimal | None:
    return " ".join(value.replace("x005F_", "").split()) or None if isinstance(value, str) else value


def _same_formula(found: Found, sent: str) -> bool:
    """Programs add or drop spaces, « $ » and quotes."""
    plain = [str(text).translate(_DECORATION).upper() for text in (found.value, sent)]
    return found.formula and plain[0] == plain[1]


_DECORATION = str.maketrans("", "", " $'")


def _price(code: str, found: Found) -> Decimal | str:
    """The price, or the sentence that says why there is none."""
    value = found.value
    if found.formula:
        return f"Le prix « {code} » est une formule : écrivez le nombre."
    if value is None:
        return f"Le prix « {code} » n’est pas donné."
    if isinstance(value, str):
        return f"Le prix « {code} » est du texte, « {_short(value)} » : écrivez un nombre."
    if not isinstance(value, Decimal) or not value.is_finite():
        return f"Le prix « {code} » n’est pas un nombre."
    if value < 0:
        return f"Le prix « {code} » est négatif."
    if value > LARGEST:
        return f"Le prix « {code} » dépasse {french.number(LARGEST)}\u00a0€."
    if value != round(value, PLACES):
        return f"Le prix « {code} » a plus de {PLACES} décimales : arrondissez-le."
    return value


def _beside(reading: _Reading) -> None:
    """What was written where nothing was sent: a remark, a condition, another price."""
    for row, column in sorted(reading.page.cells.keys() - reading.sheet.cells.keys()):
        text = reading.at((row, column)).value
        if text is not None:
            reading.tell(name(row, column), f"« {_short(text)} » a été écrit hors du tableau.")


def _totals(reading: _Reading, total: Decimal | None, engaged: Decimal | None) -> Iterator[Problem]:
    sheet = reading.sheet
    if sheet.total is None:
        if engaged is not None:
            yield Problem(sheet.kind, "Un bordereau sans quantités n’a pas de total à comparer au montant donné.")
        return
    if total is None:
        return
    cell, computed = f"{sheet.kind}!{name(*sheet.total)}", reading.page.computed.get(sheet.total)
    # A program computes in binary: it may end one cent away.
    if reading.aligned and computed is not None and not _near(computed, total):
        yield Problem(cell, f"Le fichier affiche {_euros(computed)} de total ; ses prix font {french.euros(total)}.")
    if engaged is not None and engaged != total:
        yield Problem(cell, f"Le montant donné est de {french.euros(engaged)} ; les prix font {french.euros(total)}.")


def _near(computed: Any, total: Decimal) -> bool:
    return isinstance(computed, Decimal) and computed.is_finite() and abs(computed - total) <= CENT


def _euros(value: Any) -> str:
    good = isinstance(value, Decimal) and value.is_finite() and abs(value) < LARGEST**2
    return french.euros(value) if good else f"« {_short(value)} »"


def _short(value: Any) -> str:
    text = "" if value is None else french.number(value) if isinstance(value, Decimal) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
