"""The contracts file and the keys are read by tables: a contract more is no more reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from api.context import Context
from api.db import reading, transaction
from procurement.billing import contracts_file, key_contracts
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


def rows_read(context: Context, organisation_id: int) -> int:
    """The statements that read, where the keys of all the buyer's new contracts are made."""
    with sent() as found, transaction(context.database) as db:
        key_contracts(db, organisation_id)
    read = [one for one in found if one.startswith("SELECT") and "FROM contract_key" not in one]
    return len(read)


def test_a_contract_more_to_key_is_no_reading_more(context: Context) -> None:
    buyer = in_effect(context).buyer
    one = rows_read(context, buyer.id)
    for rank in (2, 3):
        in_effect(context, f"2026-MAPA-0{rank}", buyer)
    assert rows_read(context, buyer.id) == one > 0
