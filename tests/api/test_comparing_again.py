"""What a contract says after an invoice came: compared again at a person's asking, and before anything is approved."""

from decimal import Decimal
from typing import Any

import pytest

from api.context import Context
from api.db import now, transaction
from api.sandbox import invoices
from api.wording import register_line
from procurement.contract import Contract, paris_day
from procurement.events import Event
from procurement.execution.receptions import cancel, find_reception, receive
from procurement.execution.terms import write_terms
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene, in_effect, invoice
from tests.billing_scene import kept, read_copy, second_person, sent, spaced, threshold
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.checked_client import CheckedClient
from tests.factories import make_finance

CEILING = "seraient facturés pour"
CERTIFIES = "Aucun service fait n’est constaté ici : en approuvant, vous certifiez que la prestation a été faite."
MOTIVE = "Trois capteurs sur quatre sont posés."
PART = {"decision": "partial", "reason": "PU_ERR", "motive": MOTIVE}


def written(context: Context, scene: Scene, **terms: Any) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        write_terms(db, contract, terms, person_of(db.get_one(User, scene.finance.id)), now(db))


def lowered(context: Context, scene: Scene, most: str) -> None:
    written(context, scene, ceiling_ht=Decimal(most))


def done(context: Context, scene: Scene, amount: str = "84000") -> str:
    """The ref of a service fait recorded today."""
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.finance.id)), now(db)
        return receive(
            db, contract, on=paris_day(at), label="Comptages", amount_ht=Decimal(amount), part="", code="",
            quantity=None, person=person, now=at,
        ).ref  # fmt: skip


def undone(context: Context, scene: Scene, ref: str) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        row = find_reception(db, contract, ref)
        cancel(db, contract, row, person_of(db.get_one(User, scene.finance.id)), now(db))


def approve(finance: CheckedClient, ref: str, page: object) -> int:
    return int(finance.submit(page, "/decision", decision="approved").status_code)  # type: ignore[arg-type]


def test_what_changed_is_read_before_it_is_approved(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = sent(context, scene)
    page = finance.get(f"/factures/{ref}")
    lowered(context, scene, "500.00")
    assert approve(finance, ref, page) == 409
    assert read_copy(context.database, ref).state == "received"
    page = finance.get(f"/factures/{ref}")
    assert CEILING in page.text
    assert approve(finance, ref, page) == 200
    assert read_copy(context.database, ref).state == "approved"


def test_what_was_typed_is_kept_and_decides_the_second_time(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref = sent(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    page = finance.get(f"/factures/{ref}")
    lowered(context, scene, "500.00")
    typed: Any = {
        "decision": "partial",
        "reason": "PU_ERR",
        "motive": MOTIVE,
        "admitted_ht": "400",
        "admitted_ttc": "480",
    }
    assert finance.submit(page, "/decision", penalties_ttc="12,50", **typed).status_code == 409
    text = finance.page.main
    assert "La comparaison a changé depuis que vous avez ouvert cette page :" in text
    assert "Constaté maintenant : Avec cette facture" in text
    assert "Proposition : suspendre, et non plus approuver." in text
    assert read_copy(context.database, ref).state == "received"
    assert finance.submit(finance.page, "/decision").status_code == 200
    copy = read_copy(context.database, ref)
    assert (copy.state, copy.motive, copy.reason_code) == ("partial", MOTIVE, "PU_ERR")
    assert (copy.admitted_ht, copy.admitted_ttc, copy.penalties_ttc) == (Decimal(400), Decimal(480), Decimal("12.5"))


def test_in_a_batch_each_is_decided_as_its_page_shows_it(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    lowered(context, scene, "1500.00")
    first, second = (
        finance.submit(finance.get("/factures/copie"), 0, file=(f"{number}.xml", content, "application/xml"))
        for number, content in (
            (n, invoices.cii(invoice(scene, contract_of_scene(context.database, scene), number=n)))
            for n in ("F-1", "F-2")
        )
    )  # fmt: skip
    part: Any = {
        "decision": "partial",
        "reason": "PU_ERR",
        "motive": MOTIVE,
        "admitted_ht": "600",
        "admitted_ttc": "720",
    }
    finance.get(first.url.path)
    assert finance.submit(finance.page, "/decision", **part).status_code == 409
    assert finance.submit(finance.page, "/decision").status_code == 200
    finance.get(second.url.path)
    assert "2 000,00 € HT seraient facturés" in spaced(finance.page)
    assert finance.submit(finance.page, "/decision", **part).status_code == 409
    assert "1 600,00 € HT seraient facturés" in spaced(finance.page)
    assert "N’est plus constaté : Avec cette facture" in finance.page.main
    assert finance.submit(finance.page, "/decision").status_code == 200
    assert "Approuvée en partie" in finance.page.main


def test_what_is_to_pay_counts_as_much_as_what_is_found(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = sent(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    page = finance.get(f"/factures/{ref}")
    written(context, scene, retention_rate="0.05")
    assert approve(finance, ref, page) == 409
    assert "Retenue de garantie : 60,00 € calculés, 0,00 € avant." in spaced(finance.page)
    assert read_copy(context.database, ref).state == "received"


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_nothing_is_decided_without_saying_what_was_read(
    context: Context, scene: Scene, finance: CheckedClient, decision: str
) -> None:
    ref = sent(context, scene)
    said = {"decision": decision, "reason": "PU_ERR", "motive": MOTIVE}
    answer = finance.post(f"/factures/{ref}/decision", data=said, headers=SAME_ORIGIN)
    assert answer.status_code == 409
    assert "a changé depuis que vous avez ouvert cette page" in answer.text
    assert MOTIVE in answer.text
    assert read_copy(context.database, ref).state == "received"


def test_whoever_approves_certifies_what_nobody_recorded(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref = sent(context, scene)
    row = done(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    page = finance.get(f"/factures/{ref}")
    assert CERTIFIES not in page.text
    undone(context, scene, row)
    assert approve(finance, ref, page) == 409, "the page did not say that approving certifies"
    assert CERTIFIES in finance.page.main
    assert finance.submit(finance.page, "/decision").status_code == 200
    with transaction(context.database) as db:
        (event,) = db.query(Event).filter_by(kind="invoicecopy.approved")
        assert event.data["certified"] is True
        assert "aucun service fait n’étant constaté, qui approuve le certifie" in register_line(event).detail


def test_where_something_is_recorded_nobody_certifies_it(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    done(context, scene)
    ref, credit = sent(context, scene), kept(context, scene, "-100")
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
    with transaction(context.database) as db:
        (event,) = db.query(Event).filter_by(kind="invoicecopy.approved")
        assert "certified" not in event.data
    assert CERTIFIES not in finance.get(f"/factures/{credit}").text


def test_what_did_not_change_is_approved_at_once(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = sent(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
    assert read_copy(context.database, ref).state == "approved"


def test_a_person_asks_and_the_register_says_it(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = sent(context, scene)
    lowered(context, scene, "500.00")
    shown = finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert "La comparaison avec le marché a changé" in shown.text
    assert CEILING in shown.text
    assert "Rien n’a changé" in finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN).text


def test_a_second_person_reads_what_changed_too(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    threshold(context, scene, "100.00")
    ref = sent(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
    other = browser(second_person(context, scene))
    page = other.get(f"/factures/{ref}")
    lowered(context, scene, "500.00")
    assert "en confirmant, vous certifiez que la prestation a été faite" in other.page.main
    assert other.submit(page, "/confirmer").status_code == 409
    assert "La comparaison a changé depuis que vous avez ouvert cette page :" in other.page.main
    assert read_copy(context.database, ref).state == "to_confirm"
    assert other.submit(other.page, "/confirmer").status_code == 200
    assert read_copy(context.database, ref).state == "approved"


def test_nobody_else_compares(context: Context, scene: Scene, browser: Browser) -> None:
    ref = sent(context, scene)
    for person in (scene.officer, scene.winner, make_finance(context.database, in_effect(context, "2026-X").buyer)):
        assert browser(person).post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN).status_code in (403, 404)


def test_a_file_that_nothing_reads_is_decided_as_it_was(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = kept(context, scene, "1000")
    assert approve(finance, ref, finance.get(f"/factures/{ref}")) == 200
