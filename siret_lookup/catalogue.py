"""Every piece that a buyer may read about a company: API Entreprise's sources, and the open services beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from siret_lookup.bodacc import piece as bodacc
from siret_lookup.source import Source
from siret_lookup.sources import SOURCES


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A piece of an open service that is not API Entreprise: no token, no buyer's budget. Words as Source has them."""

    key: str
    title: str
    provider: str
    by: Literal["siret", "siren"]
    kind: Literal["identity", "capacity", "tax", "social"]
    perimeter: str
    substitute: str
    open: bool = True
    motive: bool = False
    document: bool = False


BODACC = Beside(
    key=bodacc.KEY,
    title=bodacc.TITLE,
    provider=bodacc.PROVIDER,
    by="siren",
    kind="capacity",
    perimeter=bodacc.PERIMETER,
    substitute=bodacc.SUBSTITUTE,
)
PIECES: Mapping[str, Source | Beside] = {**SOURCES, BODACC.key: BODACC}
