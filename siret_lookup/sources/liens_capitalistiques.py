"""DGFiP, who holds a company and what it holds, from one year's tax return. Birth years only, no home address."""

from siret_lookup.body import Body, Json, Reading, birth_year, expect, flag, number, rows, section, text
from siret_lookup.periods import filed_year
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`shareholders` and `subsidiaries`, each with its share in per cent, as text. Raises Unreadable.

    `nothing_declared` is by which half the company said that it had nothing to declare.
    """
    data = body.fields
    expect(data, "capital", "participations")
    capital, held = section(data, "capital"), section(data, "participations")
    return Reading(
        {
            "shareholders": [_shareholder(row) for row in rows(capital, "actionnaires")],
            "subsidiaries": [_subsidiary(row) for row in rows(held, "filiales")],
            "nothing_declared": {
                "shareholders": flag(capital, "depose_neant"),
                "subsidiaries": flag(held, "depose_neant"),
            },
        }
    )


def _shareholder(row: Json) -> dict[str, object]:
    person, company = section(row, "personne_physique_attributes"), section(row, "personne_morale_attributes")
    return {
        "kind": "legal_person" if text(row, "type") == "personne_morale" else "natural_person",
        "name": text(company, "denomination") or text(person, "nom_patronymique_et_prenoms"),
        "siren": text(company, "siren"),
        "birth_year": birth_year(section(person, "date_naissance"), "annee"),
        "percent": number(row, "pourcentage"),
        "shares": number(row, "nombre_parts"),
    }


def _subsidiary(row: Json) -> dict[str, object]:
    return {
        "siren": text(row, "siren"),
        "name": text(row, "denomination"),
        "legal_form": text(row, "forme_juridique"),
        "percent": number(row, "pourcentage_detention"),
    }


SOURCE = Source(
    key="liens_capitalistiques",
    title="Actionnaires et filiales déclarés",
    provider="DGFiP",
    by="siren",
    path="/v3/dgfip/unites_legales/{siren}/liens_capitalistiques/{year}",
    open=False,
    kind="capacity",
    group="json",
    perimeter="les sociétés qui ont télédéclaré leurs résultats cette année-là",
    substitute="une note sur la composition du capital et les filiales, si le contrat l’exige",
    read=read,
    motive=True,
    latest=filed_year,
)
