"""Modifications: drafted in a case of the code, read against its limits, written as an act, agreed, notified."""

import io

import pypdf
import pytest

from api.context import Context
from api.db import reading, transaction
from procurement.act import AMENDMENT, acts_of
from procurement.contract import Contract, paris_day
from procurement.execution.parties import holder_now, parties_of
from procurement.signers import circuit
from tests.award_scene import sign
from tests.candidacy_scene import BAKERY
from tests.checked_client import CheckedClient
from tests.record_scene import OURS, PDF, Browser, Record, post, record

REASON = "Deux carrefours de plus, décidés après le marché."


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def draft(running: Record, **fields: str) -> CheckedClient:
    """The officer, on the page that follows."""
    officer, typed = running.officer(), {"basis": "minor", "reason": REASON, "amount": "4 200"} | fields
    officer.submit(officer.get(f"{running.path}/modifications"), "/modifications", **typed)  # type: ignore[arg-type]
    return officer


def notified_on(running: Record) -> str:
    assert running.contract.received_on is not None
    return running.contract.received_on.isoformat()


def test_a_modification_is_signed_notified_and_counted(running: Record) -> None:
    officer = draft(running, months="3")
    where = officer.page.url.split("?")[0]
    assert "Aucun des contrôles ne relève de difficulté" in officer.page.main
    act = officer.get(f"{where}/avenant.pdf")
    said = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(act.content)).pages)
    for word in ("Avenant n° 1", "carrefours", "prolonge la durée du marché de 3 mois"):
        assert word in " ".join(said.split()), word
    assert officer.get(f"{where}/avenant.docx").content.startswith(b"PK")
    assert officer.submit(officer.get(where), "/accepter").status_code == 422
    assert "Joignez l’avenant signé" in officer.page.main
    officer.submit(officer.page, "/accepter", file=PDF)
    assert "Acceptée, à notifier" in officer.page.main
    officer.submit(officer.page, "/notifier", notified_on=notified_on(running), file=PDF)
    assert "Notifiée, en vigueur" in officer.page.main
    contract = running.contract
    assert (str(contract.amount_now), contract.months_added) == ("88200.00", 3)
    officer.get(f"{running.path}/modifications")
    for word in (
        "soit 5 % du montant initial",
        "4 200,00 € (5 %)",
        "8 400,00 € (10 %)",
        "R2194-8, texte lu en novembre",
    ):
        assert word in officer.page.main, word
    assert [each for each in running.said if "odification" in each] == [
        "Modification écrite", "Modification acceptée", "Modification notifiée",
    ]  # fmt: skip
    assert post(officer, f"{where.removeprefix('http://testserver')}/accepter") == 409
    assert "Le montant" not in officer.page.main


def test_a_change_beyond_the_limit_is_told_and_not_written(running: Record) -> None:
    officer = draft(running, amount="8 400")
    where = officer.page.url.split("?")[0]
    assert "Les modifications de faible montant font 8 400,00 € HT en tout" in officer.page.main.replace("\u202f", " ")
    assert "R2194-8" in officer.page.main
    if "Télécharger l’avenant (PDF)" not in officer.page.links:
        assert officer.get(f"{where}/avenant.pdf").status_code == 409


def test_one_at_a_time_and_dropped(running: Record) -> None:
    officer = draft(running)
    where = officer.page.url.split("?")[0]
    assert "Une modification est en cours" in running.officer().get(f"{running.path}/modifications").text
    headers, fields = OURS, {"basis": "minor", "reason": REASON, "amount": "1"}
    assert officer.post(f"{running.path}/modifications", data=fields, headers=headers).status_code == 409
    officer.submit(officer.get(where), "/abandonner")
    assert "Abandonnée" in officer.page.main
    assert "Modification abandonnée" in running.said
    assert draft(running).page.h1 == "Modification n° 2"


def test_the_holder_changes_by_its_siret(running: Record) -> None:
    officer = draft(running, basis="successor", amount="", to_siret=BAKERY)
    assert officer.page.status == 200
    assert BAKERY in officer.page.main
    where = officer.page.url.split("?")[0]
    officer.submit(officer.get(where), "/accepter", file=PDF)
    officer.submit(officer.page, "/notifier", notified_on=notified_on(running))
    with transaction(running.context.database) as db:
        contract = db.get_one(Contract, running.contract.id)
        assert holder_now(parties_of(db, contract)).siret == BAKERY


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": "court"}, "ce qui change et pourquoi"),
        ({"amount": ""}, "le montant, la durée ou le titulaire"),
        ({"amount": "-84 000"}, "une fois modifié, reste positif"),
        ({"amount": "1,234"}, "en euros et centimes"),
        ({"months": "361"}, "360 mois au plus"),
        ({"months": "trois"}, "Écrivez un nombre entier"),
        ({"to_siret": BAKERY}, "dans le cas R2194-6, et dans ce cas seulement"),
        ({"basis": "successor"}, "dans le cas R2194-6, et dans ce cas seulement"),
        ({"basis": "successor", "to_siret": "123"}, "chiffres"),
        ({"reason": "r" * 2001}, "plus de 2000 caractères"),
    ],
)
def test_what_cannot_be_modified_comes_back(running: Record, fields: dict[str, str], said: str) -> None:
    officer = draft(running, **fields)
    assert officer.page.status == 422
    assert said in officer.page.main
    assert running.told("amendment.drafted") == []


@pytest.mark.parametrize("on", ["", "2999-01-01", "2020-01-01", "hier"])
def test_it_is_notified_on_a_day_that_can_be(running: Record, on: str) -> None:
    officer = draft(running)
    officer.submit(officer.page, "/accepter", file=PDF)
    assert officer.submit(officer.page, "/notifier", notified_on=on).status_code == 422
    assert "La notification va de la prise d’effet" in officer.page.main or "Écrivez une date" in officer.page.main


def test_finance_reads_and_modifies_nothing(running: Record) -> None:
    where = draft(running).page.url.removeprefix("http://testserver").split("?")[0]
    finance = running.finance()
    assert finance.get(where).status_code == 200
    for word in ("accepter", "notifier", "abandonner"):
        assert post(finance, f"{where}/{word}") == 404
    assert str(paris_day(running.contract.created_at))


def test_a_modification_is_signed_in_the_service(running: Record, context: Context, browser: Browser) -> None:
    officer = draft(running)
    where = officer.page.url.split("?")[0]
    officer.submit(officer.get(where), "/signer")
    assert "Signature attendue" in officer.page.main
    assert "Accepter avec un document signé ailleurs" not in officer.page.main
    assert post(officer, f"{where.removeprefix('http://testserver')}/signer") == 409
    with reading(context.database) as db:
        contract = db.query(Contract).one()
        act = next(act for act in acts_of(db, contract) if act.kind == AMENDMENT)
        lines = [(line.ref, line.siret) for line in circuit(db, act)]
    for (ref, siret), user in zip(lines, (running.scene.winner, running.scene.officer), strict=True):
        signer, path = browser(user), f"/signatures/{ref}"
        signed = sign(context, signer.get(f"{path}/avenant.pdf").content, siret)
        answer = signer.submit(signer.get(path), "/fichier", file=("signe.pdf", signed, "application/pdf"))
        assert answer.status_code == 200, signer.page.main
    officer.get(where)
    assert "Acceptée, à notifier" in officer.page.main
    assert "Signatures de l’avenant" in officer.page.main
    assert officer.get(f"{where}/avenant.pdf").content.count(b"/ByteRange") >= 2
    assert "Modification acceptée" in running.said


def test_a_modification_that_is_dropped_is_no_longer_signed(
    running: Record, context: Context, browser: Browser
) -> None:
    officer = draft(running)
    where = officer.page.url.split("?")[0]
    officer.submit(officer.get(where), "/signer")
    with reading(context.database) as db:
        act = next(act for act in acts_of(db, db.query(Contract).one()) if act.kind == AMENDMENT)
        (holder, _) = circuit(db, act)
    officer.submit(officer.get(where), "/abandonner")
    assert "Abandonnée" in officer.page.main
    assert "retiré" in browser(running.scene.winner).get(f"/signatures/{holder.ref}").text


def test_a_new_holder_does_not_sign_here(running: Record) -> None:
    officer = draft(running, basis="successor", to_siret=BAKERY, to_name="Boulangerie")
    where = officer.page.url.split("?")[0].removeprefix("http://testserver")
    assert post(officer, f"{where}/signer") == 409
