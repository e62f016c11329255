"""Tranches, orders and subsequent contracts: planned, affirmed within the maximum, dropped, ended; the order's PDF."""

import io

import pypdf
import pytest

from api.context import Context
from api.db import reading
from procurement.billing import record_of, whole_of
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


LIST = "code;libelle;unite;prix\nC-1;Comptage d’un jour;jour;1 250,50\nC-2;Pose d’un capteur;unité;80,333333\n"
LINES = "C-1 ; 2,5\r\nC-2\t3\r\n"


def priced(running: Record) -> None:
    officer, path = running.officer(), f"{running.path}/prix"
    officer.submit(officer.get(path), "/fichier", file=("prix.csv", LIST.encode(), "text/csv"))
    assert "C’est enregistré" in officer.page.main


def test_an_order_is_made_of_price_lines(running: Record) -> None:
    officer = running.officer()
    assert "Lignes de prix" not in officer.get(f"{running.path}/commandes").text
    priced(running)
    officer.submit(
        officer.get(f"{running.path}/commandes"), "/commandes", kind="order", number="BC1", label="Comptages",
        amount_ht="", lines=LINES,
    )  # fmt: skip
    where = officer.page.url.removeprefix("http://testserver").split("?")[0]
    for word in ("3 126,25 €", "241,00 €", "3 367,25 €", "4 040,70 €", "Pose d’un capteur", "80,333333 €"):
        assert word in text_in(officer.page.main), word
    said = text_of(officer.get(f"{where}/bon-de-commande.pdf").content)
    for word in ("C-1", "2,5", "3 126,25 €", "Total HT 3 367,25 €", "TVA à 20 % 673,45 €", "Total TTC 4 040,70 €"):
        assert word in said, word
    file = ("lignes.csv", "Unité;Code;Quantité\n;C-2;10\n".encode(), "text/csv")
    officer.submit(officer.get(where), "/lignes", file=file)
    assert "803,33 € HT" in text_in(officer.page.main)
    assert "Comptage d’un jour" not in officer.page.main
    assert "lines" in running.told("part.lines")[-1]
    with reading(running.context.database) as db:
        (part,) = record_of(whole_of(db, db.merge(running.contract, load=False)))["parts"]
    assert (part["ceiling_ht"], part["lines"]) == ("803.33", [{"code": "C-2", "quantity": "10"}])
    officer.submit(officer.get(where), "/affermir", on=today(running))
    assert "Garder ces lignes" not in officer.get(where).text
    assert post(officer, f"{where}/lignes", lines=LINES) == 409
    assert post(running.finance(), f"{where}/lignes", lines=LINES) == 404
    assert "Lignes de prix de la commande écrites" in running.said


def text_in(page: str) -> str:
    return " ".join(page.replace("\u202f", " ").replace("\u00a0", " ").split())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("C-9 ; 1", "Ligne 1 : le code « C-9 » n’est pas dans la liste"),
        ("C-1 ; 1\n\nC-1 ; 2", "Ligne 3 : le code « C-1 » est déjà donné"),
        ("C-1", "Ligne 1 : écrivez « code ; quantité »"),
        ("C-1 ; deux", "« deux » n’est pas une quantité"),
        ("C-1 ; -2", "n’est pas une quantité"),
        ("C-1 ; 0,0000001", "n’est pas une quantité"),
        ("C-1 ; 999 999 999", "de dix milliards d’euros au plus"),
        ("code;prix\nC-1;2", "il manque quantite"),
        ("C-1;1\n" * 501, "500 lignes au plus"),
        ("C-1 ; " + "x" * 200_000, "trop longue"),
    ],
)
def test_lines_that_cannot_be_ordered_come_back(running: Record, lines: str, said: str) -> None:
    where, officer = plan(running), running.officer()
    priced(running)
    assert officer.submit(officer.get(where), "/lignes", lines=lines).status_code == 422
    assert said in officer.page.main
    if len(lines) < 10_000:
        file = ("lignes.csv", lines.encode(), "text/csv")
        assert officer.submit(officer.get(where), "/lignes", file=file).status_code == 422
        assert said in officer.page.main
        typed = {"kind": "order", "number": "BC2", "label": "Comptages", "amount_ht": "", "lines": lines}
        answer = officer.submit(officer.get(f"{running.path}/commandes"), "/commandes", **typed)  # type: ignore[arg-type]
        assert answer.status_code == 422
        assert said in officer.page.main
    assert "80 000,00 €" in text_in(officer.get(where).text)
