"""What a source is: one endpoint of API Entreprise, who answers, what it covers, how its answer is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from siret_lookup.body import Body, Reading
from siret_lookup.quotas import FILES
from siret_lookup.siret import Siret


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One endpoint. `title`, `provider`, `perimeter` and `substitute` are French, for users.

    `open`: open data, may be shown to whoever typed the SIRET; otherwise for the habilitated buyer only.
    `motive`: off by default, asked for only where the buyer has written why the contract needs it.
    `group` is a key of quotas.BUDGETS. `document`: a PDF or an image comes with the answer, `proxied` through API
    Entreprise; `facts_stand`: the answer is worth having without it. `negative_codes` are the codes under a 404 by
    which the provider says « not in order ». `latest` gives the last (year, month) that the service has, for a path
    with {year} or {month}. `substitute` is what to ask the company for where the service does not answer for it.
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
    proxied: bool = False
    facts_stand: bool = False
    motive: bool = False
    negative_codes: frozenset[str] = frozenset()
    params: Mapping[str, str] = field(default_factory=dict)
    latest: Callable[[datetime], tuple[int, int]] | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The budgets that one fetch spends, its file's included."""
        return (self.group, FILES) if self.proxied else (self.group,)

    def path_for(self, siret: Siret, now: datetime, year: int | None = None) -> str:
        """The endpoint's path for this company: of the last period available, of `year` at the most where given."""
        last_year, last_month = self.latest(now) if self.latest else (now.year, now.month)
        if year is not None and year < last_year:
            last_year, last_month = year, 12
        return self.path.format(siret=siret.value, siren=siret.siren, year=last_year, month=f"{last_month:02d}")
