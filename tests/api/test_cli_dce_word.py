"""`mps dce redline`, `drift`, `recognise` and `sources`: exit codes, JSON, one sentence for what cannot be read."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.dce_sources import app
from dce_templates.assemble import assemble
from dce_templates.law import in_force
from dce_templates.render.docx import render_docx
from procurement.rules import rule_table
from tests.api.test_cli_dce import write
from tests.dce_templates.sample import NOW, dossier
from tests.dce_templates.word_scene import external, package, paragraph, said, settle

AT = "2026-12-01T10:30:00+01:00"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def ccap(changes: dict[str, object] | None = None) -> bytes:
    figures = in_force(rule_table().figures, dossier().launched_on)
    return render_docx(assemble("ccap", dossier(changes or {}), figures), NOW)


def test_a_redline_is_written_whole_and_dated(tmp_path: Path) -> None:
    old, new = (document(tmp_path, f"{n}.docx", package(paragraph(f"Le délai est de {n} jours."))) for n in (20, 30))
    out = tmp_path / "out.docx"
    result = run("redline", old, new, out, "--author", "Ville", "--at", AT)
    assert (result.exit_code, "2 modification(s)" in result.stdout) == (0, True)
    content = out.read_bytes()
    assert settle(content, accepted=False) == said(old.read_bytes())
    run("redline", old, new, out, "--author", "Ville", "--at", AT)
    assert out.read_bytes() == content
    assert "aucune différence" in run("redline", old, old, out).stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["20.docx", "30.docx", "out.docx"]


def test_drift_is_exit_0_1_or_2(tmp_path: Path) -> None:
    path = write(tmp_path, {})
    same = run("drift", path, document(tmp_path, "same.docx", ccap()), "--json")
    assert (same.exit_code, json.loads(same.stdout)["drifted"]) == (0, False)
    other = document(tmp_path, "other.docx", ccap({"clauses.0.vars.frequency": "annuelle", "payment_delay_days": 20}))
    answer = run("drift", path, other, "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert {item["id"]: item["state"] for item in found["clauses"]}["OD-05"] == "changed"
    assert found["findings"][0]["id"] == "single_source"
    told = run("drift", path, other).stdout
    assert "MODIFIÉ OD-05" in told
    assert "« mensuelle » → « annuelle »" in told
    assert "BLOQUE single_source" in told
    bad = run("drift", write(tmp_path, {"colour": "bleu"}, "bad.yaml"), other)
    assert (bad.exit_code, "colour" in bad.stderr) == (2, True)


def test_recognise_tells_in_words_and_in_json(tmp_path: Path) -> None:
    text = paragraph("Vu le décret n° 2016-360, un poste sous Windows.")
    path = document(tmp_path, "a.docx", package(text))
    assert "Paragraphe 1 : « Windows » est-il une marque ?" in run("recognise", path).stdout
    found = json.loads(run("recognise", path, "--json").stdout)
    assert [item["found"] for item in found["references"]] == ["décret n° 2016-360"]
    assert "Rien de connu" in run("recognise", document(tmp_path, "b.docx", package(paragraph("Bonjour.")))).stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7", "pas un document Word"),
        (package(paragraph("a"), {"word/vbaProject.bin": b"x"}), "macros"),
        (package(paragraph("a"))[:-50], "abîmé"),
        (external("attachedTemplate", "https://ailleurs.example/a.dotm"), "en dehors"),
        (b"PK" + b"a" * (21 << 20), "trop gros"),
    ],
)
def test_a_hostile_file_is_exit_2_and_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    bad = document(tmp_path, "bad.docx", content)
    good = document(tmp_path, "good.docx", package(paragraph("a")))
    out = tmp_path / "out.docx"
    for command in (
        ["redline", bad, good, out], ["redline", good, bad, out], ["recognise", bad],
        ["drift", write(tmp_path, {}), bad],
    ):  # fmt: skip
        result = run(*command)
        assert (result.exit_code, words in result.stderr, result.stderr.count("\n")) == (2, True, 1)
    assert not out.exists()


def test_missing_files_and_places_that_cannot_be_written(tmp_path: Path) -> None:
    good = document(tmp_path, "good.docx", package(paragraph("a")))
    assert "introuvable" in run("recognise", tmp_path / "none.docx").stderr
    assert "l’un des documents comparés" in run("redline", good, good, good).stderr
    result = run("redline", good, good, good / "out.docx")
    assert (result.exit_code, "Impossible d’écrire" in result.stderr) == (2, True)


def test_the_annex_of_sources_is_written_in_the_formats_asked(tmp_path: Path) -> None:
    path, out = write(tmp_path, {}), tmp_path / "out"
    result = run("sources", path, "-o", out, "--format", "html,csv", "--at", AT, "--json")
    names = ["ANNEXE-SOURCES_2026-NUM-014.html", "ANNEXE-SOURCES_2026-NUM-014.csv"]
    assert (result.exit_code, [file["name"] for file in json.loads(result.stdout)["files"]]) == (0, names)
    assert sorted(each.name for each in out.iterdir()) == sorted(names)
    assert "texte lu en avril 2026 par" in (out / names[0]).read_text()
    odd = run("sources", path, "-o", out, "--format", "odt")
    assert (odd.exit_code, "Format inconnu" in odd.stderr) == (2, True)
    assert run("sources", write(tmp_path, {"colour": "bleu"}, "bad.yaml"), "-o", out).exit_code == 2
