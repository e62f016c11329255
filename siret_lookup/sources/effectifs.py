"""GIP-MDS, workforce from social declarations, by year (company) and by month (establishment).

The general and the farming schemes are kept apart: who adds them up does it knowingly. Apprentices are not counted in
the average. A value that is not communicated is None, which is not zero.
"""

from siret_lookup.body import Body, Json, Reading, number, required, rows, text
from siret_lookup.outcome import Outcome
from siret_lookup.periods import declared_month, declared_year
from siret_lookup.source import Source

_SCHEMES = {"regime_general": "general", "regime_agricole": "farming"}
_NOT_SAID = "NC"


def read_year(body: Body) -> Reading:
    """`year`, `workforce`: `[{scheme, nature, value, updated_on}]`. Raises Unreadable."""
    data = body.fields
    lines = [_line(row) for row in rows(data, "effectifs_annuel")]
    facts: dict[str, object] = {"siren": required(data, "siren"), "year": required(data, "annee"), "workforce": lines}
    return Reading(facts, outcome=Outcome.OBTAINED if lines else Outcome.NOT_FOUND)


def read_month(body: Body) -> Reading:
    """`workforce`: `[{month: "2026-09", scheme, nature, value, updated_on}]`. Raises Unreadable."""
    data = body.fields
    lines = [
        {"month": f"{required(row, 'annee')}-{required(row, 'mois')}", **_line(row)}
        for row in rows(data, "effectifs_mensuels")
    ]
    facts: dict[str, object] = {"siret": required(data, "siret"), "workforce": lines}
    return Reading(facts, outcome=Outcome.OBTAINED if lines else Outcome.NOT_FOUND)


def _line(row: Json) -> dict[str, object]:
    scheme = required(row, "regime")
    return {
        "scheme": _SCHEMES.get(scheme, scheme),
        "nature": text(row, "nature"),
        "value": None if row.get("value") == _NOT_SAID else number(row, "value"),
        "updated_on": text(row, "date_derniere_mise_a_jour"),
    }


YEAR = Source(
    key="effectifs_annuels",
    title="Effectif moyen de l’année",
    provider="GIP-MDS",
    by="siren",
    path="/v3/gip_mds/unites_legales/{siren}/effectifs_annuels/{year}",
    open=False,
    kind="capacity",
    group="gip_mds",
    perimeter="les employeurs qui font des déclarations sociales nominatives ; l’effectif moyen est hors apprentis",
    substitute="une déclaration des effectifs moyens des trois dernières années",
    read=read_year,
    motive=True,
    params={"nature_effectif": "moyen"},
    latest=declared_year,
)

MONTH = Source(
    key="effectifs_mensuels",
    title="Effectif du mois",
    provider="GIP-MDS",
    by="siret",
    path="/v3/gip_mds/etablissements/{siret}/effectifs_mensuels/{month}/annee/{year}",
    open=False,
    kind="capacity",
    group="gip_mds",
    perimeter="les établissements employeurs qui font des déclarations sociales nominatives",
    substitute="une déclaration des effectifs moyens des trois dernières années",
    read=read_month,
    motive=True,
    params={"nature_effectif": "moyen"},
    latest=declared_month,
)
