"""The mirror's file: every kind of stock file, deltas, and an old mirror that no accident touches."""

import csv
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from siret_lookup.identity import Identity
from siret_lookup.sirene import BadMirror, Mirror, lookup, search, successors
from siret_lookup.sirene.build import Built, build
from siret_lookup.sirene.reading import BadStock
from siret_lookup.sirene.schema import PLACES, UNITS
from siret_lookup.siret import Siret
from tests.siret_lookup.stock import make_mirror, place, unit, write_csv, write_stock, write_zip

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = "00001234500011", "00001234500029"


def ask(path: Path, siret: str) -> Identity | None:
    with Mirror(path) as mirror:
        return lookup(mirror, Siret(siret))


def known(path: Path, siret: str) -> Identity:
    found = ask(path, siret)
    assert found is not None
    return found


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return make_mirror(tmp_path, [unit(ONE[:9], "AVANT")], [place(ONE)])


def parquet_of(path: Path) -> Path:
    """The same file as Insee publishes it in Parquet: dates and booleans typed, nothing where nothing is."""
    table = pyarrow.csv.read_csv(path)
    texts = [f.name for f in table.schema if str(f.type) in ("int64", "null") or f.name.startswith("nic")]
    typed = pyarrow.csv.ConvertOptions(column_types={c: pyarrow.string() for c in texts}, strings_can_be_null=True)
    table = pyarrow.csv.read_csv(path, convert_options=typed)
    assert {"bool", "string"} <= {str(field.type) for field in table.schema} or path.name != "places.csv"
    pyarrow.parquet.write_table(table, path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def typed_as_text(path: Path) -> Path:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = pyarrow.table({column: [row[column] or None for row in rows] for column in rows[0]})
    pyarrow.parquet.write_table(table, path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def test_csv_zip_and_parquet_make_the_same_mirror(tmp_path: Path) -> None:
    units = [unit(ONE[:9], "L’ŒUF D’ÉTÉ", sigleUniteLegale="OE")]
    places = [place(ONE), place(TWO, etablissementSiege="false", etatAdministratifEtablissement="F")]
    plain = write_stock(tmp_path, units, places)
    packed = [write_zip(tmp_path / "u.zip", UNITS, units), write_zip(tmp_path / "p.zip", PLACES, places)]
    fast = [parquet_of(path) for path in plain]
    for number, files in enumerate((plain, packed, fast)):
        assert build(files, tmp_path / f"{number}.db") == Built(2, 1, date(2026, 10, 31))
    for siret in (ONE, TWO):
        first, *others = [known(tmp_path / f"{number}.db", siret) for number in range(3)]
        assert others == [first, first]
        assert first.name == "L’ŒUF D’ÉTÉ"
    assert known(tmp_path / "2.db", TWO).closed_on == "2015-03-01"


def test_parquet_and_csv_hold_the_same_whatever_the_names_are(tmp_path: Path) -> None:
    """The columns that the quick reader makes at once are those of the reader that goes row by row, to the byte."""
    said, person = ["", "[ND]", "LE-PUY", "ÉTÉ  chaud", "Garage2 Martin", "_c2", "x\ty"], ["", "[ND]", "LÉA", "Dupont"]
    columns = UNITS.kept[:10]
    units = [
        unit(
            f"{n:09d}",
            **{c: (said if c == columns[0] or c in columns[6:] else person)[n * k % 7 % 4] for k, c in named},
        )
        for n, named in ((n, list(zip((1, 2, 3, 5, 4, 6, 8, 9, 10, 11), columns, strict=True))) for n in range(1, 85))
    ]
    units += [unit(f"{n:09d}", name) for n, name in enumerate(said, start=100)]
    communes = ["69383", "2A004", "97105", "[ND]", ""]
    places = [
        place(f"{n:09d}00011", codeCommuneEtablissement=communes[n % 5], codePostalEtablissement=communes[n % 3 + 2])
        for n in range(1, 108)
    ]
    plain = write_stock(tmp_path, units, places)
    build(plain, tmp_path / "rows.db")
    build([typed_as_text(path) for path in plain], tmp_path / "columns.db")
    assert (tmp_path / "rows.db").read_bytes() == (tmp_path / "columns.db").read_bytes()


def test_an_old_file_without_the_newest_columns_is_read(tmp_path: Path) -> None:
    files = write_stock(tmp_path, [unit(ONE[:9], "ANCIENNE")], [place(ONE)])
    text = files[1].read_text().replace("activitePrincipaleNAF25Etablissement", "autreChose")
    files[1].write_text("\ufeff" + text)
    build(files, tmp_path / "m.db")
    assert (known(tmp_path / "m.db", ONE).naf, known(tmp_path / "m.db", ONE).naf_2025) == (("62.01Z", "NAFRev2"), None)


def test_a_delta_replaces_adds_and_takes_away(old: Path, tmp_path: Path) -> None:
    newer = {"dateDernierTraitementEtablissement": "2026-11-20T07:00:00"}
    changed = write_csv(
        tmp_path / "delta.csv", PLACES, [place(ONE, etatAdministratifEtablissement="F"), place(TWO, **newer)]
    )
    names = write_csv(tmp_path / "names.csv", UNITS, [unit(ONE[:9], "APRÈS")])
    assert build([changed, names], old, onto=old) == Built(2, 1, date(2026, 11, 20))
    assert (known(old, ONE).name, known(old, ONE).establishment_state) == ("APRÈS", "closed")
    assert known(old, TWO).source == "Sirene (copie locale du 20 novembre 2026)"
    with Mirror(old) as mirror:
        assert [one.siret for one in search(mirror, "apres")] == [TWO]
        assert search(mirror, "avant", open_only=False) == []
    gone = write_csv(tmp_path / "gone.csv", PLACES, [place(ONE, statutDiffusionEtablissement="N")])
    build([gone], tmp_path / "other.db", onto=old)
    assert (ask(tmp_path / "other.db", ONE), known(old, ONE).name) == (None, "APRÈS")


def test_what_a_delta_masks_leaves_the_file(tmp_path: Path) -> None:
    units = [unit(ONE[:9], nomUniteLegale="VISIBLEMENT", prenomUsuelUniteLegale="ZOE")]
    mirror = make_mirror(tmp_path, units, [place(ONE)])
    assert b"VISIBLEMENT" in mirror.read_bytes()
    hidden = {"statutDiffusionUniteLegale": "P", "nomUniteLegale": "[ND]", "prenomUsuelUniteLegale": "[ND]"}
    build([write_csv(tmp_path / "delta.csv", UNITS, [unit(ONE[:9], **hidden)])], mirror, onto=mirror)
    assert (known(mirror, ONE).name, known(mirror, ONE).masked) == (None, ("name",))
    assert b"visiblement" not in mirror.read_bytes().lower()


def test_successions_are_read(tmp_path: Path) -> None:
    link = {
        "siretEtablissementPredecesseur": ONE,
        "siretEtablissementSuccesseur": TWO,
        "dateLienSuccession": "2024-05-01",
        "transfertSiege": "true",
        "continuiteEconomique": "false",
    }
    with Mirror(make_mirror(tmp_path, [unit(ONE[:9])], [place(ONE), place(TWO)], [link])) as mirror:
        (found,) = successors(mirror, Siret(ONE))
        assert (found.siret, found.day, found.head_office_moved, found.economic_continuity) == (
            TWO,
            "2024-05-01",
            True,
            False,
        )
        assert successors(mirror, Siret(TWO)) == ()


def cut_zip(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def spoiled_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        at = archive.infolist()[0].header_offset + 120
    content = bytearray(path.read_bytes())
    content[at : at + 8] = b"\0" * 8
    path.write_bytes(content)


def cut_row(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-70])


def latin(path: Path) -> None:
    path.write_bytes(path.read_text("utf-8").replace("LYON", "ÉTÉ").encode("latin-1"))


def other_columns(path: Path) -> None:
    path.write_text("a,b,c\n1,2,3\n")


def lacking(path: Path) -> None:
    path.write_text(path.read_text().replace("codePostalEtablissement", "code_postal"))


def no_number(path: Path) -> None:
    path.write_text(path.read_text().replace(ONE, "0000123450001X"))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def separator(path: Path) -> None:
    path.write_text(path.read_text().replace("LYON 3EME", "LYON\x1f3EME"))


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("name", "spoil", "sentence"),
    [
        ("p.zip", cut_zip, "abîmé ou tronqué"),
        ("p.zip", spoiled_zip, "abîmé ou tronqué"),
        ("p.csv", cut_row, "la ligne 2 n’a pas toutes ses colonnes"),
        ("p.csv", latin, "n’est pas en UTF-8"),
        ("p.csv", other_columns, "n’est pas un fichier du stock Sirene"),
        ("p.csv", lacking, "il lui manque la colonne codePostalEtablissement"),
        ("p.csv", no_number, "n’a pas un siret lisible"),
        ("p.csv", separator, "est abîmé"),
        ("p.csv", empty, "n’est pas un fichier du stock Sirene"),
        ("p.csv", gone, "ne se lit pas : No such file or directory"),
        ("p.parquet", other_columns, "abîmé ou tronqué"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_leaves_the_old_mirror(
    old: Path, tmp_path: Path, name: str, spoil: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / name
    (write_zip if name.endswith("zip") else write_csv)(path, PLACES, [place(ONE)])
    spoil(path)
    before = old.read_bytes()
    units = write_csv(tmp_path / "u.csv", UNITS, [unit(ONE[:9], "PENDANT")])
    with pytest.raises(BadStock) as refused:
        build([units, path], old)
    assert sentence in refused.value.sentence
    assert refused.value.sentence.endswith(".")
    assert (old.read_bytes(), list(tmp_path.glob("*.part"))) == (before, [])


def test_a_first_build_needs_both_files_and_a_delta_a_mirror(tmp_path: Path, old: Path) -> None:
    files = write_stock(tmp_path, [unit(ONE[:9])], [place(ONE)])
    with pytest.raises(BadStock, match="les deux fichiers"):
        build(files[:1], tmp_path / "m.db")
    with pytest.raises(BadStock, match="n’est pas un miroir"):
        build(files, tmp_path / "m.db", onto=files[0])
    with pytest.raises(BadStock, match="ne s’écrit pas"):
        build(files, tmp_path / "absent" / "m.db")


def test_a_stock_without_dates_needs_one(tmp_path: Path) -> None:
    blank = {"dateDernierTraitementEtablissement": "", "dateDernierTraitementUniteLegale": ""}
    files = write_stock(tmp_path, [unit(ONE[:9], **blank)], [place(ONE, **blank)])
    with pytest.raises(BadStock, match="--date"):
        build(files, tmp_path / "m.db")
    assert build(files, tmp_path / "m.db", stock_day=date(2026, 11, 1)).stock_day == date(2026, 11, 1)


BUILDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from siret_lookup.sirene.build import build
def told(doing, part):
    if doing == sys.argv[4]:
        print("there", flush=True)
        sys.stdin.read()
build([Path(p) for p in sys.argv[5:]], Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None, progress=told)
"""


def start(old: Path, onto: str, at: str, files: list[Path]) -> subprocess.Popen[str]:
    """A builder that stops and waits where it is told."""
    arguments = [sys.executable, "-c", BUILDER, str(ROOT), str(old), onto, at, *map(str, files)]
    builder = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert builder.stdout is not None
    assert builder.stdout.readline() == "there\n"
    return builder


@pytest.mark.parametrize("onto", [False, True])
@pytest.mark.parametrize("at", ["places.csv", "Index des noms"])
def test_a_kill_in_the_middle_leaves_the_old_mirror(tmp_path: Path, old: Path, onto: bool, at: str) -> None:
    before = old.read_bytes()
    files = write_stock(tmp_path, [unit(ONE[:9], "APRÈS")], [place(ONE), place(TWO)])
    builder = start(old, str(old) if onto else "", at, files)
    with pytest.raises(BadStock, match="en cours"):
        build(files, old)
    os.kill(builder.pid, signal.SIGKILL)
    builder.communicate()
    assert (old.read_bytes(), known(old, ONE).name) == (before, "AVANT")
    assert (tmp_path / "mirror.db.part").exists()
    build(files, old)
    assert (known(old, ONE).name, list(tmp_path.glob("*.part"))) == ("APRÈS", [])


def test_an_open_mirror_sees_the_one_swapped_in(tmp_path: Path, old: Path) -> None:
    with Mirror(old) as mirror:
        assert mirror.stock_day == date(2026, 10, 31)
        time.sleep(0.01)
        day = date(2026, 11, 2)
        build(write_stock(tmp_path, [unit(ONE[:9], "APRÈS")], [place(ONE)]), old, stock_day=day)
        found = lookup(mirror, Siret(ONE))
        assert found is not None
        assert (found.name, found.fetched_at.date(), mirror.stock_day) == (
            "APRÈS",
            date(2026, 11, 2),
            date(2026, 11, 2),
        )


@pytest.mark.parametrize("content", [None, b"", b"SQLite format 3\0 and then something else", b"no"])
def test_what_is_no_mirror_says_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadMirror) as refused:
        Mirror(path)
    assert "mps sirene build" in refused.value.sentence


def test_the_base_install_reads_csv_and_says_what_parquet_needs(tmp_path: Path) -> None:
    files = write_stock(tmp_path, [unit(ONE[:9], "SANS PAQUET")], [place(ONE)])
    parquet = parquet_of(files[0])
    code = "import sys; sys.modules['pyarrow'] = None; sys.path.insert(0, sys.argv.pop(1)); " + (
        "from pathlib import Path; from siret_lookup.sirene.build import build\n"
        "try:\n    print(build([Path(p) for p in sys.argv[2:]], Path(sys.argv[1])).places)\n"
        "except ValueError as error:\n    print(error)"
    )
    results = [
        subprocess.run(
            [sys.executable, "-c", code, str(ROOT), str(tmp_path / "m.db"), *map(str, given)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for given in (files, [parquet, files[1]])
    ]
    assert results[0] == "1\n"
    assert "installez requirements/sirene.txt" in results[1]
