"""`mps decp check`: both formats, two levels, exit codes, one sentence for what cannot be read."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.decp import MAX_BYTES, app
from procurement.publication.decp import record, to_json, to_xml
from tests.procurement.publication.test_decp import CONTRACT


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["check", *(str(argument) for argument in arguments)])


def shape(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bon.json").write_bytes(to_json([record(CONTRACT)]))
    (tmp_path / "bon.xml").write_bytes(to_xml([record(CONTRACT)]))
    (tmp_path / "factice.json").write_bytes(to_json([record(CONTRACT) | {"montant": 123456789}]))
    (tmp_path / "vide.json").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("name", ["bon.json", "bon.xml"])
def test_a_right_document_is_exit_0(folder: Path, name: str) -> None:
    result = run(folder / name, "--json")
    assert result.exit_code == 0, result.output
    report = shape(result)
    assert (report["schema_valid"], report["exploitable"], report["findings"]) == (True, True, [])


def test_a_document_that_keeps_the_schema_may_be_of_no_use(folder: Path) -> None:
    result = run(folder / "factice.json", "--json")
    assert result.exit_code == 1
    report = shape(result)
    assert (report["schema_valid"], report["exploitable"]) == (True, False)
    assert {"rule", "path", "message"} <= set(report["findings"][0])


def test_several_files_and_french_lines(folder: Path) -> None:
    result = run(folder / "bon.json", folder / "factice.json", folder / "vide.json")
    assert result.exit_code == 2
    assert "schéma respecté, exploitable" in result.stdout
    assert "[inexploitable] DECP-MONTANT-FACTICE" in result.stdout
    assert "vide" in result.stderr


def test_an_absent_file_is_exit_2(folder: Path) -> None:
    result = run(folder / "rien.json", "--json")
    assert (result.exit_code, shape(result)["error"]) == (
        2,
        "Le fichier rien.json ne peut pas être lu (il n’existe pas).",
    )


def test_bad_files_of_every_sort_are_exit_2_with_a_sentence(tmp_path: Path) -> None:
    bad = {
        "gros.json": (b"{" + b" " * MAX_BYTES, "trop gros"),
        "nan.json": (b'{"marches": {"marche": [{"montant": NaN}]}}', "ni un JSON"),
        "controle.json": (b'{"a": "\x01"}', "caractère de contrôle"),
        "doctype.xml": (b"<!DOCTYPE marches []><marches/>", "DOCTYPE"),
        "utf16.xml": ("<marches>".encode("utf-16"), "bien formé"),
    }
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    result = run(*(tmp_path / name for name in bad), "--json")
    assert result.exit_code == 2
    for (name, (_, said)), found in zip(bad.items(), shape(result)["results"], strict=True):
        assert said in found["error"], name


def test_the_format_of_2019_is_exit_1_with_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "2019.json").write_bytes(b'{"marches": [{"id": "2019-1", "objet": "Voirie"}]}')
    result = run(tmp_path / "2019.json")
    assert result.exit_code == 1
    assert "ancien format de 2019" in result.stdout
