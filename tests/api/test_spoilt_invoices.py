"""One hostile or spoilt invoice, or a row that went wrong long ago, stops no other: page, portal, folder."""

import base64
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, reading, transaction
from api.importing import files_of, import_files
from api.sandbox import invoices
from procurement.billing import key_contracts
from procurement.contract import Contract
from procurement.execution.parties import Party
from procurement.invoice_copy import InvoiceCopy
from tests.award_scene import Scene, contract_of_scene, invoice
from tests.billing_scene import copy_in, kept
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.chorus_scene import connect, copies, levers_of, notices, work
from tests.factories import make_siret

SIRET_IS = b'schemeID="0009">'
FAR = date(9999, 12, 31)


def made(context: Context, scene: Scene, number: str = "F-2026-001", **changes: object) -> bytes:
    return invoices.cii(invoice(scene, contract_of_scene(context.database, scene), number=number, **changes))


def without_siret(content: bytes, siret: str) -> bytes:
    """The seller's SIRET, named as one, is three letters."""
    return content.replace(SIRET_IS + siret.encode(), SIRET_IS + b"ABC")


def issued(content: bytes, day: bytes) -> bytes:
    head, tail = content.split(b"<ram:IssueDateTime>", 1)
    first, rest = tail.split(b">", 1)
    return head + b"<ram:IssueDateTime>" + first + b">" + day + rest[8:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Beside the storage, which is under `tmp_path` too."""
    made = tmp_path / "factures"
    made.mkdir()
    return made


def numbers(database: Database) -> set[str]:
    with reading(database) as db:
        return set(db.scalars(select(InvoiceCopy.number)))


def siret_of(context: Context, scene: Scene) -> str:
    return contract_of_scene(context.database, scene).holder_siret


def spoil_party(context: Context, scene: Scene) -> None:
    """A row that no code of today would write: every invoice of this contract makes its comparison fail."""
    contract = contract_of_scene(context.database, scene)
    with transaction(context.database) as db:
        key_contracts(db, scene.buyer.id)
        billed = db.get_one(Contract, contract.id)
        db.add(Party(contract_id=billed.id, siret="X", name="?", role="holder", rank=1))


Spoil = Callable[[bytes, str], bytes]
SPOILT: dict[str, Spoil] = {
    "siret": without_siret,
    "last day": lambda content, siret: issued(content, b"99991231"),
    "last month": lambda content, siret: issued(content, b"99991201"),
    "first day": lambda content, siret: issued(content, b"00010101"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_page_takes_it_shows_it_and_the_next_one_is_compared(
    context: Context, scene: Scene, browser: Browser, name: str
) -> None:
    finance = browser(scene.finance)
    content = SPOILT[name](made(context, scene), siret_of(context, scene))
    page = finance.get("/factures/copie")
    answer = finance.submit(page, "/factures/copie", file=("a.xml", content, "application/xml"))
    assert answer.status_code == 200
    path = finance.page.url.split("?")[0]
    assert "14 chiffres" in answer.text if name == "siret" else "de 2000 à 2100" in answer.text
    ref = contract_of_scene(context.database, scene).ref
    attached = finance.post(f"{path}/rattacher", data={"contract": ref}, headers=SAME_ORIGIN)
    assert attached.status_code in (200, 409)
    assert finance.get(path).status_code == 200
    assert finance.get("/factures").status_code == 200
    page = finance.get("/factures/copie")
    honest = finance.submit(page, "/factures/copie", file=("b.xml", made(context, scene, "F-2"), "application/xml"))
    assert honest.status_code == 200
    assert finance.post(f"{path}/comparer", headers=SAME_ORIGIN).status_code == 200


@pytest.mark.parametrize("what", ["siret", "day"])
def test_what_was_kept_before_is_shown_and_poisons_nothing(
    context: Context, scene: Scene, browser: Browser, what: str
) -> None:
    ref = kept(context, scene, siret="ABC" if what == "siret" else "")
    if what == "day":
        with transaction(context.database) as db:
            copy_in(db, ref).issued_on = FAR
    finance = browser(scene.finance)
    for path in (f"/factures/{ref}", "/factures", "/factures/liquidations.csv"):
        assert finance.get(path).status_code == 200, path
    contract = contract_of_scene(context.database, scene)
    for path in ("", "/compte"):
        assert finance.get(f"/contrats/{contract.ref}{path}").status_code == 200
    page = finance.get("/factures/copie")
    file = ("b.xml", made(context, scene, "F-2"), "application/xml")
    assert finance.submit(page, "/factures/copie", file=file).status_code == 200
    assert "Proposition : approuver" in finance.page.main


def test_the_portal_s_bad_one_is_kept_and_so_are_the_others(context: Context, scene: Scene) -> None:
    """All come in one group: the first is hostile, and cites the contract as the honest ones do."""
    connect(context, scene.buyer)
    portal, siret = levers_of(context), siret_of(context, scene)
    given = [without_siret(made(context, scene, "H-0"), siret), issued(made(context, scene, "H-1"), b"99991231")]
    given += [made(context, scene, f"H-{rank}") for rank in range(2, 5)]
    for rank, content in enumerate(given):
        portal(
            "depose",
            buyer=scene.buyer.siret,
            number=f"H-{rank}{scene.buyer.ref}",
            content=base64.b64encode(content).decode(),
        )
    work(context)
    assert {copy.number for copy in copies(context)} >= {"H-0", "H-2", "H-3", "H-4"}
    assert len(copies(context)) == 5
    assert all(notice.copy_id for notice in notices(context))


def test_a_failure_nobody_foresaw_counts_as_a_try_of_that_invoice_alone(context: Context, scene: Scene) -> None:
    connect(context, scene.buyer)
    spoil_party(context, scene)
    portal = levers_of(context)
    stranger = {"contract": "", "engagement": "", "seller": invoices.Party("Autre", make_siret(9100))}
    for number, changes in (("H-0", {}), ("H-1", stranger), ("H-2", stranger)):
        content = base64.b64encode(made(context, scene, number, **changes)).decode()
        portal("depose", buyer=scene.buyer.siret, number=number + scene.buyer.ref, content=content)
    work(context)
    assert {copy.number for copy in copies(context)} == {"H-1", "H-2"}
    (left,) = [notice for notice in notices(context) if notice.copy_id is None]
    assert (left.number, left.attempts) == ("H-0" + scene.buyer.ref, 1)
    assert left.due_at is not None
    assert "par une erreur de ce service" in left.problem


def test_a_folder_keeps_all_but_the_one_that_fails(context: Context, scene: Scene, folder: Path) -> None:
    siret, stranger = siret_of(context, scene), invoices.Party("Autre", make_siret(9100))
    (folder / "0.xml").write_bytes(without_siret(made(context, scene, "N-0"), siret))
    (folder / "1.xml").write_bytes(issued(made(context, scene, "N-1"), b"99991231"))
    (folder / "2.xml").write_bytes(made(context, scene, "N-2"))
    done = import_files(context, scene.buyer.id, files_of(folder), lambda more: None)
    assert (done.kept, done.errors) == (3, [])
    spoil_party(context, scene)
    (folder / "3.xml").write_bytes(made(context, scene, "N-3"))
    (folder / "4.xml").write_bytes(made(context, scene, "N-4", contract="", engagement="", seller=stranger))
    done = import_files(context, scene.buyer.id, files_of(folder), lambda more: None)
    assert (done.kept, done.already) == (1, 3)
    ((path, sentence),) = done.errors
    assert path.name == "3.xml"
    assert "par une erreur de ce service" in sentence
    assert numbers(context.database) >= {"N-0", "N-2", "N-4"}


def test_a_name_that_is_not_utf8_is_kept_readable(context: Context, scene: Scene, folder: Path) -> None:
    odd = os.fsdecode(os.path.join(os.fsencode(folder), b"factur\xe9.xml"))
    Path(odd).write_bytes(made(context, scene, "N-1"))
    (folder / "z.xml").write_bytes(made(context, scene, "N-2"))
    done = import_files(context, scene.buyer.id, files_of(folder), lambda more: None)
    assert (done.kept, done.errors) == (2, [])
    with reading(context.database) as db:
        assert set(db.scalars(select(InvoiceCopy.name))) == {"factur\ufffd.xml", "z.xml"}


def test_of_several_files_at_once_one_that_fails_is_named(context: Context, scene: Scene, browser: Browser) -> None:
    spoil_party(context, scene)
    finance = browser(scene.finance)
    stranger = invoices.Party("Autre", make_siret(9100))
    other = made(context, scene, "N-2", contract="", engagement="", seller=stranger)
    page = finance.get("/factures/copie")
    sent = [("a.xml", made(context, scene), "text/xml"), ("b.xml", other, "text/xml")]
    answer = finance.submit(page, "/factures/copie", file=sent)
    assert answer.status_code == 200
    assert "par une erreur de ce service" in answer.text
    assert numbers(context.database) == {"N-2"}
