"""The contracts file is read by tables: a contract more is no statement more."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from api.context import Context
from api.db import reading
from procurement.billing import contracts_file
from tests.award_scene import in_effect


@contextmanager
def sent() -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    found: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def statements(context: Context, organisation_id: int, contracts: int) -> int:
    with sent() as found, reading(context.database) as db:
        assert len(contracts_file(db, [organisation_id])["contracts"]) == contracts
    return len(found)


def test_a_contract_more_is_no_statement_more(context: Context) -> None:
    buyer = in_effect(context).buyer
    one = statements(context, buyer.id, 1)
    for rank in (2, 3):
        in_effect(context, f"2026-MAPA-0{rank}", buyer)
    assert statements(context, buyer.id, 3) == one
