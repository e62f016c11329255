"""The rates of the ECB by which late interest is counted: dated data, shipped beside the rules."""

from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from procurement.invoicing.deadlines import Rate


class _Row(BaseModel):
    """A row of the file; an unknown or missing key stops the start. `mark`: as in figures.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    since: date
    percent: Decimal
    source: str
    read_by: str
    read_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    mark: Annotated[str, Field(pattern=r"^[TSXKMV]$")]


@cache
def ecb_rates() -> tuple[Rate, ...]:
    """Every rate known here, the oldest first."""
    rows = yaml.safe_load(resources.files("procurement.rules").joinpath("ecb_rates.yaml").read_bytes())["ecb_rates"]
    found = [_Row.model_validate(row) for row in rows]
    return tuple(Rate(row.since, row.percent) for row in sorted(found, key=lambda row: row.since))
