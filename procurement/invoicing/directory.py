"""What the directory of public bodies (annuaire) says of whom may be billed, and how: plain data, filled by the caller.

Source: Chorus Pro, `structures/consulter` (codeServiceDoitEtreRenseigne, numeroEJDoitEtreRenseigne,
gestionNumeroEJOuCodeService), the same three switches as DT-4-13-1 to -3 of the national directory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as read_as

from procurement.invoicing.contracts import Requires
from procurement.invoicing.past import LENIENT, Siret

# What a rule needs of the directory: nothing, that the SIRET stands there, or what it asks for as well.
Need = Literal["", "listed", "asked"]


class DirectoryUnreadable(Exception):
    """The directory file cannot be used; `sentence` is French and names the field."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Recipient:
    """One public establishment. `services` are its active service codes; the three switches say what it asks for.

    `read`: its switches were read somewhere; without that nothing is said of what it asks for.
    """

    service_required: bool = False
    engagement_required: bool = False
    either_required: bool = False
    services: frozenset[str] = frozenset()
    read: bool = True


@dataclass(frozen=True)
class Directory:
    """SIRET of a public establishment → what it asks for.

    `whole`: every public establishment is there, so that a SIRET which is not is no public buyer's. Otherwise it is a
    part of the directory, which judges nothing of the others.
    """

    recipients: Mapping[str, Recipient]
    whole: bool = True

    def of(self, siret: str) -> Recipient:
        """What this SIRET asks for; nothing at all where it is unknown, so that only CPRO-10 and -23 speak of it."""
        return self.recipients.get(siret, Recipient())

    def judges(self, siret: str, need: Need) -> bool:
        """Whether a rule with this need can be judged on an invoice to that SIRET."""
        known = self.recipients.get(siret)
        return need == "" or (self.whole if known is None else need == "listed" or known.read)


@read_as(frozen=True, config=LENIENT)
class _Structure:
    siret: Siret
    services: tuple[str, ...] = ()
    requires: Requires | None = None


@read_as(frozen=True, config=LENIENT)
class _File:
    version: Literal[1]
    structures: tuple[_Structure, ...] = Field(min_length=1)
    complete: bool = False


_file = TypeAdapter(_File)


def load_directory(content: bytes | str) -> Directory:
    """Read a directory file (docs/directory-file.md). Raises DirectoryUnreadable, naming the first bad field."""
    try:
        found = _file.validate_json(content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "fichier"
        raise DirectoryUnreadable(f"Annuaire illisible : {where} : champ absent, ou valeur refusée.") from error
    return Directory({each.siret: _recipient(each) for each in found.structures}, found.complete)


def _recipient(said: _Structure) -> Recipient:
    asked = said.requires or Requires()
    return Recipient(
        asked.service, asked.engagement, asked.either, frozenset(said.services), read=said.requires is not None
    )
