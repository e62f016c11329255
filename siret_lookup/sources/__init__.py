"""Every source by its key. A new one is a module here and a line in SOURCES; one contract test covers all."""

from siret_lookup.source import Source
from siret_lookup.sources import (
    attestation_fiscale,
    chiffres_affaires,
    infogreffe_extrait,
    insee_etablissement,
    insee_unite_legale,
    vigilance,
)

SOURCES: dict[str, Source] = {
    source.key: source
    for source in (
        insee_etablissement.OPEN,
        insee_unite_legale.OPEN,
        insee_etablissement.PROTECTED,
        insee_unite_legale.PROTECTED,
        infogreffe_extrait.SOURCE,
        vigilance.SOURCE,
        attestation_fiscale.SOURCE,
        chiffres_affaires.SOURCE,
    )
}
