"""Engagements of a contract, one by one or for all of a buyer from a CSV file."""

from dataclasses import replace

import pytest

from api.context import Context
from api.db import reading
from procurement.execution.engagements import engagements_of
from tests.award_scene import in_effect, quotes
from tests.record_scene import OURS, Browser, Record, record


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def numbers(running: Record) -> list[tuple[str, str, bool]]:
    with reading(running.context.database) as db:
        found = engagements_of(db, running.contract)
    return [(e.number, f"{e.amount_ht}", e.closed_at is None) for e in found]


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
