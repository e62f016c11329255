"""Essential data from the reception to what the world reads: checked, frozen, added to, held back with its reasons."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from api.context import Context
from api.db import now, reading, transaction
from api.open_data import records
from api.steps.essential import publish_one
from procurement.contract import Contract, paris_day
from procurement.execution.amendments import Change, agree, draft_amendment, notify_amendment
from procurement.execution.parties import Party, write_parties
from procurement.mail import Mail
from procurement.people import User, person_of
from procurement.publication.check import check_document
from procurement.publication.deadlines import expected, plus_months, warn
from procurement.publication.decp import to_json, to_text, to_xml
from procurement.publication.essential import Essential, EssentialAct, essential_of
from procurement.publication.mapping import plan
from tests.award_scene import Scene, awarded, contract_of_scene, in_effect, opened
from tests.checked_client import CheckedClient
from tests.factories import make_siret

Browser = Callable[[User], CheckedClient]


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def unpublish(context: Context, scene: Scene, amount: str = "84000", **dossier: Any) -> Contract:
    """The contract as it is the instant before the worker looks at it, with another dossier."""
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        db.execute(delete(EssentialAct))
        db.execute(delete(Essential).where(Essential.contract_id == contract.id))
        contract.published_at, contract.amount = None, Decimal(amount)
        contract.consultation.dossier = contract.consultation.dossier | dossier
    return contract_of_scene(context.database, scene)


def row(context: Context) -> Essential:
    with reading(context.database) as db:
        found = db.scalars(select(Essential)).one()
        _ = found.acts
        return found


def whole(context: Context) -> list[dict[str, Any]]:
    with reading(context.database) as db:
        return list(records(db, False))


def change(context: Context, scene: Scene, amount: int, months: int, to: str = "") -> None:
    """A modification, from its draft to its notification."""
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        person, at = person_of(db.get_one(User, scene.officer.id)), now(db)
        said = Change(
            "successor" if to else "review",
            "Le périmètre est étendu.",
            Decimal(amount),
            months,
            to,
            "Repreneur SAS" if to else "",
        )
        made = draft_amendment(db, contract, said, person, at)
        agree(db, contract, made, person.email, at)
        notify_amendment(db, contract, made, paris_day(at), person, at)


def test_the_worker_publishes_what_passes_every_check(context: Context, scene: Scene) -> None:
    contract = unpublish(context, scene)
    assert publish_one(context)
    assert not publish_one(context)
    found = row(context)
    assert (found.state, found.form, found.findings) == ("published", "full", [])
    (made,) = whole(context)
    assert (made["id"], made["dateNotification"]) == (contract.number, str(contract.received_on))
    with reading(context.database) as db:
        assert made["datePublicationDonnees"] == str(paris_day(now(db)))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.integers(-1000, 5000), st.integers(0, 3), st.booleans()).filter(any), min_size=1, max_size=3
    )
)
def test_what_was_published_never_changes(context: Context, moves: list[tuple[int, int, bool]]) -> None:
    """Whatever happens later, the record's text stays byte for byte, and objects are only added at the end."""
    with transaction(context.database) as db:
        number = db.query(Contract).count()
    scene = in_effect(context, f"2026-MAPA-{number:03d}")
    contract = contract_of_scene(context.database, scene)

    def kept() -> Essential:
        with reading(context.database) as db:
            found = db.query(Essential).filter_by(contract_id=contract.id).one()
            _ = found.acts
            return found

    first, before = kept().record, [act.record for act in kept().acts]
    for number, (amount, months, moved) in enumerate(moves, 1):
        change(context, scene, amount, months, make_siret(6200 + number) if moved else "")
        assert publish_one(context)
        after = kept()
        assert after.record == first
        assert [act.record for act in after.acts][: len(before)] == before
        before = [act.record for act in after.acts]
        base = {name: value for name, value in after.whole.items() if name != "modifications"}
        assert to_text(base) == first
    assert len(before) == len(moves)
    assert not publish_one(context)
    for write in (to_json, to_xml):
        assert check_document(write([kept().whole]), date(2038, 1, 1)).findings == ()


def test_a_modification_says_the_amount_and_the_months_it_leads_to(context: Context, scene: Scene) -> None:
    change(context, scene, 6000, 2)
    publish_one(context)
    change(context, scene, -1000, 0, make_siret(6300))
    publish_one(context)
    (made,) = whole(context)
    first, second = (each["modification"] for each in made["modifications"])
    assert (first["id"], first["montant"], first["dureeMois"]) == (1, 90000, 38)
    assert (second["id"], second["montant"], "dureeMois" in second) == (2, 89000, False)
    assert second["titulaires"] == [{"titulaire": {"id": make_siret(6300), "typeIdentifiant": "SIRET"}}]
    assert (made["montant"], made["titulaires"][0]["titulaire"]["id"]) == (84000, make_siret(6100))


def test_what_changed_before_the_record_was_published_is_beside_it(context: Context, scene: Scene) -> None:
    unpublish(context, scene)
    change(context, scene, 6000, 0)
    assert publish_one(context)
    assert publish_one(context)
    assert not publish_one(context)
    (made,) = whole(context)
    assert (made["montant"], made["modifications"][0]["modification"]["montant"]) == (84000, 90000)


def test_an_origin_that_is_not_known_is_asked_then_published(context: Context, scene: Scene, browser: Browser) -> None:
    contract = unpublish(context, scene, cpv="33100000-1")
    assert publish_one(context)
    assert row(context).state == "held"
    assert whole(context) == []
    officer, path = browser(scene.officer), f"/contrats/{contract.ref}/donnees-essentielles"
    officer.get(path)
    assert "33100000-1 demande la part des fournitures" in officer.page.main
    assert officer.submit(officer.page, origin_eu="40", origin_fr="60").status_code == 422
    assert "ne la dépasse pas" in officer.page.main
    assert officer.submit(officer.page, origin_eu="beaucoup", origin_fr="0").status_code == 422
    officer.submit(officer.get(path), origin_eu="80,5 %", origin_fr="60")
    assert "En cours de contrôle" in officer.page.main
    publish_one(context)
    assert "Publiées" in officer.get(path).text
    (made,) = whole(context)
    assert (made["origineUE"], made["origineFrance"]) == (Decimal("0.805"), Decimal("0.6"))
    assert browser(scene.finance).get(path).status_code == 200


def test_what_the_consolidation_would_drop_is_not_published(context: Context, scene: Scene, browser: Browser) -> None:
    contract = unpublish(context, scene, duration_months=200)
    publish_one(context)
    assert whole(context) == []
    assert "DECP-DUREE-MAX" in [each["rule"] for each in row(context).findings]
    page = browser(scene.officer).get(f"/contrats/{contract.ref}/donnees-essentielles")
    assert "dépasse le plafond de vraisemblance" in page.text
    assert not publish_one(context)


@pytest.mark.parametrize(
    ("amount", "form", "keys"),
    [
        ("24999.99", "exempt", set()),
        ("25000", "listed", {"id", "objet", "montant", "dureeMois", "attributaire", "codePostal"}),
        ("39999.99", "listed", {"id", "objet", "montant", "dureeMois", "attributaire", "codePostal"}),
    ],
)
def test_smaller_contracts_publish_less(
    context: Context, scene: Scene, client: CheckedClient, amount: str, form: str, keys: set[str]
) -> None:
    contract = unpublish(context, scene, amount)
    publish_one(context)
    found = row(context)
    assert (found.state, found.form) == ("published", form)
    assert set(json.loads(found.record or "{}")) == keys
    assert whole(context) == []
    answer = client.get(f"/marches/{contract.ref}")
    assert answer.status_code == (200 if keys else 404)
    if keys:
        assert json.loads(client.get(f"/marches/{contract.ref}/donnees.json").content)["codePostal"] == "01234"
        assert client.get(f"/marches/{contract.ref}/donnees.xml").status_code == 404
    change(context, scene, 1000, 0)
    assert not publish_one(context)


def test_a_small_contract_is_published_whole_where_the_buyer_wants(
    context: Context, scene: Scene, browser: Browser
) -> None:
    contract = unpublish(context, scene, "30000")
    officer = browser(scene.officer)
    officer.submit(officer.get(f"/contrats/{contract.ref}/donnees-essentielles"), whole=True)
    publish_one(context)
    assert whole(context)[0]["montant"] == 30000
    refused = officer.get(f"/contrats/{contract.ref}/donnees-essentielles")
    assert "Publiées" in refused.text


def test_a_group_is_published_with_all_its_members(context: Context, scene: Scene, browser: Browser) -> None:
    contract = unpublish(context, scene)
    with transaction(context.database) as db:
        members = [Party(siret=make_siret(number), name=f"Membre {number}", work="") for number in (6100, 6400)]
        write_parties(db, db.get_one(Contract, contract.id), members)
    publish_one(context)
    assert row(context).state == "held"
    officer = browser(scene.officer)
    officer.submit(officer.get(f"/contrats/{contract.ref}/donnees-essentielles"), grouping="Solidaire")
    publish_one(context)
    (made,) = whole(context)
    assert made["typeGroupementOperateurs"] == "Solidaire"
    assert [each["titulaire"]["id"] for each in made["titulaires"]] == [make_siret(6100), make_siret(6400)]


def test_a_framework_agreement(context: Context, scene: Scene) -> None:
    unpublish(context, scene, nature="Accord-cadre", ceiling="150000", duration_months=12, renewals=0)
    publish_one(context)
    (made,) = whole(context)
    assert (made["montant"], made["techniques"]) == (150000, {"technique": ["Accord-cadre"]})
    assert made["modalitesExecution"] == {"modaliteExecution": ["Bons de commande"]}


def test_a_concession_and_its_years(context: Context, scene: Scene, browser: Browser, client: CheckedClient) -> None:
    contract = unpublish(context, scene, nature="Concession de service", procedure="concession")
    publish_one(context)
    assert row(context).state == "held"
    officer, path = browser(scene.officer), f"/contrats/{contract.ref}/donnees-essentielles"
    with reading(context.database) as db:
        today = paris_day(now(db))
    officer.submit(officer.get(path), starts_on=str(today + timedelta(days=30)), subsidy="12 000,50")
    publish_one(context)
    (made,) = whole(context)
    assert made["dateDebutExecution"] == str(today + timedelta(days=30))
    assert (made["nature"], made["montantSubventionPublique"]) == ("Concession de service", Decimal("12000.5"))
    form = path + "/annee"
    bad = officer.submit(officer.get(path), form, year="1999", invested="0", tariffs="sans prix")
    assert bad.status_code == 422
    officer.submit(officer.get(path), form, year=str(today.year), invested="0", tariffs="Heure ; 1,50\nJour ; 12")
    assert f"Données de l’année {today.year}" in officer.page.main
    twice = officer.submit(officer.get(path), form, year=str(today.year), invested="5", tariffs="Heure ; 2")
    assert twice.status_code == 422
    (made,) = whole(context)
    assert len(made["donneesExecution"][0]["donneesAnnuelles"]["tarifs"]) == 2
    for name in ("/decp.json", "/decp.xml"):
        report = check_document(client.get(name).content, date(2038, 1, 1))
        assert (report.records, report.findings) == (1, ())


def test_officers_are_told_before_the_day_and_after(context: Context, scene: Scene, browser: Browser) -> None:
    contract = unpublish(context, scene, cpv="33100000-1")
    publish_one(context)
    assert contract.received_on is not None
    due = plus_months(contract.received_on, 2)
    sent = []
    for day in (
        due - timedelta(days=20),
        due - timedelta(days=10),
        due,
        due + timedelta(days=1),
        due + timedelta(days=2),
    ):
        with transaction(context.database) as db:
            sent.append(warn(db, day, now(db)))
    assert sent == [0, 1, 0, 1, 0]
    with reading(context.database) as db:
        mails = list(db.scalars(select(Mail).where(Mail.subject.contains("Données essentielles"))))
        (found,) = expected(db, [scene.buyer.id])
        assert (found.due_on, expected(db, [scene.buyer.id + 1000])) == (due, [])
    assert [mail.to for mail in mails] == [scene.officer.email] * 2
    assert "33100000-1" in mails[0].body
    officer = browser(scene.officer)
    assert contract.number in officer.get("/donnees-essentielles").text


def test_two_months_end_on_a_day_that_exists() -> None:
    assert plus_months(date(2026, 12, 31), 2) == date(2027, 2, 28)
    assert plus_months(date(2027, 12, 31), 2) == date(2028, 2, 29)
    assert plus_months(date(2026, 11, 15), 2) == date(2027, 1, 15)


def test_the_feed_reads_all_acts_at_once(context: Context, scene: Scene, client: CheckedClient) -> None:
    """The checked client's cap on statements holds; that of many contracts is in test_query_counts.py."""
    with transaction(context.database) as db:
        essential = db.scalars(select(Essential.id)).one()
        for number in range(1, 301):
            text = to_text({"id": number})
            db.add(
                EssentialAct(
                    essential_id=essential, kind="modification", number=number, record=text, sha256="0" * 64,
                    published_at=now(db),
                )
            )  # fmt: skip
    (made,) = json.loads(client.get("/decp.json").content)["marches"]["marche"]
    assert [each["modification"]["id"] for each in made["modifications"]] == list(range(1, 301))


def test_strangers_read_what_was_published(context: Context, scene: Scene, client: CheckedClient) -> None:
    contract = contract_of_scene(context.database, scene)
    with reading(context.database) as db:
        object_ = db.get_one(Contract, contract.id).consultation.object
    change(context, scene, 6000, 2)
    publish_one(context)
    client.get("/marches?q=capteurs")
    assert contract.number in client.page.main
    client.click(client.page, object_)
    assert "Modification n° 1" in client.page.main
    assert "90 000,00 €" in client.page.main
    for form in ("json", "xml"):
        content = client.get(f"/marches/{contract.ref}/donnees.{form}").content
        assert check_document(content, date(2038, 1, 1)).findings == ()
    assert client.get(f"/marches/{contract.ref}/donnees.csv").status_code == 404
    assert client.get("/marches/INCONNU00000").status_code == 404
    assert "Rien ne correspond" in client.get("/marches?q=introuvable%25").text
    assert contract.number in client.get(f"/marches?annee={contract.received_on.year}").text  # type: ignore[union-attr]
    assert contract.number not in client.get("/marches?annee=2001").text
    figures = client.get("/marches/chiffres")
    assert figures.status_code == 200
    assert "Montant des marchés par année" in client.page.main
    assert "84 000 €" in client.page.main
    assert "/marches/" + contract.ref in client.get(f"/consultations/{scene.consultation}").text


def test_the_operator_sees_what_is_late(context: Context, app: FastAPI, scene: Scene) -> None:
    unpublish(context, scene, cpv="33100000-1")
    publish_one(context)
    with TestClient(app, client=("127.0.0.1", 50_000)) as machine:
        assert "mps_essential_data_expected 1.0" in machine.get("/metrics").text
        with transaction(context.database) as db:
            db.query(Essential).one().due_on = date(2026, 1, 1)
        assert "mps_essential_data_late 1.0" in machine.get("/metrics").text


def test_the_kind_of_the_group_comes_from_the_award(context: Context) -> None:
    scene = opened(context.database)
    member = f"{make_siret(6500)} ; Mesures SARL ; mesures@exemple.fr ; pose ; 20000"
    awarded(context, scene, member)
    contract = contract_of_scene(context.database, scene)
    with transaction(context.database) as db:
        kept = db.get_one(Contract, contract.id)
        assert essential_of(db, kept).grouping == "Conjoint"
        made = plan(db, kept, essential_of(db, kept), paris_day(now(db)))
    assert (made.missing, made.record["typeGroupementOperateurs"]) == ({}, "Conjoint")
    assert len(made.record["titulaires"]) == 2
