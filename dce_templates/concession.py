"""What a concession says that a marché does not: service, tariffs, investments, assets, money between the parties.

Moneys are euros excluding VAT. What is not said is left as a blank for the candidates or the negotiation.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from dce_templates import french
from dce_templates.fields import Model, Money
from dce_templates.law import Figure
from dce_templates.prices import Label, Unit


def _lines(text: str) -> str:
    """Paragraphs of signs that can be printed."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    if not all(line.isprintable() for line in lines):
        raise ValueError("forbidden character")
    return "\n".join(line for line in lines if line)


Words = Annotated[str, Field(max_length=4000), AfterValidator(_lines)]


class Tariff(Model):
    """What a user pays; without an amount it is for the candidate to offer."""

    label: Label
    unit: Unit
    amount: Money | None = None


class Investment(Model):
    """One thing to build or to buy; `years` is its amortisation, `fate` what becomes of it at the end (L3132-4)."""

    label: Label
    amount: Money
    years: Annotated[int, Field(ge=1, le=99)]
    fate: Literal["return", "takeover", "own"] = "return"


class Concession(Model):
    """`indicators` measure the quality of the service; `indexation` says how tariffs change (L3114-6).

    `royalty` and `entry_fee_reason` say how they are computed and why (L3114-4). `daily_penalty` is for each day and
    breach after notice.
    """

    service: Words = ""
    risk: Words = ""
    tariffs: Annotated[tuple[Tariff, ...], Field(max_length=100)] = ()
    indexation: Words = ""
    investments: Annotated[tuple[Investment, ...], Field(max_length=100)] = ()
    renewal: Words = ""
    royalty: Words = ""
    entry_fee: Money = Decimal("0")
    entry_fee_reason: Words = ""
    subsidy: Money = Decimal("0")
    subsidy_reason: Words = ""
    indicators: Annotated[tuple[Label, ...], Field(max_length=50)] = ()
    staff: Words = ""
    daily_penalty: Money | None = None
    guarantee: Money | None = None
    handover_months: Annotated[int, Field(ge=1, le=60)] = 12


_FATES = {"return": "bien de retour", "takeover": "bien de reprise", "own": "bien propre"}


def concession_words(said: Concession | None, value: Decimal, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """What the templates of a concession see; `value` is its estimate, which they compare and never write."""
    it, threshold = said or Concession(), figures.get("eu_threshold_works")
    return {
        "k": it,
        "tariffs": [(t.label, t.unit, "" if t.amount is None else french.euros(t.amount)) for t in it.tariffs],
        "investments": [(i.label, french.euros(i.amount), f"{i.years} ans", _FATES[i.fate]) for i in it.investments],
        "invested": french.euros(sum((i.amount for i in it.investments), Decimal(0))) if it.investments else "",
        "longest": max((i.years for i in it.investments), default=0),
        "entry_fee": french.euros(it.entry_fee) if it.entry_fee else "",
        "subsidy": french.euros(it.subsidy) if it.subsidy else "",
        "daily_penalty": "" if it.daily_penalty is None else french.euros(it.daily_penalty),
        "guarantee": "" if it.guarantee is None else french.euros(it.guarantee),
        "handover": french.months(it.handover_months),
        # None: nobody knows on that day, and both rules are then told.
        "above": None if threshold is None else value >= threshold.value,
    }
