"""`mps dossier-candidat`: files, JSON keys and exit codes; a service that is down, a DUME taken up again."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from api.cli.dossier_candidat import dossier_candidat
from api.sandbox.companies import book
from api.sandbox.server import LOOKUP, running_sandbox
from tests.api.test_cli import mps

WELL = "00001001700010"
FILES = ["dc1.docx", "dc1.pdf", "dc2.docx", "dc2.pdf", "dume.xml", "dossier.json", "manifest.json"]
ANSWERS = """
consultation: {buyer: Ville d’Essai, object: Entretien des espaces verts}
signatory: {last_name: Martin, capacity: gérante}
turnovers: [{ends_on: 2025-12-31, amount: 1250000}]
declarations: {no_exclusion: true, disabled_workers: true}
"""


@pytest.fixture(autouse=True)
def _directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One sandbox, named by the settings as production would be."""
    monkeypatch.setenv("MPS_SECRET_KEY", "k" * 48)
    with running_sandbox(services=LOOKUP) as urls:
        monkeypatch.setenv("MPS_RECHERCHE_ENTREPRISES_URL", urls.recherche_entreprises)
        yield


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(dossier_candidat)
    return CliRunner().invoke(app, arguments)


def make(out: Path, *more: str, siret: str = WELL) -> Result:
    return run(siret, "--out", str(out), "--json", *more)


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def siret_of(name: str) -> str:
    return next(company.places[-1].siret for company in book().companies if company.name == name)


def test_a_siret_alone_gives_every_file_and_the_list_of_blanks(tmp_path: Path) -> None:
    done = make(tmp_path)
    report = json.loads(done.stdout)
    assert done.exit_code == 0
    assert [file["name"] for file in report["files"]] == [*FILES, f"dossier-candidat-{WELL}.zip"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(file["name"] for file in report["files"])
    assert report["identity"]["name"] == "BOULANGERIE TOUT VA BIEN"
    assert report["identity"]["source"].startswith("Annuaire des entreprises")
    assert {"consultation.buyer", "declarations.no_exclusion"} <= {item["key"] for item in report["missing"]}
    assert (report["warnings"], report["sandbox"]) == ([], False)
    with zipfile.ZipFile(tmp_path / f"dossier-candidat-{WELL}.zip") as archive:
        assert archive.namelist() == FILES


def test_answers_fill_the_blanks_and_a_dume_keeps_them(tmp_path: Path) -> None:
    first = make(tmp_path / "a", "--answers", written(tmp_path / "a.yaml", ANSWERS))
    assert "declarations.no_exclusion" not in {item["key"] for item in json.loads(first.stdout)["missing"]}
    again = make(tmp_path / "b", "--read", str(tmp_path / "a" / "dume.xml"))
    assert json.loads(again.stdout)["missing"] == json.loads(first.stdout)["missing"]
    newer = written(tmp_path / "b.yaml", "consultation: {buyer: Autre ville}")
    make(tmp_path / "c", "--read", str(tmp_path / "a" / "dume.xml"), "--answers", newer)
    data = json.loads((tmp_path / "c" / "dossier.json").read_text(encoding="utf-8"))["answers"]
    assert (data["consultation"]["buyer"], data["consultation"]["object"]) == (
        "Autre ville", "Entretien des espaces verts",
    )  # fmt: skip


def test_masks_are_never_printed(tmp_path: Path) -> None:
    done = make(tmp_path, siret=siret_of("JEANNE DISCRÈTE"))
    assert done.exit_code == 0
    texts = done.stdout + (tmp_path / "dume.xml").read_text("utf-8") + (tmp_path / "dossier.json").read_text("utf-8")
    assert "[N" not in texts
    assert "identity.name" in {item["key"] for item in json.loads(done.stdout)["missing"]}


@pytest.mark.parametrize(("name", "words"), [("ATELIER CESSÉ", "cessé"), ("MENUISERIE DÉMÉNAGÉE", "fermé")])
def test_a_closed_place_is_told_and_the_file_is_made(tmp_path: Path, name: str, words: str) -> None:
    done = make(tmp_path, siret=siret_of(name))
    assert done.exit_code == 0
    assert words in json.loads(done.stdout)["warnings"][0]


def test_a_service_that_is_down_does_not_stop_one_who_typed_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPS_RECHERCHE_ENTREPRISES_URL", "http://127.0.0.1:1")
    bare = make(tmp_path / "a")
    assert (bare.exit_code, bare.stdout, (tmp_path / "a").exists()) == (3, "", False)
    assert "ne répond pas" in bare.stderr
    done = make(tmp_path / "b", "--answers", written(tmp_path / "a.yaml", "identity: {name: Boulangerie}"))
    assert done.exit_code == 0
    assert "ne répond pas" in done.stderr
    assert json.loads(done.stdout)["identity"]["source"] == ""


WRONG = {
    "unknown key": ("colour: bleu", "colour", ""),
    "bad amount": ("turnovers: [{ends_on: 2025-12-31, amount: beaucoup}]", "turnovers.0.amount", ""),
    "no mapping": ("- a", "clés", ""),
    "bad key of siret": ("", "mal recopié", "00001001700011"),
    "nine digits": ("", "SIREN", "000010017"),
    "unknown siret": ("", "données ouvertes", "13002526500013"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_one_sentence_and_exit_2(tmp_path: Path, case: str) -> None:
    text, said, siret = WRONG[case]
    more = ("--answers", written(tmp_path / "a.yaml", text)) if text else ()
    done = make(tmp_path / "out", *more, siret=siret or WELL)
    assert (done.exit_code, done.stdout, (tmp_path / "out").exists()) == (2, "", False)
    assert said in done.stderr


@pytest.mark.parametrize("content", ["", "bonjour", "<a/>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_file_that_is_no_dume_is_exit_2(tmp_path: Path, content: str) -> None:
    done = make(tmp_path / "out", "--read", written(tmp_path / "dume.xml", content))
    assert done.exit_code == 2
    assert "ne peut pas être repris" in done.stderr


def test_the_dume_of_another_company_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a")
    done = make(tmp_path / "b", "--read", str(tmp_path / "a" / "dume.xml"), siret=siret_of("MARIE MICRO"))
    assert done.exit_code == 2
    assert "autre entreprise" in done.stderr


def test_the_real_command_with_its_own_sandbox(tmp_path: Path) -> None:
    done = mps("dossier-candidat", WELL, "--out", str(tmp_path / "out"), "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sandbox"] is True
    assert mps("dossier-candidat", WELL, "--out", str(tmp_path), "--read", "absent.xml", home=tmp_path).returncode == 2
