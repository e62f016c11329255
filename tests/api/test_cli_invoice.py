"""`mps invoice`: shapes, exit codes, several files, one sentence for each mistake, never a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.invoice import app
from api.sandbox import invoices
from api.sandbox.invoices import cii, facturx_pdf, ubl
from tests.procurement.invoicing.samples import DRAFT, contract, contracts_file, draft


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def shape(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cii.xml").write_bytes(cii(DRAFT))
    (tmp_path / "ubl.xml").write_bytes(ubl(DRAFT))
    (tmp_path / "facture.pdf").write_bytes(facturx_pdf(DRAFT))
    (tmp_path / "note.xml").write_bytes(invoices.BREAKS["note_missing"](cii(DRAFT)))
    (tmp_path / "doctype.xml").write_bytes(invoices.BREAKS["xxe"](ubl(DRAFT)))
    (tmp_path / "image.pdf").write_bytes(invoices.page(DRAFT))
    (tmp_path / "mots.txt").write_text("bonjour")
    (tmp_path / "contrats.json").write_text(contracts_file(contract()))
    return tmp_path


@pytest.mark.parametrize("name", ["cii.xml", "ubl.xml", "facture.pdf"])
def test_check_one_file_is_the_bare_object(folder: Path, name: str) -> None:
    result = run("check", folder / name, "--json")
    assert result.exit_code == 0, result.output
    report = shape(result)
    assert {"syntax", "profile", "valid", "rule_sets", "findings"} <= set(report)
    assert (report["valid"], report["findings"], report["file"]) == (True, [], str(folder / name))


def test_check_several_files_keeps_the_order_and_the_highest_code(folder: Path) -> None:
    names = ["ubl.xml", "mots.txt", "note.xml"]
    result = run("check", *(folder / name for name in names), "--json")
    assert result.exit_code == 2
    first, second, third = shape(result)["results"]
    assert first["valid"]
    assert set(second) == {"file", "error"}
    assert not third["valid"]
    assert {"rule", "severity", "location", "message", "source"} == set(third["findings"][0])


def test_a_broken_rule_is_exit_1_and_a_french_line(folder: Path) -> None:
    result = run("check", folder / "note.xml")
    assert result.exit_code == 1
    assert "[bloquant] BR-FR-05" in result.stdout
    assert "pénalités de retard" in result.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("doctype.xml", "DOCTYPE"),
        ("image.pdf", "pas un Factur-X"),
        ("mots.txt", "document lisible"),
        ("absent.xml", "il n’existe pas"),
        (".", "c’est un dossier"),
    ],
)
@pytest.mark.parametrize("command", ["check", "match"])
def test_an_unreadable_file_is_exit_2_and_a_sentence(folder: Path, command: str, name: str, sentence: str) -> None:
    options: list[str | Path] = ["--contracts", folder / "contrats.json"] if command == "match" else []
    result = run(command, folder / name, *options, "--json")
    assert result.exit_code == 2
    assert sentence in shape(result)["error"]
    assert "Traceback" not in result.output


def test_a_sentence_goes_to_stderr_without_json(folder: Path) -> None:
    result = run("check", folder / "mots.txt")
    assert result.exit_code == 2
    assert "document lisible" in result.stderr


def test_match_says_contract_decision_and_notice(folder: Path) -> None:
    result = run("match", folder / "facture.pdf", "--contracts", folder / "contrats.json", "--json")
    assert result.exit_code == 0, result.output
    answer = shape(result)
    assert (answer["decision"], answer["findings"]) == ("approve", [])
    assert answer["candidates"][0]["contract"] == "2026-0042"
    assert "sans valeur de dépôt" in answer["notice"]


def test_match_tells_what_is_wrong_in_french(folder: Path) -> None:
    (folder / "autre.xml").write_bytes(ubl(draft(iban="FR1420041010050500013M02606")))
    result = run("match", folder / "autre.xml", "--contracts", folder / "contrats.json")
    assert result.exit_code == 1
    assert "à mettre en attente (proposition)" in result.stdout
    assert "COORD_BANC_ERR" in result.stdout
    assert "sans valeur de dépôt" in result.stdout


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1}'])
def test_a_bad_contracts_file_is_exit_2(folder: Path, text: str) -> None:
    (folder / "mauvais.json").write_text(text)
    result = run("match", folder / "ubl.xml", "--contracts", folder / "mauvais.json")
    assert result.exit_code == 2
    assert "Fichier des contrats illisible" in result.stderr


def test_an_absent_contracts_file_is_exit_2(folder: Path) -> None:
    result = run("match", folder / "ubl.xml", "--contracts", folder / "rien.json")
    assert result.exit_code == 2
    assert "il n’existe pas" in result.stderr


def test_a_database_that_does_not_open_is_exit_2(folder: Path) -> None:
    result = run("match", folder / "ubl.xml", "--contracts", f"sqlite:///{folder}/absent/mps.db")
    assert result.exit_code == 2
    assert "base" in result.stderr
    assert "Traceback" not in result.output


def test_contracts_are_needed(folder: Path) -> None:
    assert run("match", folder / "ubl.xml").exit_code == 2
