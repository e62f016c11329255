"""The mirror read back: what was written is what is told, masks are never values, names are found with a typo."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siret_lookup.sirene import Found, Mirror, lookup, search
from siret_lookup.sirene.fold import fold, neighbours
from siret_lookup.siret import Siret
from tests.siret_lookup.stock import Row, make_mirror, place, unit

ONE = "00001234500011"
# Whatever a CSV can carry; control characters aside, which no register holds.
TEXT = st.text(st.characters(exclude_categories=("C", "Z")), max_size=12)
WORDS = st.lists(st.text("abcdefghijklmnoprstuvéèàçœ", min_size=5, max_size=9), min_size=1, max_size=3)
FEW = settings(max_examples=25, deadline=None)


@contextmanager
def mirror_of(units: list[Row], places: list[Row]) -> Iterator[Mirror]:
    with tempfile.TemporaryDirectory() as folder, Mirror(make_mirror(Path(folder), units, places)) as mirror:
        yield mirror


def sirets(
    mirror: Mirror, text: str, area: str | None = None, naf: str | None = None, open_only: bool = True
) -> list[str]:
    return [one.siret for one in search(mirror, text, area, naf, open_only)]


@FEW
@given(
    st.dictionaries(
        st.integers(1, 9_999).map(lambda n: f"00001{n:04d}00011"), st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=1
    ),
    st.booleans(),
)
def test_a_look_up_gives_what_was_written(rows: dict[str, tuple[str, str, str, str]], closed: bool) -> None:
    state = "F" if closed else "A"
    units = [unit(siret[:9], name) for siret, (name, _, _, _) in rows.items()]
    places = [
        place(
            siret,
            enseigne1Etablissement=sign,
            libelleVoieEtablissement=street,
            libelleCommuneEtablissement=city,
            etatAdministratifEtablissement=state,
        )
        for siret, (_, sign, street, city) in rows.items()
    ]
    with mirror_of(units, places) as mirror:
        for siret, (name, sign, street, city) in rows.items():
            found = lookup(mirror, Siret(siret))
            assert found is not None
            assert (found.siret, found.name, found.trade_name) == (siret, name or None, sign or None)
            assert (found.address_lines, found.city) == ((f"12 RUE {street}".strip(),), city or None)
            assert (found.establishment_state, found.closed_on is not None) == (
                ("closed", True) if closed else ("active", False)
            )
        assert lookup(mirror, Siret("99999999900011")) is None


def test_every_fact_of_an_establishment() -> None:
    legal = unit(
        ONE[:9],
        "MENUISERIE D’ESSAI",
        categorieEntreprise="PME",
        trancheEffectifsUniteLegale="12",
        anneeEffectifsUniteLegale="2024",
    )
    site = place(ONE, complementAdresseEtablissement="BATIMENT B", indiceRepetitionEtablissement="BIS")
    with mirror_of([legal], [site]) as mirror:
        found = lookup(mirror, Siret(ONE))
    assert found is not None
    assert (found.kind, found.legal_form_code, found.head_office, found.head_office_siret) == (
        *("legal_person", "5499", True, ONE),
    )
    assert (found.address_lines, found.postcode, found.city) == (
        ("BATIMENT B", "12 BIS RUE DES ESSAIS"),
        "69003",
        "LYON 3EME",
    )
    assert (found.naf, found.naf_2025) == (("62.01Z", "NAFRev2"), ("62.10Y", "NAF2025"))
    assert (found.unit_state, found.category, found.workforce) == ("active", "PME", "20 à 49 salariés")
    assert (found.workforce_year, found.masked, found.sha256) == ("2024", (), None)
    assert found.source == "Sirene (copie locale du 31 octobre 2026)"
    assert found.fetched_at.isoformat() == "2026-10-31T00:00:00+00:00"


def person(**others: str) -> Row:
    names = {"nomUniteLegale": "DUPONT", "prenomUsuelUniteLegale": "LÉA", "categorieJuridiqueUniteLegale": "1000"}
    return unit(ONE[:9], **names | others)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({}, "LÉA DUPONT"),
        ({"nomUsageUniteLegale": "MARTIN"}, "LÉA MARTIN"),
        ({"prenomUsuelUniteLegale": "", "prenom1UniteLegale": "LÉONIE"}, "LÉONIE DUPONT"),
        ({"nomUniteLegale": "", "pseudonymeUniteLegale": "LA PLUME"}, "LA PLUME"),
    ],
)
def test_a_person_has_first_and_last_name(others: dict[str, str], name: str) -> None:
    with mirror_of([person(**others)], [place(ONE)]) as mirror:
        found = lookup(mirror, Siret(ONE))
        assert found is not None
        assert (found.name, found.kind) == (name, "natural_person")
        assert sirets(mirror, " ".join(reversed(name.split()))) == [ONE]


def test_a_mask_is_named_and_never_told_nor_found() -> None:
    hidden = person(
        statutDiffusionUniteLegale="P",
        nomUniteLegale="[ND]",
        prenomUsuelUniteLegale="[ND]",
        nomUsageUniteLegale="[ND]",
        sigleUniteLegale="[ND]",
    )
    columns = (
        "enseigne1Etablissement",
        "numeroVoieEtablissement",
        "libelleVoieEtablissement",
        "codePostalEtablissement",
    )
    site = place(ONE, statutDiffusionEtablissement="P", **dict.fromkeys(columns, "[ND]"))
    with mirror_of([hidden], [site]) as mirror:
        found = lookup(mirror, Siret(ONE))
        assert found is not None
        assert (found.name, found.trade_name, found.address_lines, found.postcode) == (None, None, (), None)
        assert found.masked == ("name", "acronym", "trade_name", "postcode", "address_lines")
        assert (found.city, "[ND]" in repr(found)) == ("LYON 3EME", False)
        assert search(mirror, "ND") == search(mirror, "[ND]", "69", open_only=False) == []


def test_a_place_that_is_not_diffused_is_absent() -> None:
    sites = [place(ONE, statutDiffusionEtablissement="N")]
    with mirror_of([unit(ONE[:9], "SECRET", statutDiffusionUniteLegale="N")], sites) as mirror:
        assert (lookup(mirror, Siret(ONE)), sirets(mirror, "secret", open_only=False)) == (None, [])


@st.composite
def companies(draw: st.DrawFn) -> list[tuple[str, str, str, str, bool]]:
    """SIRET, name, department, NAF, open."""
    names = draw(st.lists(WORDS.map(" ".join), min_size=1, max_size=8))
    areas, codes = st.sampled_from(["69", "2A", "971", "01"]), st.sampled_from(["62.01Z", "62.02A", "43.21A", "01.1"])
    return [
        (f"0000{number:05d}00011", name, draw(areas), draw(codes), draw(st.booleans()))
        for number, name in enumerate(names, start=1)
    ]


def stocked(rows: list[tuple[str, str, str, str, bool]]) -> tuple[list[Row], list[Row]]:
    units = [unit(siret[:9], name) for siret, name, _, _, _ in rows]
    places = [
        place(
            siret,
            codeCommuneEtablissement=f"{area}105"[:5],
            activitePrincipaleEtablissement=naf,
            etatAdministratifEtablissement="A" if is_open else "F",
        )
        for siret, _, area, naf, is_open in rows
    ]
    return units, places


@FEW
@given(companies(), st.data())
def test_a_company_is_found_by_its_name_and_by_one_typo(
    rows: list[tuple[str, str, str, str, bool]], data: st.DataObject
) -> None:
    with mirror_of(*stocked(rows)) as mirror:
        for siret, name, area, naf, is_open in rows:
            words = fold(name).split()
            at = data.draw(st.integers(0, len(words) - 1))
            place_in = data.draw(st.integers(0, len(words[at]) - 1))
            typo = data.draw(st.sampled_from(["", "z", "q"]))
            words[at] = words[at][:place_in] + typo + words[at][place_in + 1 :]
            for text in (name, name.upper(), " ".join(words)):
                assert siret in sirets(mirror, text, open_only=False)
                assert (siret in sirets(mirror, text, area, naf)) == is_open


@FEW
@given(
    companies(),
    st.sampled_from(["69", "2a", "971", None]),
    st.sampled_from(["6", "62", "6202A", "43.21", None]),
    st.data(),
)
def test_filters_let_nothing_else_through(
    rows: list[tuple[str, str, str, str, bool]], area: str | None, naf: str | None, data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from([name[: data.draw(st.integers(1, 9))] for _, name, _, _, _ in rows]))
    with mirror_of(*stocked(rows)) as mirror:
        results = search(mirror, text, area, naf)
        assert all(inside(one, area, naf) for one in results)
        assert len({one.siret for one in results}) == len(results)
        assert len(search(mirror, text, size=1, open_only=False)) <= 1


def inside(one: Found, area: str | None, naf: str | None) -> bool:
    code = (one.naf or ("", ""))[0].replace(".", "")
    return (
        one.open
        and one.department == (area.upper() if area else one.department)
        and code.startswith((naf or "").replace(".", ""))
    )


def test_the_order_of_answers() -> None:
    units = [unit("000000001", "GARAGE MARTIN"), unit("000000002", "MARTIN"), unit("000000003", "MARTINS ET FILS")]
    units += [unit("000000004", "MARTEN"), unit("000000005", "AUTRE", sigleUniteLegale="MARTIN")]
    places = [place(f"00000000{number}00011") for number in (1, 2, 3, 4, 5)]
    places += [
        place("00000000200029", etablissementSiege="false"),
        place("00000000200037", etatAdministratifEtablissement="F"),
    ]
    with mirror_of(units, places) as mirror:
        found = search(mirror, "Martin", open_only=False)
        assert [(one.name, one.head_office, one.open) for one in found] == [
            ("MARTIN", True, True),
            ("MARTIN", False, True),
            ("MARTIN", True, False),
            ("AUTRE", True, True),
            ("GARAGE MARTIN", True, True),
            ("MARTINS ET FILS", True, True),
            ("MARTEN", True, True),
        ]


def test_the_last_word_may_be_unfinished() -> None:
    with mirror_of([unit(ONE[:9], "BOULANGERIE DES ÉPINETTES")], [place(ONE)]) as mirror:
        assert sirets(mirror, "boulangerie epi") == sirets(mirror, "BOULANGRIE épinet") == [ONE]
        assert sirets(mirror, "epinettes boulangerie") == [ONE]


def test_only_the_mistyped_word_is_mended_and_a_filter_does_not_change_what_is_meant() -> None:
    units = [unit("000000001", "GARAGE MARTIN"), unit("000000002", "GARAGES MARTIN")]
    places = [place("00000000100011"), place("00000000200011", codeCommuneEtablissement="75101")]
    with mirror_of(units, places) as mirror:
        assert sirets(mirror, "garage martim") == ["00000000100011"]
        assert sirets(mirror, "garage martim", "75") == []
        assert sirets(mirror, "garag martim") == ["00000000100011"]
        assert sirets(mirror, "garage martin") == ["00000000100011", "00000000200011"]


@pytest.mark.parametrize(
    "text", ["", " ", "…", '"', "AND", "a OR b", "x*", "NEAR(a b)", "_f69n", "\0", "^a", "é" * 300]
)
def test_any_text_is_only_words(text: str) -> None:
    with mirror_of([unit(ONE[:9], "TOUT AUTRE CHOSE")], [place(ONE)]) as mirror:
        assert search(mirror, text) == []


@pytest.mark.parametrize(("area", "naf"), [("6969", None), (None, "abc"), ("*", "62"), (None, "62*"), ("", "")])
def test_a_filter_that_is_none_finds_nothing_or_is_none(area: str | None, naf: str | None) -> None:
    with mirror_of([unit(ONE[:9], "ENTREPRISE")], [place(ONE)]) as mirror:
        assert sirets(mirror, "entreprise", area, naf) == ([ONE] if area == "" and naf == "" else [])


@given(st.text("abcdef0", min_size=1, max_size=8), st.text("abcdef0", min_size=1, max_size=8))
def test_neighbours_are_those_at_one_edit(word: str, other: str) -> None:
    close = set(neighbours(word))
    assert (other in close) == (word in set(neighbours(other)))
    assert all(abs(len(one) - len(word)) <= 1 for one in close)
    assert {word[1:], word + "z", "9" + word, "q" + word[1:], word[1::-1] + word[2:]} <= close | {word}


@given(TEXT)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert "_" not in fold(text)


def test_folding() -> None:
    assert fold("L’Œuf d’Été, S.A.R.L. & Cie") == "l oeuf d ete s a r l cie"
    assert fold("Ǽ") == "ae"
    assert fold("ÉÈÊ Straße_Ǆ") == "eee strasse dz"
