"""How a contract is divided, and how the offers of the whole or of a lot are judged."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from dce_templates.fields import Cpv, Key, Line, Model, Money, Optional, Weight
from dce_templates.prices import PriceLines


class Subcriterion(Model):
    id: Key
    label: Line
    weight: Weight


class Criterion(Model):
    id: Key
    label: Line
    kind: Literal["price", "global_cost", "technical", "environmental", "social", "deadline"]
    weight: Weight
    method: Optional = ""
    subcriteria: Annotated[tuple[Subcriterion, ...], Field(max_length=20)] = ()


class Lot(Model):
    """How the need is divided: `single_reason` says why it is not; the others, how many lots one may bid for and win.

    `tie_rule`: which lots go to whom when somebody is first on more lots than one may win (R2113-1).
    """

    single_reason: Optional = ""
    max_bids: Annotated[int, Field(ge=1, le=99)] | None = None
    max_awards: Annotated[int, Field(ge=1, le=99)] | None = None
    tie_rule: Optional = ""


class LotPart(Model):
    """One lot of a contract that is divided: what is left empty is the whole contract's, ceilings and prices apart."""

    number: Annotated[int, Field(ge=1, le=99)]
    title: Line
    need: Optional = ""
    cpv: Cpv | None = None
    estimated_amount: Money
    duration_months: Annotated[int, Field(ge=1, le=360)] | None = None
    ceiling: Money | None = None
    ceiling_quantity: Optional = ""
    price_lines: PriceLines = ()
    criteria: Annotated[tuple[Criterion, ...], Field(max_length=20)] = ()


def in_order(lots: tuple[LotPart, ...]) -> tuple[LotPart, ...]:
    if len(lots) == 1 or [lot.number for lot in lots] != list(range(1, len(lots) + 1)):
        raise PydanticCustomError("lots_order", "lots in order")
    return lots
