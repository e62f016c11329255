"""Files made to harm, at every door that reads them: one French sentence, nothing kept, the next file is read."""

from collections.abc import Callable

import pytest

from api.context import Context
from api.db import Database, reading
from api.sandbox import invoices
from procurement.invoice_copy import InvoiceCopy
from tests.award_scene import contract_of_scene, in_effect, invoice
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.faults import hostile
from tests.faults.scene import one_sentence

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FILES: dict[str, Callable[[], bytes]] = {
    "attachment bomb": hostile.attachment_bomb,
    "table bomb": hostile.table_bomb,
    "nested pdf": hostile.nested_pdf,
    "looping pdf": hostile.looping_pdf,
    "laughs": lambda: hostile.LAUGHS,
    "doctype in another alphabet": lambda: hostile.OTHER_ALPHABET,
    "nested xml": lambda: hostile.NESTED,
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "a zip": lambda: b"PK\x03\x04" + bytes(1000),
}
BESIDE_THE_POINT = ("attachment bomb", "nested pdf", "looping pdf")


def drop(client: CheckedClient, content: bytes, page: str, action: str) -> int:
    return client.submit(client.get(page), action, file=("fichier.pdf", content, "application/pdf")).status_code


@pytest.mark.parametrize("name", FILES)
def test_as_an_invoice(name: str, context: Context, database: Database, browser: Browser) -> None:
    finance = browser(in_effect(context).finance)
    drop(finance, FILES[name](), "/factures/copie", "/factures/copie")
    one_sentence(finance)
    with reading(database) as db:
        assert db.query(InvoiceCopy).count() == 0


@pytest.mark.parametrize("name", FILES)
def test_as_a_signed_file(name: str, client: CheckedClient) -> None:
    """A PDF whose trap lies where a signature never looks is read, and has none."""
    if drop(client, FILES[name](), "/verifier", "/verifier/fichiers") == 200:
        assert name in BESIDE_THE_POINT
        assert "ne porte aucune signature" in client.page.main
    else:
        one_sentence(client)


def test_a_good_file_is_read_after_a_bad_one(context: Context, database: Database, browser: Browser) -> None:
    scene = in_effect(context)
    finance = browser(scene.finance)
    drop(finance, hostile.table_bomb(), "/factures/copie", "/factures/copie")
    good = invoices.facturx_pdf(invoice(scene, contract_of_scene(database, scene)))
    assert drop(finance, good, "/factures/copie", "/factures/copie") == 200
    assert "Copie contrôlée" in finance.page.main
