"""Against whoever would have an invoice paid twice, alone, or for something else than what a second person read."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.orm import Session

from api.context import Context
from api.db import now, reading, transaction
from procurement.as_read import stamp_of
from procurement.contract import Contract
from procurement.errors import DomainError, Refused
from procurement.events import chain_holds
from procurement.invoice_copy import attach_to, find_invoice
from procurement.invoice_decision import Decision, decide_copy, pay_copy
from procurement.mail import Mail
from procurement.people import Person, User, person_of
from tests.award_scene import IBAN, Scene, contract_of_scene, in_effect, quotes
from tests.billing_scene import MATCH, approved, copy_in, kept, read_copy, second_person, threshold, today_of
from tests.candidacy_scene import Browser
from tests.factories import make_administrator
from tests.record_scene import Record

OURS = {"sec-fetch-site": "same-origin"}
MOTIVE = "Le prix convenu au bordereau est moindre."


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def person(db: Session, scene: Scene) -> Person:
    return person_of(db.get_one(User, scene.finance.id))


def read_stamp(context: Context, ref: str) -> str:
    """What its page showed at that moment."""
    with reading(context.database) as db:
        return stamp_of(db, copy_in(db, ref))


def meanwhile(context: Context, first: Callable[[Session], object], second: Callable[[Session], object]) -> str:
    """`second` begins before `first` is committed; "" where it was done too, else the sentence that refused it."""

    def run() -> str:
        try:
            with transaction(context.database) as db:
                second(db)
        except DomainError as error:
            return error.sentence
        return ""

    with ThreadPoolExecutor(1) as pool:
        with transaction(context.database) as db:
            first(db)
            db.flush()
            waiting = pool.submit(run)
            time.sleep(0.5)
        return waiting.result(30)


# The same invoice, written otherwise.


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("F-2026-7", "f 2026/07"),
        ("F-2026-7", "F\u200b-2026-7 "),
        ("F-2026-7", "Ｆ－２０２６－７"),
        ("FAC-7", "F\u0410C-7"),
        ("2026-1-11", "2026-11-1"),
    ],
)
def test_the_same_number_written_otherwise_is_approved_once(
    context: Context, scene: Scene, first: str, second: str
) -> None:
    """Case, punctuation, zeros, full-width figures, invisible signs, a Cyrillic letter; and the amount of both."""
    approved(context, scene, kept(context, scene, number=first))
    with pytest.raises(Refused, match="est déjà approuvée"):
        approved(context, scene, kept(context, scene, number=second))


def test_numbers_of_the_same_signs_cut_elsewhere_are_two_invoices(context: Context, scene: Scene) -> None:
    approved(context, scene, kept(context, scene, "100", number="2026-1-11", ago=3))
    other = kept(context, scene, "250", number="2026-11-1")
    approved(context, scene, other)
    assert read_copy(context.database, other).state == "approved"


def test_another_establishment_does_not_bill_the_same_number_again(context: Context, scene: Scene) -> None:
    siret = contract_of_scene(context.database, scene).holder_siret
    approved(context, scene, kept(context, scene, number="F-1"))
    other = f"{siret[:9]}00099"
    with pytest.raises(Refused, match="est déjà approuvée"):
        approved(context, scene, kept(context, scene, number="F-1", siret=other))


def test_a_credit_note_and_another_year_may_bear_the_same_number(context: Context, scene: Scene) -> None:
    approved(context, scene, kept(context, scene, number="F-1"))
    approved(context, scene, kept(context, scene, "-100", number="F-1"))
    old = kept(context, scene, number="F-1", ago=400)
    approved(context, scene, old)
    assert read_copy(context.database, old).state == "approved"


def test_two_copies_on_two_contracts_are_not_approved_at_the_same_instant(context: Context, scene: Scene) -> None:
    other = in_effect(context, "2026-MAPA-02", scene.buyer)
    one, two = kept(context, scene, number="F-1"), kept(context, other, number="F-1")

    def approve(db: Session, ref: str) -> None:
        decide_copy(db, copy_in(db, ref), Decision("approved"), person(db, scene), now(db))

    said = meanwhile(context, lambda db: approve(db, one), lambda db: approve(db, two))
    assert "est déjà approuvée" in said
    assert read_copy(context.database, two).state == "received"


def test_two_copies_on_two_contracts_are_not_paid_at_the_same_instant(context: Context, scene: Scene) -> None:
    other = in_effect(context, "2026-MAPA-02", scene.buyer)
    one, two = kept(context, scene, number="F-1"), kept(context, other, number="F-1", ago=400)
    approved(context, scene, one)
    approved(context, other, two)
    today = today_of(context.database)

    def pay(db: Session, ref: str) -> None:
        pay_copy(db, copy_in(db, ref), f"M-{ref}", today, person(db, scene), now(db))

    said = meanwhile(context, lambda db: pay(db, one), lambda db: pay(db, two))
    assert "déjà payée" in said
    assert read_copy(context.database, two).state == "approved"


# The second person.


def test_a_second_person_confirms_what_it_read(context: Context, scene: Scene, browser: Browser) -> None:
    """Proposed for 120 €, read, proposed anew for the whole: the first page confirms nothing."""
    threshold(context, scene, "100")
    ref = kept(context, scene)
    first, second = browser(scene.finance), browser(second_person(context, scene))
    part: Any = {
        "decision": "partial", "reason": "PU_ERR", "motive": MOTIVE, "admitted_ht": "100", "admitted_ttc": "120",
    }  # fmt: skip
    first.submit(first.get(f"/factures/{ref}"), "/decision", **part)
    read = second.get(f"/factures/{ref}")
    first.submit(first.get(f"/factures/{ref}"), "/reprendre", disagreement="Je me suis trompé de montant.")
    first.submit(first.get(f"/factures/{ref}"), "/decision", decision="approved")
    assert read_copy(context.database, ref).state == "to_confirm"
    assert second.submit(read, "/confirmer").status_code == 409
    assert "a changé depuis" in second.page.text
    assert second.post(f"/factures/{ref}/confirmer", headers=OURS).status_code == 409
    assert read_copy(context.database, ref).state == "to_confirm"
    assert second.submit(second.get(f"/factures/{ref}"), "/confirmer").status_code == 200
    assert read_copy(context.database, ref).state == "approved"


def test_a_decision_is_about_the_contract_that_was_read(context: Context, scene: Scene, browser: Browser) -> None:
    other = in_effect(context, "2026-MAPA-02", scene.buyer)
    ref = kept(context, scene)
    finance = browser(scene.finance)
    read = finance.get(f"/factures/{ref}")
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, other).id)
        attach_to(db, copy_in(db, ref), contract, MATCH, person(db, scene), now(db))
    assert finance.submit(read, "/decision", decision="approved").status_code == 409
    assert "a changé depuis" in finance.page.text
    assert read_copy(context.database, ref).state == "received"


def test_an_amount_that_nobody_knows_is_decided_by_two(context: Context, scene: Scene, browser: Browser) -> None:
    """A file that does not read, or says ten thousand billions, has no amount here."""
    threshold(context, scene, "1000000")
    ref = kept(context, scene)
    with transaction(context.database) as db:
        copy = copy_in(db, ref)
        copy.amount_ht = copy.amount_ttc = None
    finance = browser(scene.finance)
    finance.submit(finance.get(f"/factures/{ref}"), "/decision", decision="approved")
    assert read_copy(context.database, ref).state == "to_confirm"


# Who, when, why.


def test_the_register_says_what_was_admitted_and_above_what_two_were_needed(
    context: Context, scene: Scene, browser: Browser
) -> None:
    threshold(context, scene, "5000")
    approved(context, scene, kept(context, scene), retention_ttc="60")
    (said,) = Record(context, scene, browser).told("invoicecopy.approved")
    assert (said["admitted_ht"], said["admitted_ttc"]) == ("1000.00", "1200.00")
    assert (said["retention_ttc"], said["advance_ttc"], said["penalties_ttc"]) == ("60.00", "0.00", "0.00")
    assert said["two_above"] == "5000.00"


def test_a_threshold_that_changes_is_told_to_those_it_watches(context: Context, scene: Scene, browser: Browser) -> None:
    admin = make_administrator(context.database, scene.buyer)
    page = browser(admin)
    path = f"/administration/{scene.buyer.ref}"
    page.submit(page.get(path), "/seuil", second_above="1 000")
    assert f"par {admin.email}" in page.get(path).text
    with reading(context.database) as db:
        told = {mail.to: mail.body for mail in db.query(Mail).filter(Mail.subject.contains("seuil"))}
    assert set(told) == {scene.finance.email, admin.email}
    assert "Avant : aucun seuil" in told[scene.finance.email]
    assert admin.email in told[scene.finance.email]


def test_the_register_says_which_account_was_proposed_by_its_end_alone(
    context: Context, scene: Scene, browser: Browser
) -> None:
    quotes(context.database, scene)
    (said,) = Record(context, scene, browser).told("bankaccount.proposed")
    assert said["ends"] == IBAN[-4:]
    assert IBAN not in str(said)


def test_an_invoice_that_leaves_a_contract_is_said_in_its_register(
    context: Context, scene: Scene, browser: Browser
) -> None:
    other = in_effect(context, "2026-MAPA-02", scene.buyer)
    ref = kept(context, scene)
    mine, theirs = (contract_of_scene(context.database, each) for each in (scene, other))
    with transaction(context.database) as db:
        copy = find_invoice(db, ref, person(db, scene))
        attach_to(db, copy, db.get_one(Contract, theirs.id), MATCH, person(db, scene), now(db))
    (left,) = Record(context, scene, browser).told("invoicecopy.detached")
    (taken,) = Record(context, other, browser).told("invoicecopy.attached")
    assert (left["contract"], taken["contract"], taken["left"]) == (theirs.ref, theirs.ref, mine.ref)


def test_an_invoice_is_not_moved_while_it_is_decided(context: Context, scene: Scene) -> None:
    other = in_effect(context, "2026-MAPA-02", scene.buyer)
    ref = kept(context, scene)
    seen = read_stamp(context, ref)
    elsewhere = contract_of_scene(context.database, other).id

    def decide(db: Session) -> None:
        decide_copy(db, copy_in(db, ref), Decision("approved", seen=seen), person(db, scene), now(db))

    def move_it(db: Session) -> None:
        attach_to(db, copy_in(db, ref), db.get_one(Contract, elsewhere), MATCH, person(db, scene), now(db))

    assert "déjà décidée" in meanwhile(context, decide, move_it)
    assert read_copy(context.database, ref).contract_id == contract_of_scene(context.database, scene).id
    ref = kept(context, scene)
    seen = read_stamp(context, ref)
    assert "a changé" in meanwhile(context, move_it, decide)
    with reading(context.database) as db:
        copy = copy_in(db, ref)
        assert (copy.state, copy.contract_id) == ("received", elsewhere)
        assert copy.contract is not None
        assert chain_holds(db, copy.contract.consultation)


# Numbers without end.


@pytest.mark.parametrize("amount", ["1e999999", "1e30", "-1e-999999", "NaN", "Infinity", "９" * 30, "1_0e400"])
@pytest.mark.parametrize("field", ["admitted_ht", "retention_ttc"])
def test_an_amount_without_end_is_a_sentence(
    context: Context, scene: Scene, browser: Browser, field: str, amount: str
) -> None:
    ref, finance = kept(context, scene), browser(scene.finance)
    said: Any = {"decision": "partial", "reason": "PU_ERR", "motive": MOTIVE, field: amount}
    assert finance.submit(finance.get(f"/factures/{ref}"), "/decision", **said).status_code == 422
    assert finance.post(f"/contrats/{contract_of_scene(context.database, scene).ref}/facturation", data={
        "engagement": "EJ-9", "amount_ht": amount,
    }, headers=OURS).status_code == 422  # fmt: skip
