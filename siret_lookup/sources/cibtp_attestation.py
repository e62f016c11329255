"""CIBTP, paid holidays and bad weather in building. Its 404 has two codes: 38422 is « not up to date », 38003 unknown.

Called by SIRET, it certifies the whole company. Its link lives ten minutes.
"""

from siret_lookup.source import Source
from siret_lookup.sources.certificate import read_certificate

SOURCE = Source(
    key="cibtp_attestation",
    title="Attestation de congés payés et chômage intempéries (bâtiment)",
    provider="CIBTP",
    by="siret",
    path="/v3/cibtp/etablissements/{siret}/attestation_cotisations_conges_payes_chomage_intemperies",
    open=False,
    kind="social",
    group="cibtp",
    perimeter="les entreprises du bâtiment adhérentes d’une caisse du réseau CIBTP, hors caisses d’outre-mer",
    substitute="un certificat de la caisse de congés payés dont relève l’entreprise",
    read=read_certificate,
    document=True,
    negative_codes=frozenset({"38422"}),
)
