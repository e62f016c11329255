"""An invoice copy from the upload to the decision; bad files; the same file twice; who may."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, now, reading, transaction
from api.importing import import_files
from api.invoices import amount_of, contracts_from_database
from api.sandbox import invoices
from procurement.chorus import Switches, keep_structure
from procurement.consultation import Consultation
from procurement.events import chain_holds
from procurement.invoice_copy import InvoiceCopy
from procurement.people import User
from tests.api.test_cli import mps
from tests.award_scene import IBAN, Scene, contract_of_scene, in_effect, invoice, quotes
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_finance

Browser = Callable[[User], CheckedClient]


@pytest.fixture
def scene(context: Context) -> Scene:
    scene = in_effect(context)
    quotes(context.database, scene)
    return scene


def drop(finance: CheckedClient, content: bytes, name: str = "facture.xml") -> int:
    page = finance.get("/factures/copie")
    return finance.submit(page, "/factures/copie", file=(name, content, "application/octet-stream")).status_code


def draft(scene: Scene, database: Database, **changes: Any) -> invoices.Draft:
    return invoice(scene, contract_of_scene(database, scene), **changes)


def only_copy(database: Database) -> InvoiceCopy:
    with reading(database) as db:
        return db.scalars(select(InvoiceCopy)).one()


DIRECTORY = {f"BR-FR-CPRO-{number}" for number in (11, 12, 13)}


def not_verified(copy: InvoiceCopy) -> set[str]:
    return {each["rule"] for each in copy.report["not_verified"]}


def test_what_the_buyer_asks_for_is_judged_once_it_was_read(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    """Without its switches nothing is said of them; with them, a service that is not one of its own is refused."""
    finance, content = browser(scene.finance), invoices.cii(draft(scene, database))
    drop(finance, content)
    assert not_verified(only_copy(database)) >= DIRECTORY
    told = Switches(1, "Ville", {"codeServiceDoitEtreRenseigne": True}, [("ECOLES", "Écoles")])
    with transaction(database) as db:
        keep_structure(db, scene.buyer.id, told, now(db))
    (folder := Path(context.settings.storage_url.removeprefix("file://")).parent / "venues").mkdir()
    (folder / "1.xml").write_bytes(invoices.cii(draft(scene, database, number="F-7")))
    import_files(context, scene.buyer.id, [folder / "1.xml"], lambda done: None)
    drop(finance, invoices.cii(draft(scene, database, number="F-8")))
    assert "l’un d’eux" in finance.page.main
    with reading(database) as db:
        for copy in db.scalars(select(InvoiceCopy).where(InvoiceCopy.number.in_(["F-7", "F-8"]))):
            assert not DIRECTORY & not_verified(copy)
            assert [each["rule"] for each in copy.report["findings"]] == ["BR-FR-CPRO-11"]


@pytest.mark.parametrize("make", [invoices.cii, invoices.ubl, invoices.facturx_pdf], ids=["cii", "ubl", "facturx"])
def test_a_good_invoice_is_matched_and_approved(
    scene: Scene, database: Database, browser: Browser, make: Callable[[invoices.Draft], bytes]
) -> None:
    finance = browser(scene.finance)
    assert drop(finance, make(draft(scene, database))) == 200
    text = finance.page.main
    assert "Copie contrôlée, sans valeur de dépôt" in text
    assert contract_of_scene(database, scene).number in text
    assert "Aucune règle bloquante en défaut" in text
    assert "Proposition : approuver" in text
    finance.submit(finance.page, "/decision", decision="approved")
    assert "La décision est enregistrée" in finance.page.main
    assert "Approuvée" in finance.get("/factures").text
    ledger = finance.get(f"/contrats/{contract_of_scene(database, scene).ref}").text.replace("\u202f", " ")
    assert "Factures approuvées 1 000,00\u00a0€ HT" in ledger or "1 000,00" in ledger
    with reading(database) as db:
        assert chain_holds(db, db.scalars(select(Consultation)).one())


def test_the_same_file_twice_is_one_copy(scene: Scene, database: Database, browser: Browser) -> None:
    finance, content = browser(scene.finance), invoices.cii(draft(scene, database))
    drop(finance, content)
    first = finance.page.url
    drop(finance, content, "copie.xml")
    assert finance.page.url.split("?")[0] == first.split("?")[0]
    assert "Ce fichier est déjà là" in finance.page.main
    assert only_copy(database).name == "facture.xml"


def test_several_files_at_once(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    page = finance.get("/factures/copie")
    one, two = (invoices.cii(draft(scene, database, number=number)) for number in ("F-1", "F-2"))
    files = [("un.xml", one, "text/xml"), ("rien.txt", b"bonjour", "text/plain"), ("deux.xml", two, "text/xml")]
    assert finance.submit(page, "/factures/copie", file=files).status_code == 200
    text = finance.page.main
    assert "ni PDF, ni XML" in text
    assert {"Lire le contrôle de un.xml", "Lire le contrôle de deux.xml"} <= set(finance.page.links)
    with reading(database) as db:
        assert [copy.name for copy in db.scalars(select(InvoiceCopy))] == ["un.xml", "deux.xml"]
    many = [(f"{rank}.xml", b"<a/>", "text/xml") for rank in range(21)]
    assert finance.submit(page, "/factures/copie", file=many).status_code == 422
    assert "20 fichiers au plus" in finance.page.main


def test_findings_have_their_codes_and_a_person_decides(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    too_much = (invoices.Line("POSTE", "Comptages", Decimal(1), Decimal(90000)),)
    drop(finance, invoices.cii(draft(scene, database, lines=too_much, iban="FR1420041010050500013M02606")))
    text = finance.page.main
    assert "MONTANTTOTAL_ERR" in text
    assert "COORD_BANC_ERR" in text
    assert "Proposition : suspendre" in text
    page = finance.page
    assert finance.submit(page, "/decision").status_code == 422
    assert "Choisissez une décision" in finance.page.main
    assert finance.submit(page, "/decision", decision="held", motive="non").status_code == 422
    assert "le fournisseur le lira" in finance.page.main
    finance.submit(page, "/decision", decision="held", motive="Compte bancaire à confirmer par le fournisseur.")
    assert "Suspendue" in finance.page.main
    called = "Rappelé Mme Martin le 26 novembre au 01 99 00 12 34, numéro de l’acte."
    finance.submit(finance.page, "/decision", decision="approved", motive=called)
    assert only_copy(database).state == "to_confirm", "an account that is not sure takes two persons"
    assert finance.submit(page, "/decision", decision="approved", motive=called).status_code == 409


def test_the_choices_come_in_the_order_of_the_law(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    drop(finance, invoices.cii(draft(scene, database, engagement="AUTRE")))
    text = finance.page.main
    assert "Proposition : renvoyer pour correction" in text
    order = [text.rindex(word) for word in ("Renvoyer pour correction", "Suspendre", "Rejeter")]
    assert order == sorted(order)


def test_an_invoice_of_another_supplier_is_rejected(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    good = draft(scene, database)
    other = replace(good, seller=replace(good.seller, name="Autre", siret="12345678200002", vat="FR83123456782"))
    drop(finance, invoices.cii(other))
    assert "EMMET_INC" in finance.page.main
    assert "Proposition : rejeter" in finance.page.main


def test_an_unmatched_invoice_is_attached_by_a_person(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    good = draft(scene, database, contract="", engagement="")
    other = replace(good, seller=replace(good.seller, name="Autre", siret="12345678200002", vat="FR83123456782"))
    drop(finance, invoices.cii(other))
    page = finance.page
    assert "REF_CT_ABSENT" in page.main
    assert "à rattacher" in page.main
    assert "/confirmer" not in " ".join(page.actions)
    assert 'value="approved"' not in finance.get(page.url.split("?")[0]).text
    same_site = {"sec-fetch-site": "same-origin"}
    path = page.url.split("?")[0]
    assert finance.post(f"{path}/decision", data={"decision": "approved"}, headers=same_site).status_code == 409
    assert finance.submit(page, "/rattacher").status_code == 422
    assert "Choisissez un marché de la liste" in finance.page.main
    finance.submit(page, "/rattacher", contract=contract_of_scene(database, scene).ref)
    assert "EMMET_INC" in finance.page.main
    assert only_copy(database).contract_id is not None


def test_what_was_billed_counts_for_the_next(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    half = (invoices.Line("POSTE", "Comptages", Decimal(1), Decimal(50000)),)
    drop(finance, invoices.cii(draft(scene, database, lines=half)))
    drop(finance, invoices.cii(draft(scene, database, lines=half, number="F-2026-002")))
    assert "MONTANTTOTAL_ERR" in finance.page.main
    drop(finance, invoices.ubl(draft(scene, database, lines=half)))
    assert "DOUBLON" in finance.page.main


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "fichier qui n’est pas vide"),
        (b"bonjour", "ni PDF, ni XML"),
        (b"%PDF-1.7 rien", "PDF"),
        (b"<a/>", "n’est pas une facture"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>', "DOCTYPE"),
        (b"x" * 20_000_001, "dépasse la taille permise (20 Mo)"),
    ],
)
def test_bad_files(scene: Scene, database: Database, browser: Browser, content: bytes, said: str) -> None:
    finance = browser(scene.finance)
    assert drop(finance, content) == 422
    assert said in finance.page.main
    with reading(database) as db:
        assert list(db.scalars(select(InvoiceCopy))) == []


def test_an_invoice_that_breaks_a_rule_says_which(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    broken = invoices.BREAKS["note_missing"](invoices.cii(draft(scene, database)))
    assert drop(finance, broken) == 200
    assert "BR-FR-05" in finance.page.main
    assert "Au moins une règle bloquante en défaut" in finance.page.main
    assert "Proposition : rejeter" in finance.page.main


def test_only_finance_of_that_buyer(scene: Scene, database: Database, browser: Browser) -> None:
    finance = browser(scene.finance)
    drop(finance, invoices.cii(draft(scene, database)))
    path = f"/factures/{only_copy(database).ref}"
    assert finance.get(f"{path}/fichier").content.startswith(b"<?xml")
    other = browser(make_finance(database, make_buyer(database)))
    for user in (other, browser(scene.officer), browser(scene.winner)):
        for where in (path, f"{path}/fichier"):
            assert user.get(where).status_code == 404
        answer = user.post(f"{path}/decision", data={}, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 404
    assert "Aucune facture contrôlée" in other.get("/factures").text


def test_a_person_of_two_buyers_says_which(scene: Scene, context: Context, browser: Browser) -> None:
    from_two = in_effect(context, "2026-MAPA-09")
    with transaction(context.database) as db:
        user = db.get_one(User, scene.finance.id)
        db.add(type(user.memberships[0])(
            user_id=user.id, organisation_id=from_two.buyer.id, role="finance", created_at=now(db)
        ))  # fmt: skip
    finance = browser(scene.finance)
    content = invoices.cii(draft(scene, context.database))
    assert drop(finance, content) == 422
    assert "à qui cette facture est adressée" in finance.page.main
    page = finance.get("/factures/copie")
    answer = finance.submit(page, "/factures/copie", organisation=scene.buyer.ref, file=("f.xml", content, "text/xml"))
    assert answer.status_code == 200
    assert "Proposition : approuver" in finance.page.main


def test_the_contracts_of_a_database(scene: Scene, database: Database, database_url: str) -> None:
    found = contracts_from_database(database_url)
    contract = contract_of_scene(database, scene)
    assert [c["id"] for c in found["contracts"]] == [contract.number]
    record = found["contracts"][0]
    assert record["engagements"] == ["EJ-2026-77"]
    assert record["holders"][0]["ibans"][0]["iban"] == IBAN
    assert contract.received_on is not None
    assert record["start"] == contract.received_on.isoformat()
    assert record["end"] > (contract.received_on + timedelta(days=3 * 360)).isoformat()


@pytest.mark.parametrize(("text", "amount"), [(None, None), ("1E+20", None), ("NaN", None), ("1.005", Decimal("1.01"))])
def test_amounts_a_ledger_can_hold(text: str | None, amount: Decimal | None) -> None:
    assert amount_of(text) == amount


def test_the_command_matches_against_a_database(
    scene: Scene, database: Database, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "facture.xml"
    path.write_bytes(invoices.cii(draft(scene, database)))
    found = mps("invoice", "match", str(path), "--contracts", database_url, "--json", home=tmp_path)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["decision"] == "approve"


@pytest.mark.parametrize("url", ["sqlite:///absente.db", "mysql://a/b"])
def test_the_command_refuses_what_is_no_database(tmp_path: Path, url: str) -> None:
    path = tmp_path / "facture.xml"
    path.write_text("<a/>")
    found = mps("invoice", "match", str(path), "--contracts", url, home=tmp_path)
    assert found.returncode == 2
    assert "ne s’ouvre pas" in found.stderr
    assert not (tmp_path / "absente.db").exists()
