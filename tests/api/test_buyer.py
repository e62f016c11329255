"""The officer's way: a form, a draft, checks, motives, previews, publication, and what comes after."""

import io
import re
import threading
from datetime import timedelta

import docx
import pytest
from hypothesis import example as with_example
from hypothesis import given
from hypothesis import strategies as st

from api.db import Database, now, transaction
from api.dossiers import to_dossier, to_values
from api.render import PARIS
from api.review import read
from procurement.candidacy import open_candidacy
from procurement.consultation import Consultation, find
from procurement.events import Event
from procurement.mail import latest_mail
from procurement.people import Organisation, User, person_of
from tests.api.consultation_scene import NEW, Browser, Desk, clock, desk, example, publish, write
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_buyer, make_officer, make_siret


@pytest.fixture
def at(database: Database, browser: Browser) -> Desk:
    return desk(database, browser)


def path(ref: str) -> str:
    return f"/acheteur/consultations/{ref}"


def stored(database: Database, ref: str) -> Consultation:
    with transaction(database) as db:
        found = find(db, ref)
        assert len(found.files) + len(found.overrides) >= 0
        return found


def test_form_and_dossier_lose_nothing_both_ways(database: Database) -> None:
    dossier = example(database)
    buyer = Organisation(name=dossier["buyer"]["name"], siret=dossier["buyer"]["siret"])
    values = to_values(dossier)
    again = to_dossier({k: ("1" if v is True else "" if v is False else v) for k, v in values.items()}, dossier, buyer)
    assert to_values(again) == values
    assert again["criteria"][1]["subcriteria"] == dossier["criteria"][1]["subcriteria"]


@pytest.mark.parametrize("other", [{"procedure": "open"}, {"nature": "Concession de service public"}])
def test_a_procedure_that_is_not_held_here_is_named(database: Database, other: dict[str, str]) -> None:
    dossier, gaps = read(example(database) | other)
    assert dossier is None
    assert [gap.sentence for gap in gaps] == ["Ce service ne tient que des marchés à procédure adaptée."]


ODD = ["1e9999999", "NaN", "9999-12-31T23:59:59-14:00", "12,5", "- 3 %", "9" * 30, "vers 1.5"]
TEXTS = st.text(max_size=40) | st.sampled_from(ODD)
NAMES = sorted({*to_values({})} - {"rows"})


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=25))
@with_example({"publicity": " "})
def test_whatever_is_typed_comes_back_and_each_gap_leads_to_a_field(typed_in: dict[str, str]) -> None:
    buyer = Organisation(name="Commune d’Essai", siret=make_siret(7999))
    data = to_dossier(typed_in, {}, buyer)
    shown = to_values(data)
    again = to_dossier({k: ("1" if v is True else "" if v is False else v) for k, v in shown.items()}, {}, buyer)
    assert to_values(again) == shown
    assert again == data
    dossier, gaps = read(data)
    assert dossier is None
    assert {gap.field for gap in gaps} <= {f"modifier#{name}" for name in (*shown, "offers_url")}
    assert all(gap.sentence and gap.label for gap in gaps)


def test_a_consultation_from_the_empty_form_to_the_public_list(at: Desk, database: Database) -> None:
    ref = write(at, database)
    page = at.client.page
    assert page.h1 == "Vérifier avant de publier"
    assert "Publier la consultation" in page.main
    publish(at, ref)
    row = stored(database, ref)
    assert (row.state, row.dce_version, len(row.files)) == ("published", 1, 11)
    assert row.seal_recipient
    assert row.seal_recipient.startswith("age1")
    assert "Jusqu’à l’ouverture, personne ne sait qui répond" in at.client.page.main
    assert row.object in at.client.get("/consultations").text


def test_a_draft_keeps_what_cannot_be_read_yet(at: Desk, database: Database) -> None:
    form = at.client.get(NEW)
    at.client.submit(form, NEW, button="save", object="Études", estimated_amount="environ cent mille", cpv="")
    ref = str(at.client.page.url).split("/")[-1].split("?")[0]
    again = at.client.get(f"{path(ref)}/modifier")
    assert 'value="environ cent mille"' in again.text
    page = at.client.get(f"{path(ref)}/verifier")
    assert "Montant estimé, reconductions comprises : un nombre est attendu" in at.client.page.main
    assert "Code CPV : ce champ est obligatoire." in at.client.page.main
    at.client.click(page, "Code CPV")
    assert at.client.page.h1 == "Modifier la consultation"


def test_a_draft_without_a_number_comes_back_with_its_text(at: Desk, database: Database) -> None:
    answer = at.client.submit(at.client.get(NEW), NEW, button="save", reference="", object="Une heure de saisie")
    assert answer.status_code == 422
    assert "Donnez un numéro" in at.client.page.main
    assert 'value="Une heure de saisie"' in answer.text


def test_an_unreadable_deadline_is_said_at_once(at: Desk, database: Database) -> None:
    answer = at.client.submit(at.client.get(NEW), NEW, button="save", deadline="demain", object="x" * 2000)
    assert answer.status_code == 422
    assert "Cette date ne se lit pas" in at.client.page.main


def test_two_consultations_of_a_buyer_never_share_a_number(at: Desk, database: Database) -> None:
    write(at, database, reference="2026-900")
    answer = at.client.submit(at.client.get(NEW), NEW, button="save", reference="2026-900")
    assert answer.status_code == 422
    assert "Une autre consultation porte déjà ce numéro." in at.client.page.main


def test_two_clicks_at_the_same_instant_make_one_draft(at: Desk, database: Database, browser: Browser) -> None:
    clients = [at.client, browser(at.officer)]
    forms = [client.get(NEW) for client in clients]
    answers: list[int] = []

    def click(client: CheckedClient, form: object) -> None:
        sent = client.submit(form, NEW, button="save", reference="2026-901", follow=False)  # type: ignore[arg-type]
        answers.append(sent.status_code)

    threads = [threading.Thread(target=click, args=pair) for pair in zip(clients, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 422]


def test_two_tabs_neither_loses_its_text(at: Desk, database: Database) -> None:
    ref = write(at, database)
    edit = f"{path(ref)}/modifier"
    first, second = at.client.get(edit), at.client.get(edit)
    at.client.submit(first, edit, button="save", object="Objet du premier onglet")
    answer = at.client.submit(second, edit, button="save", object="Objet du second onglet")
    assert answer.status_code == 422
    assert "dans une autre fenêtre" in at.client.page.main
    assert 'value="Objet du second onglet"' in answer.text
    at.client.submit(answer, edit, button="save")
    assert at.client.page.h1 == "Objet du second onglet"


@pytest.mark.parametrize(
    ("changes", "article", "fix"),
    [
        ({"criterion_1_weight": "55"}, "R2152-12", "Corrigez les poids"),
        ({"criterion_3_kind": "social"}, "L2152-7", "Ajoutez un critère environnemental"),
        ({"environmental_condition": ""}, "L2112-2", "Rédigez une condition environnementale"),
    ],
)
def test_a_blocking_finding_shows_its_article_and_its_fix(
    at: Desk, database: Database, changes: dict[str, str], article: str, fix: str
) -> None:
    ref = write(at, database, **changes)
    main = at.client.page.main
    assert "Bloque" in main
    assert article in main
    assert fix in main
    assert re.search("texte lu en (avril|novembre) 2026 par équipe mps", main.lower())
    assert f"{path(ref)}/publier" not in at.client.page.actions
    refused = at.client.post(f"{path(ref)}/publier", headers={"origin": "http://testserver"})
    assert refused.status_code == 422
    assert "La publication attend : 1 point à corriger" in at.client.page.main
    assert stored(database, ref).state == "draft"


def test_passing_over_asks_a_motive_and_keeps_it(at: Desk, database: Database) -> None:
    ref = write(at, database, environmental_condition="")
    rule = f"{path(ref)}/verifier/environmental_condition"
    empty = at.client.submit(at.client.page, rule, motive=" ")
    assert empty.status_code == 422
    assert "Écrivez le motif en une phrase" in at.client.page.main
    at.client.submit(empty, rule, motive="Prestation intellectuelle rendue à distance, sans matériel.")
    assert "Passé outre" in at.client.page.main
    assert at.officer.email in at.client.page.main
    publish(at, ref)
    assert [o.rule for o in stored(database, ref).overrides] == ["environmental_condition"]
    assert "sans matériel" in at.client.page.main


def test_what_makes_the_file_impossible_is_never_passed_over(at: Desk, database: Database) -> None:
    past = (clock(database).astimezone(PARIS) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    ref = write(at, database, deadline=past, questions_deadline="")
    assert "ne se passe pas outre" in at.client.page.main
    forced = at.client.post(
        f"{path(ref)}/verifier/deadline_past",
        data={"motive": "Le maire le veut ainsi."},
        headers={"origin": "http://testserver"},
    )
    assert forced.status_code == 409
    again = at.client.post(
        f"{path(ref)}/verifier/weights", data={"motive": "Rien à passer ici."}, headers={"origin": "http://testserver"}
    )
    assert again.status_code == 404


def test_a_table_not_adopted_warns_and_its_adoption_blocks(database: Database, browser: Browser) -> None:
    at = desk(database, browser, adopted=False)
    ref = write(at, database, criterion_1_weight="55")
    assert "n’est pas adoptée" in at.client.page.main
    assert "Bloque" not in at.client.page.main
    assert f"{path(ref)}/publier" in at.client.page.actions
    at.client.submit(at.client.page, "/acheteur/regles/adopter")
    assert "La table est adoptée" in at.client.page.main
    assert "Bloque" in at.client.page.main
    at.client.get("/acheteur/regles")
    assert "texte lu en avril 2026 par équipe mps" in at.client.page.main
    assert at.officer.email in at.client.page.main


def test_a_buyer_s_table_is_not_adopted_by_another_s_officer(at: Desk, database: Database) -> None:
    other = make_buyer(database)
    sent = at.client.post(
        "/acheteur/regles/adopter", data={"buyer": other.ref}, headers={"origin": "http://testserver"}
    )
    assert sent.status_code == 404


@pytest.mark.parametrize("doc", ["rc", "ae", "ccap"])
def test_each_document_is_read_on_the_page(at: Desk, database: Database, doc: str) -> None:
    ref = write(at, database)
    at.client.get(f"{path(ref)}/apercu/{doc}")
    assert "Collecte et mise en ligne des comptages de mobilité" in at.client.page.main


def test_a_preview_waits_for_what_is_missing(at: Desk, database: Database) -> None:
    ref = write(at, database, need="")
    at.client.get(f"{path(ref)}/apercu/rc")
    assert "L’aperçu attend encore" in at.client.page.main
    assert at.client.get(f"{path(ref)}/projet/rc.pdf").status_code == 409
    assert at.client.get(f"{path(ref)}/apercu/autre").status_code == 404
    assert at.client.get(f"{path(ref)}/projet/rc.exe").status_code == 404


def test_drafts_are_downloaded_in_word_and_pdf(at: Desk, database: Database) -> None:
    ref = write(at, database)
    word = at.client.get(f"{path(ref)}/projet/ccap.docx")
    assert "PROJET_CCAP_" in word.headers["content-disposition"]
    assert any("Réversibilité" in p.text for p in docx.Document(io.BytesIO(word.content)).paragraphs)
    pdf = at.client.get(f"{path(ref)}/projet/rc.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert at.client.get(f"{path(ref)}/projet/prix.xlsx").status_code == 404


def test_publishing_twice_is_refused_in_words(at: Desk, database: Database) -> None:
    ref = write(at, database)
    page = at.client.get(f"{path(ref)}/verifier")
    publish(at, ref)
    again = at.client.submit(page, f"{path(ref)}/publier")
    assert again.status_code == 409
    assert "ne se publie qu’une fois" in at.client.page.main
    assert len(stored(database, ref).files) == 11
    assert at.client.get(f"{path(ref)}/modifier").status_code == 409


def test_the_documents_are_dated_of_the_day_of_publication(at: Desk, database: Database) -> None:
    ref = write(at, database, launched_on="2026-08-30")
    publish(at, ref)
    assert stored(database, ref).dossier["launched_on"] == clock(database).astimezone(PARIS).date().isoformat()


def someone_answers(database: Database, ref: str) -> User:
    user = make_account(database)
    with transaction(database) as db:
        person = person_of(db.get_one(User, user.id))
        open_candidacy(db, find(db, ref), make_siret(6500), {"name": "Essai"}, person, now(db))
    return user


def test_the_deadline_moves_back_only_and_those_who_answer_are_told(at: Desk, database: Database) -> None:
    ref = write(at, database)
    publish(at, ref)
    user = someone_answers(database, ref)
    extend = f"{path(ref)}/prolonger"
    sooner = at.client.submit(at.client.page, extend, deadline="2026-12-01T12:00")
    assert sooner.status_code == 422
    assert "La nouvelle date doit être après l’actuelle." in at.client.page.main
    unread = at.client.submit(at.client.page, extend, deadline="plus tard")
    assert unread.status_code == 422
    at.client.submit(at.client.page, extend, deadline="2031-03-03T12:00")
    assert "Le délai est prolongé" in at.client.page.main
    assert "3 mars 2031 à 12 h 00 min 00 s" in at.client.page.main
    with transaction(database) as db:
        assert [mail.to for mail in latest_mail(db, None, 5)] == [user.email]
    assert "cette date remplace celle qui est écrite" not in at.client.get(f"/consultations/{ref}").text


def test_cancelling_asks_why_and_tells_why(at: Desk, database: Database) -> None:
    ref = write(at, database)
    publish(at, ref)
    user = someone_answers(database, ref)
    empty = at.client.submit(at.client.page, f"{path(ref)}/annuler", reason="")
    assert empty.status_code == 422
    at.client.submit(empty, f"{path(ref)}/annuler", reason="Le besoin a disparu avec le projet de voirie.")
    assert "Annulée" in at.client.page.main
    assert "Le besoin a disparu" in at.client.get(f"/consultations/{ref}").text
    with transaction(database) as db:
        mail = latest_mail(db, None, 1)[0]
    assert mail.to == user.email
    assert "Le besoin a disparu" in mail.body


def test_sans_suite_comes_after_the_opening_only(at: Desk, database: Database) -> None:
    ref = write(at, database)
    publish(at, ref)
    early = at.client.post(
        f"{path(ref)}/sans-suite", data={"reason": "Motif d’intérêt général."}, headers={"origin": "http://testserver"}
    )
    assert early.status_code == 409
    with transaction(database) as db:
        row = find(db, ref)
        row.state, row.opened_at = "opened", now(db)
    at.client.submit(
        at.client.get(path(ref)), f"{path(ref)}/sans-suite", reason="Aucune offre ne répond au besoin écrit."
    )
    assert "Sans suite" in at.client.page.main


def test_past_the_deadline_the_hub_leads_to_the_page_that_opens_the_plis(at: Desk, database: Database) -> None:
    ref = write(at, database)
    publish(at, ref)
    with transaction(database) as db:
        find(db, ref).deadline = now(db) - timedelta(seconds=1)
    page = at.client.get(path(ref))
    assert "Close, plis scellés" in at.client.page.main
    assert at.client.page.links["Ouvrir les plis"] == f"{path(ref)}/ouvrir"
    assert f"{path(ref)}/prolonger" not in page.text


def test_the_register_is_read_in_words_and_hides_who_answers(at: Desk, database: Database) -> None:
    ref = write(at, database)
    publish(at, ref)
    someone_answers(database, ref)
    at.client.click(at.client.get(path(ref)), "Lire le registre de cette consultation")
    main = at.client.page.main
    assert "Le registre est intact" in main
    assert "Consultation publiée" in main
    assert "Réponse commencée" not in main
    with transaction(database) as db:
        event = db.query(Event).filter_by(kind="consultation.published").one()
        event.data = {"files": {"autre.pdf": "0" * 64}}
    at.client.get(f"{path(ref)}/registre")
    assert "Le registre a été modifié après coup" in at.client.page.main


def test_another_buyer_s_officer_and_a_stranger_find_nothing(
    at: Desk, database: Database, browser: Browser, client: CheckedClient
) -> None:
    ref = write(at, database)
    other = browser(make_officer(database, make_buyer(database)))
    company = browser(make_account(database))
    pages = ["", "/modifier", "/clauses", "/verifier", "/apercu/rc", "/projet/rc.pdf", "/registre"]
    actions = ["/modifier", "/clauses", "/verifier/weights", "/publier", "/prolonger", "/annuler", "/sans-suite"]
    origin = {"origin": "http://testserver"}
    for person in (other, company):
        assert {person.get(path(ref) + tail).status_code for tail in pages} == {404}
        assert {person.post(path(ref) + tail, headers=origin).status_code for tail in actions} == {404}
    for tail in pages:
        assert client.get(path(ref) + tail, follow_redirects=False).headers["location"].startswith("/connexion")
    assert company.get(NEW).status_code == 404
    assert other.get(f"{NEW}?acheteur={at.buyer.ref}").status_code == 404
    assert stored(database, ref).state == "draft"


def test_the_next_draft_starts_from_what_the_last_one_said_of_the_buyer(at: Desk, database: Database) -> None:
    write(at, database)
    form = at.client.get(NEW)
    assert to_values(example(database))["court_name"] in form.text
    at.client.get("/acheteur")
    assert "2026-NUM-014" in at.client.page.main
