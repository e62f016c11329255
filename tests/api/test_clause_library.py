"""A buyer's own clauses: written by one person, read side by side by another, kept by the dossiers that took them."""

from dataclasses import dataclass

import pytest

from api.db import Database, now, reading, transaction
from dce_templates.catalogue import catalogue
from dce_templates.clause_lines import to_typed
from procurement.consultation import find
from procurement.library import LOCK, ClauseVersion, clauses_for
from procurement.people import User
from tests.api.consultation_scene import Browser, Desk, desk, publish, write
from tests.checked_client import CheckedClient, Value
from tests.factories import make_account, make_buyer, make_officer

# OD-05 of the example, in the buyer's own words.
SOONER = "Les données sont à la commune, et à elle seule."
MODEL = "OD-05"


@dataclass(frozen=True)
class Office:
    """Two officers of one buyer: who writes, who reads again."""

    at: Desk
    colleague: User
    second: CheckedClient

    @property
    def writer(self) -> CheckedClient:
        return self.at.client

    def clause(self, name: str = MODEL) -> str:
        return f"/acheteur/clauses/{self.at.buyer.ref}/{name}"

    def started(self, name: str = MODEL) -> str:
        """The address of a new version's page, its form open in the writer's browser."""
        page = self.clause(name)
        opened = self.writer.submit(self.writer.get(page), page)
        assert self.writer.page.h1 == "Écrire une version"
        return str(opened.url.path).removesuffix("/modifier")

    def proposed(self, name: str = MODEL, **fields: str) -> str:
        """The address of a version that waits for its second reader."""
        version = self.started(name)
        edit = f"{version}/modifier"
        self.writer.submit(self.writer.get(edit), edit, button="propose", follow=True, **fields)
        assert "La version est proposée" in self.writer.page.main, self.writer.page.main
        return version

    def approved(self, name: str = MODEL, **fields: str) -> str:
        version = self.proposed(name, **fields)
        self.second.submit(self.second.get(version), f"{version}/approuver")
        assert "La version est approuvée" in self.second.page.main, self.second.page.main
        return version


@pytest.fixture
def office(database: Database, browser: Browser) -> Office:
    at = desk(database, browser)
    colleague = make_officer(database, at.buyer)
    return Office(at, colleague, browser(colleague))


def newer_text(name: str = MODEL) -> str:
    return catalogue()[name].source.strip() + f"\n\n{SOONER}"


def row_of(database: Database, version: str) -> ClauseVersion:
    with reading(database) as db:
        return db.query(ClauseVersion).filter_by(ref=version.rsplit("/", 1)[1]).one()


def test_a_version_is_written_read_side_by_side_and_approved(office: Office) -> None:
    version = office.proposed(text=newer_text(), title="Données produites, chez nous")
    page = office.second.get(version)
    shown = office.second.page.main
    assert "Le modèle, version 1.0.0" in shown
    assert "Données produites, chez nous" in shown
    assert [str(e.text) for e in office.second.page.tree.xpath("//ins") if e.text] == [SOONER]  # type: ignore[union-attr]
    assert "sans changement" in shown
    office.second.submit(page, f"{version}/approuver")
    assert "En vigueur" in office.second.get(version).text
    listed = office.writer.get("/acheteur/clauses?q=OD-05")
    assert "Votre version 1.1.0" in listed.text
    assert SOONER in office.writer.get(office.clause()).text


def test_nobody_approves_what_they_wrote_unless_they_are_alone(office: Office, database: Database) -> None:
    version = office.proposed(text=newer_text())
    page = office.writer.get(version)
    assert f"{version}/approuver" not in office.writer.page.actions
    forged = office.writer.post(f"{version}/approuver", headers=_same_site(page.url))
    assert forged.status_code == 409
    assert "Une autre personne relit et approuve" in forged.text
    with transaction(database) as db:
        for membership in db.get_one(User, office.colleague.id).memberships:
            membership.ended_at = now(db)
    office.writer.submit(office.writer.get(version), f"{version}/approuver")
    assert "La version est approuvée" in office.writer.page.main
    assert "seul agent, sans second" in office.writer.page.main


def _same_site(url: object) -> dict[str, str]:
    origin = str(url).split("/acheteur", 1)[0]
    return {"origin": origin, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


def test_a_version_that_is_sent_back_is_taken_up_again_with_the_reason(office: Office, database: Database) -> None:
    version = office.proposed(text=newer_text())
    office.second.submit(office.second.get(version), f"{version}/renvoyer", remark="court")
    assert "Dites en une phrase ce qui est à reprendre" in office.second.page.main
    office.second.submit(office.second.get(version), f"{version}/renvoyer", remark="La dernière phrase est de trop.")
    office.second.submit(office.second.get(version), f"{version}/remarque", remark="Voir aussi l’annexe.")
    page = office.writer.get(version)
    assert "Renvoyée : La dernière phrase est de trop." in office.writer.page.main
    assert "Remarque : Voir aussi l’annexe." in office.writer.page.main
    form = office.writer.submit(page, f"{version}/reprendre")
    office.writer.submit(form, f"{version}/modifier", button="propose", text=catalogue()[MODEL].source)
    assert row_of(database, version).state == "proposed"


FAULTS = [
    ("text", "Le titulaire remet {{ tout }}.", "« tout » n’est ni une valeur de la clause ni un mot"),
    ("text", "{{ 'a' * 100000000 }}", "construction interdite (Mul)"),
    ("text", "", "Écrivez le texte de la clause."),
    ("title", "", "Donnez un titre à la clause."),
    ("applies_if", "data | toujours | parce que", "« toujours » n’est pas l’un de : obligatoire"),
    ("applies_if", "lune == 'pleine' | possible | parce que", "« lune », qui n'est pas un fait connu"),
    ("applies_if", "data", "Ligne 1 : écrivez condition | obligatoire"),
    ("variables", "jours | délai | nombre | 90 | 1 à 30", "un nombre de 1 à 30 est attendu"),
    ("variables", "jours | délai | nombre | 9 | peu", "des bornes s’écrivent « 1 à 30 »"),
    ("variables", "ton | ton | choix | a | a", "au moins deux choix"),
    ("requires", "OD-99", "La clause OD-99 n’existe pas."),
    ("requires", "OD-05", "se demandent en rond : OD-05 → OD-05"),
    ("excludes", "OD-05", "Une clause ne se contredit pas elle-même."),
    ("references", "L2196-2 | la loi", "Ligne 1 : écrivez article | où il a été lu"),
    ("derogates_from", "CCAG | 14 | objet", "« CCAG » n’est pas l’un de : fcs"),
    ("valid_from", "demain", "Une date est attendue"),
]


def test_what_cannot_be_a_clause_is_told_in_its_field_and_kept(office: Office, database: Database) -> None:
    version = office.started()
    edit = f"{version}/modifier"
    form, sound = office.writer.get(edit), to_typed(catalogue()[MODEL])
    for field, typed, sentence in FAULTS:
        form = office.writer.submit(form, edit, button="propose", follow=True, **{**sound, field: typed})
        assert form.status_code == 422
        assert sentence in office.writer.page.main
        kept = row_of(database, version)
        assert (kept.state, kept.typed[field]) == ("draft", typed)


def test_two_people_never_write_over_each_other(office: Office, database: Database) -> None:
    version = office.started()
    edit = f"{version}/modifier"
    assert "a ce texte en main" in office.second.get(edit).text
    form = office.writer.get(edit)
    with transaction(database) as db:
        row = db.query(ClauseVersion).filter_by(ref=version.rsplit("/", 1)[1]).one()
        row.locked_until = now(db) - LOCK
    theirs = office.second.submit(office.second.get(version), f"{version}/reprendre")
    office.second.submit(theirs, edit, button="save", title="Titre de la relectrice")
    refused = office.writer.submit(form, edit, button="save", title="Mon titre")
    assert refused.status_code == 422
    assert "Une autre personne a enregistré ce texte" in office.writer.page.main
    assert 'value="Mon titre"' in refused.text
    again = office.writer.submit(office.writer.page, edit, button="save", title="Mon titre")
    assert again.status_code == 409
    assert row_of(database, version).title == "Titre de la relectrice"


def test_a_draft_keeps_the_version_it_took_until_somebody_reads_the_newer(office: Office, database: Database) -> None:
    ref = write(office.at, database, button="sort")
    office.approved(text=newer_text())
    base = f"/acheteur/consultations/{ref}"
    assert SOONER not in office.writer.get(f"{base}/apercu/ccap").text
    assert "la version 1.1.0 a été approuvée depuis" in office.writer.get(f"{base}/verifier").text
    page = office.writer.get(f"{base}/clauses")
    assert "Ce dossier garde la version 1.0.0" in office.writer.page.main
    office.writer.submit(page, f"{base}/clauses", button="sort", **{f"newer_{MODEL}": True})
    assert SOONER in office.writer.get(f"{base}/apercu/ccap").text
    assert "approuvée depuis" not in office.writer.get(f"{base}/verifier").text
    drafts = office.writer.get(office.clause()).text
    assert "Version gardée" in drafts


def test_what_is_published_keeps_its_text_for_ever_and_says_where_it_serves(office: Office, database: Database) -> None:
    office.approved(text=newer_text())
    ref = write(office.at, database)
    publish(office.at, ref)
    version = office.approved(text=newer_text() + "\n\nAutre chose encore.")
    office.second.submit(
        office.second.get(version), f"{version}/retirer", remark="Elle disait deux fois la même chose."
    )
    with reading(database) as db:
        consultation = find(db, ref)
        clauses = clauses_for(db, consultation)
        assert {c["id"]: c["version"] for c in consultation.dossier["clauses"]}[MODEL] == "1.1.0"
    assert SOONER in clauses[MODEL].source
    assert "Autre chose" not in clauses[MODEL].source
    assert "1.1.0 (la vôtre)" in office.writer.get(office.clause()).text
    assert "1.0.0 (modèle)" in office.writer.get(office.clause("OD-07")).text


def test_a_clause_of_ones_own_is_written_without_any_code_and_taken(office: Office, database: Database) -> None:
    home = "/acheteur/clauses"
    office.writer.submit(office.writer.get(home), f"{home}/{office.at.buyer.ref}")
    edit = office.writer.page.url.split("testserver")[-1]
    version = edit.removesuffix("/modifier")
    said = {
        "title": "Clé de sécurité des capteurs",
        "note": "Pour que les capteurs restent lisibles si le titulaire change.",
        "text": "Le titulaire remet la clé sous {{ jours }} jours{% if copies %}, {{ copies|join(', ') }}{% endif %}.",
        "variables": "jours | délai de remise, en jours | nombre | 10 | 1 à 60\ncopies | copies | liste | a ; b",
        "applies_if": "'sensors' in subjects | recommandée | Les capteurs sont à la commune.\ndata | possible | Utile.",
        "references": "CCAG-FCS, article 35 | texte de l’arrêté | C. Essai | 2026-11 | texte lu",
        "requires": "OD-05",
    }
    office.writer.submit(office.writer.page, edit, button="propose", follow=True, **said)
    office.second.submit(office.second.get(version), f"{version}/approuver")
    ref = write(office.at, database, button="sort")
    path = f"/acheteur/consultations/{ref}/clauses"
    page = office.writer.get(path)
    assert "Prendre cette clause (LO-01)" in office.writer.page.main
    fields: dict[str, Value] = {"clause_LO-01": True, "clause_LO-01_jours": "12"}
    office.writer.submit(page, path, button="check", follow=True, **fields)
    ccap = office.writer.get(f"/acheteur/consultations/{ref}/apercu/ccap").text
    assert "remet la clé sous 12 jours, a, b." in ccap
    publish(office.at, ref)
    assert office.at.client.get(f"/acheteur/consultations/{ref}/apercu/ccap").status_code == 200


def test_the_change_of_a_model_is_told_and_the_buyers_text_stays(office: Office, database: Database) -> None:
    version = office.approved(text=newer_text())
    with transaction(database) as db:
        row = db.query(ClauseVersion).filter_by(ref=version.rsplit("/", 1)[1]).one()
        row.parent_sha256 = "0" * 64  # as if the model had been another text when this was written
    assert "Le modèle a changé" in office.writer.get("/acheteur/clauses?vue=modele").text
    page = office.writer.get(office.clause())
    assert "Le modèle a changé depuis votre version" in office.writer.page.main
    office.writer.submit(page, f"{version}/lu")
    assert "C’est noté : votre texte est gardé." in office.writer.page.main
    assert "Aucune clause ne répond" in office.writer.get("/acheteur/clauses?vue=modele").text
    assert "changement du modèle lu".capitalize() in office.writer.get(version).text


def test_a_draft_given_up_leaves_the_place_to_another(office: Office) -> None:
    version = office.started()
    page = office.clause()
    twice = office.writer.post(page, headers=_same_site(office.writer.get(version).url))
    assert twice.status_code == 409
    assert "Une version de cette clause est déjà en cours" in twice.text
    office.writer.submit(office.writer.get(version), f"{version}/abandonner")
    assert "Le brouillon est abandonné." in office.writer.page.main
    assert office.started() != version


def test_the_library_is_the_buyers_alone(
    office: Office, database: Database, browser: Browser, client: CheckedClient
) -> None:
    version = office.approved(text=newer_text())
    rival = make_officer(database, make_buyer(database))
    other = browser(rival)
    for path in (version, office.clause(), f"/acheteur/clauses?acheteur={office.at.buyer.ref}"):
        assert other.get(path).status_code == 404
        assert browser(make_account(database)).get(path).status_code == 404
        assert client.get(path).url.path == "/connexion"
    forged = other.post(
        f"{version}/retirer", headers=_same_site(other.get("/acheteur").url), content=b"remark=0123456789"
    )
    assert forged.status_code == 404
    assert SOONER not in other.get(f"/acheteur/clauses?q={MODEL}").text


def test_a_wrong_name_is_not_found(office: Office) -> None:
    version = office.started()
    assert office.writer.get(office.clause("ZZ-99")).status_code == 404
    assert office.writer.get("/acheteur/versions/AAAAAAAAAAAA").status_code == 404
    assert (
        office.writer.post(f"{version}/danser", headers=_same_site(office.writer.get(version).url)).status_code == 404
    )
