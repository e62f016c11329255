"""Insee, legal unit: protected (buyers) and open (`diffusibles`) endpoints, v4."""

from siret_lookup.body import Body, Reading, text, unix_day
from siret_lookup.source import Source
from siret_lookup.sources.insee import masked_facts, unit_facts


def read(body: Body) -> Reading:
    """Facts of the legal unit, its cessation included. Raises Unreadable."""
    facts = {
        **unit_facts(body.fields),
        "redirected_from": text(body.meta, "redirect_from_siren"),
        "updated_on": unix_day(body.meta, "date_derniere_mise_a_jour"),
        "masked": masked_facts(body),
    }
    return Reading(facts)


PROTECTED = Source(
    key="insee_unite_legale",
    title="Fiche Sirene de l’entreprise",
    provider="Insee",
    by="siren",
    path="/v4/insee/sirene/unites_legales/{siren}",
    open=False,
    kind="identity",
    group="json",
    perimeter="les entreprises et organismes inscrits au répertoire Sirene, y compris à diffusion restreinte",
    substitute="les informations d’identité de l’entreprise, saisies par elle",
    read=read,
)

OPEN = Source(
    key="insee_unite_legale_diffusible",
    title="Fiche Sirene de l’entreprise (données ouvertes)",
    provider="Insee",
    by="siren",
    path="/v4/insee/sirene/unites_legales/diffusibles/{siren}",
    open=True,
    kind="identity",
    group="json",
    perimeter="les entreprises et organismes du répertoire Sirene dont les données sont publiques",
    substitute="les informations d’identité de l’entreprise, saisies par elle",
    read=read,
)
