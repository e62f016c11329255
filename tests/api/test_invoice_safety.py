"""Nothing is paid to an account that is not sure, twice, or for what was not admitted."""

from datetime import timedelta

import pytest

from api.context import Context
from api.db import now, transaction
from procurement.contract import Contract
from procurement.execution.assignments import keep_assignment, release
from procurement.execution.parties import accounts_of, confirm_account, propose_account
from procurement.people import User, person_of
from tests.award_scene import IBAN, Scene, contract_of_scene
from tests.billing_scene import copy_in, decide, kept, read_copy, second_person, sent, threshold, today_of
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.checked_client import CheckedClient

OTHER = "FR1420041010050500013M02606"
CALL_BACK = "ne pas payer avant un rappel"
CALLED = "Rappelé Mme Martin le 26 novembre au 01 99 00 12 34, numéro de l’acte."


def test_an_account_that_is_not_sure_takes_a_call_back_and_two_persons(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    threshold(context, scene, None)
    ref = sent(context, scene, iban=OTHER)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert decide(finance, ref, decision="approved") == 422
    assert "dites qui vous avez rappelé" in finance.page.main
    assert decide(finance, ref, decision="approved", motive=CALLED) == 200
    assert read_copy(context.database, ref).state == "to_confirm"
    paid = {"mandate": "M-1", "paid_on": str(today_of(context.database))}
    assert finance.post(f"/factures/{ref}/paiement", data=paid, headers=SAME_ORIGIN).status_code == 409
    other = browser(second_person(context, scene))
    page = other.get(f"/factures/{ref}")
    assert "Le compte à payer n’est pas celui du contrat" in other.page.main
    assert other.submit(page, "/confirmer").status_code == 200
    copy = read_copy(context.database, ref)
    assert (copy.state, copy.decided_by) == ("approved", copy.decided_by) != ("approved", scene.finance.email)


def test_once_the_account_is_confirmed_one_person_is_enough_again(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    """Also for an invoice that is older than the account: what counts is where it will be paid."""
    ref = sent(context, scene, iban=OTHER, issued_on=today_of(context.database) - timedelta(3))
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert CALL_BACK in finance.get(f"/factures/{ref}").text
    account_changed(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert CALL_BACK not in finance.get(f"/factures/{ref}").text
    assert decide(finance, ref, decision="approved") == 200
    assert read_copy(context.database, ref).state == "approved"


def account_changed(context: Context, scene: Scene) -> None:
    """Called back and confirmed today, by two persons."""
    other = second_person(context, scene)
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        first, second = (person_of(db.get_one(User, user.id)) for user in (scene.finance, other))
        propose_account(db, contract, contract.holder_siret, OTHER, CALLED, first, now(db))
        (account,) = (one for one in accounts_of(db, contract) if one.state == "proposed")
        confirm_account(db, contract, account, second, now(db))


def test_the_former_account_is_no_longer_paid_the_day_it_closes(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref = sent(context, scene, iban=IBAN)
    account_changed(context, scene)
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert CALL_BACK in finance.get(f"/factures/{ref}").text


def test_what_is_released_holds_nothing_more(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = sent(context, scene, issued_on=today_of(context.database) - timedelta(3))
    today = today_of(context.database)
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person = person_of(db.get_one(User, scene.finance.id))
        row = keep_assignment(
            db, contract, kind="opposition", siret=contract.holder_siret, beneficiary="Trésor d’Essai", iban="",
            amount_ttc=None, notified_on=today - timedelta(5), person=person, now=now(db),
        )  # fmt: skip
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert "Opposition de « Trésor d’Essai »" in finance.get(f"/factures/{ref}").text
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        release(db, contract, db.merge(row), today, person, now(db))
    finance.post(f"/factures/{ref}/comparer", headers=SAME_ORIGIN)
    assert "Opposition de « Trésor d’Essai »" not in finance.get(f"/factures/{ref}").text


def nameless(context: Context, ref: str) -> None:
    """As an invoice that bears a SIREN and a VAT number, and no SIRET."""
    with transaction(context.database) as db:
        copy_in(db, ref).seller_siret = ""


@pytest.mark.parametrize("both", [True, False])
def test_an_invoice_without_siret_is_not_approved_twice(
    context: Context, scene: Scene, finance: CheckedClient, both: bool
) -> None:
    first, second = (kept(context, scene, number=number) for number in ("NS-42", "NS 42"))
    nameless(context, second)
    if both:
        nameless(context, first)
    assert decide(finance, first, decision="approved") == 200
    assert decide(finance, second, decision="approved") == 409
    assert read_copy(context.database, second).state == "received"
    other = kept(context, scene, "700", number="NS-42")
    nameless(context, other)
    assert decide(finance, other, decision="approved") == 200, "another amount is another invoice"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"admitted_ht": "0", "admitted_ttc": "1200"}, "La TVA admise dépasse 20 %"),
        ({"admitted_ht": "500", "admitted_ttc": "601"}, "La TVA admise dépasse 20 %"),
        ({"admitted_ht": "0", "admitted_ttc": "0", "penalties_ttc": "5000"}, "dépasse les sommes admises"),
    ],
)
def test_what_is_admitted_holds_together(
    context: Context, scene: Scene, finance: CheckedClient, said: dict[str, str], sentence: str
) -> None:
    ref = kept(context, scene)
    motive = "Une partie seulement a été livrée."
    assert decide(finance, ref, decision="partial", reason="PU_ERR", motive=motive, **said) == 422
    assert sentence in finance.page.main
    assert read_copy(context.database, ref).state == "received"


def test_what_the_second_person_sends_back_is_not_told_to_the_supplier(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    threshold(context, scene, "10")
    ref = kept(context, scene)
    missing = "Le bordereau de livraison signé manque."
    decide(finance, ref, decision="held", reason="LIVR_INCOMP", motive=missing)
    internal = {"admitted_ht": "500", "admitted_ttc": "600", "motive": "Entre nous : on leur prend la moitié."}
    decide(finance, ref, decision="partial", reason="MONTANTTOTAL_ERR", **internal)
    other = browser(second_person(context, scene))
    other.submit(other.get(f"/factures/{ref}"), "/reprendre", disagreement="Rien ne le justifie au dossier.")
    copy = read_copy(context.database, ref)
    assert (copy.state, copy.motive, copy.reason_code) == ("held", missing, "LIVR_INCOMP")


def test_the_imputation_of_what_two_decided_is_not_one_persons(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    threshold(context, scene, "10")
    ref = kept(context, scene)
    decide(finance, ref, decision="approved")
    other = browser(second_person(context, scene))
    other.submit(other.get(f"/factures/{ref}"), "/confirmer")
    answer = finance.post(f"/factures/{ref}/imputation", data={"engagement": ""}, headers=SAME_ORIGIN)
    assert answer.status_code == 409
    assert "d’une seule main" in answer.text
    assert read_copy(context.database, ref).engagement == "EJ-2026-77"
