"""`mps dce amendment` and `subcontract`: files, one sentence for what is wrong, a name found by SIRET."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docx
import pypdf
import pytest
import yaml
from typer.testing import CliRunner, Result

from api.cli.dce_subcontract import app
from api.sandbox.server import LOOKUP, running_sandbox
from tests.dce_templates.acts.sample import amendment_data, subcontract_data
from tests.dce_templates.sample import example_text
from tests.factories import make_siret

AT = "2026-11-23T10:00:00+01:00"


def write(folder: Path, data: Mapping[str, Any]) -> Path:
    path = folder / "acte.yaml"
    path.write_text(yaml.safe_dump(dict(data), allow_unicode=True), encoding="utf-8")
    return path


def run(command: str, path: Path, out: Path, *more: object) -> Result:
    return CliRunner().invoke(app, [str(part) for part in (command, path, "-o", out, *more)])


def test_an_amendment_is_three_files_and_their_manifest(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("amendment", write(tmp_path, amendment_data()), out, "--json", "--at", AT)
    answer = json.loads(done.stdout)
    names = [f"AVENANT_2025-VOI-003-A2.{end}" for end in ("docx", "pdf", "html")]
    assert (done.exit_code, [item["name"] for item in answer["files"]]) == (0, [*names, "manifest.json"])
    assert [item["id"] for item in answer["clauses"]] == ["OD-05", "OD-07", "OD-10"]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [item["sha256"] for item in manifest["files"]] == [item["sha256"] for item in answer["files"][:-1]]
    reader = pypdf.PdfReader(out / names[1])
    assert json.loads(reader.attachments["donnees.json"][0])["amendment"]["basis"] == "minor"
    assert "R2194-8" in "".join(page.extract_text() for page in reader.pages)
    word = docx.Document(io.BytesIO((out / names[0]).read_bytes()))
    assert word.core_properties.title == "Avenant n° 2 au marché 2025-VOI-003"


def test_the_dossier_of_the_contract_says_what_it_knows(tmp_path: Path) -> None:
    data = amendment_data({"buyer": None})
    data["contract"] = {"notified_on": "2026-01-05", "initial_amount": "84000"}
    (tmp_path / "dossier.yaml").write_text(example_text(), encoding="utf-8")
    out = tmp_path / "out"
    path = write(tmp_path, data)
    done = run("amendment", path, out, "--dossier", tmp_path / "dossier.yaml", "--format", "html", "--at", AT)
    assert done.exit_code == 0, done.stderr
    page = (out / "AVENANT_2026-NUM-014-A2.html").read_text(encoding="utf-8")
    assert "Ville de Démonstration" in page
    assert run("amendment", path, out).exit_code == 2


def test_what_blocks_writes_nothing_until_a_motive_is_given(tmp_path: Path) -> None:
    path, out = write(tmp_path, amendment_data({"amount_change": "9000"})), tmp_path / "out"
    stopped = run("amendment", path, out, "--format", "html", "--at", AT)
    assert (stopped.exit_code, list(out.iterdir())) == (1, [])
    assert "BLOQUE amendment_minor (R2194-8)" in stopped.stdout
    motive = "amendment_minor=prestations identiques"
    passed = run("amendment", path, out, "--format", "html", "--override", motive, "--at", AT)
    assert passed.exit_code == 0
    assert run("amendment", path, out, "--not-adopted", "--format", "html", "--at", AT).exit_code == 0


@pytest.mark.parametrize(
    ("command", "changes", "words"),
    [
        ("amendment", {"basis": "autre"}, "basis : la valeur doit être l'une de"),
        ("amendment", {"clauses": [], "datasets": [], "amount_change": "0"}, "l'avenant ne change rien"),
        ("amendment", {"amount_change": "-90000"}, "ôtent plus que le montant"),
        ("amendment", {"contract.initial_amount": "0"}, "supérieure à 0"),
        ("amendment", {"number": 1}, "numéros plus petits"),
        ("amendment", {"dated_on": "2025-03-02"}, "daté d'avant la notification"),
        ("amendment", {"holder.siret": "12345678901234"}, "n’existe pas"),
        ("amendment", {"colour": "bleu"}, "colour : ce champ est inconnu"),
        ("subcontract", {"work": None}, "work : ce champ est obligatoire"),
        ("subcontract", {"maximum": "douze mille"}, "maximum : un nombre est attendu"),
        ("subcontract", {"subcontractor.siret": "99999999999999"}, "n’existe pas"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, command: str, changes: dict[str, Any], words: str) -> None:
    data = amendment_data(changes) if command == "amendment" else subcontract_data(changes)
    done = run(command, write(tmp_path, data), tmp_path / "out", "--at", AT)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_siret_alone_names_the_subcontractor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_SECRET_KEY", "k" * 48)
    out = tmp_path / "out"
    path = write(tmp_path, subcontract_data({"subcontractor.name": None, "subcontractor.siret": "00001001700010"}))
    with running_sandbox(services=LOOKUP) as urls:
        monkeypatch.setenv("MPS_RECHERCHE_ENTREPRISES_URL", urls.recherche_entreprises)
        done = run("subcontract", path, out, "--format", "html,pdf", "--at", AT)
        assert done.exit_code == 0, done.stderr
        page = (out / "SOUS-TRAITANCE_2025-VOI-003-1.html").read_text(encoding="utf-8")
        assert "BOULANGERIE TOUT VA BIEN" in page
        assert run("subcontract", path, out, "--format", "odt", "--at", AT).exit_code == 0
        assert (out / "SOUS-TRAITANCE_2025-VOI-003-1.odt").read_bytes().startswith(b"PK")
        nobody = subcontract_data({"subcontractor.name": None, "subcontractor.siret": make_siret(9999)})
        unknown = run("subcontract", write(tmp_path, nobody), out)
    assert (unknown.exit_code, "n'a pas été trouvé dans les données ouvertes" in unknown.stderr) == (2, True)
    assert "Formats possibles" in run("subcontract", path, out, "--format", "rtf").stderr
    assert "pas de classeur" in run("subcontract", path, out, "--format", "xlsx").stderr
