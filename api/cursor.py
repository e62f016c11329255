"""Where a list goes on: the key of the last row seen, within what both databases can hold."""

from typing import Annotated

from fastapi import Query

Cursor = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
