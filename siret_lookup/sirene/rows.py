"""A stored row taken apart: names, address, department, and what the person asked not to diffuse."""

from collections.abc import Mapping, Sequence

from siret_lookup.sirene.fold import fold, whole_mark
from siret_lookup.sirene.schema import PLACES, SEPARATOR, UNITS, Stock

MASK = "[ND]"
OVERSEAS = "97"
Fields = Mapping[str, str]
_TRADE = ("enseigne1Etablissement", "denominationUsuelleEtablissement")
_OTHER_TRADES = ("enseigne2Etablissement", "enseigne3Etablissement")
_POSTCODE = ("codePostalEtablissement", "codeCedexEtablissement")
_CITY = ("libelleCommuneEtablissement", "libelleCedexEtablissement", "libelleCommuneEtrangerEtablissement")
_STREET = (
    "numeroVoieEtablissement",
    "indiceRepetitionEtablissement",
    "typeVoieEtablissement",
    "libelleVoieEtablissement",
)
_ADDRESS = (("complementAdresseEtablissement",), _STREET, ("distributionSpecialeEtablissement",))
# The fact that is missing → the columns that may hold the mask instead.
_MASKED = {
    "name": UNITS.kept[:6],
    "acronym": ("sigleUniteLegale",),
    "trade_name": (*_TRADE, *_OTHER_TRADES),
    "postcode": _POSTCODE,
    "address_lines": tuple(column for line in _ADDRESS for column in line),
    "city": _CITY,
}
_NAMES = UNITS.kept[:6]


def unit_fields(kept: str | None) -> Fields:
    """Columns of a legal unit; none where the mirror does not know it."""
    return dict(zip(UNITS.kept, kept.split(SEPARATOR), strict=True)) if kept is not None else {}


def place_fields(kept: str) -> Fields:
    """Columns of an establishment."""
    return dict(zip(PLACES.kept, kept.split(SEPARATOR), strict=True))


def shown(fields: Fields, *columns: str) -> str | None:
    """The first of these columns that says something; a mask is never a value."""
    return next((value for column in columns if (value := fields.get(column, "")) and value != MASK), None)


def unit_name(unit: Fields) -> str | None:
    """The company's name, else the person's first and last names (the name of use before the name of birth)."""
    return _name(*(unit[column] for column in _NAMES)) if unit else None


def _name(company: str, last: str, used: str, first: str, born_first: str, pseudonym: str) -> str | None:
    if company and company != MASK:
        return company
    last = last if not used or used == MASK else used
    if not last or last == MASK:
        return pseudonym if pseudonym and pseudonym != MASK else None
    first = first if first and first != MASK else born_first
    return f"{first} {last}" if first and first != MASK else last


def trade_name(place: Fields) -> str | None:
    """The sign, else the usual name."""
    return shown(place, *_TRADE)


def postcode(place: Fields) -> str | None:
    """As in the address; that of the Cedex where there is no other."""
    return shown(place, *_POSTCODE)


def city(place: Fields) -> str | None:
    """The commune, the Cedex, or the town abroad."""
    return shown(place, *_CITY)


def department(place: Fields) -> str | None:
    """`69`, `2A`, `971`: from the commune's code (Corsica), else from the postcode."""
    return _department(place["codeCommuneEtablissement"], place["codePostalEtablissement"]) or None


def _department(commune: str, postcode: str) -> str:
    code = commune if commune and commune != MASK else postcode
    return "" if code == MASK else code[: 3 if code >= OVERSEAS else 2]


def address_lines(place: Fields) -> tuple[str, ...]:
    """Street lines, without name, postcode and city; none where a part of them is masked."""
    if any(place.get(column) == MASK for line in _ADDRESS for column in line):
        return ()
    lines = (" ".join(text for column in line if (text := place[column].strip())) for line in _ADDRESS)
    return tuple(line for line in lines if line)


def masked(unit: Fields, place: Fields) -> tuple[str, ...]:
    """Names of the facts, as Identity's, that the person asked not to diffuse."""
    return tuple(
        fact
        for fact, columns in _MASKED.items()
        if any(unit.get(column) == MASK or place.get(column) == MASK for column in columns)
    )


def unit_words(company: str, last: str, used: str, first: str, born_first: str, pseudonym: str, *others: str) -> str:
    """What the index holds of a legal unit: its name's words, how many they are, then the words of its other names."""
    name = fold(_name(company, last, used, first, born_first, pseudonym) or "")
    if name:
        name = f"{name} {whole_mark(name.split())}"
    return f"{name} {place_words(*others)}" if any(others) else name


def place_words(*signs: str) -> str:
    """What the index holds of an establishment's own names."""
    return fold(" ".join(signs).replace(MASK, " ")) if any(signs) else ""


def made(stock: Stock, columns: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells `stock.made` of many rows, from the columns that `stock.named` counts."""
    if stock is UNITS:
        return [list(map(unit_words, *columns))]
    if stock is PLACES:
        return [list(map(_department, *columns[:2])), list(map(place_words, *columns[2:]))]
    return []
