"""Minutes of the opening and report: an opening, late plis, the decision; for the officers of the buyer alone."""

import io
from decimal import Decimal
from typing import Any

import docx
import pypdf
import pytest
from docx.oxml.ns import qn

from api.context import Context
from api.db import now, transaction
from procurement.award import decide, name_intended, set_aside
from procurement.candidacy import Candidacy, open_candidacy, submit
from procurement.candidacy import answer as fill_in
from procurement.consultation import Consultation, Override, end
from procurement.people import Organisation, User, adopt_rules, person_of
from procurement.rules import rule_table
from tests.award_scene import AMOUNT, Scene, opened, settle_pieces
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret

NAMES = ("ouverture.pdf", "ouverture.docx", "rapport.pdf", "rapport.docx", "courriers.pdf", "courriers.docx")


@pytest.fixture
def scene(context: Context) -> Scene:
    return opened(context.database)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


def hub(scene: Scene) -> str:
    return f"/acheteur/consultations/{scene.consultation}"


def words(officer: CheckedClient, scene: Scene, name: str) -> str:
    answer = officer.get(f"{hub(scene)}/proces-verbal/{name}")
    assert answer.status_code == 200
    content = io.BytesIO(answer.content)
    if name.endswith(".pdf"):
        text = "\n".join(page.extract_text() for page in pypdf.PdfReader(content).pages)
    else:
        text = "\n".join(docx.Document(content).element.body.itertext(qn("w:t")))
    return " ".join(text.replace("\u202f", " ").replace("\u00a0", " ").split())


def late(context: Context, scene: Scene, name: str) -> None:
    account = make_account(context.database)
    with transaction(context.database) as db:
        consultation, person = _found(db, scene), person_of(db.get_one(User, account.id))
        candidacy, _ = open_candidacy(db, consultation, make_siret(6109), {"name": name}, person, now(db))
        fill_in(candidacy, {"capacity": "gérante", "insurance": "n° 7"}, {}, now(db))
        submit(db, candidacy, True, now(db))


def _found(db: Any, scene: Scene) -> Consultation:
    found: Consultation = db.query(Consultation).filter_by(ref=scene.consultation).one()
    return found


def test_the_minutes_say_who_answered_when_and_how_much(context: Context, scene: Scene, officer: CheckedClient) -> None:
    late(context, scene, "Retard et Fils")
    page = officer.get(hub(scene))
    assert "Rapport d’analyse et de présentation" in page.text
    for name in ("ouverture.pdf", "ouverture.docx"):
        text = words(officer, scene, name)
        first, second = text.index("Capteurs et Mesures SAS"), text.index("Trafic Conseil SARL")
        assert first < second < text.index("Retard et Fils")
        assert "84 000,00 €" in text
        assert scene.officer.email in text
        assert "2 plis ont été reçus" in text
        assert "R2151-5" in text
    journal = officer.get(f"{hub(scene)}/journal").text
    assert "Procès-verbal d’ouverture" in journal


def test_the_report_follows_the_analysis_to_the_decision(
    context: Context, scene: Scene, officer: CheckedClient
) -> None:
    assert "Rapport provisoire" in words(officer, scene, "rapport.docx")
    assert "courriers.pdf" not in officer.get(hub(scene)).text
    early = officer.get(f"{hub(scene)}/proces-verbal/courriers.pdf")
    assert early.status_code == 409
    assert "une fois la décision prise" in early.text
    with transaction(context.database) as db:
        agent, consultation = person_of(db.get_one(User, scene.officer.id)), _found(db, scene)
        name_intended(db, consultation, scene.lost, agent, now(db))
        set_aside(db, consultation, "Attestation non produite dans le délai.", agent, now(db))
        name_intended(db, consultation, scene.won, agent, now(db))
    assert "L’attributaire pressenti est Capteurs" in words(officer, scene, "rapport.docx")
    settle_pieces(context.database)
    with transaction(context.database) as db:
        agent = person_of(db.get_one(User, scene.officer.id))
        decide(db, _found(db, scene), scene.won, Decimal(AMOUNT), "Meilleure note technique.", agent, now(db))
    for name in ("rapport.docx", "rapport.pdf"):
        text = words(officer, scene, name)
        assert "Rapport provisoire" not in text
        assert "Meilleure note technique." in text
        assert text.count("Attestation non produite dans le délai.") == 2
        assert "seuil européen" not in text, "no law is stated for a buyer who has not adopted the table"
    assert "courriers.docx" in officer.get(hub(scene)).text
    for name in ("courriers.docx", "courriers.pdf"):
        text = words(officer, scene, name)
        assert "Information de l’attributaire : Capteurs" in text
        assert "Rejet de l’offre : Trafic Conseil SARL" in text
        assert "Motif : Attestation non produite dans le délai." in text
        assert "R2181-2" in text
        assert "pas être signé avant" not in text, "an adapted procedure has no standstill"


def test_what_was_passed_over_is_in_the_report_with_its_article(
    context: Context, scene: Scene, officer: CheckedClient
) -> None:
    with transaction(context.database) as db:
        told = {"motive": "besoin unique", "by": "agent@exemple.fr", "at": now(db)}
        db.add(Override(consultation_id=_found(db, scene).id, rule="single_lot", **told))
    text = words(officer, scene, "rapport.docx")
    assert "besoin unique" in text
    assert "single_lot" not in text


def test_a_buyer_who_adopted_the_table_reads_the_threshold(
    context: Context, scene: Scene, officer: CheckedClient
) -> None:
    with transaction(context.database) as db:
        adopt_rules(db.get_one(Organisation, scene.buyer.id), rule_table().sha256, "Conseil d’essai", now(db))
    assert "n’est pas exigé par l’article R2184-1" in words(officer, scene, "rapport.pdf")


def test_a_procedure_without_follow_up_says_why(context: Context, scene: Scene, officer: CheckedClient) -> None:
    with transaction(context.database) as db:
        agent = person_of(db.get_one(User, scene.officer.id))
        end(db, _found(db, scene), "abandoned", "Le besoin a disparu.", agent, now(db))
    text = words(officer, scene, "rapport.pdf")
    assert "R2185-1" in text
    assert "Le besoin a disparu." in text
    assert "proces-verbal/rapport.pdf" in officer.get(hub(scene)).text


def test_any_name_a_candidate_chose_can_be_recorded(context: Context, scene: Scene, officer: CheckedClient) -> None:
    with transaction(context.database) as db:
        candidacy = db.query(Candidacy).filter_by(ref=scene.lost).one()
        candidacy.corrections = {"name": "漢字 \U0001f600 <b>| x</b> {{ 7*7 }}\x07\n#set"}
    assert "漢字 \U0001f600 <b>| x</b> {{ 7*7 }}" in words(officer, scene, "ouverture.docx")
    assert "(U+6F22)" in words(officer, scene, "ouverture.pdf")


def test_nobody_else_gets_them(scene: Scene, browser: Browser, client: CheckedClient) -> None:
    """Another buyer's officer, and the time before the opening, are in test_opening.py."""
    for name in NAMES:
        path = f"{hub(scene)}/proces-verbal/{name}"
        for other in (scene.winner, scene.loser, scene.finance):
            assert browser(other).get(path).status_code in (403, 404), name
        assert client.get(path, follow_redirects=False).headers["location"].startswith("/connexion")
    for name in ("ouverture.odt", "autre.pdf", "ouverture"):
        assert browser(scene.officer).get(f"{hub(scene)}/proces-verbal/{name}").status_code == 404
