"""Insee, head office of a company by its SIREN: protected (buyers) and open (`diffusibles`) endpoints, v4."""

from siret_lookup.source import Source
from siret_lookup.sources.insee_etablissement import read

PROTECTED = Source(
    key="insee_siege",
    title="Fiche Sirene du siège",
    provider="Insee",
    by="siren",
    path="/v4/insee/sirene/unites_legales/{siren}/siege_social",
    open=False,
    kind="identity",
    group="json",
    perimeter="les sièges inscrits au répertoire Sirene, y compris ceux dont la diffusion est restreinte",
    substitute="l’adresse et le SIRET du siège, saisis par l’entreprise",
    read=read,
)

OPEN = Source(
    key="insee_siege_diffusible",
    title="Fiche Sirene du siège (données ouvertes)",
    provider="Insee",
    by="siren",
    path="/v4/insee/sirene/unites_legales/diffusibles/{siren}/siege_social",
    open=True,
    kind="identity",
    group="json",
    perimeter="les sièges du répertoire Sirene dont les données sont publiques",
    substitute="l’adresse et le SIRET du siège, saisis par l’entreprise",
    read=read,
)
