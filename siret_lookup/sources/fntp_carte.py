"""FNTP, professional card of a public-works firm (open data)."""

from siret_lookup.source import Source
from siret_lookup.sources.certificate import read_certificate

SOURCE = Source(
    key="fntp_carte",
    title="Carte professionnelle de travaux publics",
    provider="FNTP",
    by="siren",
    path="/v3/fntp/unites_legales/{siren}/carte_professionnelle_travaux_publics",
    open=True,
    kind="capacity",
    group="documents",
    perimeter="les entreprises de travaux publics titulaires de la carte professionnelle de la FNTP",
    substitute="des références de travaux ou tout moyen de preuve équivalent",
    read=read_certificate,
    document=True,
)
