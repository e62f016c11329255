"""Insee, address of an establishment: protected (buyers) and open (`diffusibles`) endpoints, v3 only."""

from siret_lookup.body import Body, Reading, expect, unix_day
from siret_lookup.source import Source
from siret_lookup.sources.insee import masked_address
from siret_lookup.sources.insee_etablissement import address_facts


def read(body: Body) -> Reading:
    """Lines, postcode, city and country; `masked` names what is not diffused. Raises Unreadable."""
    address = body.fields
    expect(address, "libelle_commune", "acheminement_postal")
    facts = {
        **address_facts(address),
        "updated_on": unix_day(body.meta, "date_derniere_mise_a_jour"),
        "masked": masked_address(body),
    }
    return Reading(facts)


PROTECTED = Source(
    key="insee_adresse",
    title="Adresse de l’établissement",
    provider="Insee",
    by="siret",
    path="/v3/insee/sirene/etablissements/{siret}/adresse",
    open=False,
    kind="identity",
    group="json",
    perimeter="les établissements inscrits au répertoire Sirene, y compris ceux dont la diffusion est restreinte",
    substitute="l’adresse de l’établissement, saisie par l’entreprise",
    read=read,
)

OPEN = Source(
    key="insee_adresse_diffusible",
    title="Adresse de l’établissement (données ouvertes)",
    provider="Insee",
    by="siret",
    path="/v3/insee/sirene/etablissements/diffusibles/{siret}/adresse",
    open=True,
    kind="identity",
    group="json",
    perimeter="les établissements du répertoire Sirene dont les données sont publiques",
    substitute="l’adresse de l’établissement, saisie par l’entreprise",
    read=read,
)
