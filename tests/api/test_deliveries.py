"""Data that a contract owes: planned, dropped, checked, accepted or sent back, released, withdrawn; late, reminded."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.context import Context
from api.db import now, reading, transaction
from api.steps.deliveries import follow_once
from dce_templates.catalogue import catalogue
from procurement.consultation import find
from procurement.contract import Contract, paris_day
from procurement.deliveries import DAYS, MONTHS, Delivery, deliveries_of, due_dates, penalty, plan
from procurement.events import chain_holds
from procurement.mail import latest_mail
from tests.award_scene import Scene, contract_of_scene, in_effect
from tests.candidacy_scene import Browser, press
from tests.checked_client import CheckedClient
from tests.factories import make_account

GOOD = b"point,heure,mode,passages\nP1,2026-01-01T00:00,velo,12\n"
SCHEMA = {"fields": [
    {"name": "point", "type": "string", "constraints": {"required": True}},
    {"name": "heure", "type": "string"}, {"name": "mode", "type": "string"},
    {"name": "passages", "type": "integer", "constraints": {"minimum": 0}},
]}  # fmt: skip


@pytest.fixture
def scene(context: Context) -> Scene:
    """In effect for sixty days: the sensors are late by fifteen, the counts are due today."""
    made = in_effect(context)
    with transaction(context.database) as db:
        plan(db, db.get_one(Contract, contract_of_scene(context.database, made).id), now(db))
    return made


def rows(context: Context, scene: Scene, dataset: str) -> list[Delivery]:
    with reading(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        return [row for row in deliveries_of(db, contract) if row.dataset == dataset]


def paths(context: Context, scene: Scene) -> tuple[str, str, str]:
    ref = contract_of_scene(context.database, scene).ref
    return f"/candidatures/{scene.won}/donnees", f"/contrats/{ref}/donnees", f"/donnees-ouvertes/{ref}"


def drop(holder: CheckedClient, here: str, ref: str, content: bytes = GOOD, name: str = "comptages.csv") -> int:
    page = holder.get(here)
    return holder.submit(page, f"{here}/{ref}", file=(name, content, "text/csv"), follow=True).status_code


def test_what_the_annex_says_is_expected_on_its_days_once(context: Context, scene: Scene) -> None:
    contract = contract_of_scene(context.database, scene)
    assert contract.received_on is not None
    counts = rows(context, scene, "counts")
    assert counts[0].due_on == contract.received_on + timedelta(days=60)
    assert len(counts) == 7
    assert len(rows(context, scene, "sensors")) == 2
    with transaction(context.database) as db:
        assert plan(db, db.get_one(Contract, contract.id), now(db)) == 0


@given(
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.sampled_from([*MONTHS, *DAYS, "unique", "temps réel"]),
    st.integers(0, 900),
)
def test_due_days_begin_at_the_first_rise_and_never_pass_the_end(first: date, frequency: str, length: int) -> None:
    end = first + timedelta(days=length)
    days = list(due_dates(first, frequency, end, end))
    assert days[0] == first
    assert days == sorted(set(days))
    assert days[-1] <= end
    assert len(days) == 1 if frequency in ("unique", "temps réel") else len(days) <= length // 7 + 1


def test_from_the_drop_to_the_public_and_back(
    context: Context, scene: Scene, browser: Browser, client: CheckedClient
) -> None:
    mine, theirs, public = paths(context, scene)
    holder, officer = browser(scene.winner), browser(scene.officer)
    row = rows(context, scene, "counts")[0].ref
    assert client.get(public).status_code == 404
    assert drop(holder, mine, row) == 200
    assert "Reçue, à vérifier" in holder.page.main
    officer.submit(officer.get(theirs), f"{theirs}/{row}/accepter")
    assert client.get(public).status_code == 404, "accepted is not released"
    officer.submit(officer.get(theirs), f"{theirs}/{row}/publier")
    client.click(client.get(public), "comptages.csv")
    assert client.last is not None
    assert client.last.content == GOOD
    found = json.loads(client.get("/catalog.jsonld").content)["dcat:dataset"]
    assert [entry["dct:title"]["@value"] for entry in found] == ["comptages horaires par point et par mode"]
    file = found[0]["dcat:distribution"][0]
    assert file["spdx:checksum"]["spdx:checksumValue"] == rows(context, scene, "counts")[0].file_sha256
    officer.submit(officer.get(theirs), f"{theirs}/{row}/retirer")
    assert client.get(public).status_code == 404
    assert json.loads(client.get("/catalog.jsonld").content)["dcat:dataset"] == []
    with reading(context.database) as db:
        assert chain_holds(db, find(db, scene.consultation))


def test_a_delivery_is_sent_back_with_a_reason_and_comes_again(
    context: Context, scene: Scene, browser: Browser
) -> None:
    mine, theirs, _ = paths(context, scene)
    holder, officer = browser(scene.winner), browser(scene.officer)
    row = rows(context, scene, "counts")[0].ref
    drop(holder, mine, row)
    answer = officer.submit(officer.get(theirs), f"{theirs}/{row}/renvoyer", remark="non")
    assert (answer.status_code, "Dites en une phrase" in officer.page.main) == (422, True)
    officer.submit(officer.get(theirs), f"{theirs}/{row}/renvoyer", remark="Il manque le point P2.")
    assert "Il manque le point P2." in holder.get(mine).text
    with reading(context.database) as db:
        assert "Il manque le point P2." in latest_mail(db, None, 1)[0].body
    assert drop(holder, mine, row) == 200
    assert "Il manque le point P2." not in holder.page.main


def test_the_schema_installed_here_is_checked_line_by_line(
    app: FastAPI, context: Context, scene: Scene, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "etalab_schema-comptage-mobilites@0.2.4.json").write_text(json.dumps(SCHEMA))
    app.state.context.settings.schemas = tmp_path
    mine, theirs, _ = paths(context, scene)
    holder, row = browser(scene.winner), rows(context, scene, "counts")[0].ref
    drop(holder, mine, row, GOOD + b"P2,2026-01-01T01:00,velo,beaucoup\n,2026-01-01T02:00,velo,3\n")
    assert "Ligne 3, colonne « passages » : « beaucoup » n’est pas du type attendu." in holder.page.main
    assert "Ligne 4, colonne « point »" in holder.page.main
    drop(holder, mine, row)
    assert "Conforme au schéma etalab/schema-comptage-mobilites@0.2.4" in browser(scene.officer).get(theirs).text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.png", b"\x89PNG", "Déposez un fichier csv"),
        ("vide.csv", b"", "vide"),
        ("latin.csv", "é;à\n1;2\n".encode("latin-1"), "n’est pas du texte en UTF-8"),
        ("court.csv", b"a;b\n1\n", "Ligne 2 : 1 valeurs pour 2 colonnes."),
        ("mal.json", b"{", "n’est pas du JSON lisible"),
    ],
)
def test_each_bad_file_is_said_in_a_sentence(
    context: Context, scene: Scene, browser: Browser, name: str, content: bytes, said: str
) -> None:
    mine, _, _ = paths(context, scene)
    holder = browser(scene.winner)
    drop(holder, mine, rows(context, scene, "counts")[0].ref, content, name)
    assert said in holder.page.main


def test_personal_data_need_their_report_and_what_is_not_to_be_published_is_not(
    context: Context, scene: Scene, browser: Browser
) -> None:
    mine, theirs, public = paths(context, scene)
    holder, officer = browser(scene.winner), browser(scene.officer)
    first, second = rows(context, scene, "counts")[0], rows(context, scene, "failures")[0]
    with transaction(context.database) as db:
        db.get_one(Delivery, first.id).terms = {**first.terms, "personal": True}
    for row in (first, second):
        drop(holder, mine, row.ref)
        officer.submit(officer.get(theirs), f"{theirs}/{row.ref}/accepter")
    answer = officer.submit(officer.get(theirs), f"{theirs}/{first.ref}/publier", anonymised="")
    assert (answer.status_code, "dites qui a vérifié l’anonymisation" in officer.page.main) == (422, True)
    report = "Vérifié par le délégué le 3 mars, rapport n° 12."
    officer.submit(officer.get(theirs), f"{theirs}/{first.ref}/publier", anonymised=report)
    assert officer.get(public).status_code == 200
    assert press(officer, f"{theirs}/{second.ref}/publier") == 409


def test_the_holder_is_reminded_before_and_after_and_the_buyer_after(context: Context, scene: Scene) -> None:
    assert follow_once(context)
    with reading(context.database) as db:
        subjects = [mail.subject for mail in latest_mail(db, None, 50)]
    assert sum("liste et position des capteurs" in subject for subject in subjects) == 1
    assert sum("comptages horaires" in subject for subject in subjects) == 1
    assert not follow_once(context), "once a day"


def clause(context: Context, scene: Scene, **variables: str) -> None:
    with transaction(context.database) as db:
        consultation = find(db, scene.consultation)
        consultation.dossier = {**consultation.dossier, "clauses": [{"id": "OD-21", "vars": variables}]}


def test_the_penalty_is_what_the_clause_says_and_never_more(context: Context, scene: Scene) -> None:
    with reading(context.database) as db:
        late = db.query(Delivery).filter_by(dataset="sensors").order_by(Delivery.due_on).first()
        assert late is not None
        assert penalty(late, paris_day(now(db)), catalogue()) is None, "the contract has no such clause"
    clause(context, scene, daily_euros="100", notice_days="5", cap_percent="1")
    with reading(context.database) as db:
        late = db.get_one(Delivery, late.id)
        expected: list[tuple[int, Any]] = [(5, None), (6, Decimal(100)), (15, Decimal(1000)), (90, Decimal("840"))]
        for days, amount in expected:
            found = penalty(late, late.due_on + timedelta(days=days), catalogue())
            assert (found.amount if found else None) == (min(amount, Decimal(840)) if amount else None)


def test_strangers_rivals_and_finance_do_nothing_here(
    context: Context, scene: Scene, browser: Browser, client: CheckedClient
) -> None:
    mine, theirs, _ = paths(context, scene)
    row = rows(context, scene, "counts")[0].ref
    for user in (scene.loser, make_account(context.database)):
        assert browser(user).get(mine).status_code == 404
        assert browser(user).get(theirs).status_code in (403, 404)
    finance = browser(scene.finance)
    assert finance.get(theirs).status_code == 200
    assert press(finance, f"{theirs}/{row}/accepter") == 409
    assert client.get(mine, follow_redirects=False).headers["location"].startswith("/connexion")
