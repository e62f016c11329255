"""The prices a consultation asks for: one line each, and which schedules they make.

BPU: unit prices, contractual. DQE: the same prices times estimated quantities, to compare offers, not contractual.
DPGF: how a lump sum breaks down.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Form = Literal["Unitaire", "Forfaitaire", "Mixte"]
ScheduleKind = Literal["BPU", "DQE", "DPGF"]
TITLES: dict[ScheduleKind, str] = {
    "BPU": "Bordereau des prix unitaires (BPU)",
    "DQE": "Détail quantitatif estimatif (DQE)",
    "DPGF": "Décomposition du prix global et forfaitaire (DPGF)",
}
# As a sentence names them.
SHORT: dict[ScheduleKind, str] = {
    "BPU": "le bordereau des prix unitaires (BPU)",
    "DQE": "le détail quantitatif estimatif (DQE)",
    "DPGF": "la décomposition du prix global et forfaitaire (DPGF)",
}
MAX_LINES = 2000
# Nine figures and six decimals: what a spreadsheet's number holds exactly.
PLACES = 6
LARGEST = Decimal(999_999_999)


def _one_line(text: str) -> str:
    """Spaces made plain: a spreadsheet program may change them, and a comparison must not see it."""
    line = " ".join(text.split())
    if not line.isprintable():
        raise ValueError("forbidden character")
    return line


OneLine = AfterValidator(_one_line)
Code = Annotated[str, Field(min_length=1, max_length=40), OneLine]
Unit = Annotated[str, Field(min_length=1, max_length=40), OneLine]
Label = Annotated[str, Field(min_length=1, max_length=300), OneLine]
Chapter = Annotated[str, Field(max_length=120), OneLine]
Quantity = Annotated[Decimal, Field(ge=0, le=LARGEST, decimal_places=PLACES)]


class PriceLine(BaseModel):
    """One price to give; `quantity` is an estimate for unit prices, what the sum covers for a lump sum."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    code: Code
    label: Label
    unit: Unit
    quantity: Quantity | None = None
    chapter: Chapter = ""


def _each_code_once(lines: tuple[PriceLine, ...]) -> tuple[PriceLine, ...]:
    seen: set[str] = set()
    for line in lines:
        if line.code.casefold() in seen:
            raise PydanticCustomError("code_twice", "code twice", {"code": line.code})
        seen.add(line.code.casefold())
    return lines


PriceLines = Annotated[tuple[PriceLine, ...], Field(max_length=MAX_LINES), AfterValidator(_each_code_once)]


def schedule_kinds(form: Form, lines: Sequence[PriceLine]) -> tuple[ScheduleKind, ...]:
    """The schedules these lines make, in one workbook: each unit price is given once, in the BPU."""
    if not lines:
        return ()
    if form == "Forfaitaire":
        return ("DPGF",)
    return ("BPU", "DQE") if any(line.quantity is not None for line in lines) else ("BPU",)
