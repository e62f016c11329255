"""DGFiP, tax returns of one year: amounts only. Forms that name partners and subsidiaries are left aside."""

import re

from siret_lookup.body import Body, Json, Reading, listed, number, required, rows, said_day, section, text
from siret_lookup.outcome import Outcome
from siret_lookup.periods import filed_year
from siret_lookup.source import Source

# Composition of the capital, subsidiaries: people's names, not needed to judge a capacity.
_LINKS = ("2059F", "2059G", "2033F", "2033G")
_AMOUNT = re.compile(r"[+-]?\d{1,15}([.,]\d{1,6})?")


def read(body: Body) -> Reading:
    """`obligations` and `returns`: `[{form, regime, ends_on, lines: [{code, label, amounts}]}]`. Raises Unreadable."""
    data = body.fields
    returns = [_return(row) for row in listed(data, "declarations") if _form(row) not in _LINKS]
    obligations = [
        {"code": text(row, "code"), "label": text(row, "libelle"), "regime": text(row, "regime")}
        for row in rows(data, "obligations_fiscales")
    ]
    outcome = Outcome.OBTAINED if returns else Outcome.NOT_FOUND
    return Reading({"obligations": obligations, "returns": returns}, outcome=outcome)


def _form(row: Json) -> str:
    return required(row, "numero_imprime").replace("-", "").replace(" ", "").upper()


def _return(row: Json) -> dict[str, object]:
    regime = section(row, "regime")
    return {
        "form": required(row, "numero_imprime"),
        "regime": {"code": text(regime, "code"), "label": text(regime, "libelle")},
        "filed_on": said_day(row, "date_declaration"),
        "ends_on": said_day(row, "date_fin_exercice"),
        "months": number(row, "duree_exercice"),
        "vintage": text(row, "millesime"),
        "lines": [line for item in rows(row, "donnees") if (line := _line(item))],
    }


def _line(item: Json) -> dict[str, object] | None:
    values = item.get("valeurs")
    found = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    amounts = [value for value in found if _AMOUNT.fullmatch(value.strip())]
    if not amounts:
        return None
    return {"code": text(item, "code") or text(item, "code_nref"), "label": text(item, "intitule"), "amounts": amounts}


SOURCE = Source(
    key="liasses_fiscales",
    title="Liasse fiscale",
    provider="DGFiP",
    by="siren",
    path="/v3/dgfip/unites_legales/{siren}/liasses_fiscales/{year}",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les entreprises qui ont télédéclaré leurs résultats cette année-là ; les micro-entreprises n’y figurent "
    "jamais",
    substitute="une déclaration du chiffre d’affaires des trois derniers exercices disponibles",
    read=read,
    motive=True,
    latest=filed_year,
)
