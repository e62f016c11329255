"""CNETP, paid holidays and bad weather in public works; some fifty firms need this fund's and CIBTP's."""

from siret_lookup.source import Source
from siret_lookup.sources.certificate import read_certificate

SOURCE = Source(
    key="cnetp_attestation",
    title="Attestation de congés payés et chômage intempéries (travaux publics)",
    provider="CNETP",
    by="siren",
    path="/v3/cnetp/unites_legales/{siren}/attestation_cotisations_conges_payes_chomage_intemperies",
    open=False,
    kind="social",
    group="documents",
    perimeter="les entreprises de travaux publics adhérentes de la CNETP, à l’exclusion des utilisateurs du Tese",
    substitute="un certificat de la caisse de congés payés dont relève l’entreprise",
    read=read_certificate,
    document=True,
)
