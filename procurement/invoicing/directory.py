"""What the directory of public bodies (annuaire) says of whom may be billed, and how: plain data, filled by the caller.

Source: Chorus Pro, `structures/consulter` (codeServiceDoitEtreRenseigne, numeroEJDoitEtreRenseigne,
gestionNumeroEJOuCodeService), the same three switches as DT-4-13-1 to -3 of the national directory.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipient:
    """One public establishment. `services` are its active service codes; the three switches say what it asks for."""

    service_required: bool = False
    engagement_required: bool = False
    either_required: bool = False
    services: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Directory:
    """SIRET of a public establishment → what it asks for. A SIRET that is not there is not a public buyer's."""

    recipients: Mapping[str, Recipient]

    def of(self, siret: str) -> Recipient:
        """What this SIRET asks for; nothing at all where it is unknown, so that only CPRO-10 and -23 speak of it."""
        return self.recipients.get(siret, Recipient())
