"""To and from the finance software: liquidations out, mandates in; nothing is paid twice."""

import csv
import hashlib
import io
import zipfile
from datetime import timedelta
from decimal import Decimal

import pypdf
import pytest

from api.context import Context
from api.db import now, transaction
from procurement.contract import Contract
from procurement.execution.receptions import receive
from procurement.people import User, person_of
from procurement.rules.mandate_pieces import rubrics
from tests.award_scene import Scene, contract_of_scene
from tests.billing_scene import approved, copy_in, kept, read_copy, today_of
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.factories import make_buyer, make_finance

HEAD = "numero facture;siret;mandat;date\n"


def send(finance: CheckedClient, text: str) -> int:
    page = finance.get("/factures/paiements")
    file = ("mandats.csv", text.encode(), "text/csv")
    return int(finance.submit(page, "/factures/paiements", file=file).status_code)


def test_a_file_of_mandates_pays_each_invoice_once(context: Context, scene: Scene, finance: CheckedClient) -> None:
    siret = contract_of_scene(context.database, scene).holder_siret
    refs = [kept(context, scene, number=number) for number in ("F-1", "F-2", "F-3", "F-4")]
    refs.append(kept(context, scene, number="F-4", ago=400))  # a number used again in another year
    for ref in (refs[0], refs[1], refs[3], refs[4]):
        approved(context, scene, ref)
    day = f"{today_of(context.database):%d/%m/%Y}"
    lines = [f"{number};{siret};M-{number};{day}\n" for number in ("F-1", "F-2", "F-3", "F-4", "F-9")]
    assert send(finance, HEAD + "".join(lines) + f"F-1;{siret};M-AUTRE;{day}\n") == 200
    text = finance.page.main
    assert "2 paiements enregistrés" in text
    assert "facture F-3 : pas encore approuvée" in text
    assert "facture F-4 : plusieurs copies approuvées" in text
    assert "facture F-9 : inconnue ici" in text
    assert "Ligne 7, facture F-1 : déjà payée, par le mandat M-F-1" in text
    assert read_copy(context.database, refs[0]).mandate == "M-F-1"
    send(finance, HEAD + lines[0] + f"F-2;{siret};M-F-2;01/01/2199\n")
    assert "0 paiement enregistré" in finance.page.main
    assert "2 déjà enregistrés" in finance.page.main


def test_a_day_that_cannot_be_is_left_aside(context: Context, scene: Scene, finance: CheckedClient) -> None:
    siret = contract_of_scene(context.database, scene).holder_siret
    ref = kept(context, scene, number="F-1")
    approved(context, scene, ref)
    send(finance, HEAD + f"F-1;{siret};M-1;2199-01-01\n")
    assert "Le paiement va de la date de la facture à aujourd’hui" in finance.page.main
    assert read_copy(context.database, ref).state == "approved"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "n’est pas vide"),
        ("a;b\n", "il manque facture, siret, mandat, date"),
        (HEAD, "aucune ligne de paiement"),
        (HEAD + "F;123;M;01/01/2026\n", "n’est pas un SIRET"),
        (HEAD + "F;12345678200002;;01/01/2026\n", "le numéro de facture ou de mandat manque"),
        (HEAD + "F;12345678200002;M;demain\n", "n’est pas une date"),
        (HEAD + "F;12345678200002;M;01/01/2026\n" * 5001, "plus de 5000 lignes"),
        ("x" * 2_000_001, "dépasse la taille permise (2 Mo)"),
        (HEAD + '"' + "x" * 200_000, "n’est pas un CSV lisible"),
    ],
)
def test_a_file_that_does_not_read_keeps_nothing(
    scene: Scene, finance: CheckedClient, text: str, sentence: str
) -> None:
    assert send(finance, text) == 422
    assert sentence in finance.page.main


def test_liquidations_are_read_by_french_spreadsheets(context: Context, scene: Scene, finance: CheckedClient) -> None:
    contract = contract_of_scene(context.database, scene)
    late = kept(context, scene, "1000.50", ago=45, number="=HYPERLINK(1)")
    approved(context, scene, late, retention_ttc="60.03")
    kept(context, scene)  # not decided: not there
    for path in ("/factures/liquidations.csv", f"/contrats/{contract.ref}/liquidations.csv"):
        answer = finance.get(path)
        assert answer.content.startswith(b"\xef\xbb\xbfmarche;engagement;service;facture;siret;date;ht;tva;ttc;admis;")
        (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
        assert row["marche"] == contract.number
        assert row["engagement"], row["service"] == ("EJ-2026-77", "VOIRIE")
        assert row["facture"] == "'=HYPERLINK(1)"
        assert (row["ht"], row["tva"], row["ttc"], row["admis"]) == ("1000,50", "200,10", "1200,60", "1200,60")
        assert (row["retenue"], row["net"]) == ("60,03", "1140,57")
        assert row["echeance"] == f"{today_of(context.database) - timedelta(13):%d/%m/%Y}"
        assert Decimal(row["interets"].replace(",", ".")) > 40


def test_only_their_own_liquidations(context: Context, scene: Scene, browser: Browser) -> None:
    approved(context, scene, kept(context, scene))
    other = browser(make_finance(context.database, make_buyer(context.database)))
    assert len(other.get("/factures/liquidations.csv").text.splitlines()) == 1
    ref = contract_of_scene(context.database, scene).ref
    for user in (other, browser(scene.officer), browser(scene.winner)):
        assert user.get(f"/contrats/{ref}/liquidations.csv").status_code == 404


def test_one_bundle_for_a_mandate(context: Context, scene: Scene, finance: CheckedClient, browser: Browser) -> None:
    ref = kept(context, scene, number="F-1", content=b"<facture>1</facture>")
    assert finance.get(f"/factures/{ref}/pieces.zip").status_code == 409
    assert "une fois la facture approuvée" in finance.page.text
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.finance.id)), now(db)
        receive(
            db, contract, on=today_of(context.database), label="Comptages de mars", amount_ht=Decimal(1000), part="",
            code="", quantity=None, person=person, now=at,
        )  # fmt: skip
    approved(context, scene, ref)
    answer = finance.get(f"/factures/{ref}/pieces.zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    names = [name[3:] for name in archive.namelist()]
    assert names[0] == "index.csv"
    assert {"controle.json", "controle.pdf", "liquidation.json", "service-fait.csv"} <= set(names)
    assert any(name.startswith("acte-engagement-") for name in names)
    facture = next(name for name in archive.namelist() if name.endswith(".xml"))
    assert archive.read(facture) == b"<facture>1</facture>"
    index = archive.read("00-index.csv").decode("utf-8-sig")
    assert "acte-engagement" in index
    assert "à vérifier dans la liste annexée à l’article D1617-19" in index
    assert "Comptages de mars" in archive.read(archive.namelist()[names.index("service-fait.csv")]).decode("utf-8-sig")
    assert scene.finance.email.encode() in archive.read(archive.namelist()[names.index("liquidation.json")])
    assert browser(scene.officer).get(f"/factures/{ref}/pieces.zip").status_code == 404
    with transaction(context.database) as db:
        copy_in(db, ref).contract_id = None
    assert finance.get(f"/factures/{ref}/pieces.zip").status_code == 409


FOUND = {
    "rule": "over-contract", "severity": "warn", "bt": "BT-131", "message": "La ligne 2 dépasse le prix du marché.",
    "reason_code": "MONTANTTOTAL_ERR", "chorus": "", "effect": "partial",
}  # fmt: skip
STEPS = ["Montant facturé toutes taxes comprises : 1 200,00 €.", "Retenue de garantie de 5 % : 60,00 €."]
RULES = [{"name": "EN 16931 (CEN)", "version": "1.3.15", "sha256": "ab" * 32}]


def test_the_report_of_a_mandate_is_read_by_a_person(context: Context, scene: Scene, finance: CheckedClient) -> None:
    candidate = {"contract": "2026-0001", "score": 95, "because": ["même titulaire"]}
    match = {"decision": "partial", "candidates": [candidate], "findings": [FOUND], "payable": {"steps": STEPS}}
    ref = kept(context, scene, number="F-1", ago=45, match=match, content=b"<facture>1</facture>")
    with transaction(context.database) as db:
        copy = copy_in(db, ref)
        copy.name = "controle.pdf"  # as our own report is named: it stays the invoice
        copy.report = {
            **copy.report,
            "rule_sets": RULES,
            "not_verified": [{"rule": "BR-FR-1", "sentence": "Sans liste."}],
        }
        contract, person = copy.contract, person_of(db.get_one(User, scene.finance.id))
        assert contract is not None
        receive(
            db, contract, on=today_of(context.database), label="Comptages de mars", amount_ht=Decimal(1000), part="",
            code="P-1", quantity=Decimal("2.5"), person=person, now=now(db),
        )  # fmt: skip
    approved(context, scene, ref, retention_ttc="60.00")
    archive, again = (zipfile.ZipFile(io.BytesIO(finance.get(f"/factures/{ref}/pieces.zip").content)) for _ in "12")
    report = next(name for name in archive.namelist() if name.startswith("02-"))
    assert archive.read(report) == again.read(report)
    assert archive.read("01-controle.pdf") == b"<facture>1</facture>"
    said = text_of(archive.read(report))
    told = (
        contract.number, contract.holder_name, contract.holder_siret, "F-1", "EN 16931 (CEN)", "1.3.15", "BR-FR-1",
        "95 sur 100", FOUND["message"], "Montant facturé toutes taxes comprises", "Retenue de garantie de 5 %",
        "1 140,00 €", "Facture approuvée", scene.finance.email, "Comptages de mars", "2,5 × prix P-1",
        "Dernier jour pour payer", "13 jours de retard", "Acte d’engagement",
    )  # fmt: skip
    for word in told:
        assert word in said, word
    for name in archive.namelist()[1:]:
        if name != report:
            assert hashlib.sha256(archive.read(name)).hexdigest() in said.replace(" ", ""), name
    assert "ab" * 32 in said.replace(" ", "")


def text_of(pdf: bytes) -> str:
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\u202f", " ").replace("\u00a0", " ").split())


def test_no_rubric_is_asserted_before_it_is_read() -> None:
    assert {row.mark for row in rubrics().values()} == {"K"}
    assert not any(row.verified for row in rubrics().values())
