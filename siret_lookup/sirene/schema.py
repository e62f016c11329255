"""The mirror's tables, and the columns of the stock files that it keeps.

Files: StockUniteLegale, StockEtablissement, StockEtablissementLiensSuccession (Insee, on data.gouv.fr); their names are
kept as they are. A row is stored as one text, its columns joined in the order given here: building writes a few cells
instead of thirty, and only the rows that someone asks for are taken apart (`rows.py`).
"""

from dataclasses import dataclass

# Changes with TABLES, the order of columns or what the index holds: an older file is then refused, to be built again.
FORMAT = "2"
SEPARATOR = "\x1f"
# Documents of the index are numbered class × CLASS + siret, so that open head offices come first, closed ones last.
CLASS = 10**14
OPEN_BEFORE = 2 * CLASS

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE unit (
    siren INTEGER PRIMARY KEY, state TEXT NOT NULL, words TEXT NOT NULL, kept TEXT NOT NULL
) STRICT;
CREATE TABLE place (
    siret INTEGER PRIMARY KEY, state TEXT NOT NULL, head TEXT NOT NULL, naf TEXT NOT NULL, area TEXT NOT NULL,
    words TEXT NOT NULL, kept TEXT NOT NULL
) STRICT;
CREATE TABLE succession (
    old INTEGER, new INTEGER, day TEXT, head_office TEXT NOT NULL, continuity TEXT NOT NULL, PRIMARY KEY (old, new, day)
) STRICT, WITHOUT ROWID;
"""
# `term` is the index's vocabulary, without its marks, to find the words close to a mistyped one.
INDEX = """
DROP TABLE IF EXISTS names;
DROP TABLE IF EXISTS term;
CREATE VIRTUAL TABLE names USING fts5(
    unit, place, marks, content='', detail=none, columnsize=0, tokenize="ascii tokenchars '_'"
);
INSERT INTO names(names, rank) VALUES ('automerge', 0);
INSERT INTO names(names, rank) VALUES ('hashsize', 8388608);
CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', names, row);
CREATE TABLE term (word TEXT PRIMARY KEY, places INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
# What `filter_mark` writes of a search: department and division of the NAF, each alone and both at once.
MARKS = "'_f' || area || 'n _fn' || substr(naf, 1, 2) || ' _f' || area || 'n' || substr(naf, 1, 2)"
# One statement per class keeps each pass in the order of the numbers, which is what makes the index quick to write.
_OPEN = "place.state = 'A' AND coalesce(unit.state, 'A') = 'A'"
CLASSES = (f"{_OPEN} AND head = 'true'", f"{_OPEN} AND head <> 'true'", f"NOT ({_OPEN})")
INDEX_CLASS = """
INSERT INTO names(rowid, unit, place, marks)
SELECT place.siret + {number} * {CLASS}, unit.words, place.words, {MARKS}
FROM place LEFT JOIN unit ON unit.siren = place.siret / 100000 WHERE {where} ORDER BY place.siret
"""
TERMS = "INSERT INTO term SELECT term, doc FROM temp.vocabulary WHERE term NOT GLOB '_*'"


@dataclass(frozen=True, slots=True)
class Stock:
    """One kind of stock file.

    `first` are the columns with a cell of their own in `table`, the row's number (`digits` long) before all; `kept` are
    joined in one text, after the cells `made` of the first `named` of them (`rows.py`). `optional` may be missing from
    a file. `status` (N: absent from the mirror) and `updated` (day of last treatment) are read and not stored.
    """

    title: str
    table: str
    digits: int
    first: tuple[str, ...]
    kept: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    named: int = 0
    optional: frozenset[str] = frozenset()
    status: str | None = None
    updated: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read, in order: status and day of treatment first."""
        return (*(c for c in (self.status, self.updated) if c), *self.first, *self.kept)

    @property
    def needed(self) -> tuple[str, ...]:
        return tuple(c for c in self.columns if c not in self.optional)

    @property
    def passed(self) -> int:
        """How many columns are read before the row's number."""
        return len(self.columns) - len(self.first) - len(self.kept)

    @property
    def insert(self) -> str:
        """Takes the cells of one row."""
        cells = ", ".join("?" * (len(self.first) + len(self.made) + bool(self.kept)))
        return f"INSERT OR REPLACE INTO {self.table} VALUES ({cells})"  # noqa: S608


UNITS = Stock(
    title="StockUniteLegale",
    table="unit",
    digits=9,
    status="statutDiffusionUniteLegale",
    updated="dateDernierTraitementUniteLegale",
    made=("words",),
    named=10,
    first=("siren", "etatAdministratifUniteLegale"),
    kept=(
        *("denominationUniteLegale", "nomUniteLegale", "nomUsageUniteLegale", "prenomUsuelUniteLegale"),
        *("prenom1UniteLegale", "pseudonymeUniteLegale", "sigleUniteLegale", "denominationUsuelle1UniteLegale"),
        *("denominationUsuelle2UniteLegale", "denominationUsuelle3UniteLegale", "categorieJuridiqueUniteLegale"),
        *("nicSiegeUniteLegale", "categorieEntreprise", "trancheEffectifsUniteLegale", "anneeEffectifsUniteLegale"),
        *("economieSocialeSolidaireUniteLegale",),
    ),
    optional=frozenset(
        (
            *("nomUsageUniteLegale", "prenom1UniteLegale", "pseudonymeUniteLegale", "sigleUniteLegale"),
            *("denominationUsuelle1UniteLegale", "denominationUsuelle2UniteLegale", "denominationUsuelle3UniteLegale"),
            *("categorieEntreprise", "trancheEffectifsUniteLegale", "anneeEffectifsUniteLegale"),
            *("economieSocialeSolidaireUniteLegale", "dateDernierTraitementUniteLegale"),
        )
    ),
)
PLACES = Stock(
    title="StockEtablissement",
    table="place",
    digits=14,
    status="statutDiffusionEtablissement",
    updated="dateDernierTraitementEtablissement",
    made=("area", "words"),
    named=6,
    first=("siret", "etatAdministratifEtablissement", "etablissementSiege", "activitePrincipaleEtablissement"),
    kept=(
        *("codeCommuneEtablissement", "codePostalEtablissement", "enseigne1Etablissement"),
        *("denominationUsuelleEtablissement", "enseigne2Etablissement", "enseigne3Etablissement"),
        *("nomenclatureActivitePrincipaleEtablissement", "activitePrincipaleNAF25Etablissement"),
        *("complementAdresseEtablissement", "numeroVoieEtablissement", "indiceRepetitionEtablissement"),
        *("typeVoieEtablissement", "libelleVoieEtablissement", "distributionSpecialeEtablissement"),
        *("libelleCommuneEtablissement", "codeCedexEtablissement", "libelleCedexEtablissement"),
        *("libelleCommuneEtrangerEtablissement", "libellePaysEtrangerEtablissement", "dateDebut"),
        *("trancheEffectifsEtablissement", "anneeEffectifsEtablissement"),
    ),
    optional=frozenset(
        (
            *("activitePrincipaleNAF25Etablissement", "enseigne2Etablissement", "enseigne3Etablissement"),
            *("complementAdresseEtablissement", "indiceRepetitionEtablissement", "distributionSpecialeEtablissement"),
            *("codeCommuneEtablissement", "codeCedexEtablissement", "libelleCedexEtablissement", "dateDebut"),
            *("libelleCommuneEtrangerEtablissement", "libellePaysEtrangerEtablissement"),
            *("trancheEffectifsEtablissement", "anneeEffectifsEtablissement", "dateDernierTraitementEtablissement"),
        )
    ),
)
SUCCESSIONS = Stock(
    title="StockEtablissementLiensSuccession",
    table="succession",
    digits=14,
    first=(
        *("siretEtablissementPredecesseur", "siretEtablissementSuccesseur", "dateLienSuccession"),
        *("transfertSiege", "continuiteEconomique"),
    ),
)
STOCKS = (UNITS, PLACES, SUCCESSIONS)
