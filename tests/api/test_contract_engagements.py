"""Engagements of a contract, one by one or for all of a buyer from a CSV file."""

from dataclasses import replace
from decimal import Decimal

import pytest

from api.context import Context
from api.db import now, reading, transaction
from procurement.contract import Contract
from procurement.execution.engagements import engagements_of
from procurement.execution.parts import Planned, plan_part
from procurement.people import User, person_of
from tests.award_scene import in_effect, quotes
from tests.checked_client import page_of
from tests.html import found, words
from tests.record_scene import OURS, Browser, Record, record


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def numbers(running: Record) -> list[tuple[str, str, bool]]:
    with reading(running.context.database) as db:
        found = engagements_of(db, running.contract)
    return [(e.number, f"{e.amount_ht}", e.closed_at is None) for e in found]


def plan(running: Record, number: str) -> None:
    said = Planned("tranche", number, "Relevés", Decimal(1000))
    with transaction(running.context.database) as db:
        officer = person_of(db.get_one(User, running.scene.officer.id))
        plan_part(db, db.get_one(Contract, running.contract.id), said, officer, now(db))


def open_for(running: Record, number: str, part: str = "") -> None:
    finance = running.finance()
    finance.submit(finance.get(f"{running.path}/engagements"), "/facturation", engagement=number, part=part)


def send(running: Record, content: bytes) -> int:
    finance = running.finance()
    page = finance.get("/contrats/engagements")
    return finance.submit(page, "/contrats/engagements", file=("ej.csv", content, "text/csv")).status_code


def test_an_engagement_is_opened_closed_and_opened_again(running: Record) -> None:
    finance, where = running.finance(), f"{running.path}/engagements"
    finance.submit(finance.get(where), "/facturation", engagement="EJ-1", amount_ht="1 000,50")
    finance.submit(finance.page, "/engagements/clore")
    assert numbers(running) == [("EJ-1", "1000.50", False)]
    assert finance.post(f"{where}/clore", data={"number": "EJ-1"}, headers=OURS).status_code == 422
    assert "pas d’engagement ouvert de ce numéro" in finance.page.main
    finance.submit(finance.get(where), "/facturation", engagement="EJ-1", amount_ht="2 000")
    assert numbers(running) == [("EJ-1", "2000.00", True)]
    finance.submit(finance.get(where), "/facturation", engagement="EJ-1", amount_ht="2 000")
    assert len(running.told("engagement.kept")) == 2, "the same again changes nothing"
    assert "Engagement clos" in running.said
    for amount, said in (("-1", "est positif"), ("beaucoup", "Écrivez un montant")):
        assert finance.submit(finance.get(where), "/facturation", engagement="E", amount_ht=amount).status_code == 422
        assert said in finance.page.main


def test_an_unknown_company_is_paid_nowhere(running: Record) -> None:
    finance = running.finance()
    answer = finance.post(f"{running.path}/comptes", data={"siret": "1", "iban": "x"}, headers=OURS)
    assert answer.status_code == 422
    assert "Choisissez une entreprise du marché" in finance.page.main


def test_a_whole_file_is_kept_and_what_is_unknown_is_listed(running: Record) -> None:
    quotes(running.context.database, running.scene)
    number = running.contract.number
    other = replace(running, scene=in_effect(running.context, "2026-MAPA-02", running.scene.buyer))
    foreign = replace(running, scene=in_effect(running.context, "2026-MAPA-03"))
    plan(running, "T1")
    lines = f"marche;engagement;service;montant_ht;tranche\n{number};EJ-9;VOIRIE;1 234,50 €;\n{number};EJ-10;;;T1\n"
    content = f"{lines}{other.contract.number};EJ-11;;;\n2020-9999;EJ-12;;;\n".encode("latin-1", "replace")
    content = content.replace("€".encode("latin-1", "replace"), b"")
    finance = running.finance()
    finance.submit(finance.get("/contrats/engagements"), "/contrats/engagements", file=("ej.csv", content, "text/csv"))
    assert "3 engagements gardés sur 4 lignes" in finance.page.main
    assert "2020-9999" in finance.page.main
    assert [each[0] for each in numbers(running)] == ["EJ-2026-77", "EJ-9", "EJ-10"]
    assert [each[0] for each in numbers(other)] == ["EJ-11"]
    assert numbers(foreign) == []
    (told,) = running.told("engagement.imported")
    assert (told["count"], told["numbers"]) == (2, ["EJ-9", "EJ-10"])
    assert send(running, content) == 200
    assert len(running.told("engagement.imported")) == 1, "the same file again changes nothing"


def test_a_line_of_a_tranche_that_does_not_exist_stops_the_whole_file(running: Record) -> None:
    plan(running, "T1")
    number, finance = running.contract.number, running.finance()
    content = f"marche;engagement;tranche\n{number};EJ-1;T1\n{number};EJ-2;T9\n{number};EJ-3;T8\n".encode()
    assert send(running, content) == 422
    finance.submit(finance.get("/contrats/engagements"), "/contrats/engagements", file=("e.csv", content, "text/csv"))
    assert f"Ligne 3 : le marché {number} n’a ni tranche ni commande « T9 »" in finance.page.main
    assert numbers(running) == []
    answer = finance.post(f"{running.path}/facturation", data={"engagement": "EJ", "part": "T9"}, headers=OURS)
    assert answer.status_code == 422
    assert "n’a ni tranche ni commande « T9 »" in finance.page.main
    assert numbers(running) == []


@pytest.mark.parametrize("typed", [{"amount_ht": "1 000"}, {"part": "T1"}])
def test_what_is_said_of_no_engagement_is_not_dropped_in_silence(running: Record, typed: dict[str, str]) -> None:
    plan(running, "T1")
    finance = running.finance()
    answer = finance.submit(finance.get(f"{running.path}/engagements"), "/facturation", service="VOIRIE", **typed)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert "Écrivez le numéro de l’engagement" in finance.page.main
    assert running.contract.service == "", "nothing of a form that comes back is kept"


def test_the_cards_name_the_contract_s_engagement_and_each_part_s_beside_it(running: Record) -> None:
    plan(running, "T1")
    for number, part in (("EJ-TOUT", ""), ("EJ-T1", "T1"), ("EJ-T1-BIS", "T1")):
        open_for(running, number, part)
    finance, holder = running.finance(), running.browser(running.scene.winner)
    for text in (
        page_of(finance.get(f"{running.path}/carte")).main, page_of(holder.get(running.scene.contract)).main,
        page_of(holder.get(f"{running.scene.contract}/facturation")).main,
    ):  # fmt: skip
        assert "Numéro d’engagement EJ-TOUTBT-13" in text, text
        assert "Numéro d’engagement – Tranche T1 – Relevés EJ-T1BT-13" in text
        assert "Numéro d’engagement – Tranche T1 – Relevés EJ-T1-BIS" in text
    told = holder.get(f"{running.scene.contract}/facturation.json").json()
    assert [row["value"] for row in told["cards"][0]["fields"] if row["term"] == "BT-13"] == ["EJ-TOUT"]
    assert [(row["part"], row["number"]) for row in told["engagements"]] == [("T1", "EJ-T1"), ("T1", "EJ-T1-BIS")]
    form = page_of(holder.get(f"{running.scene.contract}/facture")).form("/facture")
    assert [words(option) for option in found(form, './/select[@name="engagement"]/option')][1:] == [
        "EJ-TOUT", "EJ-T1 – Tranche T1", "EJ-T1-BIS – Tranche T1",
    ]  # fmt: skip
    finance.post(f"{running.path}/engagements/clore", data={"number": "EJ-TOUT"}, headers=OURS)
    said = page_of(finance.get(f"{running.path}/carte")).main
    assert "EJ-TOUT" not in said
    assert "L’acheteur n’en donne que pour les tranches et commandes" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choisissez le fichier de votre logiciel financier"),
        (b"engagement;service\nEJ;S\n", "il manque marche"),
        (b"marche;engagement\n2026-0001;EJ\n2026-0001;\n", "Ligne 3 : le numéro de marché ou d’engagement manque"),
        (b"marche;engagement\n2026-0001;" + b"E" * 51 + b"\n", "Ligne 2 : le numéro d’engagement a plus de 50"),
        (b"marche;engagement;montant_ht\n2026-0001;EJ;mille\n", "Ligne 2 : « mille » n’est pas un montant en euros"),
        (b"marche;engagement;montant_ht\n2026-0001;EJ;1,234\n", "« 1,234 » n’est pas un montant en euros"),
        (b'marche;engagement\n2026-0001;"EJ" x\n', "Ligne 2 : ce n’est pas une ligne de fichier CSV"),
        (b"marche;engagement\n2026-0001;" + b"E" * 200_000 + b"\n", "Ligne 2 : ce n’est pas une ligne de fichier CSV"),
        (b"marche;engagement\n2026-0001;E\0J\n", "Ligne 2 : un caractère interdit"),
        (b"marche;engagement\n" + b"1;2\n" * 100_001, "plus de 100000 lignes"),
        (b"x" * 10_000_001, "dépasse la taille permise (10 Mo)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_keeps_nothing_and_says_its_line(running: Record, content: bytes, said: str) -> None:
    finance = running.finance()
    page = finance.get("/contrats/engagements")
    assert finance.submit(page, "/contrats/engagements", file=("ej.csv", content, "text/csv")).status_code == 422
    assert said in finance.page.main
    assert numbers(running) == []


def test_a_buyer_of_others_takes_no_file(running: Record) -> None:
    other = replace(running, scene=in_effect(running.context, "2026-MAPA-02"))
    finance = running.finance()
    body = b'--x\r\nContent-Disposition: form-data; name="organisation"\r\n\r\n' + other.scene.buyer.ref.encode()
    body += b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="e.csv"\r\n\r\nmarche;engagement\n'
    headers = OURS | {"content-type": "multipart/form-data; boundary=x"}
    assert finance.post("/contrats/engagements", content=body + b"1;2\r\n--x--\r\n", headers=headers).status_code == 422
    assert "Choisissez un acheteur de la liste" in finance.page.main
    assert running.officer().get("/contrats/engagements").status_code == 404
