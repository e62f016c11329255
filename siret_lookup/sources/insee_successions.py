"""Insee, what came before and after an establishment (open data): a closed one often has an heir, by a move."""

from siret_lookup.body import Body, Json, Reading, day, flag, iso, listed, required
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`predecessors` and `successors`: `[{siret, on, head_office_moved, economic_continuity}]`. Raises Unreadable.

    None at all is an answer too: it is obtained, with two empty lists.
    """
    data = body.fields
    return Reading(
        {
            "predecessors": [_link(row) for row in listed(data, "predecesseurs")],
            "successors": [_link(row) for row in listed(data, "successeurs")],
        }
    )


def _link(row: Json) -> dict[str, object]:
    return {
        "siret": required(row, "siret"),
        "on": iso(day(row, "date_succession")),
        "head_office_moved": flag(row, "transfert_siege"),
        "economic_continuity": flag(row, "continuite_economique"),
    }


SOURCE = Source(
    key="insee_successions",
    title="Prédécesseurs et successeurs de l’établissement",
    provider="Insee",
    by="siret",
    path="/v3/insee/sirene/etablissements/{siret}/successions",
    open=True,
    kind="identity",
    group="json",
    perimeter="les établissements du répertoire Sirene qui en ont remplacé un autre ou que remplace un autre",
    substitute="le SIRET de l’établissement qui a pris la suite, indiqué par l’entreprise",
    read=read,
)
