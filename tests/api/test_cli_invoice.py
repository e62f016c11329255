"""`mps invoice`: shapes, exit codes, several files, one sentence for each mistake, never a traceback."""

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api import isolate
from api.cli.invoice import app
from api.sandbox import invoices
from api.sandbox.invoices import cii, facturx_pdf, ubl
from procurement.invoicing.bill_template import EXAMPLE
from tests.billing_scene import plain
from tests.procurement.invoicing.samples import DRAFT, contract, contracts_file, draft

DIED = "Ce fichier a fait échouer son traitement ; rien d’autre n’est touché."


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


@pytest.fixture
def bill(folder: Path) -> list[str | Path]:
    (folder / "lignes.csv").write_text(EXAMPLE)
    return ["--contract", folder / "contrats.json", "--lines", folder / "lignes.csv", "--out", folder / "made.pdf"]


def test_make_writes_an_invoice_that_check_and_match_approve(folder: Path, bill: list[str | Path]) -> None:
    result = run("make", *bill, "--json")
    assert result.exit_code == 0, result.output
    said = shape(result)
    assert said["sha256"] == hashlib.sha256((folder / "made.pdf").read_bytes()).hexdigest()
    assert shape(run("check", folder / "made.pdf", "--json"))["findings"] == []
    matched = shape(run("match", folder / "made.pdf", "--contracts", folder / "contrats.json", "--json"))
    assert matched["decision"] == "approve"


def test_make_says_what_it_made_in_french(bill: list[str | Path]) -> None:
    result = run("make", *bill)
    assert "Facture F-2026-001 écrite, cadre S1, 1 081,20 € TTC" in plain(result.stdout)
    assert "Non vérifié ici" in result.stdout


def test_make_shows_the_shape_of_the_lines(folder: Path) -> None:
    shown = run("make", "--help").stdout
    assert "code;label;quantity;unit_price;vat_rate" in shown


def test_make_writes_nothing_that_a_rule_forbids(folder: Path, bill: list[str | Path]) -> None:
    (folder / "contrats.json").write_text(contracts_file(contract(id="M" * 51)))
    result = run("make", *bill)
    assert result.exit_code == 1
    assert "BR-FR-CPRO-14" in result.stdout
    assert not (folder / "made.pdf").exists()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("lignes.csv", "number;1\n", "ligne de titres"),
        ("contrats.json", "{}", "Fichier des contrats illisible"),
        ("contrats.json", "non", "ce n’est pas un document JSON"),
    ],
)
def test_make_refuses_with_one_sentence(
    folder: Path, bill: list[str | Path], name: str, text: str, sentence: str
) -> None:
    (folder / name).write_text(text)
    result = run("make", *bill, "--json")
    assert result.exit_code == 2
    assert sentence in shape(result)["error"]


def test_make_into_a_folder_that_is_not_there(folder: Path, bill: list[str | Path]) -> None:
    result = run("make", *bill[:-1], folder / "absent" / "made.pdf", "--json")
    assert result.exit_code == 2
    assert "ne peut pas être écrit" in shape(result)["error"]


def test_a_name_that_is_not_utf8_still_gives_json(folder: Path) -> None:
    name = os.fsdecode(b"re\xe7ue.xml")
    try:
        (folder / name).write_bytes(ubl(DRAFT))
    except OSError:  # a file system that only takes UTF-8
        name = "absente.xml"
    done = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", "invoice", "check", folder / name, "--json"],
        capture_output=True,
        check=False,
    )
    assert json.loads(done.stdout.decode("utf-8"))["file"].endswith(".xml")


def test_fifty_megabytes_are_one_sentence(folder: Path) -> None:
    with (folder / "gros.xml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    result = run("check", folder / "gros.xml", "--json")
    assert result.exit_code == 2
    assert "trop gros" in shape(result)["error"]


def _megabytes(pid: int) -> int:
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0) // 1024


def _kill_the_one_that_checks() -> None:
    """The worker that holds Saxon and a long invoice is killed, as a system does when memory runs out."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in multiprocessing.active_children():
            if child.pid and _megabytes(child.pid) > 150:
                os.kill(child.pid, signal.SIGKILL)
                return
        time.sleep(0.02)


def test_saxon_killed_in_the_middle_costs_one_file_only(folder: Path) -> None:
    isolate.stop()
    (folder / "long.xml").write_bytes(ubl(draft(lines=DRAFT.lines[:1] * 5000)))
    killer = threading.Thread(target=_kill_the_one_that_checks)
    killer.start()
    result = run("check", folder / "long.xml", folder / "ubl.xml", "--json")
    killer.join()
    assert result.exit_code == 2
    first, second = shape(result)["results"]
    assert first == {"file": str(folder / "long.xml"), "error": DIED}
    assert second["valid"]


def test_check_judges_what_the_directory_says(folder: Path) -> None:
    asks = {"siret": DRAFT.buyer.siret, "services": ["ECOLES"], "requires": {"service": True}}
    (folder / "annuaire.json").write_text(json.dumps({"version": 1, "structures": [asks]}))
    alone = shape(run("check", folder / "cii.xml", "--json"))
    assert "BR-FR-CPRO-11" in {each["rule"] for each in alone["not_verified"]}
    known = run("check", folder / "cii.xml", "--directory", folder / "annuaire.json", "--json")
    assert known.exit_code == 1
    assert {each["rule"] for each in shape(known)["findings"]} == {"BR-FR-CPRO-11"}
    assert "BR-FR-CPRO-12" not in {each["rule"] for each in shape(known)["not_verified"]}


@pytest.mark.parametrize(("name", "said"), [("mots.txt", "Annuaire illisible"), ("absent.json", "n’existe pas")])
def test_a_bad_directory_is_exit_2(folder: Path, name: str, said: str) -> None:
    result = run("check", folder / "cii.xml", "--directory", folder / name)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["check", "match"])
def test_only_regular_files_are_read(folder: Path, command: str) -> None:
    """A pipe that nobody writes to would be waited on for ever."""
    os.mkfifo(folder / "tube.xml")
    more: list[str | Path] = [] if command == "check" else ["--contracts", folder / "contrats.json"]
    result = run(command, "--json", *more, folder / "cii.xml", folder / "tube.xml", folder / "ubl.xml")
    assert result.exit_code == 2
    said = shape(result)["results"]
    assert [one.get("error", "") for one in said][::2] == ["", ""]
    assert said[1]["error"] == "Le fichier tube.xml ne peut pas être lu (ce n’est pas un fichier ordinaire)."


def test_make_refuses_a_rate_that_the_contract_does_not_have(bill: list[str | Path]) -> None:
    Path(bill[bill.index("--lines") + 1]).write_text(EXAMPLE.replace("450,50;20", "450,50;5.5"), "utf-8")
    result = run("make", *bill)
    assert result.exit_code == 2
    assert "5,5 %, le contrat à 20 %, 10 %" in plain(result.output)
