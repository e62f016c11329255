"""Customs, EORI number of an establishment (open data). An inactive one may be an error: it proves nothing."""

from siret_lookup.body import Body, Reading, flag, required, text
from siret_lookup.source import Source


def read(body: Body) -> Reading:
    """`eori`, whether it is active, name and address. Raises Unreadable."""
    data = body.fields
    return Reading(
        {
            "eori": required(data, "id"),
            "active": flag(data, "actif"),
            "name": text(data, "libelle"),
            "street": text(data, "rue"),
            "postcode": text(data, "code_postal"),
            "city": text(data, "ville"),
            "country": text(data, "pays"),
        }
    )


SOURCE = Source(
    key="eori",
    title="Numéro EORI",
    provider="Douane",
    by="siret",
    path="/v3/douanes/etablissements/{siret}/immatriculations_eori",
    open=True,
    kind="identity",
    group="json",
    perimeter="les établissements qui importent ou exportent hors de l’Union européenne",
    substitute="le numéro EORI, si l’entreprise en a un",
    read=read,
)
