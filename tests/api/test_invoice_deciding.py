"""Finance decides: amounts, delay, second person, suspension, days, payment; every error has its sentence."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import now, reading, transaction
from procurement.consultation import Consultation
from procurement.contract import Contract
from procurement.errors import Refused
from procurement.events import chain_holds
from procurement.execution.engagements import Line, open_engagement
from procurement.execution.parts import Planned, affirm, plan_part
from procurement.execution.terms import write_terms
from procurement.mail import Mail
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene
from tests.billing_scene import (
    MATCH,
    approved,
    copy_in,
    decide,
    kept,
    read_copy,
    second_person,
    spaced,
    threshold,
    today_of,
)
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.factories import make_administrator
from tests.html import found

MOTIVE = "Le bordereau de livraison signé manque."
PART = {"decision": "partial", "motive": MOTIVE, "reason": "PU_ERR"}
OURS = {"sec-fetch-site": "same-origin"}


def terms(context: Context, scene: Scene, **said: Any) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        write_terms(db, contract, said, person_of(db.get_one(User, scene.finance.id)), now(db))


def test_the_delay_is_told_with_its_start_and_its_last_day(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref = kept(context, scene, ago=10)
    text = spaced(_open(finance, ref))
    assert "date de la facture plus deux jours (article R2192-14)" in text
    assert "Encore 22 jours" in text
    today = today_of(context.database)
    finance.submit(finance.page, "/reception", received_on=str(today - timedelta(5)))
    text = spaced(finance.page)
    assert "réception de la facture (article R2192-12)" in text
    assert "Encore 25 jours" in text
    decide(finance, ref, decision="approved", done_on=str(today))
    text = spaced(finance.page)
    assert "exécution des prestations, postérieure à la facture (article R2192-13)" in text
    assert "Encore 30 jours" in text


def _open(finance: CheckedClient, ref: str) -> Any:
    finance.get(f"/factures/{ref}")
    return finance.page


def test_the_form_proposes_what_the_contract_withholds(context: Context, scene: Scene, finance: CheckedClient) -> None:
    terms(context, scene, retention_rate="0.05")
    ref = kept(context, scene)
    decide(finance, ref, decision="approved")
    assert "Net à payer 1 140,00 €" in spaced(finance.page)
    assert "rien" in finance.page.main
    assert read_copy(context.database, ref).retention_ttc == Decimal(60)
    finance.get("/factures")
    assert "0,00 € 1 140,00 € 0,00 €" in spaced(finance.page), "what is to pay is what is left once it is taken off"


def test_what_the_match_computed_comes_first(context: Context, scene: Scene, finance: CheckedClient) -> None:
    payable = {"retention": "36.00", "advance_repaid": "100.00", "penalties": "0.00", "steps": ["Facturé : 1 200 €."]}
    finding = {
        "rule": "x", "severity": "warn", "bt": "BT-109", "message": "Trop facturé de 100 €.", "chorus": "",
        "reason_code": "PU_ERR", "action": "CNA", "effect": "partial",
    }  # fmt: skip
    match = MATCH | {
        "decision": "partial", "findings": [finding], "payable": payable, "amounts": {"MAP": "900.00", "MNA": "100.00"},
    }  # fmt: skip
    ref = kept(context, scene, match=match)
    finance.get(f"/factures/{ref}")
    assert "Facturé : 1 200 €." in finance.page.main
    assert "Constaté ici : Trop facturé de 100 €." in finance.page.main
    decide(finance, ref, decision="partial", motive="Le prix convenu est de 900 € HT.")
    text = spaced(finance.page)
    assert "Admis 900,00 € HT, 1 080,00 € TTC" in text
    assert "MAP : 900,00 € ; MNA : 100,00 €" in text
    assert "Non admis 100,00 € HT, 120,00 € TTC" in text
    assert "Net à payer 944,00 €" in text
    assert "PU_ERR" in text


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"decision": "refused", "motive": MOTIVE, "reason": ""}, "Choisissez le code du motif"),
        ({"decision": "held", "motive": "", "reason": "AUTRE"}, "Écrivez le motif en une phrase"),
        (PART, "Dites les sommes admises"),
        (
            {
                "decision": "partial",
                "motive": MOTIVE,
                "reason": "PU_ERR",
                "admitted_ht": "1000",
                "admitted_ttc": "1200",
            },
            "approuvez-la en entier",
        ),
        (
            {
                "decision": "partial",
                "motive": MOTIVE,
                "reason": "PU_ERR",
                "admitted_ht": "1001",
                "admitted_ttc": "1200",
            },
            "ne dépassent pas celles de la facture",
        ),
        (
            PART | {"admitted_ht": "900", "admitted_ttc": "800"},
            "n’est pas inférieure à celle hors taxes",
        ),
        ({"decision": "approved", "admitted_ht": "900"}, "choisissez « Approuver en partie »"),
        ({"decision": "approved", "retention_ttc": "-5"}, "s’écrit sans signe"),
        ({"decision": "approved", "retention_ttc": "2000"}, "dépasse les sommes admises"),
        ({"decision": "approved", "retention_ttc": "beaucoup"}, "Écrivez un montant en euros"),
        ({"decision": "approved", "penalties_ttc": "1,005"}, "au centime près"),
        ({"decision": "approved", "done_on": "2199-01-01"}, "passée ou d’aujourd’hui"),
        ({"decision": "approved", "done_on": "hier"}, "Écrivez une date"),
    ],
)
def test_what_is_wrong_comes_back_with_what_was_typed(
    context: Context, scene: Scene, finance: CheckedClient, said: dict[str, str], sentence: str
) -> None:
    ref = kept(context, scene)
    assert decide(finance, ref, **said) == 422
    assert sentence in finance.page.main
    assert read_copy(context.database, ref).state == "received"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"advance_ttc": "3600"}, "advance_ttc"),
        ({"retention_ttc": "100", "advance_ttc": "3000"}, "advance_ttc"),
        ({"penalties_ttc": "3001"}, "penalties_ttc"),
        ({"retention_ttc": "3001"}, "retention_ttc"),
        ({"penalties_ttc": "-1"}, "penalties_ttc"),
    ],
)
def test_what_is_taken_off_is_wrong_where_it_was_typed(
    context: Context, scene: Scene, finance: CheckedClient, said: dict[str, str], name: str
) -> None:
    ref = kept(context, scene, "5000")
    amounts = {"admitted_ht": "2500", "admitted_ttc": "3000"}
    assert decide(finance, ref, **(PART | amounts | said)) == 422
    wrong = found(finance.page.tree, "//*[@aria-invalid='true']")
    assert [field.get("name") for field in wrong] == [name]


def test_a_motive_has_a_thousand_characters(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = kept(context, scene)
    assert decide(finance, ref, decision="held", reason="AUTRE", motive="x" * 1001) == 422
    assert "mille caractères" in finance.page.main


def test_a_suspension_holds_once_and_is_told_to_the_supplier(
    context: Context, scene: Scene, finance: CheckedClient
) -> None:
    ref = kept(context, scene, ago=10)
    decide(finance, ref, decision="held", reason="LIVR_INCOMP", motive=MOTIVE)
    assert "suspendu" in finance.page.main
    assert read_copy(context.database, ref).due_on is None
    with reading(context.database) as db:
        (mail,) = db.scalars(select(Mail).where(Mail.subject.contains("suspendue")))
        assert MOTIVE in mail.body
    page, today = finance.page, today_of(context.database)
    for wrong in ("", str(today - timedelta(1)), "2199-01-01"):
        assert finance.submit(page, "/completer", on=wrong).status_code == 422
        assert "va de la suspension à aujourd’hui" in finance.page.main
    finance.submit(page, "/completer", on=str(today))
    assert "Complétée, à décider" in finance.page.main
    assert "Encore 30 jours" in finance.page.main
    finance.get(f"/factures/{ref}")
    assert "Une pièce manque" not in finance.page.main  # it is offered once
    (seen,) = {field.get("value") for field in found(finance.page.tree, "//input[@name='seen']")}
    said = {"decision": "held", "reason": "AUTRE", "motive": MOTIVE, "seen": seen}
    answer = finance.post(f"/factures/{ref}/decision", data=said, headers=OURS)
    assert answer.status_code == 409
    assert "ne se suspend qu’une fois" in answer.text
    assert "Règle appliquée : R2192-27." in answer.text
    assert finance.page.form("/decision") is not None, "it is still to be decided, and says so"
    assert MOTIVE in finance.page.main


def test_two_persons_above_the_threshold(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    admin = browser(make_administrator(context.database, scene.buyer))
    path = f"/administration/{scene.buyer.ref}"
    for wrong, sentence in (("cher", "Écrivez un montant"), ("-1", "Le seuil va de 0"), ("0,001", "Le seuil va de 0")):
        assert admin.submit(admin.get(path), "/seuil", second_above=wrong).status_code == 422
        assert sentence in admin.page.main
    admin.submit(admin.get(path), "/seuil", second_above="1 000")
    ref = kept(context, scene)
    decide(finance, ref, decision="approved")
    assert "Attend une seconde personne" in finance.page.main
    assert "demandez à une autre personne" in finance.page.main
    assert finance.post(f"/factures/{ref}/confirmer", headers=OURS).status_code == 409
    other = browser(second_person(context, scene))
    page = other.get(f"/factures/{ref}")
    assert other.submit(page, "/reprendre", disagreement="non").status_code == 422
    assert "pourquoi vous ne confirmez pas" in other.page.main
    other.submit(page, "/reprendre", disagreement="Le service fait n’est pas constaté.")
    assert read_copy(context.database, ref).state == "received"
    decide(finance, ref, decision="approved")
    other.submit(other.get(f"/factures/{ref}"), "/confirmer")
    assert "Approuvée" in other.page.main
    assert f"sur proposition de {scene.finance.email}" in other.page.main
    assert other.post(f"/factures/{ref}/confirmer", headers=OURS).status_code == 409
    admin.submit(admin.get(path), "/seuil", second_above="")
    small = kept(context, scene)
    decide(finance, small, decision="approved")
    assert read_copy(context.database, small).state == "approved"


def test_what_was_suspended_stays_so_when_it_is_sent_back(
    context: Context, scene: Scene, finance: CheckedClient, browser: Browser
) -> None:
    threshold(context, scene, "10")
    ref = kept(context, scene)
    decide(finance, ref, decision="held", reason="LIVR_INCOMP", motive=MOTIVE)
    decide(finance, ref, decision="approved")
    other = browser(second_person(context, scene))
    other.submit(other.get(f"/factures/{ref}"), "/reprendre", disagreement="La pièce n’est pas encore reçue.")
    assert read_copy(context.database, ref).state == "held"
    assert "Pièce reçue le" in other.page.main


def test_under_the_threshold_one_person_is_enough(context: Context, scene: Scene, finance: CheckedClient) -> None:
    threshold(context, scene, "1200")
    ref = kept(context, scene)
    decide(finance, ref, decision="approved")
    assert read_copy(context.database, ref).state == "approved"


def test_paid_once_and_late(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = kept(context, scene, ago=45, number="F-1")
    text = spaced(_open(finance, ref))
    assert "En retard de 13 jours" in text
    assert "Intérêts moratoires et indemnité" in text
    assert "40,00 € de frais de recouvrement (D2192-35)" in text
    assert "à relire sur son site" in text
    approved(context, scene, ref)
    page, today = finance.get(f"/factures/{ref}"), today_of(context.database)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"mandate": "", "paid_on": str(today)}, "Écrivez le numéro du mandat"),
        ({"mandate": "M1", "paid_on": ""}, "va de la date de la facture à aujourd’hui"),
        ({"mandate": "M1", "paid_on": "2199-01-01"}, "va de la date de la facture à aujourd’hui"),
        ({"mandate": "M1", "paid_on": str(today - timedelta(46))}, "va de la date de la facture à aujourd’hui"),
    ]
    for said, sentence in wrong:
        assert finance.submit(page, "/paiement", **said).status_code == 422
        assert sentence in finance.page.main
    finance.submit(page, "/paiement", mandate="M-77", paid_on=str(today - timedelta(3)))
    text = spaced(finance.page)
    assert "Payée avec 10 jours de retard" in text
    assert "mandat M-77" in text
    assert finance.submit(page, "/paiement", mandate="M-78", paid_on=str(today)).status_code == 409
    assert "déjà payée, par le mandat M-77" in finance.page.text
    twin = kept(context, scene, ago=45, number="F-1")
    with pytest.raises(Refused, match="est déjà payée par le mandat M-77"):
        approved(context, scene, twin)
    said = {"mandate": "M-79", "paid_on": str(today)}
    again = finance.post(f"/factures/{twin}/paiement", data=said, headers=OURS)
    assert again.status_code == 409
    with reading(context.database) as db:
        assert chain_holds(db, db.scalars(select(Consultation)).one())


def test_what_is_paid_no_longer_changes(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = kept(context, scene)
    approved(context, scene, ref)
    page, today = finance.get(f"/factures/{ref}"), str(today_of(context.database))
    finance.submit(page, "/paiement", mandate="M1", paid_on=today)
    assert finance.submit(page, "/reception", received_on=today).status_code == 409
    assert "ses dates ne changent plus" in finance.page.text
    answer = finance.post(f"/factures/{ref}/imputation", data={}, headers=OURS)
    assert answer.status_code == 409
    assert "son imputation ne change plus" in answer.text


@pytest.mark.parametrize("day", ["", "2199-01-01", "2001-01-01"])
def test_a_reception_is_between_the_invoice_and_today(
    context: Context, scene: Scene, finance: CheckedClient, day: str
) -> None:
    ref = kept(context, scene)
    assert finance.submit(finance.get(f"/factures/{ref}"), "/reception", received_on=day).status_code == 422
    assert "va de la date de la facture à aujourd’hui" in finance.page.main


def test_an_invoice_is_laid_to_a_part_and_an_engagement(context: Context, scene: Scene, finance: CheckedClient) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.finance.id)), now(db)
        part = plan_part(db, contract, Planned("order", "BC1", "Comptages de mars", Decimal(5000)), person, at)
        affirm(db, contract, part, today_of(context.database), person, at)
        open_engagement(db, contract, Line(contract.number, "EJ-BC1", part="BC1"), person, at)
    ref = kept(context, scene)
    page = finance.get(f"/factures/{ref}")
    finance.submit(page, "/imputation", part="BC1", engagement="EJ-BC1")
    copy = read_copy(context.database, ref)
    assert (copy.part, copy.engagement) == ("BC1", "EJ-BC1")
    path = f"/factures/{ref}/imputation"
    for data, sentence in (
        ({"part": "BC9"}, "une tranche ou une commande de ce marché"),
        ({"engagement": "AUTRE"}, "un engagement ouvert"),
    ):  # fmt: skip
        answer = finance.post(path, data=data, headers=OURS)
        assert answer.status_code == 422
        assert sentence in answer.text


def test_a_longer_delay_moves_the_last_days(context: Context, scene: Scene) -> None:
    ref = kept(context, scene)
    before = read_copy(context.database, ref).due_on
    terms(context, scene, payment_days=50)
    after = read_copy(context.database, ref).due_on
    assert before is not None
    assert after == before + timedelta(20)


def test_a_credit_note_has_no_delay(context: Context, scene: Scene, finance: CheckedClient) -> None:
    ref = kept(context, scene, "-100")
    assert "Aucun délai ne court" in spaced(_open(finance, ref))
    decide(finance, ref, decision="approved")
    assert "Net à payer -120,00 €" in spaced(finance.page)
    with reading(context.database) as db:
        assert copy_in(db, ref).due_on is None
