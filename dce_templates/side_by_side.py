"""Two texts beside each other: paragraphs that answer each other, and in each the words that differ."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# The tags of a text, as a reader who writes no code takes them.
_TAGS = (
    (re.compile(r"\{\{\s*(\w+(?:\.\w+)*)[^}]*\}\}"), r"‹\1›"),
    (re.compile(r"\{%-?\s*if\s+(.*?)\s*-?%\}"), r"‹si \1›"),
    (re.compile(r"\{%-?\s*elif\s+(.*?)\s*-?%\}"), r"‹sinon, si \1›"),
    (re.compile(r"\{%-?\s*else\s*-?%\}"), "‹sinon›"),
    (re.compile(r"\{%-?\s*for\s+(\w+)\s+in\s+(.*?)\s*-?%\}"), r"‹pour chaque \1 de \2›"),
    (re.compile(r"\{%-?\s*end(?:if|for)\s*-?%\}"), "‹fin›"),
)
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of words; `differs`: the other side has not these."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A paragraph before and after; an empty side where it has no counterpart."""

    before: tuple[Piece, ...]
    after: tuple[Piece, ...]

    @property
    def same(self) -> bool:
        return not any(piece.differs for piece in (*self.before, *self.after))


def in_words(source: str) -> str:
    """The text of a clause with its tags told in words: « sous ‹days› jours ‹si copies› … ‹fin› »."""
    for tag, said in _TAGS:
        source = tag.sub(said, source)
    return source


def side_by_side(before: str, after: str) -> tuple[Pair, ...]:
    """The paragraphs of both, in order. `before` and `after` lose no word: the pieces of a side give it back."""
    left, right = ([line.strip() for line in text.splitlines() if line.strip()] for text in (before, after))
    found: list[Pair] = []
    for tag, a, b, c, d in SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Pair((Piece(line, False),), (Piece(line, False),)) for line in left[a:b]]
        else:
            found += _answering(left[a:b], right[c:d])
    return tuple(found)


def _answering(left: Sequence[str], right: Sequence[str]) -> Iterator[Pair]:
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else ""
        other = right[index] if index < len(right) else ""
        yield _pair(one, other)


def _pair(before: str, after: str) -> Pair:
    left, right = _WORDS.findall(before), _WORDS.findall(after)
    opcodes = SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes()
    return Pair(
        tuple(Piece("".join(left[a:b]), tag != "equal") for tag, a, b, _, _ in opcodes if a < b),
        tuple(Piece("".join(right[c:d]), tag != "equal") for tag, _, _, c, d in opcodes if c < d),
    )
