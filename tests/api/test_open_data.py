"""decp.json and decp.xml: public, valid by our own schemas, only what is in effect, the sandbox said."""

import json
from pathlib import Path

from fastapi import FastAPI
from lxml import etree

from api import isolate
from api.context import Context
from api.db import Database, reading, transaction
from api.open_data import records
from procurement.people import Organisation
from tests.api.test_cli import mps
from tests.award_scene import contract_of_scene, in_effect, opened
from tests.checked_client import CheckedClient

CHECK = "procurement.publication.check:check_document_dict"


def test_both_forms_are_valid_and_usable(context: Context, client: CheckedClient) -> None:
    scenes = [in_effect(context, f"2026-MAPA-0{n}") for n in (1, 2)]
    for path in ("/decp.json", "/decp.xml"):
        answer = client.get(path)
        report = isolate.run(CHECK, answer.content, None)
        assert report["findings"] == [], path
        assert (report["schema_valid"], report["exploitable"], report["records"]) == (True, True, 2), path
    found = json.loads(client.get("/decp.json").content)["marches"]["marche"]
    assert [r["acheteur"]["id"] for r in found] == [s.buyer.siret for s in scenes]
    contract = contract_of_scene(context.database, scenes[0])
    assert contract.received_on is not None
    first = found[0]
    assert first["id"] == contract.number
    assert first["montant"] == 84000
    assert first["offresRecues"] == 2
    assert first["dateNotification"] == contract.received_on.isoformat()
    assert first["titulaires"][0]["titulaire"] == {"id": contract.holder_siret, "typeIdentifiant": "SIRET"}
    assert first["dureeMois"] == 36
    tree = etree.fromstring(client.get("/decp.xml").content)
    assert [e.text for e in tree.iterfind("marche/id")] == [r["id"] for r in found]


def test_only_what_is_in_effect(database: Database, client: CheckedClient) -> None:
    opened(database)
    assert json.loads(client.get("/decp.json").content) == {"marches": {"marche": []}}
    assert client.get("/decp.xml").status_code == 200


def test_the_sandbox_is_said_in_the_data(context: Context, app: FastAPI, client: CheckedClient) -> None:
    scene = in_effect(context)

    def subject() -> str:
        found: str = json.loads(client.get("/decp.json").content)["marches"]["marche"][0]["objet"]
        return found

    assert subject().startswith("[Bac à sable, sans valeur] Collecte")
    app.state.sandbox = False
    assert subject().startswith("Collecte")
    with transaction(context.database) as db:
        db.get_one(Organisation, scene.buyer.id).sandbox = True
    assert subject().startswith("[Bac à sable")


def test_since_a_day(context: Context) -> None:
    contract = contract_of_scene(context.database, in_effect(context))
    assert contract.published_at is not None
    day = contract.published_at.date()
    with reading(context.database) as db:
        assert len(list(records(db, False, day.replace(year=day.year - 1)))) == 1
        assert list(records(db, False, day.replace(year=day.year + 1))) == []


def test_export_writes_the_document(context: Context, database_url: str, tmp_path: Path) -> None:
    contract = contract_of_scene(context.database, in_effect(context))
    here = {"MPS_DATABASE_URL": database_url}
    asked = mps("decp", "export", home=tmp_path, **here)
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["marches"]["marche"][0]["id"] == contract.number
    xml = mps(
        "decp", "export", "--format", "xml", "--since", "2020-01-01", home=tmp_path, MPS_DATABASE_URL=database_url
    )
    assert etree.fromstring(xml.stdout.encode()).findtext("marche/id") == contract.number
    none = mps("decp", "export", "--since", "2199-01-01", home=tmp_path, **here)
    assert json.loads(none.stdout) == {"marches": {"marche": []}}


def test_export_says_what_is_wrong(tmp_path: Path) -> None:
    empty = mps("decp", "export", home=tmp_path)
    assert (empty.returncode, empty.stdout) == (3, "")
    assert "mps migrate" in empty.stderr
    assert mps("decp", "export", "--since", "hier", home=tmp_path).returncode == 2
    assert mps("decp", "export", "--format", "csv", home=tmp_path).returncode == 2
