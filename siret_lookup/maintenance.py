"""When the providers are closed every day: a call made then is lost, and a piece waits for the end instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from importlib import resources
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml

from siret_lookup.sources import SOURCES

# Whose windows these are: another server that honours the contract has its own.
PRODUCTION = "entreprise.api.gouv.fr"
CLOSED = "Le service est fermé chaque jour à cette heure, pour sa maintenance."
_PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Window:
    """From `begins` to `ends` every day, Paris time, `ends` not included."""

    begins: time
    ends: time

    def __str__(self) -> str:
        return f"{self.begins:%H:%M} – {self.ends:%H:%M}"


@cache
def windows() -> Mapping[str, Window]:
    """Key of a source → its window, for those that have one."""
    text = resources.files("siret_lookup").joinpath("maintenance.yaml").read_text(encoding="utf-8")
    rows = [(row["path"], Window(time.fromisoformat(row["begins"]), time.fromisoformat(row["ends"])))
            for row in yaml.safe_load(text)]  # fmt: skip
    return {key: window for key, source in SOURCES.items() for part, window in rows if part in source.path}


def closed_until(key: str, base_url: str, now: datetime) -> datetime | None:
    """When the source `key` opens again at `base_url`; None where it is open."""
    window = windows().get(key)
    if window is None or urlsplit(base_url).hostname != PRODUCTION:
        return None
    local = now.astimezone(_PARIS)
    if not window.begins <= local.time() < window.ends:
        return None
    ends = datetime.combine(local.date(), window.ends, _PARIS).astimezone(now.tzinfo)
    # The hour that autumn gives twice: its second turn ends later than its first.
    return ends if ends > now else ends + timedelta(hours=1)
