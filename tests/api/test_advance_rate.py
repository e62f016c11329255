"""The rate of the advance: 10 %, and 20 % where the holder is an SME; on the sheet, in PES and in essential data."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import inspect

from api.context import Context
from api.db import now, reading, transaction
from procurement.contract import Contract, paris_day
from procurement.execution.advance import promised
from procurement.execution.terms import terms_of
from procurement.liquidations import liquidations
from procurement.pes import facts_of
from procurement.publication.essential import Essential
from procurement.publication.mapping import plan
from procurement.publication.words import in_words
from tests.api.test_billing_reads import sent
from tests.award_scene import in_effect
from tests.billing_scene import approved, kept, today_of
from tests.record_scene import Browser, Record, record

WHY = "non connu à la publication : il dépend de la taille du titulaire"


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def size(running: Record, category: str | None) -> None:
    """What the register said of the holder at its deposit."""
    with transaction(running.context.database) as db:
        candidacy = db.get_one(Contract, running.contract.id).candidacy
        said = {"category": category, "source": "l’Insee", "fetched_at": "2026-09-01T10:00:00+00:00"}
        candidacy.identity = candidacy.identity | said


def sheet(running: Record) -> str:
    finance = running.finance()
    finance.get(f"{running.path}/fiche")
    return finance.page.main


def writes(running: Record, **fields: str) -> int:
    finance = running.finance()
    page = finance.get(f"{running.path}/fiche/modifier")
    return finance.submit(page, "/fiche/modifier", **fields).status_code  # type: ignore[arg-type]


def pes(running: Record) -> str:
    with reading(running.context.database) as db:
        return str(facts_of(db, db.get_one(Contract, running.contract.id))["marche"]["tauxAvance"])


def to_publish(running: Record) -> dict[str, Any]:
    """What would be published of a contract that nothing was published of."""
    with reading(running.context.database) as db:
        contract = db.get_one(Contract, running.contract.id)
        essential = Essential(contract_id=contract.id, said={}, grouping="", findings=[], record="")
        return plan(db, contract, essential, paris_day(now(db))).record


@pytest.mark.parametrize(
    ("category", "rate", "told", "published"),
    [
        ("PME", "0.20", "Taux 20 %Le titulaire est une PME (selon l’Insee, le 1er septembre 2026)", "20 %"),
        ("ETI", "0.10", "Taux 10 %Le titulaire n’est pas une PME (selon l’Insee, le 1er septembre 2026)", "10 %"),
        (None, "0.10", "Taux 10 %20 % si le titulaire est une PME : sa taille n’est pas connue", WHY),
    ],
)
def test_the_rate_is_the_one_of_the_holder_s_size(
    running: Record, category: str | None, rate: str, told: str, published: str
) -> None:
    size(running, category)
    assert told in sheet(running)
    assert "Avance à vérifier" not in sheet(running)
    assert pes(running) == rate
    made = to_publish(running)
    assert (made["attributionAvance"], made["tauxAvance"]) == (True, Decimal(0) if published == WHY else Decimal(rate))
    assert dict(in_words(made))["Taux de l’avance"].replace("\u00a0", " ") == published


def test_a_size_that_is_said_brings_the_rate_that_nobody_touched(running: Record) -> None:
    assert writes(running, holder_size="sme", holder_size_source="Déclaration du 2 mars") == 200
    assert "Taux 20 %Le titulaire est une PME (Déclaration du 2 mars)" in sheet(running)
    assert (pes(running), to_publish(running)["tauxAvance"]) == ("0.20", Decimal("0.20"))
    (told,) = running.told("terms.written")
    assert "advance_rate" in told["changed"]
    assert writes(running, advance_rate="10") == 200
    said = "Le dossier promet 20 % au titulaire, une PME (Déclaration du 2 mars) ; cette fiche dit 10 %"
    assert said in sheet(running)
    assert writes(running, holder_size="other", holder_size_source="Bilan", advance_rate="15") == 200
    assert (pes(running), to_publish(running)["tauxAvance"]) == ("0.15", Decimal("0.15"))


def test_terms_that_were_written_leave_an_unknown_size_unknown(running: Record) -> None:
    assert writes(running, payment_days="50") == 200
    assert "20 % si le titulaire est une PME" in sheet(running)
    assert to_publish(running)["tauxAvance"] == 0
    assert writes(running, advance_rate="0") == 200  # the holder gave it up
    made = to_publish(running)
    assert (made["attributionAvance"], "tauxAvance" in made) == (False, False)


@pytest.mark.parametrize(
    ("advance", "rates"),
    [
        ({}, ("0", "0")),
        ({"granted": False, "rate": "0.1", "sme_rate": "0.2"}, ("0", "0")),
        ({"granted": True, "rate": "0.1"}, ("0.1", "0.1")),
        ({"granted": True, "rate": "0.1", "sme_rate": None}, ("0.1", "0.1")),
        ({"granted": True, "rate": 0.1, "sme_rate": "0.10"}, ("0.1", "0.10")),
        ({"granted": True, "sme_rate": "0.3"}, ("0", "0.3")),
    ],
)
def test_what_a_dossier_promises(advance: dict[str, Any], rates: tuple[str, str]) -> None:
    found = promised({"advance": advance})
    assert (found.owed(False), found.owed(None), found.owed(True)) == (rates[0], rates[0], rates[1])
    assert found.by_size is (Decimal(rates[0]) != Decimal(rates[1]))


def test_a_dossier_with_one_rate_does_not_ask_for_the_holder(running: Record) -> None:
    with transaction(running.context.database) as db:
        consultation = db.get_one(Contract, running.contract.id).consultation
        consultation.dossier = consultation.dossier | {"advance": {"granted": True, "rate": "0.1"}}
    with reading(running.context.database) as db:
        contract = db.get_one(Contract, running.contract.id)
        assert terms_of(db, contract).advance_rate == "0.1"
        assert "candidacy" in inspect(contract).unloaded
    assert to_publish(running)["tauxAvance"] == Decimal("0.1")


def test_the_liquidations_of_a_contract_more_are_no_statement_more(context: Context) -> None:
    scene = in_effect(context)
    approved(context, scene, kept(context, scene))

    def statements() -> int:
        with sent() as found, reading(context.database) as db:
            liquidations(db, [scene.buyer.id], None, today_of(context.database))
        return len(found)

    one = statements()
    for rank in (2, 3):
        other = in_effect(context, f"2026-MAPA-0{rank}", scene.buyer)
        approved(context, other, kept(context, other))
    assert statements() == one
