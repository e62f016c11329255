"""Several clicks at the same instant, over real HTTP: one effect, whoever comes first."""

import json
from functools import partial

from sqlalchemy import func, select

from api.context import Context
from api.db import Database, reading
from api.sandbox import invoices
from api.settings import Settings
from procurement.candidacy import Candidacy
from procurement.consultation import DceFile
from procurement.contract import Contract
from procurement.invoice_copy import InvoiceCopy
from procurement.mail import Mail
from tests.api.consultation_scene import desk, publish, write
from tests.award_scene import contract_of_scene, in_effect, invoice, opened, settle_pieces
from tests.browser.served import served
from tests.candidacy_scene import ANSWERS, BAKERY, Browser, published, start
from tests.faults.scene import Person, at_once, happened, statuses

CLICKS = 4


def test_one_siret_typed_at_once_is_one_draft(settings: Settings, context: Context) -> None:
    """API Entreprise answers one of two identical calls in flight: the others are offered to go on by hand."""
    scene = published(context)
    with served(settings, context.services) as url:
        people = [Person(context.database, url, scene.account) for _ in range(CLICKS)]
        answers = at_once(*(partial(person.press, scene.form, siret=BAKERY) for person in people))
        by_hand = [answer for answer in answers if answer.status_code == 200]
        assert set(statuses(answers)) <= {200, 303}
        assert all("ne répond pas. Rien n’est perdu" in answer.text for answer in by_hand)
        again = people[0].press(scene.form, siret=BAKERY, by_hand="1", name="Boulangerie")
    drafts = {answer.headers["location"] for answer in [*answers, again] if answer not in by_hand}
    assert len(drafts) == 1
    assert happened(context.database, scene.ref, "candidacy.created") == 1


def test_one_deposit(settings: Settings, context: Context, browser: Browser) -> None:
    scene = published(context)
    path = start(browser(scene.account), scene)
    with served(settings, context.services) as url:
        people = [Person(context.database, url, scene.account) for _ in range(CLICKS)]
        form = {**ANSWERS, "attested": "1", "action": "deposit", "amount": "100"}
        answers = at_once(*(partial(person.press, f"{path}/deposer", **form) for person in people))
    assert statuses(answers) == [303, *[409] * (CLICKS - 1)]
    assert happened(context.database, scene.ref, "candidacy.submitted") == 1
    with reading(context.database) as db:
        assert db.scalars(select(Candidacy)).one().state == "submitted"


def test_one_publication(settings: Settings, context: Context, browser: Browser) -> None:
    at = desk(context.database, browser)
    ref = write(at, context.database)
    with served(settings, context.services) as url:
        people = [Person(context.database, url, at.officer) for _ in range(2)]
        answers = at_once(*(partial(person.press, f"/acheteur/consultations/{ref}/publier") for person in people))
    assert statuses(answers) == [303, 409]
    assert happened(context.database, ref, "consultation.published") == 1
    with reading(context.database) as db:
        names = list(db.scalars(select(DceFile.name)))
        assert len(names) == len(set(names)) > 0


def test_one_extension(settings: Settings, context: Context, browser: Browser) -> None:
    at = desk(context.database, browser)
    ref = write(at, context.database)
    publish(at, ref)
    with served(settings, context.services) as url:
        people = [Person(context.database, url, at.officer) for _ in range(2)]
        address = f"/acheteur/consultations/{ref}/prolonger"
        later = [partial(p.press, address, deadline=f"2031-03-0{day}T12:00") for day, p in enumerate(people, 3)]
        answers = at_once(*later)
    assert statuses(answers) == [303, 409]
    assert "Une autre personne vient de modifier ce dossier" in next(a.text for a in answers if a.status_code == 409)
    assert happened(context.database, ref, "consultation.extended") == 1
    with reading(context.database) as db:
        files = db.scalars(select(DceFile)).all()
        assert {f.version for f in files} == {1, 2}
        kept = {f.key for f in files}
    assert kept == set(context.storage.names()), "the loser's documents are taken back"


def test_a_piece_joined_while_the_dossier_is_published_is_in_its_manifest_or_refused(
    settings: Settings, context: Context, browser: Browser
) -> None:
    at = desk(context.database, browser)
    ref = write(at, context.database)
    here = f"/acheteur/consultations/{ref}"
    with served(settings, context.services) as url:
        first, second = (Person(context.database, url, at.officer) for _ in range(2))
        answers = at_once(
            partial(first.press, f"{here}/publier"), partial(second.send, f"{here}/joindre", b"%PDF-1.7 x", "CCTP.pdf")
        )
        assert set(statuses(answers)) <= {303, 409}
        if answers[0].status_code == 409:
            assert "Le brouillon a changé pendant la publication" in answers[0].text
            assert first.press(f"{here}/publier").status_code == 303
    with reading(context.database) as db:
        files = {f.name: f for f in db.scalars(select(DceFile))}
        assert {f.version for f in files.values()} == {1}
        keys = {f.name: f.key for f in files.values()}
    named = json.loads(context.storage.get(keys["manifest.json"]))["files"]
    assert {f["name"] for f in named} | {"manifest.json"} == set(keys)
    assert ("CCTP.pdf" in keys) == (answers[1].status_code == 303)
    assert set(keys.values()) == set(context.storage.names())


def test_one_award(settings: Settings, context: Context, database: Database) -> None:
    scene = opened(database)
    with served(settings, context.services) as url:
        people = [Person(database, url, scene.officer) for _ in range(2)]
        assert statuses(
            at_once(*(partial(person.press, f"{scene.award}/designer", candidacy=scene.won) for person in people))
        ) == [303, 409]
        settle_pieces(database)
        form = {"amount": "84000", "motive": "La meilleure note sur les deux critères."}
        answers = at_once(*(partial(person.press, f"{scene.award}/decider", **form) for person in people))
    assert statuses(answers) == [303, 409]
    assert happened(database, scene.consultation, "consultation.awarded") == 1
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(Contract)) == 1
        assert db.scalar(select(func.count()).select_from(Mail)) == 2


def test_one_copy_of_one_invoice(settings: Settings, context: Context, database: Database) -> None:
    scene = in_effect(context)
    content = invoices.cii(invoice(scene, contract_of_scene(database, scene)))
    with served(settings, context.services) as url:
        people = [Person(database, url, scene.finance) for _ in range(2)]
        answers = at_once(*(partial(person.send, "/factures/copie", content, "facture.xml") for person in people))
    assert statuses(answers) == [303, 303]
    assert len({answer.headers["location"].partition("?")[0] for answer in answers}) == 1
    with reading(database) as db:
        assert db.scalar(select(func.count()).select_from(InvoiceCopy)) == 1
