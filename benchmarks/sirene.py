"""The local mirror of Sirene on 5 million invented establishments: build, look-up, search with one typo, memory.

`MPS_BENCH_SIRENE_ROWS` sets another number of rows for a quick try. The stock files are written to a temporary folder
first, which is not counted. CPU and memory are those of a process that does nothing else.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from siret_lookup.sirene import Mirror, lookup, search
from siret_lookup.sirene.build import build
from siret_lookup.sirene.fold import fold
from siret_lookup.sirene.schema import PLACES, UNITS, Stock
from siret_lookup.siret import Siret

ROWS = int(os.environ.get("MPS_BENCH_SIRENE_ROWS", "5000000"))
ASKED = 2_000
BUILD_SECONDS, LOOKUP_MS, SEARCH_MS, MEMORY_GB = 60.0, 0.1, 5.0, 1.0
_BATCH = 50_000
_SYLLABLES = (
    *(
        "ba",
        "be",
        "bou",
        "ca",
        "char",
        "co",
        "da",
        "del",
        "du",
        "fa",
        "fer",
        "ga",
        "gi",
        "gra",
        "jou",
        "la",
        "le",
        "lo",
    ),
    *("ma", "mer", "mi", "mon", "na", "no", "pa", "per", "pi", "ra", "ri", "ro", "sa", "ser", "ta", "tho", "ti", "val"),
    *("ve", "vi", "ard", "eau", "elle", "ent", "et", "ier", "in", "ine", "is", "on", "our", "oux"),
)
_USUAL = ("SARL", "SAS", "SCI", "ASSOCIATION", "SOCIETE", "DES", "DE LA", "GARAGE", "BOULANGERIE", "CABINET")


def _weighted(words: Sequence[str]) -> Callable[[random.Random, int], list[str]]:
    """Words drawn as in a language: the n-th is n times rarer than the first."""
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))
    return lambda chance, count: chance.choices(words, cum_weights=weights, k=count)


def _vocabulary(chance: random.Random, size: int) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < size:
        words["".join(chance.choices(_SYLLABLES, k=chance.choice((2, 3, 3, 4)))).upper()] = None
    return list(words)


def _stock(rows: int) -> Iterator[tuple[list[dict[str, str]], list[dict[str, str]]]]:
    """Legal units and their establishments, in the order of the numbers, about 1.45 of the latter for one."""
    chance = random.Random(7)
    draw, streets = _weighted(_vocabulary(chance, 250_000)), _weighted(_vocabulary(chance, 20_000))
    siren = done = 0
    while done < rows:
        units: list[dict[str, str]] = []
        places: list[dict[str, str]] = []
        words, voies = iter(draw(chance, _BATCH * 3)), iter(streets(chance, _BATCH * 2 + 10))
        while len(places) < min(_BATCH, rows - done):
            siren += chance.randrange(1, 250)
            units.append(_unit(chance, f"{siren:09d}", words))
            for nic in range(1, chance.choice((1, 1, 1, 1, 1, 1, 2, 2, 2, 3)) + 1):
                places.append(_place(chance, units[-1], nic, words, voies))
        done += len(places)
        yield units, places


def _unit(chance: random.Random, siren: str, words: Iterator[str]) -> dict[str, str]:
    unit = {
        "siren": siren,
        "statutDiffusionUniteLegale": "O",
        "etatAdministratifUniteLegale": "A" if chance.random() < 0.6 else "C",
        "nicSiegeUniteLegale": "00001",
        "categorieEntreprise": "PME",
        "trancheEffectifsUniteLegale": chance.choice(("NN", "01", "11")),
        "anneeEffectifsUniteLegale": "2024",
        "dateDernierTraitementUniteLegale": "2026-10-31T08:00:00",
    }
    if chance.random() < 0.45:
        return unit | {
            "categorieJuridiqueUniteLegale": "1000",
            "nomUniteLegale": next(words),
            "prenomUsuelUniteLegale": next(words),
            "prenom1UniteLegale": next(words),
        }
    name = " ".join([next(words) for _ in range(chance.choice((1, 1, 2, 2, 3)))])
    usual = f"{chance.choice(_USUAL)} " if chance.random() < 0.5 else ""
    return unit | {"categorieJuridiqueUniteLegale": "5710", "denominationUniteLegale": usual + name}


def _place(
    chance: random.Random, unit: dict[str, str], nic: int, words: Iterator[str], streets: Iterator[str]
) -> dict[str, str]:
    department = f"{chance.randrange(1, 96):02d}"
    naf = f"{chance.randrange(1, 97):02d}.{chance.randrange(10, 99)}{chance.choice('ABZ')}"
    siren, closed = unit["siren"], unit["etatAdministratifUniteLegale"] == "C" or chance.random() < 0.3
    return {
        "siren": siren,
        "nic": f"{nic:05d}",
        "siret": f"{siren}{nic:05d}",
        "statutDiffusionEtablissement": "O",
        "etablissementSiege": "true" if nic == 1 else "false",
        "etatAdministratifEtablissement": "F" if closed else "A",
        "enseigne1Etablissement": next(words) if chance.random() < 0.2 else "",
        "numeroVoieEtablissement": str(chance.randrange(1, 200)),
        "typeVoieEtablissement": chance.choice(("RUE", "AV", "CHE")),
        "libelleVoieEtablissement": f"DE {next(streets)}",
        "codePostalEtablissement": f"{department}{chance.randrange(0, 99) * 10:03d}",
        "codeCommuneEtablissement": f"{department}{chance.randrange(1, 500):03d}",
        "libelleCommuneEtablissement": next(streets),
        "activitePrincipaleEtablissement": naf,
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "activitePrincipaleNAF25Etablissement": naf[:5] + "Y",
        "dateDebut": "2015-03-01",
        "trancheEffectifsEtablissement": chance.choice(("NN", "01", "11")),
        "anneeEffectifsEtablissement": "2024",
        "dateDernierTraitementEtablissement": "2026-10-31T08:00:00",
    }


def _write(folder: Path, rows: int) -> None:
    """Both stock files, as Parquet, which the fast extra reads, and as the CSV that the base install reads."""
    names = {"units": UNITS, "places": PLACES}
    schemas = {
        name: pyarrow.schema([(column, pyarrow.string()) for column in _columns(stock)])
        for name, stock in names.items()
    }
    writers = {name: pyarrow.parquet.ParquetWriter(folder / f"{name}.parquet", schemas[name]) for name in names}
    texts = {name: pyarrow.csv.CSVWriter(folder / f"{name}.csv", schemas[name]) for name in names}
    for batch in _stock(rows):
        for name, part in zip(names, batch, strict=True):
            columns = {column: [row.get(column) or None for row in part] for column in schemas[name].names}
            table = pyarrow.table(columns, schema=schemas[name])
            writers[name].write_table(table)
            texts[name].write_table(table)
    for writer in (*writers.values(), *texts.values()):
        writer.close()


def _columns(stock: Stock) -> tuple[str, ...]:
    """As many columns as Insee's file has, the ones that nobody reads empty."""
    used = dict.fromkeys(("siren", "nic", *stock.columns))
    return (*used, *(f"autre{i}" for i in range((34 if stock is UNITS else 54) - len(used))))


def _build(folder: Path, kind: str) -> dict[str, float]:
    files = [folder / f"units.{kind}", folder / f"places.{kind}"]
    started = time.process_time()
    build(files, folder / "mirror.db")
    return {"cpu": time.process_time() - started, "size": (folder / "mirror.db").stat().st_size / 1e6}


def _ask(folder: Path) -> dict[str, float]:
    chance, mirror = random.Random(11), Mirror(folder / "mirror.db")
    most = mirror.rows("SELECT max(siret) AS most FROM place", ())[0]["most"]
    near = "SELECT siret FROM place WHERE siret >= ? AND state = 'A' LIMIT 1"
    sirets = [f"{row['siret']:014d}" for _ in range(ASKED) for row in mirror.rows(near, (chance.randrange(most),))]
    looked = [_timed(lambda siret=siret: lookup(mirror, Siret(siret))) for siret in sirets]  # type: ignore[misc]
    names = [(siret, one.name) for siret in sirets if (one := lookup(mirror, Siret(siret)))]
    typed = [(name, _mistyped(chance, name or "")) for _, name in names]
    searched, found = [], 0
    for name, text in typed:
        results: list[str | None] = []
        searched.append(_timed(lambda text=text, to=results: to.extend(one.name for one in search(mirror, text))))  # type: ignore[misc]
        found += name in results
    commonest = mirror.rows("SELECT word FROM term ORDER BY places DESC LIMIT 30", ())
    common = [_timed(lambda word=row["word"]: search(mirror, word)) for row in commonest]  # type: ignore[misc]
    filtered = [
        _timed(lambda text=text: search(mirror, text, str(chance.randrange(10, 96)), str(chance.randrange(10, 97))))  # type: ignore[misc]
        for _, text in typed
    ]
    return {
        "lookup": _p95(looked),
        "search": _p95(searched),
        "found": found / len(typed),
        "common": max(common),
        "filtered": _p95(filtered),
    }


def _mistyped(chance: random.Random, name: str) -> str:
    """The name with one letter lost or changed in its longest word."""
    words = fold(name).split()
    longest = max(range(len(words)), key=lambda place: len(words[place]))
    word, at = words[longest], chance.randrange(len(words[longest]))
    words[longest] = word[:at] + chance.choice(("", "z")) + word[at + 1 :]
    return " ".join(words)


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _peak() -> float:
    """Peak of resident memory in GB; getrusage would tell the parent's from before exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e6


def _alone(what: str, folder: Path) -> dict[str, float]:
    """The same in a process that does nothing else; `memory` in GB is its peak."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sirene", what, str(folder)], check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Build from both kinds of file, then ask."""
    with tempfile.TemporaryDirectory(prefix="mps-sirene-") as name:
        folder = Path(name)
        _write(folder, ROWS)
        csv, fast, asked = (_alone(what, folder) for what in ("csv", "parquet", "ask"))
    memory = max(csv["memory"], fast["memory"], asked["memory"])
    return [
        _row("build from Parquet (extra)", fast["cpu"], BUILD_SECONDS, "s of CPU", f"{fast['size']:.0f} MB"),
        _row("build from CSV (base install)", csv["cpu"], BUILD_SECONDS, "s of CPU", f"{csv['memory']:.2f} GB"),
        _row("look-up of a SIRET, p95", asked["lookup"], LOOKUP_MS, "ms", f"{ASKED} SIRETs"),
        _row(
            "search with one typo, p95",
            asked["search"],
            SEARCH_MS,
            "ms",
            f"right name found: {asked['found']:.1%}",
        ),
        _row("the same, department and activity", asked["filtered"], SEARCH_MS, "ms", "p95"),
        _row("one common word alone, worst", asked["common"], SEARCH_MS, "ms", "the 30 commonest"),
        _row("memory, peak", memory, MEMORY_GB, "GB", f"build {fast['memory']:.2f}, asking {asked['memory']:.2f}"),
    ]


def _row(what: str, value: float, limit: float, unit: str, detail: str) -> tuple[str, str, float, str, bool, str]:
    rows = f"{ROWS / 1e6:g} M rows"
    return (
        f"Sirene mirror: {what}",
        f"its limit, {limit:g} {unit}",
        value / limit,
        "≤ 1",
        value <= limit,
        f"{value:.3g} {unit}, {rows}; {detail}",
    )


if __name__ == "__main__":
    task, place = sys.argv[1], Path(sys.argv[2])
    answer = _ask(place) if task == "ask" else _build(place, task)
    answer["memory"] = _peak()
    print(json.dumps(answer))
