"""Words compared as a reader would: quotes, apostrophes, dashes and spaces that Word changes by itself do not count."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_SAME = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ‛′`", "'"),
        **dict.fromkeys("“”„«»″", '"'),
        **dict.fromkeys("–—‑−‐‒", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\ufeff\u2060", ""),
        "…": "...",
    }
)
_WORD = re.compile(r"\w+(?:[.,]\w+)*|[^\w\s]")
_GROUPS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_NUMBER = re.compile(r"^(?:article )?\d+(?:\.\d+)*\.?(?: - | )", re.IGNORECASE)
_MANY = 9_000_000
EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Change:
    """Words of before and after, either of which may be empty; `around`: the few words that precede."""

    before: str
    after: str
    around: str


def plain(text: str) -> str:
    """One line, straight quotes, plain spaces, digits together."""
    line = " ".join(unicodedata.normalize("NFC", text).translate(_SAME).split())
    return _GROUPS.sub("", line)


def words(text: str) -> tuple[str, ...]:
    """The words and signs of a text; spaces before a sign do not count."""
    return tuple(_WORD.findall(plain(text)))


def split_number(heading: str) -> tuple[str, str]:
    """« Article 3 – Durée » → ("3", "Durée"); « 12.1 Remise » → ("12.1", "Remise"); ("", …) where there is none."""
    line = plain(heading)
    found = _NUMBER.match(line)
    if not found:
        return "", line
    return re.sub(r"[^\d.]", "", found.group()).rstrip("."), line[found.end() :]


def excerpt(text: str, at: int = 0) -> str:
    """A readable piece of the text, round the place that matters."""
    start = max(0, at - EXCERPT // 2)
    piece = text[start : start + EXCERPT].strip()
    return ("… " if start else "") + piece + (" …" if start + EXCERPT < len(text) else "")


def word_changes(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """(i, j, k, m): the words left[i:j] became right[k:m]. Texts without measure are one change."""
    if len(left) * len(right) > _MANY:
        yield 0, len(left), 0, len(right)
        return
    for kind, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            yield i, j, k, m


def changes(before: str, after: str) -> tuple[Change, ...]:
    """What was written in place of what, word by word, shortened where it is long."""
    left, right = plain(before), plain(after)
    a, b = (list(_WORD.finditer(text)) for text in (left, right))
    found = []
    for i, j, k, m in word_changes([x.group() for x in a], [x.group() for x in b]):
        around = right[b[max(0, k - 4)].start() : b[k - 1].end()] if k else ""
        found.append(Change(_between(left, a[i:j]), _between(right, b[k:m]), around))
    return tuple(found)


def _between(text: str, found: list[re.Match[str]]) -> str:
    return excerpt(text[found[0].start() : found[-1].end()]) if found else ""
