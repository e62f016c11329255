"""The yearly list of the contracts of 25 000 to 40 000 €: a page, CSV, JSON; per buyer and year, paged, for anyone."""

import json
from datetime import UTC, datetime

import pytest

from api.context import Context
from api.db import now, transaction
from procurement.contract import Contract
from procurement.people import Organisation
from procurement.publication.essential import Essential
from tests.award_scene import in_effect
from tests.checked_client import CheckedClient
from tests.factories import make_buyer


def concluded(context: Context, number: str, buyer: Organisation, amount: str, at: datetime | None = None) -> None:
    """A contract published with its five data; signed at that instant, or as the scene says."""
    scene = in_effect(context, number, buyer)
    with transaction(context.database) as db:
        contract = db.query(Contract).join(Contract.consultation).filter_by(ref=scene.consultation).one()
        contract.act.signed_at = at or contract.act.signed_at
        db.flush()
        essential = db.query(Essential).filter_by(contract_id=contract.id).one()
        essential.form, essential.record = "listed", json.dumps({
            "id": contract.number, "objet": f"Objet de {number}", "montant": float(amount), "dureeMois": 12,
            "attributaire": contract.holder_name, "codePostal": "01234",
        })  # fmt: skip


@pytest.fixture
def buyer(context: Context) -> Organisation:
    return make_buyer(context.database)


def test_the_list_has_the_five_data_of_each_contract(
    context: Context, buyer: Organisation, client: CheckedClient
) -> None:
    concluded(context, "2026-MAPA-01", buyer, "30000.5", datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    concluded(context, "2026-MAPA-02", buyer, "26000", datetime(2025, 6, 1, tzinfo=UTC))
    in_effect(context, "2026-MAPA-03", buyer)
    client.get("/marches/listes")
    assert buyer.name in client.page.main
    here = f"/marches/listes/{buyer.ref}/2026"
    text = client.get(here).text.replace("\u202f", " ")
    for said in (
        "Objet de 2026-MAPA-01",
        "30 000,50",
        "1er janvier 2026",
        "Capteurs et Mesures SAS",
        "01234",
        "R2196-1",
    ):
        assert said in text, said
    assert "texte lu en avril 2026" in text
    assert "MAPA-02" not in text
    assert "MAPA-03" not in text
    (line,) = json.loads(client.get(f"{here}/liste.json").content)["marches"]
    assert line | {"objet": ""} == {
        "objet": "", "montant": 30000.5, "dateConclusion": "2026-01-01", "attributaire": "Capteurs et Mesures SAS",
        "codePostal": "01234",
    }  # fmt: skip
    assert line["objet"] == "[Bac à sable, sans valeur] Objet de 2026-MAPA-01"
    header, row, end = client.get(f"{here}/liste.csv").content.decode("utf-8-sig").split("\r\n")
    assert header == "objet;montant_ht;date_conclusion;attributaire;code_postal"
    assert row.endswith(";30000,50;01/01/2026;Capteurs et Mesures SAS;01234")
    assert end == ""


def test_a_list_is_of_one_buyer_and_paged(
    context: Context, buyer: Organisation, client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.yearly_list.PAGE", 2)
    other = make_buyer(context.database)
    for rank in range(3):
        concluded(context, f"2026-MAPA-1{rank}", buyer, "30000")
    concluded(context, "2026-AUTRE-1", other, "30000")
    with transaction(context.database) as db:
        year = now(db).year
    first = client.get(f"/marches/listes/{buyer.ref}/{year}")
    assert "MAPA-11" in first.text
    assert "MAPA-12" not in first.text
    client.click(client.page, "Page suivante →")
    assert "MAPA-12" in client.page.main
    assert "AUTRE" not in client.page.main
    assert len(json.loads(client.get(f"/marches/listes/{buyer.ref}/{year}/liste.json").content)["marches"]) == 3
    client.get("/marches/listes")
    client.click(client.page, "Page suivante →")
    assert "Aucun marché" in client.page.main


@pytest.mark.parametrize(
    "path", ["INCONNU00000/2026", "{ref}/12", "{ref}/9999", "{ref}/2026/liste.xml", "{ref}/ann%C3%A9"]
)
def test_what_is_no_list_is_not_found(buyer: Organisation, client: CheckedClient, path: str) -> None:
    assert client.get(f"/marches/listes/{path.format(ref=buyer.ref)}").status_code == 404
