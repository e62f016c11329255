"""The money terms of a contract: from the dossier, then written; the indices and the coefficient they make."""

from dataclasses import replace
from typing import Any

import pytest

from api.context import Context
from api.db import reading, transaction
from procurement.billing import record_of, whole_of
from procurement.contract import Contract
from procurement.execution.terms import terms_of
from tests.award_scene import in_effect
from tests.checked_client import filled, page_of
from tests.html import found
from tests.record_scene import OURS, Browser, Record, record

FORMULA: dict[str, Any] = {
    "price_kind": "revisable", "fixed": "0,15", "index_1": "001710986", "weight_1": "0,85", "base_1": "2026-01",
}  # fmt: skip


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def test_the_sheet_is_filled_from_the_dossier_then_written(running: Record) -> None:
    finance, where = running.finance(), f"{running.path}/fiche"
    finance.get(where)
    assert "personne ne les a encore confirmées" in finance.page.main
    assert "Dans le dossier publié : P = P0 × (0,15 + 0,85 × S / S0)" in finance.page.main
    assert "tous les 12 mois" in finance.page.main
    finance.click(finance.page, "Modifier ces conditions")
    assert next(iter(found(finance.page.form("/fiche/modifier"), './/input[@name="months"]'))).get("value") == "12"
    finance.submit(
        finance.page, "/fiche/modifier", payment_days="50", vat_rates="20 ; 5,5", floor_ht="1 000",
        ceiling_ht="90 000,50", advance_rate="5", advance_ttc="5 040", retention_rate="3", pieces="PV\nMétré",
        penalties="100 € par jour",
    )  # fmt: skip
    for said in ("50 jours", "20 % ; 5,5 %", "90 000,50 € HT", "3 %", "PV ; Métré", "100 € par jour"):
        assert said in finance.page.main, said
    with reading(running.context.database) as db:
        terms = terms_of(db, running.contract)
    assert (terms.advance_rate, terms.retention_rate, terms.vat_rates) == ("0.05", "0.03", ["20", "5.5"])
    (told,) = running.told("terms.written")
    assert {"payment_days", "vat_rates", "floor_ht"} <= set(told["changed"])
    assert "kind" not in told["changed"]
    officer = running.officer()
    officer.submit(officer.get(f"{where}/modifier"), "/fiche/modifier", payment_days="30")
    assert "30 jours" in officer.page.main


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"vat_rates": "20 ; 19"}, "Une facture ne peut pas porter une TVA de 19 % : les taux admis sont 0 ; 0,9"),
        ({"floor_ht": "100 000", "ceiling_ht": "1"}, "Le minimum ne dépasse pas le maximum"),
        ({"ceiling_ht": "beaucoup"}, "Écrivez un montant en euros"),
        ({"ceiling_ht": "1,234"}, "en euros et centimes"),
        ({"ceiling_ht": "-1"}, "Le montant est positif"),
        ({"starts_on": "2026-12-01", "ends_on": "2026-01-01"}, "La fin du marché ne précède pas son début"),
        ({"starts_on": "demain"}, "Écrivez une date"),
        ({"vat_rates": ""}, "Écrivez les taux de TVA en pourcents"),
        ({"vat_rates": "vingt"}, "Écrivez les taux de TVA en pourcents"),
        ({"retention_rate": "6"}, "Un taux de 0 à 5 % est attendu"),
        ({"advance_rate": "61"}, "Un taux de 0 à 60 % est attendu"),
        ({"advance_rate": "cinq"}, "Écrivez un nombre"),
        ({"advance_rate": "5,12345"}, "Quatre décimales au plus"),
        ({"repayment_starts": "90", "repayment_ends": "80"}, "commence avant de finir"),
        ({"repayment_starts": "101"}, "Un taux de 0 à 100 % est attendu"),
        ({"advance_paid_on": "2026-01-02"}, "Dites le montant de l’avance qui est versée"),
        ({"retention_released_on": "2999-01-01"}, "Cette date est passée ou d’aujourd’hui"),
        ({"guarantee": "g" * 301}, "plus de 300 caractères"),
        (FORMULA | {"decimals": "deux"}, "Écrivez un nombre entier"),
        (FORMULA | {"price_kind": "firm"}, "Un prix ferme n’a pas de formule de révision"),
        (FORMULA | {"weight_1": "0,8"}, "ils font 0,95"),
        (FORMULA | {"weight_1": "lourd"}, "La partie fixe et les poids vont de 0 à 1"),
        (FORMULA | {"index_1": "é"}, "Le numéro de série (idBank)"),
        (FORMULA | {"base_1": "janvier"}, "s’écrit AAAA-MM"),
        (FORMULA | {"decimals": "0"}, "de 1 à 9 décimales"),
        (FORMULA | {"months": "0"}, "tous les 1 à 120 mois"),
        ({"price_kind": "revisable", "fixed": "1"}, "de un à 6 indices"),
    ],
)
def test_what_is_wrong_comes_back_with_what_was_typed(running: Record, fields: dict[str, str], said: str) -> None:
    finance = running.finance()
    page = finance.get(f"{running.path}/fiche/modifier")
    answer = finance.submit(page, "/fiche/modifier", **fields)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert said in finance.page.main
    assert running.told("terms.written") == []


@pytest.mark.parametrize("empty", ["advance_rate", "retention_rate", "repayment_ends", "vat_rates", "months", "kind"])
def test_an_answer_that_is_owed_is_never_taken_for_nothing(running: Record, empty: str) -> None:
    finance = running.finance()
    page = finance.get(f"{running.path}/fiche/modifier")
    assert finance.submit(page, "/fiche/modifier").status_code == 200
    pairs = dict(filled(page_of(page).form("/fiche/modifier"), {}))
    answer = finance.post(f"{running.path}/fiche/modifier", data=pairs | {empty: ""}, headers=OURS)
    assert answer.status_code == 422
    assert finance.page.links
    assert len(running.told("terms.written")) == 1


def test_a_price_revised_each_month_says_so(running: Record) -> None:
    finance = running.finance()
    finance.submit(finance.get(f"{running.path}/fiche/modifier"), "/fiche/modifier", **FORMULA | {"months": "1"})
    assert "chaque mois." in finance.page.main
    assert "tous les 1 mois" not in finance.page.main


def test_the_coefficient_follows_the_indices(running: Record) -> None:
    finance, where = running.finance(), f"{running.path}/fiche"
    finance.submit(finance.get(f"{where}/modifier"), "/fiche/modifier", **FORMULA)
    assert "Aucune valeur d’indice n’est écrite" in finance.page.main

    def write(month: str, value: str, **boxes: Any) -> int:
        answer = finance.submit(finance.get(where), "/fiche/indices", month=month, value=value, **boxes)
        return answer.status_code

    write("2026-10", "110")
    assert "Il manque la valeur de l’indice 001710986 (2026-01)" in finance.page.main
    write("2026-01", "100", final=True)
    assert "1,0850" in finance.page.main
    assert "Provisoire : un indice n’est pas définitif" in finance.page.main
    write("2026-10", "112", final=True)
    assert "1,1020" in finance.page.main
    assert "Indices définitifs" in finance.page.main
    assert "108 500" not in finance.page.main
    assert "110 200,00" in finance.page.main
    assert write("2026-10", "113", final=True) == 422
    assert "déjà écrite : 112" in finance.page.main
    assert write("2026-10", "113", final=True, correct=True) == 200
    assert [each["before"] for each in running.told("index.written")] == ["", "", "110", "112"]
    for month, value, said in (("octobre", "1", "AAAA-MM"), ("2026-11", "zéro", "un nombre positif")):
        assert write(month, value) == 422
        assert said in finance.page.main


def test_another_buyer_s_indices_are_its_own(running: Record) -> None:
    other = replace(running, scene=in_effect(running.context, "2026-MAPA-02"))
    for each, value in ((running, "100"), (other, "200")):
        finance, where = each.finance(), f"{each.path}/fiche"
        finance.submit(finance.get(f"{where}/modifier"), "/fiche/modifier", **FORMULA)
        finance.submit(finance.get(where), "/fiche/indices", month="2026-01", value=value, final=True)
        assert finance.page.status == 200
        assert f"{value} (2026-01)" in finance.page.main
    assert running.officer().get(f"{other.path}/fiche").status_code == 404


def kinds(running: Record, kind: str, category: str | None) -> None:
    """What the administrator said of the buyer, what the register says of the holder."""
    with transaction(running.context.database) as db:
        contract = db.get_one(Contract, running.contract.id)
        contract.organisation.public_kind = kind
        said = {"category": category, "source": "Insee", "fetched_at": "2026-09-01T10:00:00+00:00"}
        contract.candidacy.identity = contract.candidacy.identity | said


def writes(running: Record, **fields: str) -> int:
    finance = running.finance()
    page = finance.get(f"{running.path}/fiche/modifier")
    return finance.submit(page, "/fiche/modifier", **fields).status_code  # type: ignore[arg-type]


def test_the_retention_of_an_sme_stops_at_three_percent_where_it_is_certain(running: Record) -> None:
    kinds(running, "state", "PME")
    assert writes(running, retention_rate="3,5") == 422
    assert writes(running, retention_rate="3") == 200
    finance = running.finance()
    finance.get(f"{running.path}/fiche")
    for said in ("PME", "selon Insee, le 1er septembre 2026", "État, ou établissement public administratif"):
        assert said in finance.page.main, said
    assert "Retenue à vérifier" not in finance.page.main
    assert writes(running, retention_rate="5", holder_size="other") == 422
    assert writes(running, retention_rate="5", holder_size="other", holder_size_source="Déclaration du 2 mars") == 200
    kinds(running, "local", "PME")
    assert writes(running, retention_rate="5", holder_size="") == 200


@pytest.mark.parametrize(
    ("kind", "category", "doubt"),
    [
        ("", "PME", "le genre de l’acheteur"),
        ("local_large", None, "connaître la taille du titulaire"),
        ("", None, "le genre de l’acheteur, que son administrateur dit et la taille"),
        ("", "ETI", ""),
        ("health", "PME", ""),
    ],
)
def test_a_doubt_about_the_retention_is_told(running: Record, kind: str, category: str | None, doubt: str) -> None:
    kinds(running, kind, category)
    assert writes(running, retention_rate="5") == 200
    finance = running.finance()
    finance.get(f"{running.path}/fiche")
    assert ("Retenue à vérifier" in finance.page.main) is bool(doubt)
    assert doubt in finance.page.main


def test_what_is_known_goes_to_the_contracts_file(running: Record) -> None:
    kinds(running, "local_large", "PME")
    with reading(running.context.database) as db:
        contract = db.get_one(Contract, running.contract.id)
        record, launched = record_of(whole_of(db, contract)), contract.consultation.dossier["launched_on"]
    assert record["buyer"]["kind"] == "local_large"
    assert [holder["sme"] for holder in record["holders"]] == [True]
    assert record["launched_on"] == launched
