"""Our kinds of papers and the rubric under which the accounting officer looks for them: dated data, never asserted."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field


class Rubric(BaseModel):
    """A row of the file; an unknown or missing key stops the start. `mark`: as in figures.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    title: str
    rubric: str
    source: str
    read_by: str
    read_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    mark: Annotated[str, Field(pattern=r"^[TSXKMV]$")]

    @property
    def verified(self) -> bool:
        """Whether somebody read it in the text itself."""
        return self.mark in ("T", "S")


@cache
def rubrics() -> Mapping[str, Rubric]:
    """Kind → rubric, in the order in which an index lists them."""
    rows = yaml.safe_load(resources.files("procurement.rules").joinpath("mandate_pieces.yaml").read_bytes())
    return {row["kind"]: Rubric.model_validate(row) for row in rows["mandate_pieces"]}
