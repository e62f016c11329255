"""What an endpoint of the stand-in is, and what its answer may use. One endpoint is one line in a provider's module."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from api.sandbox.companies import Company, Found

Json = dict[str, object]
DAY = 86_400


class Publish(Protocol):
    """Put a certificate of that title at a short-lived address: the address, and the seconds it lives."""

    def __call__(self, title: str, life: int = DAY, *, proxied: bool = False) -> tuple[str, int]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, its checks passed: the company, the time, year and month of the path, and what an answer may need."""

    found: Found
    now: datetime
    values: Mapping[str, str]
    publish: Publish
    link: Callable[[str, str], str]

    @property
    def company(self) -> Company:
        return self.found.company

    @property
    def today(self) -> date:
        return self.now.date()

    def certificate(self, title: str, life: int = DAY) -> Json:
        """The funds' v3 answer: an address and its life."""
        url, seconds = self.publish(title, life)
        return {"document_url": url, "expires_in": seconds}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path with `{id}`; `key` is the source's.

    `answer` gives `data`: an object, a list (wrapped again by the application), or None for the provider's 404.
    `everyone`: answers for any company, else for those that name it in `has`. `around` gives `links` and `meta`.
    """

    key: str
    path: str
    by: Literal["siret", "siren", "siret_or_eori", "siren_or_rna", "siren_or_siret_or_rna"]
    provider: str
    prefix: str
    answer: Callable[[Asked], object]
    ping: str
    group: str = "json"
    everyone: bool = True
    around: Callable[[Asked], Json] | None = None


def last_of_previous_month(day: date) -> date:
    """31 October for any day of November."""
    return day.replace(day=1) - timedelta(days=1)
