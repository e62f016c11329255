"""Reading a reply's JSON: typed, null-safe, masks taken out. What is not of the expected type is Unreadable."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from siret_lookup.outcome import Outcome

Json = Mapping[str, object]

# Insee's mark and recherche-entreprises' for what the person asked not to diffuse: a mark, never a value.
MASKS = ("[ND]", "[NON-DIFFUSIBLE]")
_PARIS = ZoneInfo("Europe/Paris")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_FRENCH_DAY = re.compile(r"(\d{2})[/-](\d{2})[/-](\d{4})")


class Unreadable(ValueError):
    """The reply is not in the published shape."""


@dataclass(frozen=True, slots=True)
class Body:
    """A reply's three parts, masks replaced by None; `masked` has the dotted paths they were at."""

    data: object
    meta: Json
    masked: tuple[str, ...] = ()

    @property
    def fields(self) -> Json:
        """`data` as an object. Raises Unreadable."""
        if not isinstance(self.data, Mapping):
            raise Unreadable("data is not an object")
        return self.data

    @property
    def items(self) -> list[Json]:
        """The items of a collection, each wrapped again in `data`. Raises Unreadable."""
        if not isinstance(self.data, list):
            raise Unreadable("data is not a list")
        return [section(item, "data") if isinstance(item, Mapping) else {} for item in self.data]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source's `read` makes of a 200 answer.

    `valid_until` is a legal end, never the seconds that a link lives. `retry_in` goes with an outcome that waits;
    `code` is the status of an answer that has no provider's code.
    """

    facts: dict[str, object] = field(default_factory=dict)
    outcome: Outcome = Outcome.OBTAINED
    document_url: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    valid_strictly_until: date | None = None
    detail: str | None = None
    code: str | None = None
    retry_in: timedelta | None = None


def open_body(reply: Json) -> Body:
    """Take masks out and split the envelope. Raises Unreadable."""
    if "data" not in reply:
        raise Unreadable("no data")
    masked: list[str] = []
    try:
        data = unmask(reply["data"], "", masked)
    except RecursionError:
        raise Unreadable("nested too deep") from None
    return Body(data, section(reply, "meta"), tuple(masked))


def unmask(value: object, path: str, masked: list[str]) -> object:
    """Copy a JSON value with None in place of each text that carries a mask; paths are added to `masked`."""
    if isinstance(value, Mapping):
        return {k: unmask(v, f"{path}.{k}" if path else str(k), masked) for k, v in value.items()}
    if isinstance(value, list):
        return [unmask(item, path, masked) for item in value]
    if isinstance(value, str) and any(mask in value for mask in MASKS):
        masked.append(path)
        return None
    return value


def section(data: Json, key: str) -> Json:
    """A nested object; absent or null is empty. Raises Unreadable for another type."""
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Unreadable(f"{key} is not an object")
    return value


def rows(data: Json, key: str) -> list[Json]:
    """A nested list of objects; absent or null is empty. Raises Unreadable."""
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{key} is not a list")
    return [item for item in value if isinstance(item, Mapping)]


def listed(data: Json, key: str) -> list[Json]:
    """A nested list that must be there; null is empty. Raises Unreadable."""
    expect(data, key)
    return rows(data, key)


def expect(data: Json, *keys: str) -> None:
    """What the published shape always has, even null: without it the answer is another one. Raises Unreadable."""
    missing = [key for key in keys if key not in data]
    if missing:
        raise Unreadable(f"{', '.join(missing)} missing")


def text(data: Json, key: str) -> str | None:
    """A trimmed text; absent, null and blank are None. Raises Unreadable for another type."""
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unreadable(f"{key} is not a text")
    return value.strip() or None


def required(data: Json, key: str) -> str:
    """A text that must be there. Raises Unreadable."""
    value = text(data, key)
    if value is None:
        raise Unreadable(f"{key} is missing")
    return value


def flag(data: Json, key: str) -> bool | None:
    """A boolean or None. Raises Unreadable for another type."""
    value = data.get(key)
    if value is not None and not isinstance(value, bool):
        raise Unreadable(f"{key} is not a boolean")
    return value


def number(data: Json, key: str) -> str | None:
    """A number as decimal text (« 1250000 », « 12.5 »), or None. Raises Unreadable for another type or no number."""
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise Unreadable(f"{key} is not a number")
    return format(Decimal(str(value)), "f")


def _finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def day(data: Json, key: str) -> date | None:
    """An ISO date or None. Raises Unreadable."""
    value = text(data, key)
    if value is None:
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise Unreadable(f"{key} is not a date") from None


def said_day(data: Json, key: str) -> str | None:
    """A date whose form is not published: ISO where it is understood, else the text as it came. Raises Unreadable."""
    value = text(data, key)
    if value is None:
        return None
    french = _FRENCH_DAY.fullmatch(value)
    iso_form = "-".join(reversed(french.groups())) if french else value[:10]
    try:
        return date.fromisoformat(iso_form).isoformat()
    except ValueError:
        return value


def birth_year(data: Json, key: str) -> str | None:
    """The year alone of a birth date (« 1985-07 », « 07-1985 »): all that is kept of it. Raises Unreadable."""
    found = _YEAR.search(text(data, key) or "")
    return found.group() if found else None


def public_page(data: Json, key: str) -> str | None:
    """A web address that can be kept: one without login, query or fragment, which may hold a signature or a token."""
    value = text(data, key)
    try:
        parts = urlsplit(value or "")
    except ValueError:
        return None
    bare = parts.netloc and "@" not in parts.netloc and not parts.query and not parts.fragment
    return value if bare and parts.scheme in ("http", "https") else None


def unix_day(data: Json, key: str) -> str | None:
    """The ISO day, in Paris, of UNIX seconds (negative before 1970), or None. Raises Unreadable."""
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable(f"{key} is not a time")
    try:
        return datetime.fromtimestamp(value, _PARIS).date().isoformat()
    except (ValueError, OverflowError, OSError):
        raise Unreadable(f"{key} is not a time") from None


def iso(value: date | None) -> str | None:
    """A date as text, for facts."""
    return None if value is None else value.isoformat()
