"""`mps sirene`: from stock files to answers, one sentence and exit 2 for what cannot be used."""

import json
from pathlib import Path

import pytest

from siret_lookup.sirene.schema import PLACES
from tests.api.test_cli import mps
from tests.siret_lookup.stock import place, unit, write_csv, write_stock

ONE, TWO = "00001234500011", "00006789000022"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    units = [unit(ONE[:9], "MENUISERIE DURAND"), unit(TWO[:9], "DURAND CONSEIL")]
    other = place(TWO, codeCommuneEtablissement="2A004", activitePrincipaleEtablissement="70.22Z")
    return write_stock(tmp_path, units, [place(ONE), other])


def test_built_then_searched(tmp_path: Path, files: list[Path]) -> None:
    mirror = tmp_path / "sirene.db"
    built = mps("sirene", "build", *map(str, files), "--out", str(mirror), home=tmp_path)
    assert (built.returncode, built.stderr.count("units.csv")) == (0, 1), built.stderr
    assert "2 établissements, 2 unités légales, à jour du 31 octobre 2026." in built.stdout
    setting = {"MPS_SIRENE_MIRROR": str(mirror)}
    found = mps("sirene", "search", "durnad", "--json", home=tmp_path, **setting)
    results = json.loads(found.stdout)["results"]
    assert sorted(one["siret"] for one in results) == [ONE, TWO]
    assert {"siret", "siren", "name", "postcode", "city", "naf", "open", "head_office", "masked"} <= set(results[0])
    filtered = mps("sirene", "search", "durand", "--department", "2A", "--activity", "70", home=tmp_path, **setting)
    assert filtered.stdout.splitlines() == ["000 067 890 00022  DURAND CONSEIL (69003 LYON 3EME, siège)"]
    nothing = mps("sirene", "search", "introuvable", home=tmp_path, **setting)
    assert (nothing.returncode, nothing.stdout) == (0, "Aucune entreprise de ce nom dans le miroir.\n")


def test_a_delta_goes_onto_the_mirror(tmp_path: Path, files: list[Path]) -> None:
    mirror = tmp_path / "sirene.db"
    setting = {"MPS_SIRENE_MIRROR": str(mirror)}
    assert mps("sirene", "build", *map(str, files), home=tmp_path, **setting).returncode == 0
    delta = write_csv(tmp_path / "delta.csv", PLACES, [place(ONE, etatAdministratifEtablissement="F")])
    built = mps("sirene", "build", str(delta), "--onto", str(mirror), "--date", "2026-11-24", "--json", home=tmp_path)
    assert json.loads(built.stdout) == {"out": str(mirror), "places": 2, "units": 2, "stock_day": "2026-11-24"}
    assert built.stderr == ""
    for arguments, count in ((), 0), (("--all",), 1):
        found = mps("sirene", "search", "menuiserie", "--json", *arguments, home=tmp_path, **setting)
        assert len(json.loads(found.stdout)["results"]) == count


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["search", "durand"], "Aucun miroir Sirene : donnez son fichier par le réglage MPS_SIRENE_MIRROR.\n"),
        (["build", "units.csv", "places.csv"], "Dites où écrire le miroir"),
        (["build", "units.csv", "--out", "m.db"], "Il faut les deux fichiers"),
        (["build", "absent.csv", "--out", "m.db"], "« absent.csv » ne se lit pas"),
        (["build", "notes.txt", "--out", "m.db"], "n’est pas un fichier du stock Sirene"),
        (["build", "units.csv", "--onto", "notes.txt"], "n’est pas un miroir Sirene lisible"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    tmp_path: Path, files: list[Path], arguments: list[str], sentence: str
) -> None:
    (tmp_path / "notes.txt").write_text("rien\n")
    done = mps("sirene", *arguments, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence) or sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert all(file.exists() for file in files)


def test_a_setting_that_names_no_mirror(tmp_path: Path) -> None:
    done = mps("sirene", "search", "durand", home=tmp_path, MPS_SIRENE_MIRROR=str(tmp_path / "absent.db"))
    assert (done.returncode, "mps sirene build" in done.stderr) == (2, True)
