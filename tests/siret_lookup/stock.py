"""Small stock files in Insee's own columns, for the tests of the mirror."""

import csv
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from siret_lookup.sirene.build import Built, build
from siret_lookup.sirene.schema import PLACES, SUCCESSIONS, UNITS, Stock

Row = Mapping[str, str]


def unit(siren: str, name: str = "", **others: str) -> Row:
    """A company that is active; `others` are columns by their whole name."""
    return {
        "siren": siren,
        "statutDiffusionUniteLegale": "O",
        "etatAdministratifUniteLegale": "A",
        "denominationUniteLegale": name,
        "categorieJuridiqueUniteLegale": "5499",
        "nicSiegeUniteLegale": "00011",
        "dateDernierTraitementUniteLegale": "2026-10-30T09:12:00",
    } | others


def place(siret: str, **others: str) -> Row:
    """An open head office in Lyon; `others` are columns by their whole name."""
    return {
        "siren": siret[:9],
        "nic": siret[9:],
        "siret": siret,
        "statutDiffusionEtablissement": "O",
        "etablissementSiege": "true",
        "etatAdministratifEtablissement": "A",
        "numeroVoieEtablissement": "12",
        "typeVoieEtablissement": "RUE",
        "libelleVoieEtablissement": "DES ESSAIS",
        "codePostalEtablissement": "69003",
        "codeCommuneEtablissement": "69383",
        "libelleCommuneEtablissement": "LYON 3EME",
        "activitePrincipaleEtablissement": "62.01Z",
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "activitePrincipaleNAF25Etablissement": "62.10Y",
        "dateDebut": "2015-03-01",
        "dateDernierTraitementEtablissement": "2026-10-31T08:00:00",
    } | others


def header(stock: Stock) -> list[str]:
    """The columns, not in the order of the mirror, among others that it does not read."""
    return ["nic", *sorted(stock.columns), "identifiantAdresseEtablissement"]


def write_csv(path: Path, stock: Stock, rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header(stock), restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_zip(path: Path, stock: Stock, rows: Iterable[Row]) -> Path:
    inside = write_csv(path.with_suffix(".csv"), stock, rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inside, f"{stock.title}_utf8.csv")
    inside.unlink()
    return path


def write_stock(folder: Path, units: Iterable[Row], places: Iterable[Row]) -> list[Path]:
    return [write_csv(folder / "units.csv", UNITS, units), write_csv(folder / "places.csv", PLACES, places)]


def make_mirror(folder: Path, units: Iterable[Row], places: Iterable[Row], links: Iterable[Row] = ()) -> Path:
    files = write_stock(folder, units, places)
    if links := list(links):
        files.append(write_csv(folder / "links.csv", SUCCESSIONS, links))
    make(files, out := folder / "mirror.db")
    return out


def make(files: list[Path], out: Path, onto: Path | None = None) -> Built:
    return build(files, out, onto)
