"""Tranches, orders and subsequent contracts: planned, affirmed within the maximum, dropped, ended; the order's PDF."""

import io

import pypdf
import pytest

from api.context import Context
from procurement.contract import paris_day
from tests.record_scene import PDF, Browser, Record, post, record


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def plan(running: Record, number: str = "BC1", amount: str = "80 000") -> str:
    """The address of a planned order."""
    officer = running.officer()
    officer.submit(
        officer.get(f"{running.path}/commandes"), "/commandes", kind="order", number=number,
        label="Dix capteurs", amount_ht=amount,
    )  # fmt: skip
    return officer.page.url.removeprefix("http://testserver").split("?")[0]


def today(running: Record) -> str:
    return str(paris_day(running.contract.notified_at)) if running.contract.notified_at else ""


def test_an_order_lives_from_its_plan_to_its_end(running: Record) -> None:
    where, officer = plan(running), running.officer()
    page = officer.get(where)
    assert "Prévue, sans effet" in page.text
    assert "Projet, sans effet" in text_of(officer.get(f"{where}/bon-de-commande.pdf").content)
    officer.submit(page, "/affermir", on=today(running), file=PDF)
    assert "En vigueur" in officer.page.main
    assert "piece.pdf" in officer.page.links
    said = text_of(officer.get(f"{where}/bon-de-commande.pdf").content)
    for word in ("Dix capteurs", "BC1", running.contract.number, "Capteurs et Mesures SAS", "96 000,00"):
        assert word in said, word
    officer.get(running.path)
    assert "80 000,00 € HT en vigueur ou exécutés" in officer.page.main
    officer.submit(officer.get(where), "/terminer", on=today(running))
    assert "Terminée" in officer.page.main
    assert post(officer, f"{where}/affermir", on=today(running)) == 409
    assert [word for word in running.said if "ommande" in word] == [
        "Tranche ou commande écrite", "Tranche affermie ou commande passée", "Tranche ou commande terminée",
    ]  # fmt: skip


def text_of(pdf: bytes) -> str:
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\u202f", " ").replace("\u00a0", " ").split())


def test_a_planned_order_is_dropped(running: Record) -> None:
    where, officer = plan(running), running.officer()
    officer.submit(officer.get(where), "/abandonner", on=today(running))
    assert "Abandonnée" in officer.page.main
    assert "Tranche ou commande abandonnée" in running.said


def test_the_maximum_is_never_passed(running: Record) -> None:
    officer = running.officer()
    first, second = plan(running, "BC1", "80 000"), plan(running, "BC2", "4 000,01")
    officer.submit(officer.get(first), "/affermir", on=today(running))
    assert officer.submit(officer.get(second), "/affermir", on=today(running)).status_code == 409
    assert "c’est plus que le maximum du marché" in officer.page.main
    officer.get(f"{running.path}/commandes")
    assert "Reste à commander 4 000,00 € HT" in officer.page.main


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"number": "BC1"}, "Ce numéro est déjà pris"),
        ({"number": ""}, "de 1 à 20 caractères"),
        ({"number": "1" * 21}, "de 1 à 20 caractères"),
        ({"label": "x"}, "ce qui est commandé"),
        ({"amount_ht": ""}, "Écrivez un montant"),
        ({"amount_ht": "0"}, "Le montant est positif"),
        ({"amount_ht": "1,234"}, "en euros et centimes"),
        ({"starts_on": "2026-12-02", "ends_on": "2026-12-01"}, "La fin ne précède pas le début"),
        ({"starts_on": "bientôt"}, "Écrivez une date"),
    ],
)
def test_what_cannot_be_ordered_comes_back(running: Record, fields: dict[str, str], said: str) -> None:
    plan(running, "BC1", "1")
    officer = running.officer()
    typed = {"kind": "tranche", "number": "T1", "label": "Tranche une", "amount_ht": "10"} | fields
    answer = officer.submit(officer.get(f"{running.path}/commandes"), "/commandes", **typed)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert said in officer.page.main
    assert post_plain(running) == 422


def post_plain(running: Record) -> int:
    """Without a kind: what no browser sends."""
    officer = running.officer()
    headers = {"sec-fetch-site": "same-origin"}
    fields = {"number": "T9", "label": "Tranche", "amount_ht": "1"}
    return officer.post(f"{running.path}/commandes", data=fields, headers=headers).status_code


@pytest.mark.parametrize("on", ["", "2999-01-01", "2020-01-01", "hier"])
def test_an_order_is_issued_on_a_day_that_can_be(running: Record, on: str) -> None:
    where, officer = plan(running), running.officer()
    assert officer.submit(officer.get(where), "/affermir", on=on).status_code == 422
    assert "date" in officer.page.main
    assert officer.submit(officer.get(where), "/affermir", on=on, file=("a.exe", b"MZ", "x/y")).status_code == 422
    assert "Choisissez un fichier" in officer.page.main


def test_finance_reads_and_does_not_order(running: Record) -> None:
    where, finance = plan(running), running.finance()
    assert finance.get(where).status_code == 200
    assert "affermir" not in " ".join(finance.page.actions)
    for word in ("affermir", "abandonner", "terminer"):
        assert post(finance, f"{where}/{word}", on=today(running)) == 404
