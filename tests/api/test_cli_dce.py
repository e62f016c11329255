import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from typer.testing import CliRunner, Result

from api.cli.dce import app
from tests.dce_templates.model_scene import COVER, rich
from tests.dce_templates.sample import changed, concession_text
from tests.dce_templates.word_scene import said

AT = "2026-11-23T10:00:00+01:00"


def write(folder: Path, changes: Mapping[str, Any], name: str = "dossier.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(changed(changes), allow_unicode=True), encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_good_dossier_is_exit_0(tmp_path: Path) -> None:
    result = run("check", write(tmp_path, {}), "--json", "--at", AT)
    assert (result.exit_code, json.loads(result.stdout)["findings"]) == (0, [])
    assert "Rien à signaler." in run("check", write(tmp_path, {}), "--at", AT).stdout


def test_a_blocking_finding_is_exit_1_with_article_and_fix(tmp_path: Path) -> None:
    path = write(tmp_path, {"criteria.0.weight": "30"})
    result = run("check", path, "--json", "--at", AT)
    finding = json.loads(result.stdout)["findings"][0]
    assert result.exit_code == 1
    assert {"id", "severity", "article", "message", "fix"} <= set(finding)
    assert (finding["id"], finding["severity"], finding["article"]) == ("weights", "block", "R2152-12")
    assert "BLOQUE weights (R2152-12)" in run("check", path, "--at", AT).stdout
    assert run("check", path, "--not-adopted", "--at", AT).exit_code == 0


def test_the_present_is_the_default_moment(tmp_path: Path) -> None:
    past = write(tmp_path, {"launched_on": "2025-01-10", "deadline": "2025-02-15T12:00:00+01:00"})
    found = json.loads(run("check", past, "--json").stdout)["findings"]
    assert "deadline_past" in {item["id"] for item in found}


def test_several_files_keep_their_order_and_the_highest_code(tmp_path: Path) -> None:
    good, bad = write(tmp_path, {}), write(tmp_path, {"colour": "bleu"}, "bad.yaml")
    result = run("check", bad, good, "--json", "--at", AT)
    first, second = json.loads(result.stdout)["results"]
    assert result.exit_code == 2
    assert set(first) == {"file", "error"}
    assert "colour : ce champ est inconnu" in first["error"]
    assert second["findings"] == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe\x00a", "UTF-8"),
        (b"a: [", "YAML"),
        (b"- a", "cl"),
        (b"a" * 1_000_001, "trop gros"),
        (b"", "dossier"),
    ],
)
def test_an_unreadable_file_is_one_sentence_and_exit_2(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    for command in (["check", path], ["build", path, "--out", tmp_path / "out"]):
        result = run(*command)
        assert result.exit_code == 2
        assert words in result.stderr
        assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_missing_file_folder_and_moment(tmp_path: Path) -> None:
    assert "introuvable" in run("check", tmp_path / "none.yaml").stderr
    assert "ne peut pas être lu" in run("check", tmp_path).stderr
    result = run("check", write(tmp_path, {}), "--at", "demain")
    assert (result.exit_code, "n'est pas un instant" in result.stderr) == (2, True)


def test_build_writes_the_files_it_names(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("build", write(tmp_path, {}), "--out", out, "--format", "pdf,html", "--json", "--at", AT)
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert sorted(item["name"] for item in answer["files"]) == sorted(path.name for path in out.iterdir())
    assert {"id", "version", "sha256"} <= set(answer["clauses"][0])
    assert answer["findings"] == []


def test_build_stops_unless_a_motive_is_given(tmp_path: Path) -> None:
    path, out = write(tmp_path, {"lot.single_reason": None}), tmp_path / "out"
    stopped = run("build", path, "--out", out, "--format", "html", "--at", AT)
    assert stopped.exit_code == 1
    assert "Aucun document" in stopped.stderr
    assert list(out.iterdir()) == []
    passed = run("build", path, "--out", out, "--format", "html", "--override", "single_lot=besoin unique", "--at", AT)
    assert passed.exit_code == 0
    assert "Passé outre : besoin unique" in passed.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "rtf"], "Format inconnu"),
        (["--format", ","], "Format inconnu ou absent"),
        (["--override", "unknown=motif"], "pas une règle"),
        (["--override", "single_lot="], "écrivez un motif"),
        (["--override", "single_lot"], "écrivez un motif"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, options: list[str], words: str) -> None:
    result = run("build", write(tmp_path, {}), "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    result = run("build", write(tmp_path, {}), "--out", blocked / "out", "--format", "html", "--at", AT)
    assert (result.exit_code, "Impossible d'écrire" in result.stderr) == (2, True)


LINES = [{"code": "1", "label": "Pose", "unit": "u", "quantity": "3"}, {"code": "2", "label": "Dépose", "unit": "u"}]


def test_prices_go_out_and_come_back(tmp_path: Path) -> None:
    path, out = write(tmp_path, {"price_lines": LINES}), tmp_path / "out"
    made = run("build", path, "--out", out, "--format", "html,xlsx", "--json", "--at", AT)
    assert [item["name"] for item in json.loads(made.stdout)["files"]][-2:] == [
        "DPGF_2026-NUM-014.xlsx",
        "manifest.json",
    ]
    book = openpyxl.load_workbook(out / "DPGF_2026-NUM-014.xlsx")
    filled = tmp_path / "rempli.xlsx"
    book["DPGF"]["E6"].value = 12.5
    book.save(filled)
    missing = run("prices", path, filled)
    assert (missing.exit_code, missing.stdout) == (
        1, "DPGF!E7 : Le prix « 2 » n’est pas donné.\nPrix lus : 1 sur 2.\n",
    )  # fmt: skip
    book["DPGF"]["E7"].value = 40
    book.save(filled)
    good = run("prices", path, filled, "--amount", "77,50", "--json")
    answer = json.loads(good.stdout)
    assert (good.exit_code, answer["total_ht"], answer["problems"]) == (0, "77.50", [])
    assert [line["price"] for line in answer["lines"]] == ["12.5", "40"]
    assert "n'est pas un montant" in run("prices", path, filled, "--amount", "cher").stderr
    assert run("prices", path, filled, "--amount", "78").exit_code == 1


def test_prices_that_cannot_be_read_are_exit_2(tmp_path: Path) -> None:
    path, without = write(tmp_path, {"price_lines": LINES}), write(tmp_path, {}, "sans.yaml")
    result = run("prices", path, path, "--json")
    assert (result.exit_code, "pas un classeur XLSX" in json.loads(result.stdout)["error"]) == (2, True)
    assert "introuvable" in run("prices", path, tmp_path / "rien.xlsx").stderr
    built = run("build", without, "--out", tmp_path / "out", "--format", "html,xlsx", "--at", AT)
    assert (built.exit_code, "Aucun classeur de prix" in built.stderr) == (0, True)


def test_a_model_of_the_buyer_dresses_the_word_files(tmp_path: Path) -> None:
    path, out, model = write(tmp_path, {}), tmp_path / "out", tmp_path / "modele.docx"
    model.write_bytes(rich())
    made = run("build", path, "--out", out, "--format", "docx", "--model", model, "--at", AT)
    assert (made.exit_code, "manifest.json" in made.stdout) == (0, True)
    assert COVER in said((out / "RC_2026-NUM-014.docx").read_bytes())
    model.write_bytes(b"%PDF-1.7")
    bad = run("build", path, "--out", tmp_path / "none", "--format", "docx", "--model", model, "--at", AT)
    assert (bad.exit_code, bad.stderr) == (2, "Ce fichier n’est pas un document Word (.docx).\n")
    assert "introuvable" in run("build", path, "--out", out, "--model", tmp_path / "rien.docx", "--at", AT).stderr


def test_a_concession_has_one_contract_and_its_mistakes_are_sentences(tmp_path: Path) -> None:
    out, path = tmp_path / "out", tmp_path / "concession.yaml"
    path.write_text(concession_text(), encoding="utf-8")
    done = run("build", path, "--out", out, "--format", "html", "--json", "--at", AT)
    assert done.exit_code == 0, done.stderr
    names = [*(f"{start}_2026-MOB-002.html" for start in ("RC", "CONTRAT", "ANNEXE-DONNEES")), "manifest.json"]
    assert [item["name"] for item in json.loads(done.stdout)["files"]] == names
    assert [item["id"] for item in json.loads(done.stdout)["clauses"]] == ["OD-02", "OD-04", "OD-10"]
    path.write_text(concession_text().replace("fate: takeover", "fate: vendu"), encoding="utf-8")
    bad = run("check", path, "--at", AT)
    assert (bad.exit_code, len(bad.stderr.strip().splitlines())) == (2, 1)
    assert "concession.investments.2.fate : la valeur doit être l'une de" in bad.stderr
