"""`import_files`: an account carried from batch to batch says what reading it again would, whoever acts meanwhile."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.context import Context
from api.db import now, reading, transaction
from api.importing import BATCH, files_of, import_files
from api.sandbox import invoices
from procurement.contract import Contract
from procurement.events import Event, chain_holds
from procurement.execution.terms import write_terms
from procurement.invoice_copy import InvoiceCopy, attach_to
from procurement.invoice_decision import Decision, decide_copy
from procurement.people import Person, User, person_of
from tests.award_scene import AMOUNT, Scene, contract_of_scene, in_effect, invoice, quotes
from tests.billing_scene import MATCH

EACH, TOTAL = Decimal(400), 215
FIT = int(Decimal(AMOUNT) / EACH)
LINES: dict[str, Any] = {"lines": (invoices.Line("POSTE", "Comptages", Decimal(1), EACH),)}
Act = Callable[[Session, list[InvoiceCopy], Contract, Person], None]


def number(rank: int) -> str:
    return f"N-{rank:05d}"


@pytest.fixture
def scene(context: Context) -> Scene:
    scene = in_effect(context)
    quotes(context.database, scene)
    return scene


@pytest.fixture
def folder(context: Context, scene: Scene, tmp_path: Path) -> Path:
    """Invoices of one contract, one amount and one day: more than two batches, five more than the contract holds."""
    folder = tmp_path / "factures"
    folder.mkdir()
    content = invoices.cii(invoice(scene, contract_of_scene(context.database, scene), **LINES))
    for rank in range(TOTAL):
        (folder / f"{rank:05d}.xml").write_bytes(content.replace(b"F-2026-001", number(rank).encode()))
    return folder


def kept(context: Context) -> list[InvoiceCopy]:
    with reading(context.database) as db:
        return list(db.scalars(select(InvoiceCopy).order_by(InvoiceCopy.id)))


def rules(copy: InvoiceCopy) -> set[str]:
    return {finding["rule"] for finding in copy.match["findings"]}


def over(context: Context) -> list[str]:
    return [copy.number for copy in kept(context) if "ceiling-exceeded" in rules(copy)]


def test_each_invoice_is_matched_with_all_those_before_it(context: Context, scene: Scene, folder: Path) -> None:
    assert TOTAL > FIT > 2 * BATCH
    twice = invoice(scene, contract_of_scene(context.database, scene), number=number(5), **LINES)
    (folder / "99999.xml").write_bytes(invoices.ubl(twice))
    done = import_files(context, scene.buyer.id, files_of(folder), lambda more: None)
    assert (done.kept, done.already, done.errors) == (TOTAL + 1, 0, [])
    assert over(context) == [*map(number, range(FIT, TOTAL)), number(5)]
    first, *others, last = kept(context)
    assert rules(first) == set()
    assert all("near-duplicate" in rules(copy) for copy in others)
    assert "duplicate-number" in rules(last)
    with reading(context.database) as db:
        contract = db.scalars(select(Contract)).one()
        assert chain_holds(db, contract.consultation)
        received = db.scalars(select(Event.subject).where(Event.kind == "invoicecopy.received").order_by(Event.seq))
        assert list(received) == [copy.ref for copy in kept(context)]


def refuse(db: Session, copies: list[InvoiceCopy], contract: Contract, person: Person) -> None:
    decision = Decision("refused", "La prestation n’a pas été faite.", "AUTRE")
    for copy in copies:
        decide_copy(db, copy, decision, person, now(db))


def move_to_another_contract(db: Session, copies: list[InvoiceCopy], contract: Contract, person: Person) -> None:
    other = db.scalars(select(Contract).where(Contract.id != contract.id)).one()
    for copy in copies:
        attach_to(db, copy, other, MATCH, person, now(db))


@pytest.mark.parametrize("act", [refuse, move_to_another_contract])
def test_what_a_person_does_meanwhile_is_seen_by_the_next_batch(
    context: Context, scene: Scene, folder: Path, act: Act
) -> None:
    quotes(context.database, in_effect(context, "2026-MAPA-02", scene.buyer), "EJ-2026-88")
    seen = 0

    def report(more: int) -> None:
        nonlocal seen
        seen += more
        if seen == 2 * BATCH:
            with transaction(context.database) as db:
                copies = list(db.scalars(select(InvoiceCopy).order_by(InvoiceCopy.id).limit(3)))
                contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
                act(db, copies, contract, person_of(db.get_one(User, scene.finance.id)))

    import_files(context, scene.buyer.id, files_of(folder), report)
    assert seen == TOTAL
    assert over(context) == list(map(number, range(FIT + 3, TOTAL)))
    with reading(context.database) as db:
        assert all(chain_holds(db, contract.consultation) for contract in db.scalars(select(Contract)))


def test_an_import_takes_an_advance_back_on_what_a_person_admitted_meanwhile(
    context: Context, scene: Scene, folder: Path
) -> None:
    """From 1 008 € TTC on; each invoice is of 480."""
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        terms = {
            "advance_rate": "0.1", "advance_ttc": Decimal(10080), "repayment_starts": "0.01",
            "advance_paid_on": contract.received_on,
        }  # fmt: skip
        write_terms(db, contract, terms, person_of(db.get_one(User, scene.finance.id)), now(db))
    seen = 0

    def report(more: int) -> None:
        nonlocal seen
        seen += more
        if seen == 2 * BATCH:
            with transaction(context.database) as db:
                person = person_of(db.get_one(User, scene.finance.id))
                for copy in db.scalars(select(InvoiceCopy).order_by(InvoiceCopy.id).limit(3)):
                    decide_copy(db, copy, Decision("approved"), person, now(db))

    import_files(context, scene.buyer.id, files_of(folder), report)
    repaid = [copy.number for copy in kept(context) if "advance-repayment" in rules(copy)]
    assert repaid == list(map(number, range(2 * BATCH, TOTAL)))


def test_what_leaves_a_contract_is_written_in_its_register(context: Context, scene: Scene, folder: Path) -> None:
    other = in_effect(context, "2026-MAPA-02", scene.buyer)
    import_files(context, scene.buyer.id, files_of(folder)[:1], lambda more: None)
    with transaction(context.database) as db:
        copy, contract = db.scalars(select(InvoiceCopy)).one(), contract_of_scene(context.database, scene)
        move_to_another_contract(db, [copy], contract, person_of(db.get_one(User, scene.finance.id)))
    with reading(context.database) as db:
        lines = {
            event.kind: (event.consultation_id, event.data)
            for event in db.scalars(select(Event).where(Event.subject == copy.ref))
        }
    there = contract_of_scene(context.database, other)
    assert lines["invoicecopy.detached"] == (contract.consultation_id, {"contract": there.ref})
    assert lines["invoicecopy.attached"][0] == there.consultation_id
