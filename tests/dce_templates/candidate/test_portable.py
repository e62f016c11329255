"""The two letters and the whole file: blanks that cannot be missed, nothing masked."""

import io
import json
import zipfile
from typing import Any

import pytest

from dce_templates.blocks import Document, words_of
from dce_templates.candidate.candidate import (
    TODO,
    AnswersError,
    Candidate,
    Identity,
    load_answers,
    merged,
    missing,
    parse_answers,
)
from dce_templates.candidate.dc1 import dc1
from dce_templates.candidate.dc2 import dc2
from dce_templates.candidate.portable import archive_from, build
from dce_templates.candidate.read_dume import read_plain
from tests.dce_templates.candidate.sample import FULL, IDENTITY, NOW, full

BLANK = Candidate(identity=Identity(siret="00001001700010"))
NAMES = ["dc1.docx", "dc1.pdf", "dc2.docx", "dc2.pdf", "dume.xml", "dossier.json", "manifest.json"]


def said(document: Document) -> str:
    return " ".join(words_of(document).split())


def changed(**changes: Any) -> Candidate:
    return Candidate(identity=IDENTITY, answers=parse_answers({**FULL, **changes}))


def test_the_letters_carry_the_rubriques_and_the_values() -> None:
    first, second = said(dc1(full())), said(dc2(full()))
    for letter in "ABCDEFG":
        assert f"{letter} – " in first
    for letter in "ABCDEFGH":
        assert f"{letter} – " in second
    for value in ("Ville d’Essai", "les lots n° 1, 2", "Groupement conjoint", "Paysage Bis", "L2141-11", "L5212-11"):
        assert value in first
    for value in ("31 décembre 2025", "Parc des Essais", "Assureur Essai", "15 janvier 2026"):
        assert value in second
    assert "N-1" not in second


def test_the_official_value_stays_beside_the_correction() -> None:
    text = said(dc1(full()))
    assert "BOULANGERIE TOUT VA BIEN – corrigé par l’entreprise : Boulangerie Neuve" in text
    assert "Insee, répertoire Sirene, le 25 novembre 2026" in text


def test_an_identity_that_was_not_read_says_so() -> None:
    typed = Candidate(identity=BLANK.identity, answers=parse_answers({"identity": {"name": "Essai"}}))
    assert "Essai (saisi par l’entreprise)" in said(dc1(typed))
    assert "déclarée par l’entreprise" in said(dc1(typed))


def test_what_is_missing_is_a_blank_in_the_documents_and_a_line_of_the_list() -> None:
    assert missing(full()) == ()
    keys = [key for key, _ in missing(BLANK)]
    assert {"consultation.buyer", "turnovers", "declarations.no_exclusion", "signatory.capacity"} <= set(keys)
    assert said(dc1(BLANK)).count(TODO) >= 10
    assert "déclare sur l’honneur" not in said(dc1(BLANK)).replace("Déclaration sur l’honneur", "")


def test_an_honour_that_is_not_declared_is_not_written() -> None:
    concerned = {"no_exclusion": "false", "grounds": ["fraud"], "measures": "Contrôle interne"}
    text = said(dc1(changed(declarations=concerned)))
    assert "entre dans un cas d’exclusion" in text
    assert "Fraude" in text
    assert "n’entrer dans aucun" not in text
    assert "n’est pas en règle" in said(dc1(changed(declarations={"disabled_workers": "false"})))


def test_alone_or_member() -> None:
    assert "Le candidat se présente seul" in said(dc1(changed(group=None)))
    member = {"form": "solidaire", "role": "member", "lead": "Mandataire & Fils"}
    assert "Mandataire Mandataire & Fils" in said(dc1(changed(group=member)))


def test_a_mask_is_never_printed() -> None:
    masked = Candidate(
        identity=Identity(siret="00001001700010", name="[ND]", street="[ND] [ND]", city="[NON-DIFFUSIBLE]")
    )
    assert "[N" not in said(dc1(masked)) + said(dc2(masked))
    assert "[N" not in build(masked, NOW).files[5].content.decode()


@pytest.mark.parametrize("candidate", [full(), BLANK], ids=["full", "blank"])
def test_the_whole_file(candidate: Candidate) -> None:
    made = build(candidate, NOW)
    assert [file.name for file in made.files] == [*NAMES, "dossier-candidat-00001001700010.zip"]
    with zipfile.ZipFile(io.BytesIO(made.archive.content)) as archive:
        assert archive.namelist() == NAMES
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["files"] == [{"name": file.name, "sha256": file.sha256} for file in made.files[:6]]
    assert manifest["missing"] == [key for key, _ in made.missing]
    assert build(candidate, NOW) == made


def test_data_come_back_from_the_dume_through_plain_data() -> None:
    siret, answers, unknown = read_plain(build(full(), NOW).files[4].content)
    assert (siret, unknown) == ("00001001700010", ())
    again = archive_from({"identity": IDENTITY.model_dump(mode="json"), "answers": answers}, NOW)
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert json.loads(archive.read("dossier.json"))["answers"]["turnovers"] == answers["turnovers"]


def test_what_is_typed_wins_over_what_was_read() -> None:
    laid = merged({"contact": {"name": "A", "phone": "1"}, "lots": ["1"]}, {"contact": {"name": "B"}, "lots": ["2"]})
    assert (laid.contact.name, laid.contact.phone, laid.lots) == ("B", "1", ("2",))


WRONG = {
    "colour: bleu": ("colour", "inconnu"),
    "turnovers: [{amount: 3}]": ("turnovers.0.ends_on", "obligatoire"),
    "turnovers: [{ends_on: 2025-12-31, amount: -1}]": ("turnovers.0.amount", "au moins 0"),
    "lots: ['0']": ("lots.0", "commence à 1"),
    "staff: [{year: 2025, average: 1}, {year: 2025, average: 2}]": ("staff", "deux fois"),
    "declarations: {no_exclusion: true, grounds: [fraud]}": ("declarations", "grounds"),
    "declarations: {grounds: [rire]}": ("declarations.grounds", "n'existe pas"),
    "contact: {email: rien}": ("contact.email", "forme"),
    "- a": ("", "clés"),
    "a: 1\na: 2": ("", "deux fois"),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_answers_get_one_sentence_each(text: str) -> None:
    with pytest.raises(AnswersError) as caught:
        load_answers(text)
    path, words = WRONG[text]
    assert path in caught.value.errors
    assert words in caught.value.errors[path]
