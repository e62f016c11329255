"""The keys of contracts in the database: kept up to date, asked once for a batch, the same answer as in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from api.context import Context
from api.db import reading, transaction
from api.sandbox.invoices import Party, ubl
from procurement.contract import Contract
from procurement.contract_keys import KEY, ContractKey, candidates, keys_of, refresh_keys
from procurement.invoicing.index import Index
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.parsing import read_invoice
from tests.award_scene import in_effect
from tests.procurement.invoicing.samples import BUYER, SELLER, STRANGER, contract, draft, loaded

SUBCONTRACTOR = "90000004300018"


def billed(**changes: Any) -> Invoice:
    return read_invoice(ubl(draft(**changes)))


@pytest.fixture
def ids(context: Context) -> tuple[int, int]:
    """One contract in effect: its id and its buyer's."""
    in_effect(context)
    with reading(context.database) as db:
        found = db.scalars(select(Contract)).one()
        return found.id, found.organisation_id


def keep(context: Context, ids: tuple[int, int], **changes: Any) -> None:
    with transaction(context.database) as db:
        refresh_keys(db, *ids, contract(**changes))


@contextmanager
def statements(context: Context) -> Iterator[list[str]]:
    seen: list[str] = []
    with reading(context.database) as db:
        engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    yield seen


def test_a_contract_is_found_by_each_of_its_keys_in_one_query(context: Context, ids: tuple[int, int]) -> None:
    keep(context, ids, parts=[{"id": "BC-5", "engagements": ["EJ-5555"]}])
    found = [
        billed(),
        billed(contract="", engagement=""),
        billed(contract="", engagement="EJ-5555", seller=Party("X", STRANGER)),
        billed(contract="Marché 2026-0042", engagement="", buyer=Party("Y", STRANGER)),
    ]
    lost = [
        billed(contract="", engagement="", seller=Party("X", STRANGER)),
        billed(seller=Party("X", STRANGER), buyer=Party("Y", STRANGER)),
    ]
    with reading(context.database) as db, statements(context) as seen:
        answer = candidates(db, found + lost)
    assert answer == {0: [ids[0]], 1: [ids[0]], 2: [ids[0]], 3: [ids[0]], 4: [], 5: []}
    assert len([statement for statement in seen if statement.startswith("SELECT")]) == 1


def test_a_bare_reference_counts_among_the_contracts_of_ones_own_organisations(
    context: Context, ids: tuple[int, int]
) -> None:
    keep(context, ids)
    stranger = billed(seller=Party("X", STRANGER), buyer=Party("Y", STRANGER))
    with reading(context.database) as db:
        assert candidates(db, [stranger], [ids[1]]) == {0: [ids[0]]}
        assert candidates(db, [stranger, billed()], [ids[1] + 1]) == {0: [], 1: []}
        assert candidates(db, [], [ids[1]]) == {}


def test_refreshing_keeps_what_stands_and_drops_what_is_gone(context: Context, ids: tuple[int, int]) -> None:
    def rows() -> dict[tuple[str, str], int]:
        with reading(context.database) as db:
            return {(row.kind, row.key): row.id for row in db.scalars(select(ContractKey))}

    keep(context, ids)
    before = rows()
    assert set(before) == set(keys_of(contract()))
    keep(context, ids, engagements=["EJ-78"], holders=[{"siret": SELLER.siret}, {"siret": SUBCONTRACTOR}])
    after = rows()
    assert not any("EJ77" in key for _, key in after)
    assert any(SUBCONTRACTOR[:9] in key for _, key in after)
    same = before.keys() & after.keys()
    assert same
    assert {one: before[one] for one in same} == {one: after[one] for one in same}


def test_a_key_too_long_is_left_out() -> None:
    keys = keys_of(contract(engagements=["E" * 200]))
    assert max(len(key) for _, key in keys) <= KEY
    assert ("parties", f"{SELLER.siret[:9]}>{BUYER.siret[:9]}") in keys


def test_memory_and_database_find_the_same(context: Context, ids: tuple[int, int]) -> None:
    keep(context, ids)
    index = Index(loaded(contract()))
    for changes in ({}, {"contract": ""}, {"engagement": ""}, {"contract": "", "engagement": ""}, {"seller": _other()}):
        invoice = billed(**changes)
        with reading(context.database) as db:
            assert bool(candidates(db, [invoice])[0]) == bool(index.candidates(invoice))


def _other() -> Party:
    return replace(SELLER, siret=STRANGER, vat="FR99900000035")
