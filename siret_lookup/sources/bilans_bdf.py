"""Banque de France, up to three financial years: the figures it works out, without the tax forms they come from."""

from collections.abc import Mapping

from siret_lookup.body import Body, Json, Reading, Unreadable, number, required, rows, said_day, text
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source

# Published name → ours.
_FIGURES = {
    "disponibilites": "cash",
    "total_dettes_stables": "stable_debt",
    "valeur_ajoutee_bdf": "value_added",
    "besoin_en_fonds_de_roulement": "working_capital_requirement",
    "excedent_brut_exploitation": "gross_operating_surplus",
    "capacite_autofinancement": "self_financing_capacity",
    "fonds_roulement_net_global": "net_working_capital",
    "ratio_fonds_roulement_net_global_sur_besoin_en_fonds_de_roulement": "working_capital_ratio",
    "dettes4_maturite_a_un_an_au_plus": "debt_due_within_a_year",
}


def read(body: Body) -> Reading:
    """`financial_years`: `[{year, ends_on, figures: {name: {value, change}}}]`, latest first. Raises Unreadable."""
    years = sorted((_year(item) for item in body.items), key=lambda year: str(year["ends_on"]), reverse=True)
    return Reading({"financial_years": years}, outcome=Outcome.OBTAINED if years else Outcome.NOT_FOUND)


def _year(item: Json) -> dict[str, object]:
    found = {key: value for row in rows(item, "valeurs_calculees") for key, value in row.items()}
    figures = {name: _figure(found[key]) for key, name in _FIGURES.items() if found.get(key) is not None}
    return {"year": required(item, "annee"), "ends_on": said_day(item, "date_arrete_exercice"), "figures": figures}


def _figure(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise Unreadable("a figure is not an object")
    amount = value.get("valeur")
    said = text(value, "valeur") if isinstance(amount, str) else number(value, "valeur")
    return {"value": said, "change": number(value, "evolution")}


SOURCE = Source(
    key="bilans_bdf",
    title="Bilans connus de la Banque de France",
    provider="Banque de France",
    by="siren",
    path="/v3/banque_de_france/unites_legales/{siren}/bilans",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les entreprises dont la Banque de France suit les comptes, trois exercices au plus",
    substitute="les comptes annuels des derniers exercices, là où leur établissement est obligatoire",
    read=read,
    motive=True,
)
