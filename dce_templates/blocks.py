"""The block model: what a document says, without how it looks. Every renderer reads the same blocks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

Kind = Literal[
    "rc", "ae", "ccap", "concession", "data", "personal", "cctp", "notice", "sources", "dc1", "dc2",
    "amendment", "subcontract", "opening", "report", "letters",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 1 = an article, 2 = a sub-article; `text` already carries its number; `anchor` is unique."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Para:
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph set apart, for what a reader must not miss."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length; the header row is repeated on each page."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels and values; an empty value is a place to write."""

    caption: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """Room for one party's signature; on paper, signatures that follow each other stand side by side."""

    party: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClauseMark:
    """Opens or closes (`closes`) the text of a clause; renderers bookmark what stands between."""

    bookmark: str
    closes: bool = False


Block = Heading | Para | Note | Items | Table | Fields | Sign | ClauseMark


@dataclass(frozen=True, slots=True)
class Document:
    """One document: the buyer's (rc, ae, ccap, concession, data and personal data annexes, cctp frame), a candidate's
    (dc1, dc2), of a running contract (amendment, subcontract), of the procedure (opening, report, letters).

    `subject` is the contract's object; `buyer` is whose document it is: a candidate for dc1 and dc2.
    """

    kind: Kind
    title: str
    subject: str
    reference: str
    buyer: str
    blocks: tuple[Block, ...] = field(repr=False)


def drawn(blocks: Iterable[Block]) -> list[tuple[str, Block]]:
    """(name of its kind, block) of each that is seen: what a page's template goes by."""
    return [(type(block).__name__, block) for block in blocks if not isinstance(block, ClauseMark)]


def words_of(document: Document) -> str:
    """Every word of the document in reading order: what each rendering must contain."""
    lines = (line for block in document.blocks for line in lines_of(block))
    return "\n".join([document.buyer, document.title, document.subject, *lines])


def lines_of(block: Block) -> tuple[str, ...]:
    """The words of one block, one stretch after the other."""
    match block:
        case Heading(text=text) | Para(text=text) | Note(text=text):
            return (text,)
        case Items(items=items):
            return items
        case Table(caption, header, rows):
            return (caption, *header, *(cell for row in rows for cell in row))
        case Fields(caption, rows):
            return (caption, *(cell for row in rows for cell in row))
        case Sign(party, lines):
            return (party, *lines)
        case ClauseMark():
            return ("",)


def relative_widths(table: Table) -> list[float]:
    """Column widths by their longest cell, within reason, and wide enough for a word: the same in Word and in PDF."""
    columns = list(zip(table.header, *table.rows, strict=True))
    longest = [max(map(len, column)) for column in columns]
    words = [max((len(word) for text in column for word in text.split()), default=0) for column in columns]
    return [float(max(7, min(whole, 30), min(word, 14) + 2)) for whole, word in zip(longest, words, strict=True)]


def gathered(blocks: Iterable[Block]) -> Iterator[Block | tuple[Sign, ...]]:
    """The blocks, with the signatures that follow each other taken together."""
    for signs, group in groupby(blocks, lambda block: isinstance(block, Sign)):
        if signs:
            yield tuple(block for block in group if isinstance(block, Sign))
        else:
            yield from group
