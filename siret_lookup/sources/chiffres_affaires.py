"""DGFiP, turnover of the latest financial years: up to three, which are not three calendar years."""

from decimal import Decimal

from siret_lookup.body import Body, Json, Reading, Unreadable, day
from siret_lookup.outcome import Outcome
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`financial_years`: `[{ends_on, turnover}]`, latest end first, euros as text. Raises Unreadable."""
    years = sorted((_year(item) for item in body.items), key=lambda year: year["ends_on"], reverse=True)
    outcome = Outcome.OBTAINED if years else Outcome.NOT_FOUND
    return Reading({"financial_years": years}, outcome=outcome)


def _year(item: Json) -> dict[str, str]:
    ends_on = day(item, "date_fin_exercice")
    amount = item.get("chiffre_affaires")
    if ends_on is None or isinstance(amount, bool) or not isinstance(amount, int | float):
        raise Unreadable("a financial year has no end or no amount")
    return {"ends_on": ends_on.isoformat(), "turnover": format(Decimal(str(amount)), "f")}


SOURCE = Source(
    key="chiffres_affaires",
    title="Chiffres d’affaires des derniers exercices",
    provider="DGFiP",
    by="siret",
    path="/v3/dgfip/etablissements/{siret}/chiffres_affaires",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les trois derniers exercices déclarés au plus ; les micro-entreprises n’y figurent jamais",
    substitute="une déclaration du chiffre d’affaires des trois derniers exercices disponibles",
    read=read,
)
