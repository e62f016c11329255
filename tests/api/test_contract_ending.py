"""Service fait, the last account, the retention and the end of a contract."""

from typing import Any

import pytest

from api.context import Context
from tests.candidacy_scene import press
from tests.record_scene import PDF, Browser, Record, post, record


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def day(running: Record) -> str:
    assert running.contract.received_on is not None
    return running.contract.received_on.isoformat()


def order(running: Record) -> None:
    """An order in force."""
    officer = running.officer()
    page = officer.get(f"{running.path}/commandes")
    officer.submit(page, "/commandes", kind="order", number="BC1", label="Capteurs", amount_ht="1 000")
    officer.submit(officer.page, "/affermir", on=day(running))
    assert "En vigueur" in officer.page.main


def test_what_is_done_is_certified_by_part_and_crossed_out(running: Record) -> None:
    order(running)
    finance, where = running.finance(), f"{running.path}/service-fait"
    said: dict[str, Any] = {"on": day(running), "label": "Dix capteurs posés", "amount_ht": "1 000,01", "part": "BC1"}
    page = finance.get(where)
    assert "Dès qu’un service fait est constaté ici, les factures y sont comparées" in finance.page.main
    assert "la personne qui approuve une facture certifie elle-même" in finance.page.main
    finance.submit(page, "/service-fait", code="P1", quantity="12,5", file=PDF, **said)
    for word in ("Bon de commande BC1 1 000,01 € 1 000,00 €", "Dépassé", "12,5 × P1", "Tout le marché 1 000,01 €"):
        assert word in finance.page.main, word
    assert "piece.pdf" in finance.page.links
    finance.submit(finance.page, "/annuler")
    assert "Annulé" in finance.page.main
    assert "Tout le marché 0,00 €" in finance.page.main
    assert {"Service fait constaté", "Service fait annulé"} <= set(running.said)
    action = finance.page.url.split("?")[0].removeprefix("http://testserver")
    assert action == where


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"on": ""}, "La date du service fait"),
        ({"on": "2999-01-01"}, "La date du service fait"),
        ({"on": "hier"}, "Écrivez une date"),
        ({"label": ""}, "ce qui a été livré"),
        ({"amount_ht": "0"}, "Le montant est positif"),
        ({"amount_ht": ""}, "Écrivez un montant"),
        ({"quantity": "2"}, "de quel prix est cette quantité"),
        ({"quantity": "-2", "code": "P"}, "La quantité est positive"),
        ({"quantity": "deux", "code": "P"}, "Écrivez un nombre"),
    ],
)
def test_what_cannot_be_certified_comes_back(running: Record, fields: dict[str, str], said: str) -> None:
    officer, where = running.officer(), f"{running.path}/service-fait"
    typed = {"on": day(running), "label": "Capteurs", "amount_ht": "1"} | fields
    answer = officer.submit(officer.get(where), "/service-fait", **typed)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert said in officer.page.main
    assert post(officer, where, part="BC9", on=day(running), label="Capteurs", amount_ht="1") == 422
    assert running.told("reception.done") == []


def test_the_last_account_goes_from_its_draft_to_definitive(running: Record) -> None:
    finance, where = running.finance(), f"{running.path}/fin"
    assert post(finance, f"{where}/decompte/suite", to="notified") == 409
    page = finance.get(where)
    assert finance.submit(page, "/fin/decompte", on="2999-01-01", amount="90 000").status_code == 422
    assert "La date de réception est passée" in finance.page.main
    assert finance.submit(page, "/fin/decompte", on=day(running), amount="-1").status_code == 422
    assert "Le montant demandé est positif" in finance.page.main
    finance.submit(page, "/fin/decompte", on=day(running), amount="90 000", file=PDF)
    assert "90 000,00 € HT demandés" in finance.page.main
    assert post(finance, f"{where}/decompte", on=day(running), amount="1") == 409
    assert finance.submit(finance.get(where), "/suite", to="notified", on=day(running)).status_code == 422
    assert "Dites le montant admis" in finance.page.main
    finance.submit(finance.get(where), "/suite", to="notified", on=day(running), amount="88 000")
    assert finance.submit(finance.page, "/suite", to="contested", on=day(running)).status_code == 422
    assert "ce qui est contesté" in finance.page.main
    finance.submit(finance.page, "/suite", to="contested", words="Deux capteurs ne sont pas comptés.")
    assert "Deux capteurs ne sont pas comptés" in finance.page.main
    assert post(finance, f"{where}/decompte/suite", to="partout", on=day(running)) == 422
    assert post(finance, f"{where}/decompte/suite", to="notified", on=day(running), amount="1") == 409
    finance.submit(finance.get(where), "/suite", to="definitive", on=day(running), amount="89 000")
    assert "Définitif" in finance.page.main
    assert "89 000,00 € HT" in finance.page.main
    assert post(finance, f"{where}/decompte/suite", to="definitive", on=day(running)) == 409
    assert [word for word in running.said if "écompte" in word] == [
        "Projet de décompte final reçu", "Décompte général notifié", "Décompte général contesté",
        "Décompte général définitif",
    ]  # fmt: skip


def test_the_retention_is_given_back_once(running: Record) -> None:
    finance, where = running.finance(), f"{running.path}/fin"
    finance.submit(finance.get(f"{running.path}/fiche/modifier"), "/fiche/modifier", retention_rate="0")
    assert post(finance, f"{where}/retenue", retention_released_on=day(running)) == 409
    finance.submit(finance.get(f"{running.path}/fiche/modifier"), "/fiche/modifier", retention_rate="5")
    for on, said in (("", "Dites quel jour"), ("2999-01-01", "passée ou d’aujourd’hui"), ("hier", "Écrivez une date")):
        assert finance.submit(finance.get(where), "/retenue", retention_released_on=on).status_code == 422
        assert said in finance.page.main
    finance.submit(finance.get(where), "/retenue", retention_released_on=day(running), file=PDF)
    assert "libérée le" in finance.page.main
    assert "piece.pdf" in finance.page.links
    assert post(finance, f"{where}/retenue", retention_released_on=day(running)) == 409


def test_a_contract_ends_once_with_its_reason(running: Record) -> None:
    officer, where = running.officer(), f"{running.path}/fin"
    for fields, said in (
        ({"reason": "term", "on": ""}, "La fin va de la prise d’effet"),
        ({"reason": "term", "on": "2020-01-01"}, "La fin va de la prise d’effet"),
        ({"reason": "fault", "on": day(running)}, "Écrivez le motif de la résiliation"),
        ({"on": day(running)}, "Dites comment le marché finit"),
        ({"reason": "term", "on": "hier"}, "Écrivez une date"),
    ):
        assert officer.submit(officer.get(where), "/fin", **fields).status_code == 422  # type: ignore[arg-type]
        assert said in officer.page.main
    officer.submit(officer.get(where), "/fin", reason="term", on=day(running), file=PDF)
    assert "Arrivé à son terme" in officer.page.main
    assert "Terminer le marché" not in officer.page.main
    assert "Marché terminé" in running.said
    assert running.contract.state == "ended"
    for word in ("fin", "commandes", "modifications", "cessions/certificat"):
        closed = post if word == "fin" else press
        assert closed(officer, f"{running.path}/{word}", x="1") == 409, word
    for word in ("fiche", "engagements", "commandes", "modifications", "cessions", "service-fait", "documents", "fin"):
        assert officer.get(f"{running.path}/{word}").status_code == 200
