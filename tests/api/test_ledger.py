"""The account of a contract, its warning, the list of what is in hand and its daily message."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select

from api.context import Context
from api.db import now, reading, transaction
from api.pages.ledger import filled
from api.steps.billing import recount_one, remind_once
from procurement.contract import Contract
from procurement.counters import Counter
from procurement.execution.parts import Planned, affirm, plan_part
from procurement.execution.terms import write_terms
from procurement.invoice_decision import impute, pay_copy
from procurement.mail import Mail
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene, in_effect, quotes
from tests.billing_scene import approved, copy_in, kept, second_person, today_of
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_finance


@pytest.fixture
def scene(context: Context) -> Scene:
    made = in_effect(context)
    quotes(context.database, made)
    return made


@pytest.fixture
def finance(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.finance)


def account(finance: CheckedClient, context: Context, scene: Scene) -> str:
    finance.get(f"/contrats/{contract_of_scene(context.database, scene).ref}/compte")
    return finance.page.main.replace("\u202f", " ").replace("\u00a0", " ")


def paid(context: Context, scene: Scene, ref: str) -> None:
    approved(context, scene, ref)
    with transaction(context.database) as db:
        person = person_of(db.get_one(User, scene.finance.id))
        pay_copy(db, copy_in(db, ref), "M-1", today_of(context.database), person, now(db))


def test_the_account_adds_up_with_its_credit_notes_and_its_chart(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    assert "rien à montrer pour l’instant" in account(finance, context, scene)
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.finance.id)), now(db)
        part = plan_part(db, contract, Planned("order", "BC1", "Comptages de mars", Decimal(5000)), person, at)
        affirm(db, contract, part, today_of(context.database), person, at)
    paid(context, scene, kept(context, scene, "10000", number="F-1"))
    approved(context, scene, kept(context, scene, "-1000", number="A-1"))
    waiting = kept(context, scene, "2000", number="F-2")
    with transaction(context.database) as db:
        impute(db, copy_in(db, waiting), "BC1", "EJ-2026-77", person_of(db.get_one(User, scene.finance.id)), now(db))
    text = account(finance, context, scene)
    for said in ("Commandé 5 000,00 € HT", "Admis 9 000,00 € HT", "Payé 10 000,00 € HT", "Reste 73 000,00 € HT"):
        assert said in text
    assert "En attente de décision 2 000,00 € HT" in text
    assert "Bon de commande BC1" in text
    assert "A-1 (avoir)" in text
    assert "Cumul facturé et payé, hors taxes" in finance.page.text
    officer = browser(scene.officer)
    assert "F-2" in account(officer, context, scene)
    assert not any(link.startswith("/factures/") for link in officer.page.links.values())
    for stranger in (browser(make_finance(context.database, make_buyer(context.database))), browser(scene.winner)):
        path = f"/contrats/{contract_of_scene(context.database, scene).ref}/compte"
        assert stranger.get(path).status_code == 404


def test_invoices_are_paged(context: Context, scene: Scene, finance: CheckedClient) -> None:
    for rank in range(21):
        kept(context, scene, "1", number=f"N-{rank}")
    assert "N-20" in account(finance, context, scene)
    assert "N-0 " not in finance.page.main
    finance.get(finance.page.links["Page suivante →"])
    assert "N-0 " in finance.page.main


def test_months_without_movement_keep_their_level() -> None:
    found = filled((("2025-11", Decimal(1), Decimal(0)), ("2026-02", Decimal(3), Decimal(2))))
    assert [month for month, _, _ in found] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert [admitted for _, admitted, _ in found] == [1, 1, 1, 3]
    assert filled(()) == []


def mails(context: Context, words: str) -> list[Mail]:
    with reading(context.database) as db:
        return list(db.scalars(select(Mail).where(Mail.subject.contains(words))))


def count(context: Context) -> None:
    while recount_one(context):
        pass


def test_four_fifths_warn_finance_and_officers_once(context: Context, scene: Scene, finance: CheckedClient) -> None:
    kept(context, scene, "67199.99")
    count(context)
    assert mails(context, "du plafond") == []
    kept(context, scene, "0.01")
    count(context)
    assert sorted(mail.to for mail in mails(context, "80 % du plafond")) == sorted(
        [scene.finance.email, scene.officer.email]
    )
    assert "80 % du plafond sont utilisés" in account(finance, context, scene)
    kept(context, scene, "1")
    count(context)
    assert not recount_one(context)
    assert len(mails(context, "du plafond")) == 2
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person = person_of(db.get_one(User, scene.finance.id))
        write_terms(db, contract, {"ceiling_ht": Decimal(200000)}, person, now(db))
    count(context)
    kept(context, scene, "100000")
    count(context)
    assert len(mails(context, "du plafond")) == 4
    kept(context, scene, "100000")
    assert "est dépassé de" in account(finance, context, scene)


def test_the_list_is_by_last_day_with_filters_and_counts(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    late, soon = kept(context, scene, ago=40, number="TARD"), kept(context, scene, ago=29, number="BIENTOT")
    kept(context, scene, number="LOIN")
    approved(context, scene, soon)
    text = finance.get("/factures").text
    assert text.index("TARD") < text.index("BIENTOT") < text.index("LOIN")
    page = finance.page
    for words in ("À décider (2)", "À confirmer (0)", "À payer (1)", "Bientôt en retard (1)", "En retard (1)"):
        assert words in page.main
    assert "2 400,00" in page.main.replace("\u202f", " ")
    finance.get(page.links["En retard (1)"])
    assert "TARD" in finance.page.main
    assert "En retard de 8 jours" in finance.page.main
    assert "LOIN" not in finance.page.main
    finance.get(page.links["À confirmer (0)"])
    assert "Aucune facture ici" in finance.page.main
    other = browser(make_finance(context.database, make_buyer(context.database)))
    assert late not in other.get("/factures").text


@pytest.mark.parametrize("after", ["x", "2026-13-01.5", "2026-01-01.9999999999", "2026-01-01.5"])
def test_any_place_to_go_on_from_is_a_page(scene: Scene, finance: CheckedClient, after: str) -> None:
    assert finance.get(f"/factures?etat=inconnu&apres={after}").status_code == 200


def test_pages_of_the_list_skip_nothing(context: Context, scene: Scene, finance: CheckedClient) -> None:
    for rank in range(45):
        kept(context, scene, "1", ago=rank % 4, number=f"N-{rank}.")
    seen: list[str] = []
    finance.get("/factures")
    while True:
        page = finance.page
        seen += [words for words in page.links if words.startswith("N-")]
        if "Page suivante →" not in page.links:
            break
        finance.get(page.links["Page suivante →"])
    assert sorted(seen) == sorted(f"N-{rank}." for rank in range(45))


def test_finance_is_told_each_day_once_of_what_presses(context: Context, scene: Scene) -> None:
    another = second_person(context, scene)
    kept(context, scene, ago=40, number="TARD")
    kept(context, scene, ago=29, number="BIENTOT")
    kept(context, scene, number="LOIN")
    assert remind_once(context)
    assert not remind_once(context)
    told = mails(context, "1 en retard, 1 à payer d’ici cinq jours")
    assert sorted(mail.to for mail in told) == sorted([scene.finance.email, another.email])
    assert "TARD" in told[0].body
    assert "LOIN" not in told[0].body
    with transaction(context.database) as db:
        db.execute(delete(Counter).where(Counter.name == "late_invoices"))
    assert remind_once(context)
    assert len(mails(context, "1 en retard")) == 4


def test_nothing_is_told_where_nothing_presses(context: Context, scene: Scene) -> None:
    kept(context, scene)
    assert not remind_once(context)
    assert mails(context, "en retard") == []


def test_what_was_kept_before_gets_its_last_day(context: Context, scene: Scene) -> None:
    ref = kept(context, scene)
    with transaction(context.database) as db:
        copy: Any = copy_in(db, ref)
        copy.due_on = None
        copy.contract.recount_at = now(db) - timedelta(days=1)
    count(context)
    with reading(context.database) as db:
        assert copy_in(db, ref).due_on == today_of(context.database) + timedelta(32)
