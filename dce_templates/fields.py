"""The kinds of fields that the input models share.

Texts end in legal documents: control characters and private-use code points are refused.
"""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff\ue000-\uf8ff\ufffe\uffff]")


def clean(text: str) -> str:
    stripped = text.strip().replace("\r\n", "\n")
    if _FORBIDDEN.search(stripped):
        raise ValueError("forbidden character")
    return stripped


Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(clean)]
Text = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(clean)]
Optional = Annotated[str, Field(max_length=4000), AfterValidator(clean)]
Siret = Annotated[str, Field(pattern=r"^[0-9]{14}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s<>\"']{3,300}$"), AfterValidator(clean)]
Email = Annotated[str, Field(pattern=r"^[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}\.[a-zA-Z]{2,24}$")]
Money = Annotated[Decimal, Field(ge=0, le=Decimal("10000000000"), decimal_places=2)]
Rate = Annotated[Decimal, Field(ge=0, le=1, max_digits=6)]
Weight = Annotated[Decimal, Field(ge=0, le=1000, max_digits=7, decimal_places=2)]
Cpv = Annotated[str, Field(pattern=r"^[0-9]{8}(-[0-9])?$")]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class Model(BaseModel):
    # Built at first use: the start of the service does not wait for models that few requests need.
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, defer_build=True)
