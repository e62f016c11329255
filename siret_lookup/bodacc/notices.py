"""One notice of the BODACC's collective proceedings, read from the open data set `annonces-commerciales`.

Shape: bodacc-datadila.opendatasoft.com, Explore API v2.1. `jugement` and `parutionavisprecedent` are JSON in a text;
`registre` holds the SIREN twice, plain and spaced; a notice's id is letter + issue + number. Some texts are UTF-8 read
as Latin-1, some dates are in French, a few are absurd.
"""

import json
import re
from dataclasses import dataclass
from datetime import date

from siret_lookup.body import Json, Unreadable, required, text

NOTICE, CANCELLATION, CORRECTION = "annonce", "annulation", "rectificatif"
_PAGE = "https://www.bodacc.fr/pages/annonces-commerciales-detail/?q.id=id:"
# The first law whose proceedings the BODACC still names.
_OLDEST = 1967
_MONTHS = (
    *("janvier", "fevrier", "mars", "avril", "mai", "juin"),
    *("juillet", "aout", "septembre", "octobre", "novembre", "decembre"),
)
_PLAIN = str.maketrans("éû", "eu")
_PRECEDENT = ("nomPublication", "numeroParution", "numeroAnnonce")


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. `kind` is annonce, annulation or rectificatif; `corrects` the id of the notice that it is about.

    `judged_on` is None where the date is absent or absurd (after publication, before 1967).
    """

    id: str
    kind: str
    published: date | None
    court: str | None
    family: str | None
    nature: str | None
    judged_on: date | None
    complement: str | None
    corrects: str | None

    @property
    def url(self) -> str:
        """The notice's public page."""
        return _PAGE + self.id

    @property
    def on(self) -> date | None:
        """The judgment's day, else the publication's."""
        return self.judged_on or self.published


def read_notice(record: Json) -> Notice:
    """Read one record. Raises Unreadable where it has no proper id."""
    identifier = required(record, "id")
    if not re.fullmatch(r"[A-Z]\d{6,20}", identifier):
        raise Unreadable("id is not a notice's")
    judgment = _inner(record, "jugement")
    published = _day(record, "dateparution", None)
    return Notice(
        id=identifier,
        kind=(text(record, "typeavis") or NOTICE).casefold(),
        published=published,
        court=_words(record, "tribunal"),
        family=_words(judgment, "famille"),
        nature=_words(judgment, "nature"),
        judged_on=_day(judgment, "date", published),
        complement=_words(judgment, "complementJugement"),
        corrects=_previous(_inner(record, "parutionavisprecedent")),
    )


def names(record: Json, siren: str) -> bool:
    """Whether a record is about this SIREN, whatever the spaces of `registre`."""
    registers = record.get("registre")
    values = registers if isinstance(registers, list) else [registers]
    parts = [part for value in values if isinstance(value, str) for part in re.split(r"[,;|]", value)]
    return siren in {re.sub(r"\D", "", part) for part in parts}


def repaired(words: str) -> str:
    """« clôture » for « clÃ´ture »: UTF-8 that was read as Latin-1 or Windows-1252."""
    if not re.search("[ÂÃÅâ][\u0080-\u00bf\u0152-\u2122]", words):
        return words
    for codec in ("latin-1", "cp1252"):
        try:
            return words.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
    return words


def read_day(words: str) -> date | None:
    """A day as « 2026-11-03 », « 03/11/2026 » or « 3 novembre 2026 »; None for anything else."""
    words = repaired(words).replace("\u00a0", " ").strip()
    try:
        if found := re.match(r"(\d{4})-(\d{2})-(\d{2})(?:$|T)", words):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := re.fullmatch(r"(\d{2})/(\d{2})/(\d{4})", words):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := re.fullmatch(r"(\d{1,2})(?:er)? +([^\W\d_]+) +(\d{4})", words):
            return date(int(found[3]), _MONTHS.index(found[2].casefold().translate(_PLAIN)) + 1, int(found[1]))
    except ValueError:
        return None
    return None


def _day(data: Json, key: str, published: date | None) -> date | None:
    value = data.get(key)
    day = read_day(value) if isinstance(value, str) else None
    absurd = day is None or day.year < _OLDEST or (published is not None and day > published)
    return None if absurd else day


def _words(data: Json, key: str) -> str | None:
    value = data.get(key)
    return " ".join(repaired(value).split()) or None if isinstance(value, str) else None


def _inner(record: Json, key: str) -> Json:
    """JSON in a text, or an object as it is; what cannot be read is empty: the notice is then one to read by eye."""
    value = record.get(key)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _previous(precedent: Json) -> str | None:
    title, issue, number = (str(precedent.get(key) or "").strip() for key in _PRECEDENT)
    if not title or not issue.isdigit() or not number.isdigit():
        return None
    return f"{title[-1].upper()}{issue}{int(number)}"
