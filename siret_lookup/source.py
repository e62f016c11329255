"""What a source is: one endpoint of API Entreprise, who answers, what it covers, how its answer is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from siret_lookup.body import Body, Reading
from siret_lookup.siret import Siret


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One endpoint. `title`, `provider`, `perimeter` and `substitute` are French, for users.

    `open`: open data, may be shown to whoever typed the SIRET; otherwise for the habilitated buyer only.
    `group` is a key of quotas.BUDGETS. `document` says whether a PDF comes with the answer. `substitute` is what to
    ask the company for where the service does not answer for it.
    """

    key: str
    title: str
    provider: str
    by: Literal["siret", "siren"]
    path: str
    open: bool
    kind: Literal["identity", "capacity", "tax", "social"]
    group: str
    perimeter: str
    substitute: str
    read: Callable[[Body], Reading]
    document: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        return (self.group,)

    def path_for(self, siret: Siret) -> str:
        """The endpoint's path for this company."""
        return self.path.format(siret=siret.value, siren=siret.siren)
