"""The account of a contract, its warning, the list of what is in hand and its daily message."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import now, reading, transaction
from api.pages.ledger import filled
from api.steps.billing import recount_one
from procurement.contract import Contract
from procurement.execution.parts import Planned, affirm, plan_part
from procurement.execution.terms import write_terms
from procurement.invoice_decision import Decision, decide_copy, impute, pay_copy
from procurement.mail import Mail
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene
from tests.billing_scene import approved, copy_in, kept, spaced, today_of
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_finance


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


def test_what_is_held_back_is_told_and_what_is_rejected_has_no_net(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    fin = f"/contrats/{contract_of_scene(context.database, scene).ref}/fin"
    finance.get(fin)
    assert "Libérer la retenue" not in finance.page.main
    approved(context, scene, kept(context, scene, "1000", number="F-1"), retention_ttc="60")
    approved(context, scene, kept(context, scene, "500", number="F-2"), retention_ttc="30.50")
    ref = kept(context, scene, "2000", number="F-3")
    assert "F-3 " in account(finance, context, scene)
    assert "2 400,00 €" in account(finance, context, scene)
    with transaction(context.database) as db:
        person = person_of(db.get_one(User, scene.finance.id))
        said = Decision("refused", "Le marché est terminé depuis mars.", "CONTRAT_TERM")
        decide_copy(db, copy_in(db, ref), said, person, now(db))
    text = account(finance, context, scene)
    assert "Retenue de garantie 90,50 € TTC" in text
    assert "2 000,00 € – ✕Rejetée" in text
    assert "2 400,00 €" not in text
    finance.get(fin)
    assert "Total retenu 90,50 € TTC" in spaced(finance.page)
    assert "90,50 € TTC sont retenus à ce jour." in spaced(finance.page)
    day = str(today_of(context.database))
    finance.submit(finance.page, "/fin/retenue", retention_released_on=day)
    assert "Retenue de garantie libérée le" in spaced(finance.page)
    assert "libérés le" in account(finance, context, scene)


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


@pytest.mark.parametrize(
    ("after", "status"), [("x", 422), ("2026-13-01.5", 422), ("2026-01-01.9999999999", 422), ("2026-01-01.5", 200)]
)
def test_a_place_that_no_page_gave_is_said(scene: Scene, finance: CheckedClient, after: str, status: int) -> None:
    assert finance.get(f"/factures?etat=inconnu&apres={after}").status_code == status
