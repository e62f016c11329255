"""What Chorus Pro delivers takes the place of the copy that was uploaded: never paid twice, never to be rejected."""

import base64
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import reading
from api.sandbox import invoices
from procurement.billing import record_of, whole_of
from procurement.consultation import find
from procurement.contract import Contract
from procurement.events import chain_holds, register
from procurement.invoice_copy import InvoiceCopy
from procurement.people import User
from tests.award_scene import Scene, contract_of_scene, invoice
from tests.billing_scene import second_person, threshold
from tests.checked_client import CheckedClient
from tests.chorus_scene import at_once, connect, copies, levers_of, work
from tests.record_scene import keyed_iban

Browser = Callable[[User], CheckedClient]
OURS = {"sec-fetch-site": "same-origin"}
OTHER_IBAN = keyed_iban(7)
MOTIVE = "Le dépôt ne dit pas la même somme que sa copie."


@pytest.fixture
def scene(context: Context, scene: Scene) -> Scene:
    connect(context, scene.buyer)
    return scene


def drafted(context: Context, scene: Scene, price: str = "1000", **changes: Any) -> bytes:
    billed = contract_of_scene(context.database, scene)
    lines = (invoices.Line("POSTE", "Comptages", Decimal(1), Decimal(price)),)
    return invoices.cii(invoice(scene, billed, number=f"D-{billed.ref}", lines=lines, **changes))


def uploaded(context: Context, finance: CheckedClient, content: bytes) -> str:
    finance.submit(finance.get("/factures/copie"), "/factures/copie", file=("copie.xml", content, "text/xml"))
    return copies(context)[-1].ref


def delivered(context: Context, scene: Scene, content: bytes) -> InvoiceCopy:
    """The portal has it and the worker fetched it."""
    number = f"D-{contract_of_scene(context.database, scene).ref}"
    sent = {"buyer": scene.buyer.siret, "number": number, "content": base64.b64encode(content).decode()}
    portal_id = str(levers_of(context)("depose", **sent)["idFacture"])
    at_once(context)
    work(context)
    return next(copy for copy in copies(context) if copy.portal_id == portal_id)


def decide(finance: CheckedClient, ref: str, decision: str = "approved", **said: str) -> int:
    return int(posted(finance, ref, decision, **said).status_code)


def posted(finance: CheckedClient, ref: str, decision: str = "approved", **said: str) -> Any:
    """From the page of the invoice, as it was read."""
    seen = re.findall(r'name="seen" value="(\w+)"', finance.get(f"/factures/{ref}").text)
    reason = "" if decision == "approved" else "AUTRE"
    typed = {"decision": decision, "motive": MOTIVE, "reason": reason, "seen": seen[0] if seen else ""} | said
    return finance.post(f"/factures/{ref}/decision", data=typed, headers=OURS, follow_redirects=False)


def status(context: Context, scene: Scene, copy: InvoiceCopy) -> str:
    return str(levers_of(context).state(scene.buyer)[int(copy.portal_id or 0)]["statut"])


def read(context: Context, ref: str) -> InvoiceCopy:
    return next(copy for copy in copies(context) if copy.ref == ref)


def counted(context: Context) -> list[tuple[str, str]]:
    """(state, amount HT) of what the contract's account counts."""
    with reading(context.database) as db:
        record = record_of(whole_of(db, db.scalars(select(Contract)).one()))
    return [(one["state"], one["amount_ht"]) for one in record["invoiced"]]


def kinds(context: Context, scene: Scene) -> list[str]:
    with reading(context.database) as db:
        consultation = find(db, scene.consultation)
        assert chain_holds(db, consultation)
        return [event.kind for event in register(db, consultation)]


def test_the_deposit_takes_over_the_approval_of_its_copy(context: Context, scene: Scene, browser: Browser) -> None:
    finance, content = browser(scene.finance), drafted(context, scene)
    copy = uploaded(context, finance, content)
    assert decide(finance, copy) == 303
    deposit = delivered(context, scene, content + b"\n")
    assert (deposit.state, read(context, copy).state) == ("approved", "replaced")
    assert (deposit.decided_by, deposit.admitted_ttc) == (scene.finance.email, Decimal("1200.00"))
    assert status(context, scene, deposit) == "SERVICE_FAIT"
    assert counted(context) == [("approved", "1000.00")]
    assert "invoicecopy.replaced" in kinds(context, scene)
    text = finance.get(f"/factures/{copy}").text
    assert "ne compte plus" in text
    assert f"/factures/{deposit.ref}" in text
    paid = {"mandate": "M-1", "paid_on": (deposit.issued_on or "").isoformat()}  # type: ignore[union-attr]
    assert finance.post(f"/factures/{copy}/paiement", data=paid, headers=OURS).status_code == 409
    path = f"/factures/{deposit.ref}/paiement"
    assert finance.post(path, data=paid, headers=OURS, follow_redirects=False).status_code == 303


def test_what_was_paid_under_a_copy_is_not_owed_again(context: Context, scene: Scene, browser: Browser) -> None:
    finance, content = browser(scene.finance), drafted(context, scene)
    copy = uploaded(context, finance, content)
    assert decide(finance, copy) == 303
    day = read(context, copy).issued_on
    assert day is not None
    paid = {"mandate": "M-1", "paid_on": day.isoformat()}
    finance.post(f"/factures/{copy}/paiement", data=paid, headers=OURS)
    deposit = delivered(context, scene, content + b"\n")
    assert (deposit.state, deposit.mandate, read(context, copy).state) == ("paid", "M-1", "replaced")
    assert status(context, scene, deposit) == "SERVICE_FAIT"
    assert counted(context) == [("paid", "1000.00")]


def test_what_awaits_a_second_person_awaits_it_still(context: Context, scene: Scene, browser: Browser) -> None:
    threshold(context, scene, "100")
    finance, content = browser(scene.finance), drafted(context, scene)
    copy = uploaded(context, finance, content)
    assert decide(finance, copy) == 303
    deposit = delivered(context, scene, content + b"\n")
    assert (deposit.state, read(context, copy).state) == ("to_confirm", "replaced")
    assert status(context, scene, deposit) == "MISE_A_DISPOSITION"
    second = browser(second_person(context, scene))
    second.submit(second.get(f"/factures/{deposit.ref}"), "/confirmer")
    work(context)
    assert status(context, scene, deposit) == "SERVICE_FAIT"


def test_an_undecided_copy_leaves_its_place(context: Context, scene: Scene, browser: Browser) -> None:
    finance, content = browser(scene.finance), drafted(context, scene)
    copy = uploaded(context, finance, content)
    deposit = delivered(context, scene, content + b"\n")
    assert (deposit.state, read(context, copy).state) == ("received", "replaced")
    assert deposit.match["decision"] == "approve", deposit.match["findings"]
    assert counted(context) == [("received", "1000.00")]


def test_where_amounts_differ_a_person_is_told_and_decides(context: Context, scene: Scene, browser: Browser) -> None:
    finance = browser(scene.finance)
    copy = uploaded(context, finance, drafted(context, scene))
    assert decide(finance, copy) == 303
    deposit = delivered(context, scene, drafted(context, scene, "900"))
    assert (deposit.state, read(context, copy).state) == ("received", "approved")
    page = finance.get(f"/factures/{deposit.ref}").text.replace("\xa0", " ").replace("\u202f", " ")
    assert "Ce dépôt diffère de la copie approuvée" in page
    for amount in ("1 200,00 €", "1 080,00 €"):
        assert amount in page
    assert "Proposition : <strong>approuver</strong>" in page
    day = (deposit.issued_on or "").isoformat()  # type: ignore[union-attr]
    paid = {"mandate": "M-1", "paid_on": day}
    refused = finance.post(f"/factures/{copy}/paiement", data=paid, headers=OURS)
    assert (refused.status_code, "est arrivée par Chorus Pro" in refused.text) == (409, True)
    assert decide(finance, deposit.ref) == 303
    assert (read(context, deposit.ref).state, read(context, copy).state) == ("approved", "replaced")
    assert counted(context) == [("approved", "900.00")]
    work(context)
    assert status(context, scene, deposit) == "SERVICE_FAIT"


def test_another_account_is_not_approved_by_its_copy(context: Context, scene: Scene, browser: Browser) -> None:
    """The same sums and days, but another IBAN: what stops it did not stop the copy."""
    finance = browser(scene.finance)
    copy = uploaded(context, finance, drafted(context, scene))
    assert decide(finance, copy) == 303
    deposit = delivered(context, scene, drafted(context, scene, iban=OTHER_IBAN))
    assert (deposit.state, read(context, copy).state) == ("received", "approved")
    assert decide(finance, deposit.ref, "held") == 303
    assert read(context, copy).state == "approved"
    assert decide(finance, deposit.ref, "sent_back") == 303
    assert read(context, copy).state == "replaced"


def test_a_paid_copy_and_another_sum_are_never_to_be_rejected(context: Context, scene: Scene, browser: Browser) -> None:
    finance = browser(scene.finance)
    copy = uploaded(context, finance, drafted(context, scene))
    assert decide(finance, copy) == 303
    day = read(context, copy).issued_on
    assert day is not None
    finance.post(f"/factures/{copy}/paiement", data={"mandate": "M-1", "paid_on": day.isoformat()}, headers=OURS)
    deposit = delivered(context, scene, drafted(context, scene, "900"))
    said = posted(finance, deposit.ref)
    assert said.status_code == 409
    assert "suspendez ce dépôt, ou renvoyez-le" in said.text
    assert "rejetez" not in said.text
    assert decide(finance, deposit.ref, "sent_back") == 303
    assert read(context, copy).state == "paid"


def test_a_copy_is_not_decided_beside_its_deposit(context: Context, scene: Scene, browser: Browser) -> None:
    finance = browser(scene.finance)
    deposit = delivered(context, scene, drafted(context, scene))
    copy = uploaded(context, finance, drafted(context, scene, "900"))
    assert f"/factures/{deposit.ref}" in finance.get(f"/factures/{copy}").text
    assert decide(finance, copy) == 409
    assert decide(finance, copy, "refused") == 303
    assert read(context, deposit.ref).state == "received"
