"""`mps siret check` and `mps siret fetch`: JSON keys, files and exit codes."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.siret import app
from api.sandbox.api_entreprise import EXPIRED_TOKEN, TOKEN
from api.sandbox.companies import book
from api.sandbox.server import LOOKUP, SandboxUrls, running_sandbox
from siret_lookup.catalogue import PIECES

BUYER = "00001039700016"
WELL = "00001001700010"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_SECRET_KEY", "k" * 48)
    for name in (
        "MPS_API_ENTREPRISE_URL",
        "MPS_API_ENTREPRISE_TOKEN",
        "MPS_RECHERCHE_ENTREPRISES_URL",
        "MPS_BODACC_URL",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxUrls]:
    """A sandbox of its own, named by the settings as production would be."""
    with running_sandbox(services=LOOKUP) as urls:
        monkeypatch.setenv("MPS_API_ENTREPRISE_URL", urls.api_entreprise)
        monkeypatch.setenv("MPS_API_ENTREPRISE_TOKEN", TOKEN)
        monkeypatch.setenv("MPS_RECHERCHE_ENTREPRISES_URL", urls.recherche_entreprises)
        monkeypatch.setenv("MPS_BODACC_URL", urls.bodacc)
        yield urls


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def fetch(siret: str, out: Path, *more: str, buyer: str = BUYER, purpose: str = "essai") -> Result:
    return run("fetch", siret, "--buyer", buyer, "--object", purpose, "--out", str(out), *more)


def siret_of(name: str) -> str:
    return next(company.places[-1].siret for company in book().companies if company.name == name)


def test_check_a_good_number() -> None:
    result = run("check", "130 025 265 00013", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["siret"] == "13002526500013"
    assert (report["siren"], report["vat"], report["valid"]) == ("130025265", "FR07130025265", True)
    assert (report["warnings"], report["reason"]) == ([], None)


@pytest.mark.parametrize(
    ("value", "reason", "siren"),
    [("13002526500014", "key", None), ("130025265", "siren_only", "130025265"), ("abc", "not_digits", None)],
)
def test_check_a_bad_number(value: str, reason: str, siren: str | None) -> None:
    result = run("check", value, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["valid"], report["reason"], report["siren"]) == (1, False, reason, siren)


def test_check_speaks_french() -> None:
    good, bad = run("check", "13002526500013"), run("check", "13002526500014")
    assert "TVA FR07130025265" in good.stdout
    assert "mal recopié" in bad.stdout
    assert "vérifiez" in run("check", "88974287600009").stdout


def test_fetch_writes_documents_and_report(tmp_path: Path) -> None:
    result = fetch(WELL, tmp_path / "out", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report == json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["identity"]["name"] == "BOULANGERIE TOUT VA BIEN"
    assert {piece["outcome"] for piece in report["pieces"]} == {"obtained"}
    wanted = {"key", "outcome", "sentence", "source", "fetched_at", "valid_until", "document", "sha256", "retry_at"}
    assert all(wanted | {"facts"} <= set(piece) for piece in report["pieces"])
    documents = [piece for piece in report["pieces"] if piece["document"]]
    assert [piece["key"] for piece in documents] == ["rne_extrait", "vigilance", "attestation_fiscale"]
    assert not [piece["key"] for piece in report["pieces"] if PIECES[piece["key"]].motive]
    for piece in documents:
        content = (tmp_path / "out" / piece["document"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == piece["sha256"]


def test_fetch_chosen_pieces_up_to_a_year(tmp_path: Path, remote: SandboxUrls) -> None:
    result = fetch(WELL, tmp_path, "--pieces", "chiffres_affaires, vigilance", "--year", "2024", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [piece["key"] for piece in report["pieces"]] == ["chiffres_affaires", "vigilance"]
    years = report["pieces"][0]["facts"]["financial_years"]
    assert [year["ends_on"] for year in years] == ["2024-12-31", "2023-12-31"]
    assert report["identity"]["source"] == "Fiche Sirene de l’établissement (données ouvertes)"


def test_fetch_takes_any_piece(tmp_path: Path, remote: SandboxUrls) -> None:
    result = fetch(siret_of("COOPÉRATIVE QUI A TOUT"), tmp_path, "--pieces", ",".join(PIECES), "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {piece["key"]: piece["outcome"] for piece in report["pieces"]} == dict.fromkeys(PIECES, "obtained")


def test_a_year_reaches_what_answers_by_year(tmp_path: Path, remote: SandboxUrls) -> None:
    keys = "liasses_fiscales,effectifs_annuels,bilans_bdf"
    report = json.loads(fetch(WELL, tmp_path, "--pieces", keys, "--year", "2024", "--json").stdout)
    tax, staff, balance = (piece["facts"] for piece in report["pieces"])
    assert tax["returns"][0]["ends_on"] == "2024-12-31"
    assert staff["year"] == "2024"
    assert [item["year"] for item in balance["financial_years"]] == ["2024", "2023"]


def test_the_bodacc_is_asked_too_and_tells_the_situation(tmp_path: Path, remote: SandboxUrls) -> None:
    siret = next(place.siret for company in book().companies for place in company.places if "000010298" in place.siret)
    report = json.loads(fetch(siret, tmp_path, "--pieces", "bodacc, vigilance", "--json").stdout)
    bodacc = report["pieces"][0]
    assert [piece["key"] for piece in report["pieces"]] == ["bodacc", "vigilance"]
    assert (bodacc["label"], bodacc["facts"]["state"]) == ("Liquidation judiciaire", "liquidation")
    assert "L2141-3" in bodacc["sentence"]
    assert "Aucun avis de procédure collective publié au BODACC" in fetch(WELL, tmp_path).stdout


def test_without_the_bodacc_the_rest_is_given(
    tmp_path: Path, remote: SandboxUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPS_BODACC_URL", "http://127.0.0.1:1")
    result = fetch(WELL, tmp_path, "--json")
    outcomes = {piece["key"]: piece["outcome"] for piece in json.loads(result.stdout)["pieces"]}
    assert (result.exit_code, outcomes["bodacc"], outcomes["vigilance"]) == (3, "unavailable", "obtained")


def test_works_ask_more_of_a_builder(tmp_path: Path, remote: SandboxUrls) -> None:
    result = fetch(siret_of("BÂTIMENT CIBTP EN RETARD"), tmp_path, "--procedure", "works", "--json")
    outcomes = {piece["key"]: piece["outcome"] for piece in json.loads(result.stdout)["pieces"]}
    assert result.exit_code == 0
    assert (outcomes["cibtp_attestation"], outcomes["cnetp_attestation"]) == ("refused_by_authority", "not_found")


def test_fetch_reads_aloud(tmp_path: Path, remote: SandboxUrls) -> None:
    result = fetch(siret_of("DOUBLON FUSIONNÉ"), tmp_path, "--procedure", "works")
    assert result.exit_code == 0
    assert "est un doublon" in result.stdout
    assert "Ne prouve pas que tout est payé" in result.stdout


def test_a_refusal_is_an_answer_an_outage_is_not(tmp_path: Path, remote: SandboxUrls) -> None:
    assert fetch(siret_of("MAÇONNERIE URSSAF REFUSE"), tmp_path / "a").exit_code == 0
    down = fetch(siret_of("NETTOYAGE URSSAF EN PANNE"), tmp_path / "b", "--json")
    assert down.exit_code == 3
    piece = next(piece for piece in json.loads(down.stdout)["pieces"] if piece["key"] == "vigilance")
    assert piece["outcome"] == "unavailable"
    assert piece["retry_at"]


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MPS_API_ENTREPRISE_URL", "MPS_BODACC_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("MPS_API_ENTREPRISE_TOKEN", TOKEN)
    assert fetch(WELL, tmp_path).exit_code == 3


def test_an_expired_token_is_a_wrong_setting(
    tmp_path: Path, remote: SandboxUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPS_API_ENTREPRISE_TOKEN", EXPIRED_TOKEN)
    result = fetch(WELL, tmp_path)
    assert result.exit_code == 2
    assert "Acheteur non habilité" in result.stdout


@pytest.mark.parametrize("siret", ["000010017", "000 010 017"])
def test_nine_digits_propose_the_establishments(tmp_path: Path, remote: SandboxUrls, siret: str) -> None:
    result = fetch(siret, tmp_path)
    assert result.exit_code == 2
    assert f"{WELL}  ouvert  1 RUE DES ESSAIS" in result.stderr
    assert not (tmp_path / "report.json").exists()


WRONG_USAGE: list[tuple[str, dict[str, str], list[str], str]] = [
    ("1234", {}, [], "14 chiffres"),
    (WELL, {"buyer": "12"}, [], "SIRET de l’acheteur"),
    (WELL, {"purpose": "o" * 50}, [], "moins de 50"),
    (WELL, {}, ["--pieces", "kbis"], "Pièce inconnue : kbis"),
    (WELL, {}, ["--pieces", ","], "Pièce inconnue"),
]


@pytest.mark.parametrize(("siret", "changes", "more", "words"), WRONG_USAGE)
def test_wrong_usage_is_one_sentence(
    tmp_path: Path, siret: str, changes: dict[str, str], more: list[str], words: str
) -> None:
    result = fetch(siret, tmp_path, *more, **changes)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_url_without_token_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_API_ENTREPRISE_URL", "http://127.0.0.1:1")
    result = fetch(WELL, tmp_path)
    assert result.exit_code == 2
    assert "MPS_API_ENTREPRISE_TOKEN" in result.stderr


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, remote: SandboxUrls) -> None:
    (tmp_path / "file").write_text("")
    result = fetch(WELL, tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert "Impossible d’écrire" in result.stderr
